"""Ends of one job that come together: one commit, decided one upon the other."""

import threading

import pytest

from app.domain.errors import LeaseLost
from app.domain.states import JobState
from app.hooks import Advance, Fail, TaskEnd, TaskSpec
from app.testing import submit
from tests.yard import eventually

QUEUE = "demo/default"
COUNT = 8


class Crowd:
    """Ends tasks while the first decision waits for all the others to be in line."""

    def __init__(self, engine, scripted, advance):
        self.engine = engine
        self.job_id = ""
        self.told = {}
        self._advance = advance
        self._asked = threading.Event()
        self._all_there = threading.Event()
        scripted.on_advance = self._decide

    def _decide(self, job, task):
        if not self._asked.is_set():
            self._asked.set()
            assert self._all_there.wait(90)
        return self._advance(job, task)

    def end(self, leases):
        threads = [
            threading.Thread(target=self._end, args=(number, lease))
            for number, lease in enumerate(leases)
        ]
        threads[0].start()
        assert self._asked.wait(90)
        for thread in threads[1:]:
            thread.start()
        line = self.engine.attempts._ends._batches._lines[self.job_id]
        eventually(lambda: len(line) == len(leases) - 1, "all in line")
        self._all_there.set()
        for thread in threads:
            thread.join(90)

    def _end(self, number, lease):
        try:
            self.told[number] = self.engine.attempts.complete(lease, result=f"r{number}")
        except LeaseLost:
            self.told[number] = LeaseLost


@pytest.fixture
def crowd(engine, scripted, worker):
    def make(advance):
        children = tuple(TaskSpec(name=f"c{n}") for n in range(COUNT))
        scripted.on_plan = [TaskSpec(name="all", kind="composite", children=children)]
        made = Crowd(engine, scripted, advance)
        made.job_id = submit(engine).id
        claimed = engine.claims.claim(worker, QUEUE, limit=COUNT, start=True)
        return made, [task.lease for task in claimed]

    return make


def over_with_the_last(job, task):
    if task.parent is None:
        return None
    if task.parent.children_open == 0:
        return Advance(ends=[TaskEnd(task_id=task.parent.id)])
    return Advance(state={"seen": [*job.state.get("seen", []), task.result]})


def states(engine, job_id):
    return [task.state for task in engine.jobs.tasks(job_id)]


def test_those_that_come_together_are_one_commit(engine, crowd):
    made, leases = crowd(over_with_the_last)
    before = engine.jobs.get(made.job_id)
    made.end(leases)
    job = engine.jobs.get(made.job_id)
    assert (job.state, job.tasks_open, job.version) == (
        JobState.COMPLETED, 0, before.version + 2,
    )  # fmt: skip
    # Each decision saw what the one before it remembered.
    assert len(job.state_data["seen"]) == COUNT - 1
    assert set(made.told.values()) == {True}
    assert set(states(engine, made.job_id)) == {"COMPLETED"}
    assert all(engine.attempts.history(lease.task_id)[0].state == "DONE" for lease in leases)


def test_one_that_does_not_count_harms_no_other(engine, crowd):
    made, leases = crowd(over_with_the_last)
    made.end([*leases, leases[-1]])  # two reports of one lease
    assert engine.jobs.get(made.job_id).state is JobState.COMPLETED
    assert sorted(map(str, made.told.values())) == [str(LeaseLost)] + ["True"] * COUNT


def test_who_comes_behind_the_end_of_the_job_does_not_count(engine, crowd):
    made, leases = crowd(lambda job, task: Advance(end=Fail("enough")))
    made.end(leases)
    job = engine.jobs.get(made.job_id)
    assert (job.state, job.error, job.tasks_failed) == (JobState.FAILED, "enough", 0)
    assert list(made.told.values()).count(True) == 1
    assert sorted(states(engine, made.job_id)) == ["CANCELLED"] * COUNT + ["COMPLETED"]


def test_a_fault_in_the_midst_is_met_alone(engine, crowd, monkeypatch):
    """The others are stored, and he whose fault it is hears of it."""
    made, leases = crowd(over_with_the_last)
    courses = engine.attempts._ends._courses
    follow = courses.follow

    def fragile(job, ended):
        if len(ended) > 1 and any(task.result == "r3" for task in ended):
            raise RuntimeError("r3")
        return follow(job, ended)

    monkeypatch.setattr(courses, "follow", fragile)
    made.end(leases)
    assert engine.jobs.get(made.job_id).state is JobState.COMPLETED
    assert set(made.told.values()) == {True}


def test_a_job_whose_start_was_not_noted_starts_with_its_first_end(engine, scripted, worker):
    """A claim cannot wait for the row of the job; the only task may be over before it could."""
    scripted.on_plan = [TaskSpec(name="only")]
    job = submit(engine)
    [task] = engine.claims.claim(worker, QUEUE, start=False)
    with engine.store.transaction():
        engine.store.run(
            "UPDATE task SET state = 'RUNNING', started_at = 1 WHERE id = ?", (task.task_id,)
        )
    engine.attempts.complete(task.lease)
    after = engine.jobs.get(job.id)
    assert (after.state, after.started_at is None) == (JobState.COMPLETED, False)

    def noted():
        return [event.kind for event in engine.events.after("") if event.job_id == job.id]

    # PostgreSQL shows them when nothing is open that is older.
    eventually(lambda: "job.completed" in noted(), "the events")
    assert noted()[-3:] == ["job.started", "task.completed", "job.completed"]
