"""Rows of `sample`: what there was in a minute, of a queue, of a dialect and of all.

A row is about the tasks of one queue, or with `TASKS` for a queue about all tasks of a dialect, or
with `JOBS` about its jobs; the empty dialect is all of them. Sums are written beside their parts,
so that a week of them is a few thousand rows however many queues there are.

What stands still (ready, running, waiting) is counted once a minute and NULL where nobody did; what
flows (ended, started) is added up from events, each of them once: a mark says how far.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from peewee import BigIntegerField, CompositeKey, Model, TextField

from app.data import events, leaders
from app.data.db import Store
from app.domain.clock import SECOND, Instant
from app.domain.events import parse_position

MINUTE: Final = 60 * SECOND
TASKS: Final = "*"
JOBS: Final = ""
EVERY: Final = ""
"""The dialect of the row about all dialects."""

_MARK = "sampled"
_END = {
    "sqlite": "SELECT tx, id FROM (SELECT tx, id FROM event WHERE ? < 1 AND id > ? ORDER BY id"
    " LIMIT ?) found ORDER BY id DESC LIMIT 1",
    "postgres": "SELECT tx, id FROM (SELECT tx, id FROM event WHERE (tx, id) > (?, ?)"
    f" AND {events.SETTLED} ORDER BY tx, id LIMIT ?) found ORDER BY tx DESC, id DESC LIMIT 1",
}
_BETWEEN = {
    "sqlite": "(? < 1 AND e.id > ? AND ? < 1 AND e.id <= ?)",
    "postgres": "((e.tx, e.id) > (?, ?) AND (e.tx, e.id) <= (?, ?))",
}
# Finished tasks of groups are counted when they are folded, which may be before this looks.
_OWN = "(t.job_id IS NOT NULL OR t.group_id IS NULL)"
_DONE = f"(e.kind = 'task.completed' AND {_OWN})"
_BEGAN = f"(e.kind = 'task.started' AND {_OWN} AND t.started_at >= t.queued_at)"
_TASK_FLOWS = (
    f"SELECT e.at / {MINUTE}, t.queue, SUM(CASE WHEN {_DONE} THEN 1 ELSE 0 END),"
    " SUM(CASE WHEN e.kind = 'task.failed' THEN 1 ELSE 0 END),"
    f" SUM(CASE WHEN {_BEGAN} THEN 1 ELSE 0 END),"
    f" SUM(CASE WHEN {_BEGAN} THEN t.started_at - t.queued_at ELSE 0 END),"
    f" SUM(CASE WHEN {_DONE} AND t.ended_at >= t.started_at THEN t.ended_at - t.started_at"
    " ELSE 0 END) FROM event e JOIN task t ON t.id = e.task_id WHERE {between}"
    " AND e.kind IN ('task.completed', 'task.failed', 'task.started') AND t.kind = 'work'"
    " GROUP BY 1, 2"
)
_JOB_FLOWS = (
    f"SELECT e.at / {MINUTE}, e.dialect, SUM(CASE WHEN e.kind = 'job.completed' THEN 1 ELSE 0 END),"
    " SUM(CASE WHEN e.kind = 'job.failed' THEN 1 ELSE 0 END) FROM event e WHERE {between}"
    " AND e.kind IN ('job.completed', 'job.failed') GROUP BY 1, 2"
)
_ADD = (
    "INSERT INTO sample (queue, minute, dialect, completed, failed, started, waited_us, ran_us)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (queue, minute, dialect) DO UPDATE SET"
    " completed = sample.completed + excluded.completed, failed = sample.failed + excluded.failed,"
    " started = sample.started + excluded.started,"
    " waited_us = sample.waited_us + excluded.waited_us, ran_us = sample.ran_us + excluded.ran_us"
)
# The first count of a minute stays.
_COUNTED = (
    "INSERT INTO sample (queue, minute, dialect, ready, running, waiting)"
    " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (queue, minute, dialect) DO UPDATE SET"
    " ready = COALESCE(sample.ready, excluded.ready),"
    " running = COALESCE(sample.running, excluded.running),"
    " waiting = COALESCE(sample.waiting, excluded.waiting)"
)
_SUMS = "SUM(completed), SUM(failed), SUM(started), SUM(waited_us), SUM(ran_us)"
_SERIES = (
    f"SELECT minute / ?, COUNT(ready), SUM(ready), SUM(running), SUM(waiting), {_SUMS} FROM sample"
    " WHERE queue = ? AND dialect = ? AND minute >= ? AND minute < ? GROUP BY 1 ORDER BY 1"
)
_OF_DIALECTS = (
    f"SELECT dialect, {_SUMS} FROM sample WHERE queue = ? AND minute >= ? GROUP BY dialect"
)
# By the index on minutes: the rows of one hour, of whatever queue. Grouped by an expression, or
# SQLite would go through all rows in the order of the key to spare itself the grouping.
_OF_QUEUES = (
    f"SELECT queue || '' AS name, {_SUMS} FROM sample WHERE minute >= ?"
    f" AND queue NOT IN ('{TASKS}', '{JOBS}') GROUP BY 1"
)
_FORGET = (
    "DELETE FROM sample WHERE (queue, minute, dialect) IN"
    " (SELECT queue, minute, dialect FROM sample WHERE minute < ? ORDER BY minute LIMIT ?)"
)
_OPEN_JOBS = (
    "SELECT dialect, state, COUNT(*) FROM job"
    " WHERE state IN ('PENDING', 'WAITING', 'SCHEDULED', 'RUNNING') GROUP BY dialect, state"
)


class Sample(Model):
    """What there was in a minute; see the module."""

    queue = TextField()
    minute = BigIntegerField()
    dialect = TextField()
    ready = BigIntegerField(null=True)
    running = BigIntegerField(null=True)
    waiting = BigIntegerField(null=True)
    completed = BigIntegerField()
    failed = BigIntegerField()
    started = BigIntegerField()
    waited_us = BigIntegerField()
    ran_us = BigIntegerField()

    class Meta:
        table_name = "sample"
        primary_key = CompositeKey("queue", "minute", "dialect")


class Flow(NamedTuple):
    """What ended and began. waited_us, ran_us: together, of the started and the completed ones."""

    completed: int = 0
    failed: int = 0
    started: int = 0
    waited_us: int = 0
    ran_us: int = 0

    def plus(self, other: "Flow") -> "Flow":
        """Give the sum."""
        return Flow(*(mine + more for mine, more in zip(self, other, strict=True)))


class Level(NamedTuple):
    """What there is at a moment."""

    ready: int = 0
    running: int = 0
    waiting: int = 0

    def plus(self, other: "Level") -> "Level":
        """Give the sum."""
        return Level(*(mine + more for mine, more in zip(self, other, strict=True)))


class Place(NamedTuple):
    """What a row is about, but for its minute."""

    queue: str
    dialect: str


Flows = dict[tuple[int, Place], Flow]
Levels = dict[Place, Level]


class Bucket(NamedTuple):
    """Some minutes of a series, summed up. number: counts buckets since 1970; counted: minutes."""

    number: int
    counted: int
    level: Level
    flow: Flow


def mark(store: Store) -> str:
    """Give how far events are counted."""
    return leaders.mark(store, _MARK)


def move_mark(store: Store, before: str, after: str) -> bool:
    """Note how far events are counted now; False where somebody else has counted meanwhile."""
    if not before:
        store.run(
            "INSERT INTO mark (name, value) VALUES (?, '') ON CONFLICT (name) DO NOTHING", (_MARK,)
        )
    moved = store.run(
        "UPDATE mark SET value = ? WHERE name = ? AND value = ?", (after, _MARK, before)
    )
    return moved.rowcount == 1


def end(store: Store, position: str, limit: int) -> str:
    """Give the position of the last of so many settled events behind one; "" without any."""
    row = store.run(_END[store.backend], (*parse_position(position), limit)).fetchone()
    return "" if row is None else f"{row[0]}-{row[1]}"


def flows(store: Store, after: str, up_to: str) -> Flows:
    """Add up what the events behind a position and up to another one tell."""
    params = (*parse_position(after), *parse_position(up_to))
    between = _BETWEEN[store.backend]
    found: Flows = {}
    for minute, queue, *counts in store.run(_TASK_FLOWS.format(between=between), params).fetchall():
        place = Place(queue, queue.partition("/")[0])
        found[int(minute), place] = Flow(*map(int, counts))
    for minute, dialect, *counts in store.run(
        _JOB_FLOWS.format(between=between), params
    ).fetchall():
        found[int(minute), Place(JOBS, dialect)] = Flow(*map(int, counts))
    return found


def open_jobs(store: Store) -> Levels:
    """Count the jobs that are not over, by dialect."""
    found: Levels = {}
    for dialect, state, count in store.run(_OPEN_JOBS).fetchall():
        level = {
            "RUNNING": Level(running=count),
            "WAITING": Level(waiting=count),
        }.get(state, Level(ready=count))
        place = Place(JOBS, dialect)
        found[place] = found.get(place, Level()).plus(level)
    return found


def add(store: Store, found: Mapping[tuple[int, Place], Flow]) -> None:
    """Add flows to their rows, in one order for all who do; joins a transaction."""
    store.run_many(
        _ADD,
        [
            (place.queue, minute, place.dialect, *flow)
            for (minute, place), flow in sorted(found.items())
            if any(flow)
        ],
    )


def count(store: Store, minute: int, found: Mapping[Place, Level]) -> None:
    """Write what there is in a minute; joins a transaction."""
    store.run_many(
        _COUNTED,
        [(place.queue, minute, place.dialect, *level) for place, level in sorted(found.items())],
    )


def is_counted(store: Store, minute: int) -> bool:
    """Tell whether what there is in a minute has been written."""
    row = store.run(
        "SELECT ready FROM sample WHERE queue = ? AND minute = ? AND dialect = ?",
        (TASKS, minute, EVERY),
    ).fetchone()
    return row is not None and row[0] is not None


def with_sums(finished: Iterable[tuple[int, str, Flow]]) -> Flows:
    """Give flows of (minute, queue) together with those of their dialects and of all."""
    found: Flows = {}
    for minute, queue, flow in finished:
        dialect = queue.partition("/")[0]
        for place in (Place(queue, dialect), Place(TASKS, dialect), Place(TASKS, EVERY)):
            key = (minute, place)
            found[key] = found.get(key, Flow()).plus(flow)
    return found


def series(store: Store, place: Place, *, since: int, until: int, minutes: int) -> Sequence[Bucket]:
    """Give the buckets, of so many minutes each, of the rows between two minutes."""
    rows = store.run(_SERIES, (minutes, place.queue, place.dialect, since, until)).fetchall()
    return [
        Bucket(
            int(number),
            int(counted),
            Level(*(int(each or 0) for each in sums[:3])),
            Flow(*map(int, sums[3:])),
        )
        for number, counted, *sums in rows
    ]


def of_dialects(store: Store, queue: str, since: int) -> dict[str, Flow]:
    """Give the flows since a minute by dialect, of its `TASKS` or `JOBS`."""
    rows = store.run(_OF_DIALECTS, (queue, since)).fetchall()
    return {row[0]: Flow(*map(int, row[1:])) for row in rows}


def of_queues(store: Store, since: int) -> dict[str, Flow]:
    """Give the flows since a minute by queue."""
    rows = store.run(_OF_QUEUES, (since,)).fetchall()
    return {row[0]: Flow(*map(int, row[1:])) for row in rows}


def latest(store: Store, since: int) -> Levels:
    """Give what was counted in the newest minute that was, none before a minute."""
    row = store.run(
        "SELECT MAX(minute) FROM sample WHERE queue = ? AND minute >= ? AND dialect = ?"
        " AND ready IS NOT NULL",
        (TASKS, since, EVERY),
    ).fetchone()
    if row is None or row[0] is None:
        return {}
    rows = store.run(
        "SELECT queue, dialect, ready, running, waiting FROM sample WHERE minute = ?"
        " AND ready IS NOT NULL",
        (row[0],),
    ).fetchall()
    return {Place(each[0], each[1]): Level(*map(int, each[2:])) for each in rows}


def delete_before(store: Store, before: Instant, limit: int) -> int:
    """Delete some rows of minutes before then; give how many."""
    return store.run(_FORGET, (before // MINUTE, limit)).rowcount
