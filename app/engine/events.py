"""Reading events back, in commit order."""

from collections.abc import Sequence
from typing import Any

from app.data import events, jobs
from app.domain.events import Event, EventKind
from app.engine.transaction import Transactions


class Events:
    """The record of what happened; rows are pruned by age."""

    def __init__(self, transactions: Transactions) -> None:
        self._tx = transactions
        self._store = transactions.store

    def after(self, position: str, *, limit: int = 500) -> Sequence[Event]:
        """Give events behind a position; "" is before the oldest that is kept.

        Raises EventsPruned when the reader has missed some: it looks at everything anew, and goes
        on from the `last_position` of before that look. Raises ValueError for a bad position.
        """
        with self._store.session():
            return events.after(self._store, position, limit=limit)

    def last_of_job(
        self, job_id: str, *, dialect: str, up_to: str, limit: int = 100
    ) -> Sequence[Event]:
        """Give the newest events of a job up to a position, oldest first.

        Quick for a dialect that has an index for it.
        """
        with self._store.session():
            return events.last_of_job(
                self._store, job_id, dialect=dialect, up_to=up_to, limit=limit
            )

    def note(self, job_id: str, **data: Any) -> None:
        """Tell what no verb of the engine tells of a job, as `job.noted`. Raises JobNotFound."""
        with self._tx() as tx:
            job = jobs.get(self._store, job_id)
            tx.note(EventKind.JOB_NOTED, job.dialect, job_id=job_id, **data)

    def last_position(self) -> str:
        """Give the position of the newest event; "" without any."""
        with self._store.session():
            return events.last_position(self._store)
