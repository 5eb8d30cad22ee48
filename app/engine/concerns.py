"""What may need a person, as the first page of the pages says it: found fast, on a live database.

The doctor looks for what contradicts itself and goes through all open work; this looks for what is
consistent and yet not as somebody will want it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from app.data import concerns, leaders, present, samples, tasks
from app.data.samples import MINUTE
from app.domain.clock import Instant, seconds
from app.engine.transaction import Transactions

FAILING_S = 3600.0
FAILED_READ = 500
"""Of each dialect so many of the newest failed jobs are looked at."""
MUCH_LONGER = 10
"""A task that has run so many times the mean of its queue is stuck,"""
NEVER_STUCK_S = 600.0
"""but none before so long,"""
KNOWN_RUNS = 5
"""and none of a queue that has not completed so many in the last day."""
UNTAKEN_S = 120.0
"""A queue's first task is ready for so long and nobody takes any: nobody works on that queue."""
SILENT_S = 90.0
"""Three signs of life of a daemon or ticker that did not come."""
STANDING_S = 1800.0
"""So long at the head of a waiting list is a list that does not move."""
COUNTED = 1000
SHOWN = 5


class Kind(StrEnum):
    """What is the matter."""

    NO_TICKER = "no-ticker"  #: nothing is scheduled, rescued or pruned
    FAILING_JOBS = "failing-jobs"  #: subject: their type
    FAILING_TASKS = "failing-tasks"  #: subject: the queue
    LONG = "long"  #: subject: the queue
    UNTAKEN = "untaken"  #: subject: the queue
    SILENT = "silent"  #: subject: the worker's name
    LINE = "line"  #: subject: the pool
    UNSENT = "unsent"  #: subject: the host that messages are for
    PAUSED_SCHEDULES = "paused-schedules"
    PAUSED_JOBS = "paused-jobs"
    PAUSED_GROUPS = "paused-groups"


@dataclass(frozen=True, slots=True, kw_only=True)
class Concern:
    """One matter. count: how many there are. since: when it began, or was seen last."""

    kind: Kind
    subject: str = ""
    count: int = 1
    since: Instant | None = None
    dialect: str = ""
    job_id: str | None = None
    task_id: int | None = None
    worker_id: int | None = None


class Concerns:
    """Looks; see the module."""

    def __init__(self, transactions: Transactions) -> None:
        self._tx = transactions
        self._store = transactions.store

    def found(self) -> list[Concern]:
        """Give what may need a person now, the most pressing first; a few of each kind."""
        now = self._tx.clock.now()
        with self._store.session():
            return [
                *self._ticker(now),
                *self._failing(now),
                *self._untaken(now),
                *self._long(now),
                *self._silent(now),
                *self._lines(now),
                *self._unsent(),
                *self._paused(),
            ]

    def _ticker(self, now: Instant) -> Iterator[Concern]:
        if leaders.holder(self._store, "ticker", now) is None:
            yield Concern(kind=Kind.NO_TICKER)

    def _failing(self, now: Instant) -> Iterator[Concern]:
        found = concerns.failed(self._store, now - seconds(FAILING_S), FAILED_READ)
        found.sort(key=lambda one: -one[2])
        for dialect, job_type, count, latest in found[:SHOWN]:
            yield Concern(
                kind=Kind.FAILING_JOBS, subject=job_type, count=count, since=latest, dialect=dialect
            )
        told = {dialect for dialect, *_ in found}
        hour = samples.of_queues(self._store, now // MINUTE - 60)
        failing = [
            (flow.failed, queue)
            for queue, flow in hour.items()
            if flow.failed and queue.partition("/")[0] not in told
        ]
        for count, queue in sorted(failing, key=lambda one: (-one[0], one[1]))[:SHOWN]:
            dialect = queue.partition("/")[0]
            yield Concern(kind=Kind.FAILING_TASKS, subject=queue, count=count, dialect=dialect)

    def _untaken(self, now: Instant) -> Iterator[Concern]:
        waiting = present.ready_queues(self._store, COUNTED)
        taken = tasks.queue_leases(self._store, "")
        listeners = present.listeners(self._store, now - seconds(SILENT_S))
        begun = samples.of_queues(self._store, now // MINUTE - 10)
        alone = [
            queue
            for queue in waiting
            if queue not in taken
            and queue not in listeners
            and not (queue in begun and begun[queue].started)
        ][: 4 * SHOWN]
        since = concerns.heads(self._store, alone)
        late = sorted((at, queue) for queue, at in since.items() if at < now - seconds(UNTAKEN_S))
        for at, queue in late[:SHOWN]:
            count = present.ready(self._store, [queue], COUNTED)[queue]
            dialect = queue.partition("/")[0]
            yield Concern(kind=Kind.UNTAKEN, subject=queue, count=count, since=at, dialect=dialect)

    def _long(self, now: Instant) -> Iterator[Concern]:
        before = now - seconds(NEVER_STUCK_S)
        most: dict[str, Instant] = {}
        shown = 0
        for task in concerns.running_since(self._store, before, COUNTED):
            if task.queue not in most:
                count, ran_us = concerns.runs(self._store, task.queue, now // MINUTE - 1440)
                known = count >= KNOWN_RUNS
                most[task.queue] = MUCH_LONGER * ran_us // count if known else now
            if shown < SHOWN and now - task.started_at > most[task.queue]:
                shown += 1
                yield Concern(
                    kind=Kind.LONG,
                    subject=task.queue,
                    since=task.started_at,
                    dialect=task.queue.partition("/")[0],
                    job_id=task.job_id,
                    task_id=task.task_id,
                )

    def _silent(self, now: Instant) -> Iterator[Concern]:
        for worker_id, name, _, at in concerns.silent_workers(
            self._store, now - seconds(SILENT_S), SHOWN
        ):
            yield Concern(kind=Kind.SILENT, subject=name, since=at, worker_id=worker_id)

    def _lines(self, now: Instant) -> Iterator[Concern]:
        for line in concerns.lines(self._store, now - seconds(STANDING_S), SHOWN):
            yield Concern(
                kind=Kind.LINE,
                subject=line.pool,
                count=line.length,
                since=line.joined_at,
                job_id=line.job_id,
            )

    def _unsent(self) -> Iterator[Concern]:
        for host, count, _ in concerns.unsent(self._store, COUNTED):
            yield Concern(kind=Kind.UNSENT, subject=host, count=count)

    def _paused(self) -> Iterator[Concern]:
        if count := concerns.paused_schedules(self._store, COUNTED):
            yield Concern(kind=Kind.PAUSED_SCHEDULES, count=count)
        count, job_id = concerns.paused_jobs(self._store, COUNTED)
        if count:
            yield Concern(kind=Kind.PAUSED_JOBS, count=count, job_id=job_id)
        for dialect, number in concerns.paused_groups(self._store, COUNTED):
            yield Concern(kind=Kind.PAUSED_GROUPS, count=number, dialect=dialect)
