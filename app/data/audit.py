"""Rows of `audit`."""

from typing import Any

from peewee import BigAutoField, BigIntegerField, Model, TextField

from app.data.codec import dumps, loads
from app.data.db import Row, Store
from app.domain.clock import Instant
from app.domain.doings import Doing, DoingFilter, NotedDoing


class Audit(Model):
    """Who did what."""

    id = BigAutoField()
    at = BigIntegerField()
    who = TextField()
    via = TextField()
    noun = TextField()
    action = TextField()
    subject = TextField()
    address = TextField()
    request_id = TextField()
    facts = TextField()

    class Meta:
        table_name = "audit"


_INSERT = (
    "INSERT INTO audit (at, who, via, noun, action, subject, address, request_id, facts)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_COLUMNS = "id, at, who, via, action, subject, address, request_id, facts"


def insert(store: Store, doing: Doing, now: Instant) -> None:
    """Store an entry."""
    noun = doing.action.partition(".")[0]
    store.run(
        _INSERT,
        (
            now,
            doing.who,
            doing.via,
            noun,
            doing.action,
            doing.subject,
            doing.address,
            doing.request_id,
            dumps(dict(doing.facts)),
        ),
    )


def behind(
    store: Store, wanted: DoingFilter, key: tuple[Instant, int] | None, *, limit: int
) -> list[NotedDoing]:
    """Give entries, the latest first, from the one behind (at, id) on."""
    terms: list[str] = []
    params: list[Any] = []
    is_whole = wanted.action is not None and "." in wanted.action
    for column, sought in (
        ("subject", wanted.subject),
        ("who", wanted.who),
        ("action", wanted.action if is_whole else None),
        ("noun", None if is_whole else wanted.action),
    ):
        if sought is not None:
            # The first has the fewest entries: its index is read, and none of the others'.
            terms.append(f"{column} || '' = ?" if terms else f"{column} = ?")
            params.append(sought)
    for term, instant in (("at >= ?", wanted.since), ("at < ?", wanted.before)):
        if instant is not None:
            terms.append(term)
            params.append(instant)
    if key is not None:
        terms.append("(at, id) < (?, ?)")
        params += key
    where = f" WHERE {' AND '.join(terms)}" if terms else ""
    sql = f"SELECT {_COLUMNS} FROM audit{where} ORDER BY at DESC, id DESC LIMIT ?"
    return [_record(row) for row in store.run(sql, (*params, limit)).fetchall()]


def delete_before(store: Store, before: Instant, limit: int) -> int:
    """Forget old entries; give how many."""
    return store.run(
        "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < ? ORDER BY at LIMIT ?)",
        (before, limit),
    ).rowcount


def _record(row: Row) -> NotedDoing:
    return NotedDoing(
        id=row[0],
        at=row[1],
        doing=Doing(
            who=row[2],
            via=row[3],
            action=row[4],
            subject=row[5],
            address=row[6],
            request_id=row[7],
            facts=loads(row[8]),
        ),
    )
