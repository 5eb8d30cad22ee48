"""Rows of the tables that only this dialect has, and its one look at how many requests stand."""

import hashlib
import secrets
import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.data.db import Store
from app.data.waiting import ORDER
from app.domain.clock import Instant
from app.domain.states import JobState

PASSCODE_CHARS = 16
_ALPHABET = string.ascii_letters + string.digits
_CHUNK = 500
_TRIES = 200
"""Environments that are looked at for the latest start."""
_LOOKED_AT = 4
"""Requests that each new one looks at to delete those that are over; with so many, few stay."""


@dataclass(frozen=True, slots=True)
class Request:
    """A live request: whose it is, its environment, and what opens its websocket."""

    user: str
    job_id: str
    passcode: str


def new_passcode() -> str:
    """Make up a passcode."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(PASSCODE_CHARS))


def digest(passcode: str) -> str:
    """Give what a passcode is found by."""
    return hashlib.sha256(passcode.encode("utf-8", "replace")).hexdigest()


def of_user(store: Store, user: str) -> Request | None:
    """Give the live request of a user; None without one."""
    row = store.run(
        "SELECT r.job_id, r.passcode FROM manticore_request r JOIN job j ON j.id = r.job_id"
        " WHERE r.id = ? AND j.ended_at IS NULL",
        (user,),
    ).fetchone()
    return None if row is None else Request(user, row[0], store.vault.read(row[1]) or "")


def job_of(store: Store, passcode: str, *, over: bool = False) -> str | None:
    """Give the environment that a passcode is for, while its request lives.

    over: also of one that ended and was not deleted, as long as it is remembered.
    """
    row = store.run(
        "SELECT r.job_id, j.ended_at FROM manticore_request r JOIN job j ON j.id = r.job_id"
        " WHERE r.digest = ?",
        (digest(passcode),),
    ).fetchone()
    return None if row is None or (row[1] is not None and not over) else str(row[0])


def insert(store: Store, request: Request) -> bool:
    """Store a new request in place of one that is over; False when the user has a live one."""
    key = digest(request.passcode)
    over = " AND NOT EXISTS (SELECT 1 FROM job WHERE id = job_id AND ended_at IS NULL)"
    store.run(f"DELETE FROM manticore_request WHERE id = ?{over}", (request.user,))
    row = store.run(
        "INSERT INTO manticore_request (id, job_id, digest, passcode) VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING RETURNING id",
        (request.user, request.job_id, key, store.vault.write(request.passcode)),
    ).fetchone()
    return row is not None


def forget_some(store: Store) -> int:
    """Delete requests that are over among a few anywhere in the table; give how many."""
    return store.run(
        "DELETE FROM manticore_request WHERE id IN (SELECT id FROM manticore_request"
        " WHERE digest > ? ORDER BY digest LIMIT ?)"
        " AND NOT EXISTS (SELECT 1 FROM job WHERE id = job_id AND ended_at IS NULL)",
        (secrets.token_hex(32), _LOOKED_AT),
    ).rowcount


def delete(store: Store, user: str) -> str | None:
    """Take a request out; gives its environment, None when there was none."""
    row = store.run(
        "DELETE FROM manticore_request WHERE id = ? RETURNING job_id", (user,)
    ).fetchone()
    return None if row is None else str(row[0])


# -- how requests stand -------------------------------------------------------------------------


class Place(NamedTuple):
    """A place in the waiting list."""

    position: int
    admitted: bool


class Stand(NamedTuple):
    """An environment that is on no waiting list.

    addresses: of its services, as they are stored. ends_at: once its end was warned of.
    """

    state: str
    over: bool
    started: bool
    error: str | None
    addresses: Sequence[tuple[str, str]]
    ends_at: Instant | None


def places(store: Store, pool: str) -> Mapping[str, Place]:
    """Give the whole waiting list, by environment."""
    rows = store.run(
        f"SELECT job_id, admitted FROM waiting WHERE pool = ? ORDER BY {ORDER}", (pool,)
    )
    return {row[0]: Place(at, bool(row[1])) for at, row in enumerate(rows.fetchall())}


def stands(store: Store, job_ids: Sequence[str]) -> Mapping[str, Stand]:
    """Give how environments stand that are on no list; those that are deleted are left out."""
    found: dict[str, Stand] = {}
    for start in range(0, len(job_ids), _CHUNK):
        some = job_ids[start : start + _CHUNK]
        marks = ", ".join("?" * len(some))
        addresses: dict[str, list[tuple[str, str]]] = {}
        for job_id, name, text in store.run(
            f"SELECT job_id, name, addresses FROM task WHERE job_id IN ({marks})"
            " AND addresses IS NOT NULL ORDER BY id",
            some,
        ).fetchall():
            addresses.setdefault(job_id, []).append((name, text))
        for row in store.run(
            "SELECT j.id, j.state, j.ended_at, j.started_at, j.error, i.warned, i.deadline"
            f" FROM job j LEFT JOIN idle_limit i ON i.job_id = j.id WHERE j.id IN ({marks})",
            some,
        ).fetchall():
            found[row[0]] = Stand(
                state=row[1],
                over=row[2] is not None,
                started=row[3] is not None,
                error=store.vault.read(row[4]),
                addresses=tuple(addresses.get(row[0], ())),
                ends_at=row[6] if row[5] else None,
            )
    return found


class Tries(NamedTuple):
    """How starts went. The instants are 0 for never.

    stuck: somebody waits for a free slot. last_at: of the latest sign of any try. good_at, bad_at:
    of the latest success and of the latest failure.
    """

    stuck: bool
    last_at: Instant
    good_at: Instant
    bad_at: Instant


def tries(store: Store, dialect: str, pool: str) -> Tries:
    """Look at the latest environments."""
    head = store.run(
        "SELECT 1 FROM waiting WHERE pool = ? AND admitted = 0 LIMIT 1", (pool,)
    ).fetchone()
    rows = store.run(
        "SELECT state, scheduled_at, started_at, ended_at FROM job WHERE dialect = ?"
        " ORDER BY seq DESC LIMIT ?",
        (dialect, _TRIES),
    ).fetchall()
    failed = [row[3] for row in rows if row[0] == JobState.FAILED and row[2] is None]
    return Tries(
        stuck=head is not None,
        last_at=max((at for row in rows for at in row[1:] if at is not None), default=0),
        good_at=max((row[2] for row in rows if row[2] is not None), default=0),
        bad_at=max((at for at in failed if at is not None), default=0),
    )


# -- public ports -------------------------------------------------------------------------------


def port_of(store: Store, job_id: str, choices: Iterable[int]) -> int | None:
    """Give the public port of an environment, taking the first free one; None when none is."""
    store.run(
        "DELETE FROM manticore_port WHERE NOT EXISTS"
        " (SELECT 1 FROM job j WHERE j.id = job_id AND (j.holds_slot = 1 OR j.ended_at IS NULL))"
    )
    row = store.run("SELECT port FROM manticore_port WHERE job_id = ?", (job_id,)).fetchone()
    if row is not None:
        return int(row[0])
    taken = {each[0] for each in store.run("SELECT port FROM manticore_port").fetchall()}
    for port in choices:
        if port not in taken:
            # Another process may give one to the same environment, or this one to another.
            store.run(
                "INSERT INTO manticore_port (port, job_id) VALUES (?, ?) ON CONFLICT DO NOTHING",
                (port, job_id),
            )
            row = store.run(
                "SELECT port FROM manticore_port WHERE job_id = ?", (job_id,)
            ).fetchone()
            if row is not None:
                return int(row[0])
    return None
