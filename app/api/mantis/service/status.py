"""What happens to a job and its workers, as messages: the last ones again, then live ones.

They are worded from the events of the job, so nothing of them is stored a second time.
"""

import threading
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from typing import Self

from app.api.http.fanout import Client, Wanted, is_behind
from app.api.mantis import rows
from app.api.mantis.board import Follower
from app.api.mantis.reading import Json
from app.api.mantis.service.streams import Outlet
from app.api.mantis.tables import DIALECT
from app.api.mantis.words import (
    ACCEPTED,
    COMPLETED,
    FAILED,
    LAUNCHED,
    JobRow,
    WorkerRow,
    current,
    parse_job_id,
    worker_id,
    worker_view,
)
from app.domain.events import Event, EventKind

REPLAYED = 100
LOOKED_AT = 1000
"""Events of a job that its last messages are looked for in."""
NOBODY = -1
_JOB_STATES = {
    EventKind.JOB_SUBMITTED: (ACCEPTED, "Normal"),
    EventKind.JOB_STARTED: (LAUNCHED, "Normal"),
    EventKind.JOB_COMPLETED: (COMPLETED, "Normal"),
    EventKind.JOB_CANCELLED: (COMPLETED, "Killed"),
    EventKind.JOB_FAILED: (FAILED, "Error"),
}
_ENDS = frozenset(kind for kind, (state, _) in _JOB_STATES.items() if state in (COMPLETED, FAILED))
_WORKER_STATES = {
    EventKind.TASK_CREATED: ACCEPTED,
    EventKind.TASK_QUEUED: ACCEPTED,
    EventKind.TASK_RELEASED: ACCEPTED,
    EventKind.TASK_CLAIMED: LAUNCHED,
    EventKind.TASK_STARTED: LAUNCHED,
    EventKind.TASK_READY: "Started",
    EventKind.TASK_COMPLETED: COMPLETED,
    EventKind.TASK_CANCELLED: COMPLETED,
    EventKind.TASK_FAILED: FAILED,
}


class Teller:
    """Words the events of one job. Workers that it does not know yet it looks up."""

    def __init__(self, outlet: Outlet, job_id: str) -> None:
        self._store = outlet.site.services.engine.store
        self._job_id = job_id
        self._job: JobRow | None = None
        self._workers: dict[int, WorkerRow] = {}
        self._states: dict[int, str] = {}

    def is_over(self) -> bool:
        """Look whether the job is over, or gone."""
        self._look()
        return self._job is None or not self._job.active

    def messages(self, events: Sequence[Event]) -> list[Json]:
        """Give a message for each change of state among events; the end of the job comes last."""
        if events:
            self._look()
        # A job that is killed ends before its workers, in one transaction.
        in_order = sorted(events, key=lambda event: event.kind in _ENDS)
        found = (self._message(event) for event in in_order)
        return [{"status": message} for message in found if message is not None]

    def _look(self) -> None:
        with self._store.session():
            self._job = rows.job(self._store, self._job_id)
        if self._job is not None:
            self._workers = {one.task_id: one for one in self._job.workers}

    def _message(self, event: Event) -> Json | None:
        job = self._job
        if job is None:
            return None
        if event.kind in _JOB_STATES:
            state, reason = _JOB_STATES[event.kind]
            why = f": {job.reason}" if reason != "Normal" and job.reason else ""
            text = f"{job.name} job status update: {state}{why}"
            return _status(job, event, text, state, reason)
        if event.kind is EventKind.JOB_NOTED:
            posted = event.data.get("status")
            return posted if isinstance(posted, dict) else None
        worker = None if event.task_id is None else self._workers.get(event.task_id)
        state = _WORKER_STATES.get(event.kind, "")
        if worker is None or not state:
            return None
        if worker.composite and state == LAUNCHED:
            state = "Started"
        if self._states.get(worker.task_id) == state:
            return None
        self._states[worker.task_id] = state
        return _of_worker(job, event, worker, state)


def _of_worker(job: JobRow, event: Event, worker: WorkerRow, state: str) -> Json:
    held = any(one.number == worker.number for one in current(job))
    over = state in (COMPLETED, FAILED)
    view = worker_view(job, worker, held=held)
    text = f"{worker_id(job.name, worker.index, worker.number)} worker status update"
    status = _status(job, event, text, state, view["reason"] if over else "Normal")
    return status | {
        "stageNum": worker.stage,
        "workerIndex": worker.index,
        "workerNumber": worker.number,
        "hostname": None if state == ACCEPTED else view["slave"],
    }


def _status(job: JobRow, event: Event, text: str, state: str, reason: str) -> Json:
    return {
        "jobId": job.name,
        "stageNum": NOBODY,
        "workerIndex": NOBODY,
        "workerNumber": NOBODY,
        "type": "ERROR" if state == FAILED else "INFO",
        "message": text,
        "state": state,
        "hostname": None,
        "timestamp": event.at // 1000,
        "reason": reason,
        "payloads": [],
    }


class Told:
    """The messages of one job for one client, who may be there before the job.

    bell: rung when there may be more.
    """

    def __init__(self, outlet: Outlet, name: str, bell: threading.Event) -> None:
        self._outlet = outlet
        self._name = name
        self._bell = bell
        self._stack = ExitStack()
        self._named: Follower[str] | None = None
        self._client: Client | None = None
        self._teller: Teller | None = None
        self._at = ""
        self._events: list[Event] = []
        self._missed = False
        self._over = False

    def __enter__(self) -> Self:
        outlet = self._outlet
        self._stack.enter_context(outlet.site.drain.watching(self._bell.set))
        if parse_job_id(self._name) is not None and "\0" not in self._name:
            site = outlet.site
            self._named = self._stack.enter_context(
                outlet.board.named(site.services, site.hub, self._name, self._bell)
            )
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    @property
    def ended(self) -> bool:
        """Whether nothing would ever come, though the job may go on."""
        lost = self._named is not None and self._named.ended
        return lost or (self._client is not None and self._client.ended)

    def ready(self) -> Sequence[Json]:
        """Give the messages that are there. Raises StoreUnavailable, and loses nothing by it."""
        if self._client is None:
            job_id = None if self._named is None else self._named.value
            if job_id is None:
                return ()
            site = self._outlet.site
            self._client = self._stack.enter_context(
                site.hub.joined(Wanted(job_id=job_id), self._bell)
            )
            self._missed = True
        if self._teller is None:
            return self._replay(self._client)
        if self._over:
            return ()
        took = self._client.take(0.0)
        self._events += took.events
        self._missed |= took.lost
        if self._missed:
            self._events = list(self._stored(self._client, took.position))
            self._missed = False
        messages = self._worded(self._teller, self._events)
        self._events = []
        return messages

    def _replay(self, client: Client) -> Sequence[Json]:
        teller = Teller(self._outlet, client.wanted.job_id or "")
        self._at = client.position
        messages = self._worded(teller, self._stored(client, client.position))
        # This process may not have heard of that end yet: nothing of it is news to who came after.
        self._over = teller.is_over()
        self._teller, self._missed = teller, False
        return () if self._over else messages[-REPLAYED:]

    def _stored(self, client: Client, up_to: str) -> Sequence[Event]:
        return self._outlet.site.services.engine.events.last_of_job(
            client.wanted.job_id or "", dialect=DIALECT, up_to=up_to, limit=LOOKED_AT
        )

    def _worded(self, teller: Teller, events: Iterable[Event]) -> Sequence[Json]:
        replays = self._teller is None
        fresh = [one for one in events if replays or is_behind(one.position, self._at)]
        messages = teller.messages(fresh)
        if fresh and is_behind(fresh[-1].position, self._at):
            self._at = fresh[-1].position
        return messages
