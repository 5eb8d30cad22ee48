"""What lists of jobs rest on: each job's place, its words, and how many jobs there are.

A job's place, `seq`, is its instant of creation times 1024, plus a number that tells apart the jobs
of one instant: lists are in its order, newest first. Its words, and the marks of its dialect, type
and tags, are a row of `job_words`, written with the job and never changed.

PostgreSQL keeps its index of the words in step by itself. SQLite would spend more on one such row
than on all else of a new job, so there the rows are taken into the index `job_index` by the hundred
(`fold`), and whoever searches reads the few that are not in it yet one by one: what is found never
depends on how far that is.

How many jobs a dialect has is the sum of its rows in `job_tally`. Each transaction adds a row of
its own and waits for nobody; `fold` makes one of many.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from peewee import BigAutoField, BigIntegerField, IntegerField, Model, TextField

from app.data.codec import loads
from app.data.db import Row, Store
from app.domain.clock import Instant
from app.domain.records import Job
from app.domain.text import marks, words

AT_ONE_INSTANT: Final = 1024
FOLDED_ROWS: Final = 500
FOLDED_CHARACTERS: Final = 200_000
"""What is taken into the index in one transaction: some 20 ms of the database."""
LOOSE_TALLIES: Final = 100
"""So many rows are summed up rather than made one."""

_ADD = "INSERT INTO job_words (seq, words) VALUES (?, ?) ON CONFLICT DO NOTHING"
_LAST = "SELECT MAX(seq) FROM job_words WHERE seq >= ? AND seq < ?"
_TALLY = "INSERT INTO job_tally (dialect, n) VALUES (?, ?)"
_REMOVE = "DELETE FROM job_words WHERE seq = ? RETURNING words, indexed"
_FORGET = "INSERT INTO job_index (job_index, rowid, words) VALUES ('delete', ?, ?)"
_COUNT = "SELECT COALESCE(SUM(n), 0) FROM job_tally"
_LOOSE = "SELECT COUNT(*) FROM (SELECT 1 FROM job_tally LIMIT ?) t"
_TAKE = (
    "DELETE FROM job_tally WHERE id IN (SELECT id FROM job_tally ORDER BY id LIMIT 5000)"
    " RETURNING dialect, n"
)
_NEW = "SELECT seq, LENGTH(words) FROM job_words WHERE indexed = 0 ORDER BY seq LIMIT ?"
_INDEX = (
    "INSERT INTO job_index (rowid, words) SELECT seq, words FROM job_words"
    " WHERE indexed = 0 AND seq <= ?"
)
_INDEXED = "UPDATE job_words SET indexed = 1 WHERE indexed = 0 AND seq <= ?"
_ALL = (
    "SELECT id, seq, dialect, type, name, description, tags FROM job"
    " WHERE (dialect, seq) > (?, ?) ORDER BY dialect, seq LIMIT ?"
)


class JobWords(Model):
    """What a job is found by; an array on PostgreSQL, a line of text on SQLite."""

    seq = BigIntegerField(primary_key=True)
    words = TextField()
    indexed = IntegerField()

    class Meta:
        table_name = "job_words"


class JobTally(Model):
    """A part of how many jobs a dialect has."""

    id = BigAutoField()
    dialect = TextField()
    n = BigIntegerField()

    class Meta:
        table_name = "job_tally"


LISTING = (JobWords, JobTally)


def first_place(created_at: Instant) -> int:
    """Give the place of a job that is the only one of its instant."""
    return created_at * AT_ONE_INSTANT


def add(store: Store, job: Job) -> int:
    """List a new job; give its place."""
    seq = start = first_place(job.created_at)
    text = written(store, [*terms(job.dialect, job.type, job.tags, job.name, job.description)])
    while store.run(_ADD, (seq, text)).rowcount != 1:
        end = start + AT_ONE_INSTANT
        last = store.run(_LAST, (start, end)).fetchone()
        # None where another transaction has undone what was in the way.
        seq = start if last is None or last[0] is None else int(last[0]) + 1
        if seq >= end:
            seq = start = end
    store.run(_TALLY, (job.dialect, 1))
    return seq


def remove(store: Store, seq: int, dialect: str) -> None:
    """Take a job from the list."""
    row = store.run(_REMOVE, (seq,)).fetchone()
    if row and row[1] and store.backend == "sqlite":
        store.run(_FORGET, (seq, row[0]))
    store.run(_TALLY, (dialect, -1))


def disown(store: Store, seq: int, dialect: str, job_type: str) -> None:
    """List a job as one of no dialect, without name and tags, in its old place."""
    remove(store, seq, dialect)
    store.run(_ADD, (seq, written(store, [*terms("", job_type, (), "", "")])))
    store.run(_TALLY, ("", 1))


def terms(
    dialect: str, job_type: str, tags: Iterable[str], name: str, description: str
) -> Iterator[str]:
    """Give what a job is found by: marks, and the words of its name and description."""
    yield from marks(dialect, job_type, tags)
    yield from words(f"{name}\n{description}")


def written(store: Store, found: Sequence[str]) -> str | list[str]:
    """Give terms as the column `words` holds them: an array, or on SQLite a line of text."""
    return " ".join(found) if store.backend == "sqlite" else list(found)


def total(store: Store, dialect: str | None) -> int:
    """Give how many jobs there are of a dialect, or of all."""
    row = (
        store.run(f"{_COUNT} WHERE dialect <> ''").fetchone()
        if dialect is None
        else store.run(f"{_COUNT} WHERE dialect = ?", (dialect,)).fetchone()
    )
    return int(row[0]) if row else 0


def dialects(store: Store) -> list[str]:
    """Name the dialects that have, or had, a job; jobs that were deleted have none."""
    rows = store.run(
        "SELECT DISTINCT dialect FROM job_tally WHERE dialect <> '' ORDER BY dialect"
    ).fetchall()
    return [row[0] for row in rows]


def loose_words(store: Store) -> bool:
    """Whether there are rows that SQLite's index has not taken in."""
    if store.backend != "sqlite":
        return False
    return store.run("SELECT 1 FROM job_words WHERE indexed = 0 LIMIT 1").fetchone() is not None


def fold_words(store: Store) -> int:
    """Take some rows into SQLite's index, in an open transaction; give how many."""
    count = characters = last = 0
    for seq, length in store.run(_NEW, (FOLDED_ROWS,)).fetchall():
        if count and characters + length > FOLDED_CHARACTERS:
            break
        count, characters, last = count + 1, characters + length, seq
    if count:
        store.run(_INDEX, (last,))
        store.run(_INDEXED, (last,))
    return count


def loose_tallies(store: Store) -> bool:
    """Whether there are enough rows of `job_tally` to make one of them."""
    row = store.run(_LOOSE, (LOOSE_TALLIES,)).fetchone()
    return row is not None and row[0] >= LOOSE_TALLIES


def fold_tallies(store: Store) -> int:
    """Make one row of many for each dialect, in an open transaction; give how many there were."""
    rows = store.run(_TAKE).fetchall()
    sums: dict[str, int] = {}
    for dialect, number in rows:
        sums[dialect] = sums.get(dialect, 0) + number
    store.run_many(_TALLY, list(sums.items()))
    return len(rows)


def rebuild(store: Store) -> None:
    """Write words and tallies of all jobs anew, in an open transaction; their places stay."""
    store.run("DELETE FROM job_words")
    store.run("DELETE FROM job_tally")
    for rows in batches(store, 1000):
        store.run_many(_ADD, [(row[1], written(store, row_terms(row))) for row in rows])
    store.run("INSERT INTO job_tally (dialect, n) SELECT dialect, COUNT(*) FROM job GROUP BY 1")
    if store.backend == "sqlite":
        store.run("INSERT INTO job_index (job_index) VALUES ('rebuild')")
        store.run("UPDATE job_words SET indexed = 1")


def batches(store: Store, size: int) -> Iterator[list[Row]]:
    """Give what is listed of all jobs, as (id, seq, dialect, type, name, description, tags)."""
    after = ("", -1)
    while rows := store.run(_ALL, (*after, size)).fetchall():
        yield rows
        after = (rows[-1][2], rows[-1][1])


def row_terms(row: Row) -> list[str]:
    """Give what the job of such a row is found by."""
    _, _, dialect, job_type, name, description, tags = row
    return list(terms(dialect, job_type, loads(tags), name, description))
