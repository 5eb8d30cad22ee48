"""From claim to report, where the database or a plugin is not as it should be."""

from types import SimpleNamespace

import pytest

from app.domain.errors import Rejected, StoreUnavailable
from app.domain.states import JobState
from app.hooks.manager import PluginManager
from app.hooks.types import Command, Step, TaskSpec, WorkerView
from app.testing import ScriptedJob, make_engine, new_worker, submit
from app.worker.runtimes.base import Outcome
from app.worker.shipping import Shipper
from app.worker.work import Bench, Work

QUEUE = "demo/default"


class Bound(ScriptedJob):
    """A job of one task that succeeds."""

    def bind(self, task, worker):
        return Command(runtime="fake", main=Step(run="true"))


class Fake:
    """A runtime in which everything succeeds; it counts the runs."""

    name = "fake"

    def __init__(self):
        self.runs = 0

    def available(self):
        return None

    def run(self, command, workspace, watch):
        self.runs += 1
        return Outcome(result="fine")


@pytest.fixture
def yard():
    """Give an engine with one claimed task, and what a daemon would do it with."""
    interface = Bound(plan=[TaskSpec(name="a", queue="default")])
    with make_engine(interface) as engine:
        job = submit(engine)
        (task,) = engine.claims.claim(new_worker(engine), QUEUE, start=True)
        runtime = Fake()
        bench = Bench(
            engine=engine,
            plugins=PluginManager.holding(interface),
            runtimes={"fake": runtime},
            shipper=Shipper(engine.logs),
            worker=WorkerView(name="w", hostname="h", system="Linux"),
            policies={},
        )
        yield SimpleNamespace(engine=engine, job=job, runtime=runtime, work=Work(bench, task))


def failing(verb, *errors):
    """Give a verb that raises these errors at its first calls."""
    left = list(errors)

    def called(*words, **named):
        if left:
            raise left.pop(0)
        return verb(*words, **named)

    return called


def test_database_that_is_away_before_the_start_does_not_fail_the_task(yard, monkeypatch):
    away = failing(yard.engine.jobs.get, StoreUnavailable(), StoreUnavailable())
    monkeypatch.setattr(yard.engine.jobs, "get", away)
    yard.work.run()
    assert yard.runtime.runs == 1
    assert yard.engine.jobs.get(yard.job.id).state is JobState.COMPLETED


def test_end_that_the_database_refuses_is_not_reported_for_ever(yard, monkeypatch):
    refused = failing(yard.engine.attempts.complete, *[Rejected()] * 1000)
    monkeypatch.setattr(yard.engine.attempts, "complete", refused)
    yard.work.run()
    job = yard.engine.jobs.get(yard.job.id)
    assert (job.state, job.error) == (JobState.FAILED, "internal error of the worker")


def test_report_whose_answer_was_lost_counts_once(yard, monkeypatch):
    complete = yard.engine.attempts.complete
    lost = [StoreUnavailable()]

    def answer_lost(*words, **named):
        done = complete(*words, **named)
        if lost:
            raise lost.pop()
        return done

    monkeypatch.setattr(yard.engine.attempts, "complete", answer_lost)
    yard.work.run()
    job = yard.engine.jobs.get(yard.job.id)
    assert (job.state, job.error) == (JobState.COMPLETED, None)
