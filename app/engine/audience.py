"""The question who may see a job or schedule; it is answered when that is submitted."""

from collections.abc import Sequence

from app.data import audience
from app.data.db import Store
from app.domain.records import Job, Schedule


class Audience:
    """Answers for single things; lists take a `viewer` of their own."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def sees(self, thing: Job | Schedule, viewer: Sequence[str] | None) -> bool:
        """Tell whether somebody may see a job or schedule.

        viewer: everything that somebody counts as, such as `user:alice` and `role:ops`; None sees
        everything.
        """
        if viewer is None or thing.audience_id is None:
            return True
        with self._store.session():
            return audience.sees(self._store, thing.audience_id, viewer)
