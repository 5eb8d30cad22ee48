"""Random sequences of verbs keep the invariants of the engine.

A job's interface here is a small machine of its own: what `advance` gives is drawn from the task's
payload, so that the same history gives the same answers. After every step the rows are compared
with what the rules allow; every move of a state is checked against the table of legal moves.
"""

from contextlib import suppress
from unittest import mock

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from app.data import jobs as job_rows
from app.domain.errors import (
    EntryNotFound,
    IllegalMove,
    LeaseLost,
    TaskNotFound,
    WorkerNotActive,
)
from app.domain.states import ATTEMPT_MOVES, JOB_MOVES, LEASED_TASK, TASK_MOVES, TaskState
from app.engine import courses, jobs
from app.engine.prune import Retention
from app.engine.tasks import NewWork
from app.hooks import Advance, TaskEnd, TaskSpec
from app.testing import FakeClock, ScriptedJob, make_engine, new_worker, submit
from tests.fuzzing import examples

pytestmark = pytest.mark.property

QUEUE = "demo/default"
KEEP = Retention(jobs_s=10**6, events_s=100)
WORK = {"max_attempts": 2, "max_losses": 1, "lease_s": 60.0}


def a_task(name, **words):
    return TaskSpec(**{"name": name, **WORK, **words})


PLANS = {
    "one": [a_task("a")],
    "chain": [a_task("a"), a_task("b", after=("a",)), a_task("c", after=("a", "b"))],
    "later": [a_task("a", delay_s=30, retry_delay_s=5), a_task("b", state="SKIPPED")],
    "whole": [
        TaskSpec(
            name="w",
            kind="composite",
            children=(a_task("x"), a_task("y", held=True), a_task("z", after=("x",))),
        ),
        a_task("after", after=("w",)),
    ],
    "waiting whole": [
        a_task("first"),
        TaskSpec(
            name="w",
            kind="composite",
            after=("first",),
            children=(
                a_task("x"),
                TaskSpec(name="inner", kind="composite", children=(a_task("deep"),)),
            ),
        ),
    ],
    "services": [
        a_task("core", service=True),
        a_task("hmi", service=True, after_ready=("core",)),
        a_task("user", after_ready=("core", "hmi")),
    ],
    "service and more": [
        a_task("first"),
        a_task("late", service=True, after=("first",)),
        a_task("last", after=("first",), after_ready=("late",)),
    ],
    "grows": [a_task("seed", payload={"grow": 2})],
}


def plan(job):
    return PLANS[job.spec["plan"]]


def advance(job, task):
    """End composites with their last child, release what is held, and grow new tasks."""
    if task.state == "FAILED":
        return None
    if task.payload.get("grow"):
        return [a_task("more", payload={"grow": task.payload["grow"] - 1}) for _ in range(2)]
    if task.parent is not None:
        if task.parent.children_open == 0:
            return Advance(ends=[TaskEnd(task_id=task.parent.id)])
        return Advance(release={task.parent.id: 1})
    return None


class Verbs(RuleBasedStateMachine):
    """Clients, workers, operators and the ticker, in any order."""

    def __init__(self):
        super().__init__()
        # Nearly every job is a large one then, whose tasks are cancelled and deleted in batches.
        self.batches = [
            mock.patch.object(module, "CLOSED_AT_ONCE", 2) for module in (courses, jobs)
        ]
        for patch in self.batches:
            patch.start()
        self.clock = FakeClock()
        self.context = make_engine(ScriptedJob(plan, advance), clock=self.clock, retention=KEEP)
        self.engine = self.context.__enter__()
        self.workers = [new_worker(self.engine, name=name) for name in "ab"]
        self.jobs = []
        self.leases = []
        self.seen = {"job": {}, "task": {}, "attempt": {}}
        self.passed = []
        self.began = {}

    def teardown(self):
        try:
            self.finish()
        finally:
            self.context.__exit__(None, None, None)
            for patch in self.batches:
                patch.stop()

    # -- clients --------------------------------------------------------------------------------

    @rule(
        name=st.sampled_from(sorted(PLANS)),
        pool=st.sampled_from([None, "p", "q"]),
        idle_s=st.sampled_from([None, None, 30]),
    )
    def submit(self, name, pool, idle_s):
        limit = {None: None, "p": 1, "q": 2}[pool]
        job = submit(self.engine, spec={"plan": name}, pool=pool, max_running=limit, idle_s=idle_s)
        self.jobs.append(job.id)

    @rule(verifications=st.integers(1, 2), priority=st.integers(0, 2))
    def add(self, verifications, priority):
        self.engine.tasks.add(
            [
                NewWork(
                    queue=QUEUE,
                    name="loose",
                    priority=priority,
                    verifications=verifications,
                    max_attempts=2,
                    lease_s=60,
                )
            ]
        )

    @precondition(lambda self: self.jobs)
    @rule(data=st.data(), verb=st.sampled_from(["cancel", "restart", "delete"]))
    def change(self, data, verb):
        job_id = data.draw(st.sampled_from(self.jobs))
        try:
            getattr(self.engine.jobs, verb)(job_id)
        except IllegalMove:
            self.refused(job_id, verb)
        else:
            if verb == "delete":
                self.jobs.remove(job_id)

    def refused(self, job_id, verb):
        job = self.engine.jobs.get(job_id)
        final = job.state.final
        if verb == "restart":
            assert not final or job.pool or job.state == "COMPLETED"
        else:
            assert final is (verb == "cancel")

    @precondition(lambda self: self.jobs)
    @rule(data=st.data())
    def touch(self, data):
        with suppress(EntryNotFound):
            self.engine.idle.touch(data.draw(st.sampled_from(self.jobs)))

    # -- workers --------------------------------------------------------------------------------

    @rule(who=st.integers(0, 1), limit=st.integers(1, 3), start=st.booleans())
    def claim(self, who, limit, start):
        claimed = self.engine.claims.claim(self.workers[who], QUEUE, limit=limit, start=start)
        self.leases += [task.lease for task in claimed]

    @rule(who=st.integers(0, 1))
    def leave(self, who):
        """A worker goes for good; its tasks are handed out again, and another takes its seat."""
        gone = self.workers[who]
        self.engine.workers.leave(gone)
        assert self.engine.attempts.held(gone) == {}
        with pytest.raises(WorkerNotActive):
            self.engine.claims.claim(gone, QUEUE)
        self.workers[who] = new_worker(self.engine)

    @precondition(lambda self: self.leases)
    @rule(
        data=st.data(),
        verb=st.sampled_from(
            ["started", "complete", "complete", "ready", "ready", "fail", "release", "gone"]
        ),
    )
    def report(self, data, verb):
        """Any hand-out there ever was: most reports are stale, and those change nothing."""
        lease = data.draw(st.sampled_from(self.leases))
        try:
            task = self.engine.tasks.get(lease.task_id)
        except TaskNotFound:
            task = None
        live = task is not None and task.number == lease.number and task.state in LEASED_TASK
        call = {
            "started": lambda: self.engine.attempts.started(lease),
            "complete": lambda: self.engine.attempts.complete(lease, verification=1),
            "ready": lambda: self.engine.services.ready(lease, {"port": "127.0.0.1:1"}),
            "fail": lambda: self.engine.attempts.fail(lease, "no"),
            "release": lambda: self.engine.attempts.release(lease, delay_s=3),
            "gone": lambda: self.engine.attempts.gone(lease),
        }[verb]
        try:
            call()
            assert live or verb == "gone"
        except LeaseLost:
            assert not live or (verb == "ready" and not task.service)
            assert task is None or self.engine.tasks.get(lease.task_id) == task

    # -- operators and the ticker ---------------------------------------------------------------

    @precondition(lambda self: self.jobs)
    @rule(data=st.data(), hold=st.booleans())
    def hold(self, data, hold):
        tasks = self.engine.jobs.tasks(data.draw(st.sampled_from(self.jobs)))
        task = data.draw(st.sampled_from(tasks)) if tasks else None
        if task is None or task.kind == "composite":
            return
        try:
            (self.engine.tasks.hold if hold else self.engine.tasks.let_go)(task.id)
        except IllegalMove:
            allowed = {TaskState.CREATED, TaskState.QUEUED} if hold else {TaskState.HELD}
            assert task.state not in allowed

    @rule(seconds=st.sampled_from([0, 1, 10, 61]))
    def tick(self, seconds):
        now = self.clock.advance(seconds)
        engine = self.engine
        for duty in (
            engine.rescue,
            engine.due,
            engine.waiting,
            engine.idle,
            engine.subjobs,
            engine.prune,
        ):
            duty.run_once(now)

    # -- what always holds ----------------------------------------------------------------------

    @invariant()
    def the_doctor_finds_nothing(self):
        """Counters, leases, places and slots agree, and no job is stuck."""
        # By the next tick: a slot whose processes are gone is freed, a large failed job closed.
        passing = {"slot"}
        found = self.engine.doctor.examine(pause_s=0)
        with self.engine.store.session():
            closing = set(job_rows.closing(self.engine.store, 1000))
        wrong = [one for one in found if one.kind not in passing and not one.needs_person]
        assert [
            one for one in wrong if one.kind != "orphan-task" or one.job_id not in closing
        ] == []

    @invariant()
    def only_legal_moves_are_made(self):
        store = self.engine.store
        rows = {
            "job": ("SELECT id, state FROM job", JOB_MOVES),
            "task": ("SELECT id, state FROM task", TASK_MOVES),
            "attempt": ("SELECT task_id || '-' || number, state FROM attempt", ATTEMPT_MOVES),
        }
        with store.session():
            for noun, (sql, moves) in rows.items():
                for key, state in store.run(sql).fetchall():
                    before = self.seen[noun].get(key, state)
                    assert before == state or _reachable(moves, before, state), (
                        noun,
                        before,
                        state,
                    )
                    self.seen[noun][key] = state

    @invariant()
    def places_are_without_gaps_and_pools_not_overfull(self):
        for pool, limit in (("p", 1), ("q", 2)):
            entries = self.engine.waiting.entries(pool)
            assert [entry.position for entry in entries] == list(range(len(entries)))
            with self.engine.store.session():
                held = self.engine.store.run(
                    "SELECT COUNT(*) FROM job WHERE pool = ? AND holds_slot = 1", (pool,)
                ).fetchone()[0]
            assert held <= limit

    @invariant()
    def nothing_of_a_job_that_is_over_is_handed_out(self):
        with self.engine.store.session():
            rows = self.engine.store.run(
                "SELECT t.id FROM task t JOIN job j ON j.id = t.job_id"
                " WHERE j.ended_at IS NOT NULL AND t.state IN ('LEASED', 'RUNNING')"
            ).fetchall()
        assert rows == []

    @invariant()
    def what_needs_a_service_begins_only_while_that_is_ready(self):
        with self.engine.store.session():
            rows = self.engine.store.run(
                "SELECT t.id FROM task t JOIN task_need n ON n.task_id = t.id"
                " JOIN task s ON s.id = n.needs_id WHERE s.addresses = ''"
                " AND s.state <> 'COMPLETED' AND n.ready IS NOT NULL"
                " AND t.state IN ('QUEUED', 'LEASED', 'RUNNING')"
            ).fetchall()
        assert rows == []

    @invariant()
    def a_job_begins_to_run_with_all_its_services_ready(self):
        store = self.engine.store
        with store.session():
            for job_id, state, unready in store.run(
                "SELECT id, state, unready FROM job WHERE unready IS NOT NULL"
            ).fetchall():
                before = self.began.get(job_id)
                self.began[job_id] = state
                if before == "SCHEDULED" and state == "RUNNING":
                    assert unready == 0

    @invariant()
    def a_slot_is_taken_while_anything_of_its_job_runs(self):
        with self.engine.store.session():
            rows = self.engine.store.run(
                "SELECT j.id FROM job j WHERE j.pool IS NOT NULL AND j.holds_slot = 0 AND EXISTS"
                " (SELECT 1 FROM task t WHERE t.job_id = j.id AND t.leased_until IS NOT NULL)"
            ).fetchall()
        assert rows == []

    def finish(self):
        """Whatever happened: honest workers and a ticker bring every job to its end."""
        for job_id in self.jobs:
            for task in self.engine.jobs.tasks(job_id):
                if task.state is TaskState.HELD:
                    self.engine.tasks.let_go(task.id)
        for _ in range(400):
            if not self.engine.jobs.counts("demo"):
                return
            self.tick(61)
            for worker in self.workers:
                for claim in (self.engine.claims.claim_lone, self.engine.claims.claim):
                    for task in claim(worker, QUEUE, limit=50):
                        self.engine.attempts.complete(task.lease, verification=1)
        raise AssertionError(f"not over: {self.engine.doctor.examine(pause_s=0)}")


def _reachable(moves, before, after):
    """One verb may make several moves; no state between them is seen."""
    known = {before}
    for _ in range(4):
        known |= {wanted for current, wanted in moves if current in known}
        if after in known:
            return True
    return False


TestVerbs = Verbs.TestCase
TestVerbs.settings = examples(40, stateful_step_count=25)
