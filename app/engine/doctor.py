"""The doctor: finds jobs that are stuck, and rows that contradict each other, on a live database.

Every examination reads one snapshot, and what it finds counts only if a second one, a moment later,
finds the same: so work that is just passing through a state is no finding. Nothing is changed.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from app.data import diagnosis
from app.domain.clock import Clock, Instant, seconds
from app.engine.transaction import Transactions

PAUSE_S = 2.0
"""Between the two examinations; longer than a busy ticker takes for a round."""
GRACE_S = 60.0
"""How late a duty of the ticker may be before that is a finding."""
LIMIT = 1000
"""How many findings of a kind are listed."""
PAGE = 20_000
NEWEST = 1000
"""Of so many jobs of each dialect the words are compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is not as it should be.

    kind: one of `KINDS`. text: what is wrong, for an operator. needs_person: nothing is broken,
    but the job goes on only when a person acts.
    """

    kind: str
    job_id: str | None
    task_id: int | None
    text: str
    needs_person: bool = False


KINDS = {
    "stuck": "an open job for which there is nothing to claim, no lease, no child job, no place in"
    " a list and no due time",
    "job-counter": "a job whose count of open tasks differs from its tasks",
    "service-counter": "a job whose count of services that are not ready differs from its tasks",
    "composite-counter": "a composite whose count of open children differs from its children",
    "lease-without-attempt": "a task is held, and no attempt says by whom",
    "attempt-without-lease": "an attempt is open, and its task is not held by it",
    "orphan-task": "a task is open, and its job is over or gone",
    "waiting-entry": "a place in a waiting list whose job is gone, over or running",
    "admission": "a place in a waiting list that says otherwise than its job about having a slot",
    "slot": "a job is over and nothing of it runs, and it holds its slot",
    "job-tally": "lists count more or fewer jobs of a dialect than there are",
    "job-words": "a job is not found by its own words, or something is found that is no job",
    "waiting-alone": "a task of no job waits for tasks that are all complete",
    "overdue": "a duty of the ticker is late: no ticker acts",
    "sealed": "an open job is encrypted by a key that is not given here",
}


class Doctor:
    """Examines; see the module."""

    def __init__(
        self, transactions: Transactions, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._store = transactions.store
        self._clock: Clock = transactions.clock
        self._sleep = sleep

    def examine(self, *, pause_s: float = PAUSE_S) -> list[Finding]:
        """Give what is wrong, by kind; empty when all is well.

        pause_s: seconds until it looks again at what seems wrong; 0 believes the first look.
        Takes a time that grows with the open work, never holds a lock, and may run at any time.
        """
        first = self._look()
        if not first or pause_s <= 0:
            return first
        self._sleep(pause_s)
        # The text may hold figures that went on; what it is about is the same.
        again = {replace(finding, text="") for finding in self._look()}
        return [finding for finding in first if replace(finding, text="") in again]

    def _look(self) -> list[Finding]:
        with self._store.snapshot():
            found = list(self._stuck())
            found += self._figures()
            found += self._lists()
            found += self._alone()
            found += self._tallies()
        found += self._attempts()
        found += self._words()
        return found

    def _stuck(self) -> Iterator[Finding]:
        before = self._late()
        for job_id, state, paused, held, blocked in diagnosis.stuck_jobs(
            self._store, before, LIMIT
        ):
            text = f"the job is {state} and nothing will move it"
            if paused:
                text = "the job is paused; a person must resume it"
            elif held:
                text = "a task of the job is held; a person must let it go"
            elif blocked:
                text = f"the job waits for task {blocked}, which failed, was cancelled or is gone"
            yield Finding(
                kind="stuck",
                job_id=job_id,
                task_id=blocked,
                text=text,
                needs_person=bool(paused or held or blocked),
            )

    def _figures(self) -> Iterator[Finding]:
        for job_id, said, real in diagnosis.job_counters(self._store, LIMIT):
            text = f"the job counts {said} open tasks and has {real}"
            yield Finding(kind="job-counter", job_id=job_id, task_id=None, text=text)
        for job_id, said, real in diagnosis.service_counters(self._store, LIMIT):
            text = f"the job counts {said} services that are not ready and has {real}"
            yield Finding(kind="service-counter", job_id=job_id, task_id=None, text=text)
        for job_id, task_id, said, real in diagnosis.composite_counters(self._store, LIMIT):
            text = f"the composite counts {said} open children and has {real}"
            yield Finding(kind="composite-counter", job_id=job_id, task_id=task_id, text=text)
        for owner, task_id, number in diagnosis.leases_without_attempt(self._store, LIMIT):
            text = f"hand-out {number} of the task has no open attempt"
            yield Finding(kind="lease-without-attempt", job_id=owner, task_id=task_id, text=text)
        for job_id, task_id, state in diagnosis.orphan_tasks(self._store, LIMIT):
            text = f"the task is {state} and its job is over or gone"
            yield Finding(kind="orphan-task", job_id=job_id, task_id=task_id, text=text)

        for job_id, key_id in diagnosis.sealed(self._store, LIMIT):
            text = f"the job is encrypted by key {key_id}, which is not given here"
            yield Finding(kind="sealed", job_id=job_id, task_id=None, text=text)

    def _lists(self) -> Iterator[Finding]:
        for job_id, pool, state in diagnosis.idle_entries(self._store, LIMIT):
            text = f"a place in the list of {pool} for a job that is {state or 'gone'}"
            yield Finding(kind="waiting-entry", job_id=job_id, task_id=None, text=text)
        for job_id, pool, admitted in diagnosis.wrong_admissions(self._store, LIMIT):
            text = f"{'admitted' if admitted else 'not admitted'} to {pool}, its job says otherwise"
            yield Finding(kind="admission", job_id=job_id, task_id=None, text=text)
        for job_id, pool in diagnosis.idle_slots(self._store, LIMIT):
            text = f"the job is over and gone, and holds its slot of {pool}"
            yield Finding(kind="slot", job_id=job_id, task_id=None, text=text)
        for what, owner, task_id in diagnosis.overdue(self._store, self._late(), LIMIT):
            yield Finding(kind="overdue", job_id=owner, task_id=task_id, text=f"{what} is late")

    def _alone(self) -> Iterator[Finding]:
        for task_id, blocked in diagnosis.waiting_alone(self._store, LIMIT):
            text = "all that the task waits for is complete"
            if blocked is not None:
                text = f"the task waits for {blocked}, which failed, was cancelled or is gone"
            yield Finding(
                kind="waiting-alone",
                job_id=None,
                task_id=task_id,
                text=text,
                needs_person=blocked is not None,
            )

    def _tallies(self) -> Iterator[Finding]:
        for dialect, said, real in diagnosis.job_tallies(self._store):
            text = f"lists count {said} jobs of {dialect or 'no dialect'}, and there are {real}"
            yield Finding(kind="job-tally", job_id=None, task_id=None, text=text)

    def _words(self) -> Iterator[Finding]:
        """Compare the words of the newest jobs, and how many jobs there are words of."""
        with self._store.snapshot():
            for job_id in diagnosis.wrong_words(self._store, NEWEST):
                text = "the job is not found by its own words"
                yield Finding(kind="job-words", job_id=job_id, task_id=None, text=text)
            if surplus := diagnosis.surplus_words(self._store):
                text = f"there are words of {surplus:+d} jobs more than there are jobs"
                yield Finding(kind="job-words", job_id=None, task_id=None, text=text)

    def _attempts(self) -> Iterator[Finding]:
        """Walk all of history, a page and a snapshot at a time: it has no index by state."""
        after = (0, 0)
        while True:
            with self._store.snapshot():
                last, found = diagnosis.attempts_without_lease(self._store, after, PAGE)
            for job_id, task_id, number in found:
                text = f"attempt {number} is open, and the task is not held by it"
                yield Finding(
                    kind="attempt-without-lease", job_id=job_id, task_id=task_id, text=text
                )
            if last is None:
                return
            after = last

    def _late(self) -> Instant:
        return self._clock.now() - seconds(GRACE_S)
