"""Rows of `flamenco_file` and `flamenco_support`."""

from collections.abc import Mapping, Sequence

from app.api.flamenco.records import StoredFile
from app.data.codec import escape, unescape
from app.data.db import Store
from app.domain.clock import Instant


def get(store: Store, kind: str, owner: int) -> StoredFile | None:
    """Give the file of a job or a task; None without one."""
    row = store.run(
        "SELECT place, media_type, size FROM flamenco_file WHERE kind = ? AND owner = ?",
        (kind, owner),
    ).fetchone()
    return None if row is None else StoredFile(place=row[0], media_type=row[1], size=row[2])


def some(store: Store, kind: str, owners: Sequence[int]) -> list[tuple[int, StoredFile]]:
    """Give the files of some owners, by owner."""
    found: list[tuple[int, StoredFile]] = []
    for begin in range(0, len(owners), 500):
        part = owners[begin : begin + 500]
        marks = ", ".join("?" * len(part))
        rows = store.run(
            "SELECT owner, place, media_type, size FROM flamenco_file WHERE kind = ?"
            f" AND owner IN ({marks}) ORDER BY owner",
            (kind, *part),
        ).fetchall()
        found += [
            (row[0], StoredFile(place=row[1], media_type=row[2], size=row[3])) for row in rows
        ]
    return found


def put(store: Store, kind: str, owner: int, file: StoredFile, now: Instant) -> str | None:
    """Note where a file lies; give the place of the one it replaces."""
    before = get(store, kind, owner)
    store.run(
        "INSERT INTO flamenco_file (kind, owner, place, media_type, size, stored_at)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (kind, owner) DO UPDATE SET"
        " place = excluded.place, media_type = excluded.media_type, size = excluded.size,"
        " stored_at = excluded.stored_at",
        (kind, owner, file.place, file.media_type, file.size, now),
    )
    return None if before is None else before.place


def take(store: Store, kind: str, owners: Sequence[int]) -> list[str]:
    """Delete the rows of some owners' files; give where the files lie."""
    places: list[str] = []
    for begin in range(0, len(owners), 500):
        part = owners[begin : begin + 500]
        marks = ", ".join("?" * len(part))
        rows = store.run(
            f"DELETE FROM flamenco_file WHERE kind = ? AND owner IN ({marks}) RETURNING place",
            (kind, *part),
        )
        places += [row[0] for row in rows.fetchall()]
    return places


def forget_jobs(store: Store, before: Instant) -> list[str]:
    """Delete the rows of jobs without tasks, stored before then; give where their files lie."""
    rows = store.run(
        "DELETE FROM flamenco_file WHERE kind = 'job' AND stored_at < ? AND NOT EXISTS"
        " (SELECT 1 FROM flamenco_task f WHERE f.job_id = flamenco_file.owner) RETURNING place",
        (before,),
    ).fetchall()
    store.run(
        "DELETE FROM flamenco_support WHERE NOT EXISTS"
        " (SELECT 1 FROM flamenco_task f WHERE f.job_id = flamenco_support.job_id)"
    )
    return [row[0] for row in rows]


def has(store: Store, place: str) -> bool:
    """Tell whether any row names a place."""
    row = store.run("SELECT 1 FROM flamenco_file WHERE place = ?", (place,)).fetchone()
    return row is not None


# -- support files -------------------------------------------------------------------------------


def support(store: Store, job_id: int) -> dict[str, str]:
    """Give the support files of a job by name."""
    rows = store.run(
        "SELECT name, contents FROM flamenco_support WHERE job_id = ? ORDER BY name", (job_id,)
    )
    return {row[0]: unescape(row[1]) for row in rows.fetchall()}


def has_support(store: Store, job_id: int) -> bool:
    """Tell whether a job has support files."""
    row = store.run("SELECT 1 FROM flamenco_support WHERE job_id = ? LIMIT 1", (job_id,)).fetchone()
    return row is not None


def put_support(store: Store, job_id: int, files: Mapping[str, str]) -> None:
    """Store support files, in place of those of the same names."""
    store.run_many(
        "INSERT INTO flamenco_support (job_id, name, contents) VALUES (?, ?, ?)"
        " ON CONFLICT (job_id, name) DO UPDATE SET contents = excluded.contents",
        [(job_id, name, escape(files[name])) for name in sorted(files)],
    )
