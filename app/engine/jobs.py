"""Verbs on jobs: submit, start, read, cancel, restart, delete."""

import contextlib
import uuid
from collections.abc import Callable
from dataclasses import replace

from app.data import audience, finder, idle, jobs, leases, logs, tasks, waiting
from app.data.db import Store
from app.domain.clock import Instant, seconds
from app.domain.errors import (
    IllegalMove,
    JobNotFound,
    NoCapacity,
    PluginFailed,
    Unavailable,
    UnknownJobType,
)
from app.domain.events import EventKind
from app.domain.records import Job, JobFilter, Json, Page, Task
from app.domain.states import JobState
from app.domain.submission import Submission
from app.engine.courses import CLOSED_AT_ONCE, Courses, pool_topic
from app.engine.decisions import Course, Plugins
from app.engine.rounds import each
from app.engine.transaction import Moved, Transaction, Transactions, retried
from app.hooks.types import Fail

MAX_TASKS_SHOWN = 20_000
LATER_BATCH = 500
OUTPUT_BATCH = 1000
"""Parts of output deleted in one transaction."""


class Jobs:
    """What clients ask for, from submit to delete."""

    def __init__(
        self,
        transactions: Transactions,
        courses: Courses,
        plugins: Plugins,
        log_store: Store,
    ) -> None:
        self._tx = transactions
        self._store = transactions.store
        self._courses = courses
        self._plugins = plugins
        self._logs = log_store

    # -- in -----------------------------------------------------------------------------------

    def submit(self, wanted: Submission, *, within: Callable[[], None] | None = None) -> Job:
        """Store a job and start it, or put it into its pool's list; one transaction.

        Gives the job as it was accepted: PENDING, or WAITING with a place in the list. What its
        start did stands in the store. A job whose interface fails at the start is stored FAILED.
        within: called first in that transaction, for rows that belong to the job; what it raises
        undoes all. Raises UnknownJobType; AlreadyExists when `unique_key` or the firing is taken;
        then nothing is stored. Raises NoCapacity for one that may not wait.
        """
        return self.submit_all([wanted], within=within)[0]

    def submit_all(
        self, wanted: list[Submission], *, within: Callable[[], None] | None = None
    ) -> list[Job]:
        """Store and start several jobs in one transaction: all of them, or none."""
        for submission in wanted:
            if submission.type not in self._plugins.interfaces:
                raise UnknownJobType(f"unknown job type {submission.type}", name=submission.type)
        now = self._tx.clock.now()
        # A plan is a pure function of the job, so that of a fresh one needs no snapshot.
        planned = [self._planned(self._accepted(submission, now)) for submission in wanted]
        with self._tx() as tx:
            if within is not None:
                within()
            return [
                self._store_new(tx, job, submission, plan)
                for (job, plan), submission in zip(planned, wanted, strict=True)
            ]

    def _accepted(self, wanted: Submission, now: Instant) -> Job:
        interface = self._plugins.interfaces[wanted.type]
        pool = wanted.pool
        if pool is None and interface.max_running is not None:
            pool = f"type/{wanted.type}"
        return Job(
            id=wanted.id or uuid.uuid4().hex,
            dialect=wanted.dialect,
            type=wanted.type,
            name=wanted.name,
            description=wanted.description,
            state=JobState.PENDING,
            version=0,
            spec=wanted.spec,
            tags=wanted.tags,
            task_count=wanted.task_count,
            priority=wanted.priority,
            created_by=wanted.created_by,
            parent_task_id=wanted.parent_task_id,
            group_id=wanted.group_id,
            schedule_id=wanted.schedule_id,
            fire_at=wanted.fire_at,
            pool=pool,
            created_at=now,
            start_at=wanted.start_at if (wanted.start_at or 0) > now else None,
        )

    def _planned(self, job: Job) -> tuple[Job, Course]:
        """Give a fresh job with its watches, and what it begins with."""
        try:
            watches = self._plugins.watches(self._plugins.interfaces[job.type], job.spec)
        except PluginFailed as error:
            return job, Course(end=Fail(str(error)))
        if watches:
            job = replace(job, watches=watches)
        # What runs later is planned then: the plugin may be another one.
        return job, Course() if job.start_at is not None else self._courses.begin(job)

    def _store_new(self, tx: Transaction, job: Job, wanted: Submission, plan: Course) -> Job:
        after = None if wanted.delete_after_s is None else seconds(wanted.delete_after_s)
        if wanted.audience:
            job = replace(job, audience_id=audience.of(self._store, wanted.audience))
        if job.pool is not None:
            self._open_pool(job, wanted)
        jobs.insert(self._store, job, unique_key=wanted.unique_key, delete_after_us=after)
        if wanted.idle_s is not None:
            warn_us = seconds(wanted.idle_warning_s)
            idle.insert(self._store, job.id, seconds(wanted.idle_s), warn_us=warn_us)
        if job.watched:
            tx.watch(job.id, job.watches)
        tx.note(EventKind.JOB_SUBMITTED, job.dialect, job_id=job.id, state=JobState.PENDING)
        if job.start_at is not None:
            return self._wait(tx, job)
        if job.pool is not None:
            admitted = self._slot_is_free(job.pool)
            if not admitted and not wanted.listed:
                raise NoCapacity(name=job.pool)
            self._join(tx, job, job.pool, admitted=admitted, listed=wanted.listed)
            if not admitted:
                return self._wait(tx, job)
        self._courses.apply(tx, job, plan, starts=True)
        return job

    def _join(
        self, tx: Transaction, job: Job, pool: str, *, admitted: bool, listed: bool = True
    ) -> None:
        if listed:
            waiting.join(self._store, pool, job.id, admitted=admitted, now=tx.now)
        tx.ring(pool_topic(pool))
        if admitted:
            jobs.hold_slot(self._store, job.id, held=True)

    def _open_pool(self, job: Job, wanted: Submission) -> None:
        interface = self._plugins.interfaces[job.type]
        limit = wanted.max_running if wanted.pool is not None else interface.max_running
        if job.pool is not None and limit is not None:
            waiting.set_limit(self._store, job.pool, limit)

    def _slot_is_free(self, pool: str) -> bool:
        """Whether the next one to come may start now; locks the pool until the commit."""
        limit = waiting.lock(self._store, pool)
        if limit is None:
            return True
        return waiting.head(self._store, pool) is None and (
            waiting.slots_held(self._store, pool) < limit
        )

    def _wait(self, tx: Transaction, job: Job) -> Job:
        after = replace(job, state=JobState.WAITING)
        if not jobs.move(
            self._store, after, version=job.version, tasks_created=0, tasks_failed=0, now=tx.now
        ):
            raise Moved
        tx.note(EventKind.JOB_WAITING, job.dialect, job_id=job.id, state=after.state, pool=job.pool)
        return replace(after, version=job.version + 1)

    def start(self, job_id: str) -> Job:
        """Start a job that is PENDING, or WAITING for a slot that is free by now.

        Raises IllegalMove when it has started or must still wait, JobNotFound.
        """
        return retried(self._store, lambda: self._start(job_id))

    def _start(self, job_id: str) -> Job:
        job = self.get(job_id)
        if job.state not in (JobState.PENDING, JobState.WAITING):
            raise IllegalMove(current=job.state, wanted=JobState.SCHEDULED)
        course = self._courses.begin(job)
        with self._tx() as tx:
            if job.pool is not None:
                self._take_slot(job)
            return self._courses.apply(tx, job, course, starts=True)

    def start_due(self, now: Instant) -> int:
        """Start the jobs whose time has come, or put them into their pools' lists; how many."""
        with self._store.session():
            found = jobs.later(self._store, now, LATER_BATCH)
        return each(found, self._start_due)

    def _start_due(self, job_id: str) -> int:
        with contextlib.suppress(IllegalMove, JobNotFound):
            retried(self._store, lambda: self._start_later(job_id))
            return 1
        return 0

    def _start_later(self, job_id: str) -> None:
        job = self.get(job_id)
        if job.state is not JobState.WAITING or job.start_at is None:
            raise IllegalMove(current=job.state, wanted=JobState.SCHEDULED)
        course = self._courses.begin(job)
        with self._tx() as tx:
            admitted = job.pool is None or self._slot_is_free(job.pool)
            if not jobs.end_delay(self._store, job_id):
                raise Moved
            if job.pool is not None:
                self._join(tx, job, job.pool, admitted=admitted)
            if admitted:
                self._courses.apply(tx, job, course, starts=True)

    def _take_slot(self, job: Job) -> None:
        pool = job.pool or ""
        limit = waiting.lock(self._store, pool)
        if limit is not None and waiting.slots_held(self._store, pool) >= limit:
            raise IllegalMove(current=job.state, wanted=JobState.SCHEDULED)
        waiting.admit(self._store, job.id)
        jobs.hold_slot(self._store, job.id, held=True)

    # -- out ----------------------------------------------------------------------------------

    def get(self, job_id: str) -> Job:
        """Give a job. Raises JobNotFound."""
        with self._store.session():
            return jobs.get(self._store, job_id)

    def state(self, job_id: str) -> JobState:
        """Give a job's state alone. Raises JobNotFound."""
        with self._store.session():
            return jobs.glance(self._store, job_id).state

    def is_held(self, job_id: str) -> bool:
        """Tell whether a worker still has a process of the job, which may be over by then."""
        with self._store.session():
            return leases.job_is_held(self._store, job_id)

    def find(self, wanted: JobFilter, *, number: int = 1, size: int = 10) -> Page[Job]:
        """Give a page of jobs, newest first."""
        with self._store.session():
            items, total = finder.page(self._store, wanted, limit=size, offset=(number - 1) * size)
        return Page(items, number, size, total)

    def behind(
        self, wanted: JobFilter, key: tuple[Instant, str] | None = None, *, limit: int
    ) -> list[Job]:
        """Give jobs, newest first, from the one behind (`created_at`, `id`) of another on.

        Costs the same however far behind that is, unlike `find`; nothing is counted.
        """
        with self._store.session():
            return finder.behind(self._store, wanted, key, limit=limit)

    def tasks(self, job_id: str) -> list[Task]:
        """Give a job's tasks by position, then start (not started last), then creation."""
        with self._store.session():
            return tasks.of_job(self._store, job_id, limit=MAX_TASKS_SHOWN)

    def counts(self, dialect: str) -> dict[str, int]:
        """Give how many jobs of a dialect are in each state that is not final."""
        with self._store.session():
            return dict(jobs.counts(self._store, dialect))

    def running(self, dialect: str) -> int:
        """Count the running jobs of a dialect."""
        with self._store.session():
            return jobs.running(self._store, dialect)

    # -- change -------------------------------------------------------------------------------

    def change(self, job_id: str, spec: Json) -> Job:
        """Give a job that is WAITING other parameters; it keeps its place.

        spec: checked by the caller. Raises IllegalMove once it is no longer WAITING, JobNotFound,
        PluginFailed.
        """
        return retried(self._store, lambda: self._change(job_id, spec))

    def _change(self, job_id: str, spec: Json) -> Job:
        job = self.get(job_id)
        if job.state is not JobState.WAITING:
            raise IllegalMove(current=job.state, wanted="changed")
        interface = self._plugins.interfaces.get(job.type)
        if interface is None:
            raise PluginFailed(f"job type {job.type} is not installed")
        job = replace(job, spec=spec, watches=self._plugins.watches(interface, spec))
        # Its tasks are planned when it starts, so nothing else is made of the parameters yet.
        with self._tx() as tx:
            if not jobs.change(self._store, job):
                raise Moved
            if job.pool is not None:
                tx.ring(pool_topic(job.pool))
        return replace(job, version=job.version + 1)

    def cancel(self, job_id: str, *, reason: str | None = None) -> Job:
        """Cancel a job with all its tasks; leased ones are killed by their workers.

        Of several calls at the same time exactly one gets through. Raises IllegalMove when it is
        over, JobNotFound.
        Of very many tasks, and of the jobs that tasks started, the rest follows in transactions
        of their own; the ticker sees to it where this process cannot. None is handed out meanwhile.
        """
        job = retried(self._store, lambda: self._cancel(job_id, reason))
        if not self._store.in_transaction:
            with contextlib.suppress(Unavailable):
                self.close_rest(job_id)
                while children := self._children(job_id):
                    for child in children:
                        self._cancel_child(child)
        return job

    def close_rest(self, job_id: str) -> int:
        """Cancel the tasks that are left of a job that is over, in batches; give how many were."""
        batches = 0
        while retried(self._store, lambda: self._close_some(job_id)):
            batches += 1
        return batches

    def _close_some(self, job_id: str) -> bool:
        with self._tx() as tx:
            if not jobs.is_closing(self._store, job_id):
                return False
            if self._courses.close_some(tx, jobs.get(self._store, job_id)):
                jobs.end_closing(self._store, job_id)
        return True

    def _children(self, job_id: str) -> list[str]:
        with self._store.session():
            return jobs.orphans_of(self._store, job_id, CLOSED_AT_ONCE)

    def _cancel(self, job_id: str, reason: str | None) -> Job:
        with self._tx() as tx:
            job = jobs.get(self._store, job_id)
            if not jobs.cancel(self._store, job_id, tx.now, reason):
                current = jobs.get(self._store, job_id).state
                raise IllegalMove(current=current, wanted=JobState.CANCELLED)
            if job.watched:
                tx.watch(job_id, job.watches)
            tx.note(EventKind.JOB_CANCELLED, job.dialect, job_id=job_id, state=JobState.CANCELLED)
            self._courses.close(tx, job)
            return jobs.get(self._store, job_id)

    def _cancel_child(self, job_id: str) -> None:
        """Cancel a job whose starting task was just cancelled; another may be faster."""
        with contextlib.suppress(IllegalMove):
            self.cancel(job_id)

    def restart(self, job_id: str) -> Job:
        """Let a FAILED or CANCELLED job begin again at the step where it stopped.

        Raises IllegalMove when it is neither, or its pool has no free slot; JobNotFound.
        """
        self.close_rest(job_id)
        return retried(self._store, lambda: self._restart(job_id))

    def _restart(self, job_id: str) -> Job:
        job = self.get(job_id)
        if job.state not in (JobState.FAILED, JobState.CANCELLED):
            raise IllegalMove(current=job.state, wanted=JobState.RUNNING)
        job = replace(job, paused_at=None, archived=False)
        course = self._courses.begin(job)
        with self._tx() as tx:
            if job.pool is not None:
                self._take_slot(job)
            jobs.begin_anew(self._store, job_id)
            after = self._courses.apply(tx, job, course, starts=True)
            idle.clear(self._store, job_id)
            return after

    def archive(self, job_id: str, *, archived: bool = True) -> None:
        """Put a job that is over away, or fetch it back; a restart does that as well.

        Raises IllegalMove when it is not over, JobNotFound.
        """
        with self._tx():
            if not jobs.archive(self._store, job_id, archived=archived):
                current = jobs.get(self._store, job_id).state
                raise IllegalMove(current=current, wanted="archived")

    def delete(self, job_id: str) -> None:
        """Delete a job that is over, with its tasks and their output.

        Where processes of it are still to end, nobody sees it any more, and its slot stays taken
        until they are gone. Raises IllegalMove when it is not over, JobNotFound.
        """
        with self._store.session():
            self._over(job_id)
        # Before the job, since output without its job would stay where nobody looks for it.
        self._forget_output(job_id)
        while not self._store.in_transaction and self._delete_some(job_id):
            pass
        with self._tx() as tx:
            job = self._over(job_id, locked=True)
            if job.dialect:
                tx.note(EventKind.JOB_DELETED, job.dialect, job_id=job_id)
            if job.pool is None or not leases.job_is_held(self._store, job_id):
                jobs.delete(self._store, job_id)
            elif job.dialect:
                jobs.put_aside(self._store, job_id, f"gone/{uuid.uuid4().hex}", tx.now)
        self._forget_output(job_id)

    def forget_deleted(self, job_id: str) -> None:
        """Delete output that came after its job was deleted; for who has just stored some."""
        try:
            self.get(job_id)
        except JobNotFound:
            self._forget_output(job_id)

    def _forget_output(self, job_id: str) -> None:
        full = True
        while full:
            with self._logs.transaction():
                full = logs.delete_of_job(self._logs, job_id, OUTPUT_BATCH) == OUTPUT_BATCH

    def _delete_some(self, job_id: str) -> bool:
        """Delete a batch of tasks of a job that is over; True when there may be more."""
        with self._store.transaction():
            self._over(job_id, locked=True)
            deleted = tasks.delete_some(self._store, job_id, CLOSED_AT_ONCE)
        return deleted == CLOSED_AT_ONCE

    def _over(self, job_id: str, *, locked: bool = False) -> Job:
        if locked:  # before its tasks, as everywhere; nobody restarts it meanwhile
            jobs.lock(self._store, job_id)
        job = jobs.get(self._store, job_id)
        if not job.state.final:
            raise IllegalMove(current=job.state, wanted="deleted")
        return job

    def by_unique_key(self, dialect: str, key: str) -> Job:
        """Give the job that was submitted under a unique key. Raises JobNotFound."""
        with self._store.session():
            job = jobs.by_unique_key(self._store, dialect, key)
        if job is None:
            raise JobNotFound(job_id=key)
        return job
