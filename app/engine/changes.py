"""Changes of a job that goes on: wishes of its users, and tasks that others than holders end."""

from dataclasses import replace

from app.data import jobs, tasks
from app.domain.errors import IllegalMove, PluginFailed, Rejected
from app.domain.records import Job, Json
from app.domain.states import JobState, TaskState
from app.engine.closing import end_task
from app.engine.courses import Courses
from app.engine.transaction import Moved, Transactions, retried

_OPEN = (JobState.SCHEDULED, JobState.RUNNING)


class Changes:
    """What users want of jobs beside their end."""

    def __init__(self, transactions: Transactions, courses: Courses) -> None:
        self._tx = transactions
        self._store = transactions.store
        self._courses = courses

    def ask(self, job_id: str, wish: Json) -> Job:
        """Ask a job's interface what follows from a wish, and do it; give the job as it is then.

        Raises Rejected for a wish that it refuses, IllegalMove for a job that has not begun or is
        over, PluginFailed, JobNotFound.
        """
        return retried(self._store, lambda: self._ask(job_id, wish))

    def _ask(self, job_id: str, wish: Json) -> Job:
        with self._store.session():
            job = jobs.get(self._store, job_id)
            if job.state not in _OPEN:
                raise IllegalMove(current=job.state, wanted="changed")
            try:
                course = self._courses.change(job, wish)
            except ValueError as refusal:
                raise Rejected(str(refusal)) from refusal
            with self._tx() as tx:
                return self._courses.apply(tx, job, course)

    def end(self, task_id: int, *, error: str | None = None, number: int | None = None) -> bool:
        """End an open task of a job for who does not hold it, with all that follows.

        error: makes it FAILED, without one it is COMPLETED; whoever works on it is stopped.
        number: only while it is handed out so often. False when it, or its job, is over.
        Raises TaskNotFound.
        """
        return retried(self._store, lambda: self._end(task_id, error, number))

    def _end(self, task_id: int, error: str | None, number: int | None) -> bool:
        with self._store.session():
            task = tasks.get(self._store, task_id)
            if task.job_id is None:
                raise PluginFailed("the task belongs to no job")
            job = jobs.get(self._store, task.job_id)
            if task.state.final or job.state.final or number not in (None, task.number):
                return False
            state = TaskState.COMPLETED if error is None else TaskState.FAILED
            ended = replace(task, state=state, error=error)
            course = self._courses.follow(job, [ended])
            with self._tx() as tx:

                def end_it() -> None:
                    if tasks.get(self._store, task_id).number != task.number:
                        raise Moved
                    end_task(self._store, tx, task_id, state=state, error=error, now=tx.now)

                self._courses.apply(tx, job, course, end_tasks=end_it)
        return True
