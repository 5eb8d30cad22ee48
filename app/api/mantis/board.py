"""How jobs and clusters stand, for all streams of a process: worked out once for each change.

One watcher hears of every event of this dialect. Of what is followed it works out anew what the
event was about, and wakes those whose view has changed. It alone writes views, so a stream that
begins during a change neither misses it nor hears of it twice.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, NamedTuple, TypeVar

from app.api.http.fanout import Client, Hub, Take, Wanted
from app.api.mantis import frames, lookups, rows, tables
from app.api.mantis.lookups import Launch
from app.api.mantis.reading import Json
from app.api.mantis.words import JobRow, current, parse_job_id, worker_view
from app.data.db import Store
from app.domain.errors import EngineError
from app.domain.events import Event, EventKind
from app.wiring import Services

T = TypeVar("T")
SWEEP_S = 5.0
GATHER_S = 0.02
MOST_GATHER_S = 0.5
"""Pause after a look, as long as that took: a crowd of changes costs few looks."""
_LAUNCHES = frozenset(
    {
        EventKind.JOB_STARTED,
        EventKind.JOB_COMPLETED,
        EventKind.JOB_FAILED,
        EventKind.JOB_CANCELLED,
        EventKind.JOB_DELETED,
    }
)
_log = logging.getLogger(__name__)


class Subject(Enum):
    """What can be followed: by the engine's id, by name, by the name of a job to come."""

    JOB = 1
    CLUSTER = 2
    NAME = 3


class Key(NamedTuple):
    """One thing that is followed."""

    subject: Subject
    name: str


@dataclass(frozen=True, slots=True)
class JobNow:
    """A job. event: who works on it, as it is sent; empty where it is gone. over: it has ended."""

    event: bytes
    over: bool


@dataclass(frozen=True, slots=True)
class ClusterNow:
    """A cluster. group_id: None where it is gone. launches: the latest at the end."""

    group_id: int | None
    launches: tuple[Launch, ...] = ()

    @property
    def latest(self) -> Launch | None:
        """The job that was launched last."""
        return self.launches[-1] if self.launches else None


class Follower(Generic[T]):
    """One stream's ear. value: None until it was worked out. ended: it never changes again."""

    def __init__(self, bell: threading.Event) -> None:
        self.bell = bell
        self.value: T | None = None
        self.ended = False


class Board:
    """The watcher of one process; it works while anybody follows anything."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._followers: dict[Key, set[Follower[Any]]] = {}
        self._values: dict[Key, Any] = {}
        self._fresh: set[Key] = set()
        self._ring: Callable[[], object] | None = None

    @contextmanager
    def job(
        self, services: Services, hub: Hub, job_id: str, bell: threading.Event
    ) -> Iterator[Follower[JobNow]]:
        """Follow a job by the engine's id during the block. bell: rung when its view changes."""
        with self._following(services, hub, Key(Subject.JOB, job_id), bell) as follower:
            yield follower

    @contextmanager
    def cluster(
        self, services: Services, hub: Hub, name: str, bell: threading.Event
    ) -> Iterator[Follower[ClusterNow]]:
        """Follow a cluster during the block."""
        with self._following(services, hub, Key(Subject.CLUSTER, name), bell) as follower:
            yield follower

    @contextmanager
    def named(
        self, services: Services, hub: Hub, name: str, bell: threading.Event
    ) -> Iterator[Follower[str]]:
        """Learn the engine's id of a job of that name, now or when it is submitted."""
        with self._following(services, hub, Key(Subject.NAME, name), bell) as follower:
            yield follower

    @contextmanager
    def _following(
        self, services: Services, hub: Hub, key: Key, bell: threading.Event
    ) -> Iterator[Follower[Any]]:
        follower = Follower[Any](bell)
        with self._lock:
            self._followers.setdefault(key, set()).add(follower)
            if key in self._values:
                follower.value = self._values[key]
            else:
                self._fresh.add(key)
            if self._ring is None:
                self._ring = bell.set
                threading.Thread(
                    target=self._run, args=(services, hub), name="jobyard-board", daemon=True
                ).start()
            self._ring()
        try:
            yield follower
        finally:
            with self._lock:
                others = self._followers[key]
                others.discard(follower)
                if not others:
                    del self._followers[key]
                    self._values.pop(key, None)
                    self._fresh.discard(key)

    # -- the watcher ----------------------------------------------------------------------------

    def _run(self, services: Services, hub: Hub) -> None:
        try:
            with hub.joined(Wanted(dialect=tables.DIALECT)) as client:
                with self._lock:
                    self._ring = client.rung.set
                self._watch(services, client)
        except EngineError as error:
            _log.warning("streams cannot begin: %s", error, extra={"action": "board"})
            self._end()
        except Exception:  # noqa: BLE001 - its streams end, and their clients come back
            _log.exception("watching failed", extra={"action": "board"})
            self._end()

    def _watch(self, services: Services, client: Client) -> None:
        left: set[Key] = set()
        while True:
            took = client.take(0.0 if self._fresh else SWEEP_S)
            begin = time.monotonic()
            with self._lock:
                if not self._followers:
                    self._ring = None
                    return
                if client.ended:
                    break
                keys, self._fresh = self._fresh | left, set()
                followed = frozenset(self._followers)
            try:
                keys |= _about(services.engine.store, took, followed)
                for key in list(keys):
                    self._tell(key, _view(services.engine.store, key))
                    keys.discard(key)
                    time.sleep(0)  # others of this process have their turn
            except EngineError as error:
                _log.warning("streams cannot look: %s", error, extra={"action": "board"})
                keys |= followed
                time.sleep(1.0)
            looking_s = time.monotonic() - begin
            left = keys
            time.sleep(max(GATHER_S, min(looking_s, MOST_GATHER_S)))
        self._end()

    def _tell(self, key: Key, value: Any) -> None:
        with self._lock:
            followers = self._followers.get(key)
            if followers is None:
                return
            self._values[key] = value
            for follower in followers:
                if follower.value != value:
                    follower.value = value
                    follower.bell.set()

    def _end(self) -> None:
        with self._lock:
            self._ring = None
            for followers in self._followers.values():
                for follower in followers:
                    follower.ended = True
                    follower.bell.set()


def _about(store: Store, took: Take, followed: frozenset[Key]) -> set[Key]:
    """Tell which of those that are followed may have changed."""
    if took.lost:
        return set(followed)
    keys = {Key(Subject.JOB, event.job_id) for event in took.events if event.job_id is not None}
    if any(_renames(event) for event in took.events):
        keys |= {key for key in followed if key.subject is Subject.CLUSTER}
    launched = _jobs(took.events, _LAUNCHES)
    submitted = _jobs(took.events, frozenset({EventKind.JOB_SUBMITTED}))
    if launched or submitted:
        with store.session():
            owners = lookups.owners(store, sorted(launched | submitted))
        keys |= {Key(Subject.CLUSTER, owners[one].cluster) for one in launched & owners.keys()}
        keys |= {Key(Subject.NAME, owners[one].name) for one in submitted & owners.keys()}
    return keys & followed


def _jobs(events: Iterable[Event], kinds: frozenset[EventKind]) -> set[str]:
    return {event.job_id for event in events if event.kind in kinds and event.job_id is not None}


def _renames(event: Event) -> bool:
    return event.kind is EventKind.GROUP_CHANGED and event.data.get("change") in (
        "created",
        "deleted",
    )


def _view(store: Store, key: Key) -> JobNow | ClusterNow | str | None:
    with store.session():
        if key.subject is Subject.JOB:
            row = rows.job(store, key.name)
            return JobNow(b"", over=True) if row is None else job_now(row)
        if key.subject is Subject.CLUSTER:
            one = tables.cluster(store, key.name)
            if one is None:
                return ClusterNow(None)
            return ClusterNow(one.group_id, lookups.launches(store, one.group_id))
        parts = parse_job_id(key.name)
        return None if parts is None else tables.job_id_of(store, *parts)


def job_now(row: JobRow) -> JobNow:
    """Give how a job stands."""
    return JobNow(frames.document(assignments(row)), over=not row.active)


def assignments(row: JobRow) -> Json:
    """Tell who works on a job: nobody any more, once it is over."""
    return {"jobId": row.name, "workerAssignments": _stages(row) if row.active else {}}


def _stages(row: JobRow) -> Json:
    """Give for each stage its workers that have started."""
    stages: dict[str, Json] = {
        number: {
            "stage": int(number),
            "numWorkers": stage["numberOfInstances"],
            "activeWorkers": 0,
            "hosts": {},
        }
        for number, stage in sorted(row.about["stages"].items(), key=lambda one: int(one[0]))
    }
    for worker in current(row):
        view = worker_view(row, worker, held=True)
        stage = stages.get(str(worker.stage))
        if stage is None or view["state"] != "Started":
            continue
        stage["activeWorkers"] += 1
        stage["hosts"][str(worker.number)] = {
            "state": view["state"],
            "workerNumber": worker.number,
            "workerIndex": worker.index,
            "host": view["slave"],
            "port": view["ports"],
            "metricsPort": view["metricsPort"],
            "customPort": view["customPort"],
        }
    return stages
