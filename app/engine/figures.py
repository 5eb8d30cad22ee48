"""How much there is to do, is done and waits: now, and over the last hour, day and week.

The duty writes a sample each minute. It reads what has happened since the last time from events,
outside of any transaction, and adds it to the rows in a short one: the claims and reports of tasks
pay nothing, and what a round costs grows with what happened, not with what is stored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.data import present, samples, tasks
from app.data.samples import EVERY, JOBS, MINUTE, TASKS, Flow, Level, Place
from app.domain.clock import SECOND, Instant, seconds
from app.engine.transaction import Transactions

KEPT_S = 8 * 24 * 3600.0
EVENTS_AT_ONCE = 50_000
"""Events that one round counts: some tenths of a second of reading."""
ROUNDS = 2
"""So often in one go, or other duties would come late after a long pause."""
MOST_QUEUES = 200
"""Queues that have rows of their own in a minute; the sums have the others as well."""
PRUNED = 5000
COUNTED_UP_TO = 10_000
"""So many of a queue or state are counted whenever somebody asks; above it, once a minute."""
QUEUES_ASKED = 500
HEARD_S = 300.0
"""A worker that has been silent for longer is not here."""


class Span(StrEnum):
    """How far a series goes back."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"

    @property
    def minutes(self) -> tuple[int, int]:
        """Give how long it is, and its buckets are, in minutes."""
        return {Span.HOUR: (60, 1), Span.DAY: (1440, 10), Span.WEEK: (10_080, 60)}[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A bucket of a series.

    at: where it begins. ready, running: on average, None where nobody counted. completed, failed:
    a minute, on average. wait_s: from ready to begun, of those that began; None without any.
    """

    at: Instant
    ready: float | None
    running: float | None
    completed: float
    failed: float
    wait_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """A queue or a dialect now, and what it did in the last hour.

    about: `ready` is that of the last minute, of very many.
    """

    name: str
    ready: int
    running: int
    completed: int
    failed: int
    wait_s: float | None
    about: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The jobs of a dialect now, and what became of those that ended in the last hour."""

    dialect: str
    total: int
    scheduled: int
    running: int
    waiting: int
    completed: int
    failed: int
    about: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """What there is now.

    jobs: by dialect. tasks: by dialect. queues: the busiest first. workers: that are here, by
    kind; tickers are of kind `coordinator`. listeners: places of workers by queue.
    """

    jobs: Sequence[Standing]
    tasks: Sequence[Lane]
    queues: Sequence[Lane]
    workers: Mapping[str, int]
    listeners: Mapping[str, int]


class Figures:
    """Takes samples, and gives what they tell."""

    def __init__(self, transactions: Transactions) -> None:
        self._tx = transactions
        self._store = transactions.store

    def run_once(self, now: Instant) -> int:
        """Count what happened since the last time, and once a minute what there is; how many.

        May run twice, and in two places at once: each event counts once, and of a minute the first
        count of what there is.
        """
        done = sum(1 for _ in range(ROUNDS) if self._flows())
        done += self._levels(now // MINUTE)
        with self._store.transaction():
            done += samples.delete_before(self._store, now - seconds(KEPT_S), PRUNED)
        return done

    def _flows(self) -> bool:
        """Add what some events tell; False when there was none."""
        with self._store.session():
            before = samples.mark(self._store)
            up_to = samples.end(self._store, before, EVENTS_AT_ONCE)
            found = samples.flows(self._store, before, up_to) if up_to else {}
        if not up_to:
            return False
        of_tasks = [
            (minute, place.queue, flow)
            for (minute, place), flow in found.items()
            if place.queue != JOBS
        ]
        rows = samples.with_sums(_busiest(of_tasks))
        for (minute, place), flow in found.items():
            if place.queue == JOBS:
                for dialect in (place.dialect, EVERY):
                    key = (minute, Place(JOBS, dialect))
                    rows[key] = rows.get(key, Flow()).plus(flow)
        with self._store.transaction():
            if samples.move_mark(self._store, before, up_to):
                samples.add(self._store, rows)
        return True

    def _levels(self, minute: int) -> int:
        with self._store.session():
            if samples.is_counted(self._store, minute):
                return 0
            ready = tasks.queue_sizes(self._store, "")
            running = tasks.queue_leases(self._store, "")
            of_jobs = samples.open_jobs(self._store)
        levels: samples.Levels = {Place(TASKS, EVERY): Level(), Place(JOBS, EVERY): Level()}
        queues = {
            name: Level(ready=ready.get(name, 0), running=running.get(name, 0))
            for name in {*ready, *running}
        }
        for name, level in queues.items():
            for place in (Place(TASKS, name.partition("/")[0]), Place(TASKS, EVERY)):
                levels[place] = levels.get(place, Level()).plus(level)
        for name in sorted(queues, key=lambda each: (-sum(queues[each]), each))[:MOST_QUEUES]:
            levels[Place(name, name.partition("/")[0])] = queues[name]
        for place, level in of_jobs.items():
            levels[place] = level
            levels[Place(JOBS, EVERY)] = levels[Place(JOBS, EVERY)].plus(level)
        with self._store.transaction():
            samples.count(self._store, minute, levels)
        return len(levels)

    def series(self, span: Span, *, dialect: str = EVERY) -> Sequence[Point]:
        """Give how the tasks of a dialect, or of all, went: at most 168 buckets, oldest first.

        A bucket is there even if nothing is known of it.
        """
        minutes, size = span.minutes
        # The bucket at hand is not over; without it the curve does not fall at its end.
        last = self._tx.clock.now() // MINUTE // size
        first = last - minutes // size
        words = {"since": first * size, "until": last * size, "minutes": size}
        with self._store.session():
            every = samples.series(self._store, Place(TASKS, EVERY), **words)
            found = every
            if dialect != EVERY:
                found = samples.series(self._store, Place(TASKS, dialect), **words)
        # A dialect of which there is nothing has no row in that minute.
        counted = {bucket.number: bucket.counted for bucket in every}
        known = {bucket.number: bucket for bucket in found}
        return [
            _point(number, size, counted.get(number, 0), known.get(number))
            for number in range(first, last)
        ]

    def present(self, *, queues: int = 50) -> Present:
        """Give what there is now; queues: so many of the busiest.

        Costs the same however many rows there are: what is very much is as of the last minute.
        """
        now = self._tx.clock.now()
        minute = now // MINUTE
        since = minute - 60
        with self._store.session():
            latest = samples.latest(self._store, minute - 10)
            names = present.ready_queues(self._store, QUEUES_ASKED)
            ready = present.ready(self._store, names, COUNTED_UP_TO + 1)
            running = tasks.queue_leases(self._store, "")
            hour = samples.of_queues(self._store, since)
            task_flows = samples.of_dialects(self._store, TASKS, since)
            job_flows = samples.of_dialects(self._store, JOBS, since)
            jobs = present.jobs(self._store, COUNTED_UP_TO + 1)
            here = present.workers(self._store, now - seconds(HEARD_S))
            listeners = present.listeners(self._store, now - seconds(HEARD_S))
        lanes = {
            name: _lane(name, ready, running, hour.get(name, Flow()), latest)
            for name in {*ready, *running, *hour}
        }
        busy = sorted(
            lanes.values(), key=lambda one: (-one.running - one.ready, -one.completed, one.name)
        )
        return Present(
            jobs=[
                _standing(name, counts, job_flows.get(name, Flow()), latest)
                for name, counts in sorted(jobs.items())
            ],
            tasks=_by_dialect(list(lanes.values()), task_flows, latest, len(names) == QUEUES_ASKED),
            queues=busy[:queues],
            workers=here,
            listeners=listeners,
        )


def _busiest(found: list[tuple[int, str, Flow]]) -> list[tuple[int, str, Flow]]:
    """Count what many queues did for their dialects alone, when they are too many for rows."""
    if len(found) <= MOST_QUEUES:
        return found
    found = sorted(found, key=lambda one: (-one[2].completed - one[2].failed, one[1]))
    rest: dict[tuple[int, str], Flow] = {}
    for minute, queue, flow in found[MOST_QUEUES:]:
        key = (minute, f"{queue.partition('/')[0]}/…")
        rest[key] = rest.get(key, Flow()).plus(flow)
    return found[:MOST_QUEUES] + [(minute, queue, flow) for (minute, queue), flow in rest.items()]


def _point(number: int, size: int, counted: int, bucket: samples.Bucket | None) -> Point:
    level, flow = (bucket.level, bucket.flow) if bucket else (Level(), Flow())
    return Point(
        at=number * size * MINUTE,
        ready=level.ready / counted if counted else None,
        running=level.running / counted if counted else None,
        completed=flow.completed / size,
        failed=flow.failed / size,
        wait_s=_mean_s(flow.waited_us, flow.started),
    )


def _mean_s(sum_us: int, count: int) -> float | None:
    return sum_us / count / SECOND if count else None


def _lane(
    name: str,
    ready: Mapping[str, int],
    running: Mapping[str, int],
    hour: Flow,
    latest: samples.Levels,
) -> Lane:
    count = ready.get(name, 0)
    about = count > COUNTED_UP_TO
    if about:
        counted = latest.get(Place(name, name.partition("/")[0]), Level())
        count = max(counted.ready, COUNTED_UP_TO)
    return Lane(
        name=name,
        ready=count,
        running=running.get(name, 0),
        completed=hour.completed,
        failed=hour.failed,
        wait_s=_mean_s(hour.waited_us, hour.started),
        about=about,
    )


def _by_dialect(
    lanes: Sequence[Lane], flows: Mapping[str, Flow], latest: samples.Levels, some: bool
) -> list[Lane]:
    """Sum up lanes. some: there are queues beside those; what there was a minute ago is told."""
    found = []
    names = {lane.name.partition("/")[0] for lane in lanes} | flows.keys()
    for name in sorted(names - {EVERY}):
        mine = [lane for lane in lanes if lane.name.partition("/")[0] == name]
        flow = flows.get(name, Flow())
        ready = sum(lane.ready for lane in mine)
        if some:
            ready = max(ready, latest.get(Place(TASKS, name), Level()).ready)
        found.append(
            Lane(
                name=name,
                ready=ready,
                running=sum(lane.running for lane in mine),
                completed=flow.completed,
                failed=flow.failed,
                wait_s=_mean_s(flow.waited_us, flow.started),
                about=some or any(lane.about for lane in mine),
            )
        )
    return found


def _standing(
    dialect: str, counts: present.JobCounts, hour: Flow, latest: samples.Levels
) -> Standing:
    counted = latest.get(Place(JOBS, dialect), Level())
    shown, about = [], False
    for count, known in zip(
        (counts.scheduled, counts.running, counts.waiting), counted, strict=True
    ):
        much = count > COUNTED_UP_TO
        about = about or much
        shown.append(max(known, COUNTED_UP_TO) if much else count)
    return Standing(
        dialect=dialect,
        total=counts.total,
        scheduled=shown[0],
        running=shown[1],
        waiting=shown[2],
        completed=hour.completed,
        failed=hour.failed,
        about=about,
    )
