"""What one transaction has to tell to others outside, as it stood at each event.

A job says at its submission what of it is told (`Watch`). Only then is anything read or written
here, and by the transaction of the event itself: a message is as sure as what it tells of.
"""

from collections.abc import Sequence

from app.data import deliveries, jobs, tasks
from app.data.db import Store
from app.data.deliveries import Message
from app.domain.errors import JobNotFound, TaskNotFound
from app.domain.events import Event
from app.domain.records import Json, Watch

_TASK = (
    "id", "public_id", "job_id", "parent_id", "queue", "name", "state", "position", "priority",
    "result", "error", "progress", "created_at", "queued_at", "started_at", "ended_at",
)  # fmt: skip


class Outbox:
    """Collects the messages of one transaction."""

    __slots__ = ("_store", "_watched", "messages")

    def __init__(self, store: Store) -> None:
        self._store = store
        self._watched: dict[str, Sequence[Watch] | None] = {}
        self.messages: list[Message] = []

    def watch(self, job_id: str, watches: Sequence[Watch] | None) -> None:
        """Tell of a job's events from now on. watches: None has them read when needed."""
        if self._watched.get(job_id) is None:
            self._watched[job_id] = watches

    def note(self, event: Event) -> None:
        """Copy what the rows say just now, for every watch that wants to be told of the event."""
        if not self._watched or event.job_id not in self._watched:
            return
        job_id = event.job_id
        watches = self._watched[job_id]
        if watches is None:
            watches = self._watched[job_id] = jobs.watches(self._store, job_id)
        wanted = [number for number, watch in enumerate(watches) if event.kind in watch.events]
        if not wanted:
            return
        keep = {key for number in wanted for key in watches[number].keep}
        about = deliveries.about_text(self._store, self._about(event, job_id, keep))
        self.messages += [
            Message(f"{job_id}/{number}", event.dialect, job_id, number, about) for number in wanted
        ]

    def _about(self, event: Event, job_id: str, keep: set[str]) -> Json:
        about: Json = {"kind": event.kind, "job": self._job(event, job_id)}
        if event.task_id is not None:
            about["task"] = self._task(event.task_id, keep)
        return about

    def _job(self, event: Event, job_id: str) -> Json:
        try:
            job = jobs.glance(self._store, job_id)._asdict()
        except JobNotFound:
            return {}
        state = event.data.get("state")
        if state is not None and state != job["state"]:
            # It has moved on within the same transaction.
            job |= {"state": state, "ended_at": None, "result": None, "error": None}
        return job

    def _task(self, task_id: int, keep: set[str]) -> Json | None:
        try:
            task = tasks.get(self._store, task_id)
        except TaskNotFound:
            return None
        payload = {key: task.payload[key] for key in keep if key in task.payload}
        return {**{name: getattr(task, name) for name in _TASK}, "payload": payload}
