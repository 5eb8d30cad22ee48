"""Jobs that a task started: the duty that starts them, ends their task, and lets none go astray.

It is rung for at once by whatever makes it necessary, and looks once a second all the same.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from app.data import jobs, tasks
from app.domain.clock import Instant
from app.domain.errors import IllegalMove, JobNotFound, TaskNotFound
from app.domain.records import Job
from app.domain.states import JobState, TaskState
from app.engine.courses import Courses
from app.engine.jobs import Jobs
from app.engine.rounds import each
from app.engine.transaction import Moved, Transactions, retried

BATCH = 500


class SubJobs:
    """What passes between a job and the jobs its tasks started."""

    def __init__(self, transactions: Transactions, courses: Courses, all_jobs: Jobs) -> None:
        self._tx = transactions
        self._store = transactions.store
        self._courses = courses
        self._jobs = all_jobs

    def run_once(self, now: Instant) -> int:
        """Start new ones, hand the ends of others to their tasks, cancel orphans; how many."""
        del now
        started = self._each(jobs.unstarted, self._jobs.start)
        return started + self._close() + self._let_go() + self._settle() + self._adopt()

    def _close(self) -> int:
        """Cancel what is left of large jobs that are over."""
        with self._store.session():
            found = jobs.closing(self._store, BATCH)
        return each(found, self._jobs.close_rest)

    def _adopt(self) -> int:
        return self._each(jobs.orphans, self._jobs.cancel)

    def _each(self, find: Callable[..., list[str]], verb: Callable[[str], Job]) -> int:
        with self._store.session():
            found = find(self._store, BATCH)

        def one(job_id: str) -> int:
            with suppress(IllegalMove, JobNotFound):
                verb(job_id)
                return 1
            return 0

        return each(found, one)

    def _settle(self) -> int:
        with self._store.session():
            found = jobs.ended_children(self._store, BATCH)
        return each(found, lambda ids: self._settle_one(*ids))

    def _settle_one(self, child_id: str, task_id: int, parent_id: str) -> int:
        with suppress(IllegalMove, JobNotFound, TaskNotFound):
            child = self._jobs.get(child_id)
            if child.state is JobState.CANCELLED:
                # Somebody did not want it; what waits for it cannot go on.
                self._jobs.cancel(parent_id)
            else:
                self._end_task(child, task_id, parent_id)
        return 1

    def _let_go(self) -> int:
        """End the tasks that do not wait for the job they started."""
        with self._store.session():
            found = jobs.let_go(self._store, BATCH)

        def one(ids: tuple[int, str]) -> int:
            with suppress(IllegalMove, JobNotFound, TaskNotFound):
                self._end_task(None, *ids)
            return 1

        return each(found, one)

    def _end_task(self, child: Job | None, task_id: int, parent_id: str) -> None:
        """child: the job that the task waited for, None where it waited for none."""

        def verb() -> None:
            with self._store.session():
                self._try_end_task(child, task_id, parent_id)

        retried(self._store, verb)

    def _try_end_task(self, child: Job | None, task_id: int, parent_id: str) -> None:
        good = child is None or child.state is JobState.COMPLETED
        job = jobs.get(self._store, parent_id)
        task = tasks.get(self._store, task_id)
        if task.state is not TaskState.RUNNING or job.state.final:
            return
        ended = replace(
            task,
            state=TaskState.COMPLETED if good else TaskState.FAILED,
            result=child.result if child and good else None,
            error=child.error if child and not good else None,
        )
        course = self._courses.follow(job, [ended])
        with self._tx() as tx:

            def end_task() -> None:
                if not tasks.end_composite(
                    self._store,
                    task_id,
                    state=ended.state,
                    result=ended.result,
                    error=ended.error,
                    now=tx.now,
                ):
                    raise Moved

            self._courses.apply(tx, job, course, end_tasks=end_task)
