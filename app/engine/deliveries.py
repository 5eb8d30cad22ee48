"""Verbs on messages that wait to be sent.

Messages of one channel go out strictly in order, each until it is ended; channels know nothing of
each other. A message is sent at least once: again when its sender died before it could say so.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from app.data import deliveries, jobs
from app.data.deliveries import First, Message
from app.domain.clock import seconds
from app.domain.errors import JobNotFound
from app.domain.events import EventKind
from app.domain.records import Delivery, Job, Json, Post, Task
from app.domain.sealed import SealedJson
from app.domain.states import JobState, TaskState
from app.engine.transaction import DELIVERIES_TOPIC, Transactions

HELD_S = 20.0
"""How long a message is its taker's alone; longer than one attempt takes."""

LOOKED_AT = 200
"""How many that are due are looked at, to find some that fit."""


class Deliveries:
    """The messages that an outbox has written, or a dialect has posted."""

    def __init__(self, transactions: Transactions) -> None:
        self._tx = transactions
        self._store = transactions.store

    def post(
        self, channel: str, *, url: str, body: str, headers: dict[str, str] | None = None
    ) -> None:
        """Have a ready message sent, behind the others of its channel.

        Joins an open transaction: what it tells of and the message are one commit.
        """
        ready = {"url": url, "body": body, "headers": headers or {}}
        about = deliveries.about_text(self._store, {"post": ready})
        with self._tx() as tx:
            tx.outbox.messages.append(Message(channel, "", None, 0, about))
            tx.ring(DELIVERIES_TOPIC)

    def take(
        self,
        *,
        limit: int,
        again: bool,
        without: Sequence[str] = (),
        fits: Callable[[str, str], bool] = lambda _channel, _host: True,
    ) -> list[tuple[str, str]]:
        """Take channels whose first message is due, the longest waiting first; with their hosts.

        again: those that were tried before, else those that were not. without: hosts to be left
        alone. fits: asked in turn about each, with its host, "" where that is not known yet;
        those it refuses stay. What is not ended or put off within HELD_S is due again.
        """
        with self._store.session():
            # Mostly nothing is: then nobody has to wait for a lock.
            if limit <= 0 or not deliveries.is_due(self._store, self._tx.clock.now()):
                return []
        taken: list[tuple[str, str]] = []
        with self._store.transaction():
            now = self._tx.clock.now()
            found = deliveries.due(self._store, now, limit=LOOKED_AT, again=again, without=without)
            for channel, host in found:
                if len(taken) < limit and fits(channel, host):
                    taken.append((channel, host))
            names = [channel for channel, _ in taken]
            deliveries.hold(self._store, names, now + seconds(HELD_S))
        return taken

    def first(self, channel: str) -> Delivery | None:
        """Give the first message of a channel; None when there is none.

        Nor is there one that cannot be read: it waits until its key is given again.
        """
        with self._store.session():
            found = deliveries.first(self._store, channel)
            if found is None:
                return None
            job = self._job(found.job_id)
        if isinstance(found.about, SealedJson) or (job and isinstance(job.spec, SealedJson)):
            return None
        return _delivery(found, job)

    def _job(self, job_id: str | None) -> Job | None:
        if job_id is None:
            return None
        try:
            return jobs.get(self._store, job_id)
        except JobNotFound:
            return deliveries.kept_job(self._store, job_id)

    def end(self, delivery: Delivery, *, host: str = "") -> bool:
        """Be done with a message; the next of its channel is due. False when it was done already.

        host: where it went to, which the next one most likely does.
        """
        with self._store.transaction():
            now = self._tx.clock.now()
            return deliveries.end(self._store, delivery.channel, delivery.id, now=now, host=host)

    def put_off(
        self, delivery: Delivery, *, wait_s: float = 0.0, host: str = "", tried: bool = True
    ) -> bool:
        """Try a message again after a while; False when it was done already.

        host: where it goes to. tried: whether this was an attempt.
        """
        with self._store.transaction():
            due_at = self._tx.clock.now() + seconds(wait_s)
            return deliveries.put_off(
                self._store,
                delivery.channel,
                delivery.id,
                due_at=due_at,
                host=host,
                tried=tried,
            )

    def waiting(self) -> int:
        """Count the messages that are not sent yet."""
        with self._store.session():
            return deliveries.count(self._store)


def _delivery(found: First, job: Job | None) -> Delivery:
    about = found.about
    made = Delivery(
        id=found.id,
        channel=found.channel,
        dialect=found.dialect,
        attempts=found.attempts,
        created_at=found.created_at,
        watch=found.watch,
    )
    if "post" in about:
        ready = about["post"]
        post = Post(url=ready["url"], body=ready["body"].encode(), headers=ready["headers"])
        return replace(made, post=post)
    return replace(
        made,
        kind=EventKind(about["kind"]),
        job=_job(about.get("job"), job),
        task=_task(about.get("task")),
    )


def _job(stood: Json | None, job: Job | None) -> Job | None:
    """Give a job as it stood when the message came up."""
    if not stood or job is None:
        return None
    return replace(job, **{**stood, "state": JobState(stood["state"])})


def _task(stood: dict[str, Any] | None) -> Task | None:
    return Task(**{**stood, "state": TaskState(stood["state"])}) if stood else None
