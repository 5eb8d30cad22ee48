"""The daemon's loops: they outlive what they did not expect, and a stop waits for a claim."""

import threading
from types import SimpleNamespace

import pytest

from app.domain.states import JobState, TaskState
from app.hooks.manager import PluginManager
from app.hooks.types import Command, Step, TaskSpec
from app.testing import ScriptedJob, make_engine, submit
from app.worker import daemon as module
from app.worker.daemon import Daemon
from app.worker.policy import Policy
from app.worker.runtimes.base import Outcome
from tests.yard import eventually

QUEUE = "demo/default"
PATIENCE_S = 60.0


class Bound(ScriptedJob):
    """A job of one task that runs in the runtime of this test."""

    def bind(self, task, worker):
        return Command(runtime="fake", main=Step(run="true"))


class Fake:
    """A runtime whose tasks go on until they are cancelled, or at once are done."""

    name = "fake"

    def __init__(self, *, endless, missing=()):
        self.endless = endless
        self.missing = list(missing)

    def available(self):
        return self.missing[0] if self.missing else None

    def clean_up(self):
        return frozenset()

    def settle(self):
        return frozenset()

    def run(self, command, workspace, watch):
        if not self.endless:
            return Outcome(result="")
        watch.cancelled.wait(PATIENCE_S)
        return Outcome(error="cancelled", cancelled=True)


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Make an engine with one job, and a daemon for it that runs in a thread."""
    monkeypatch.setattr(module.processes, "become_subreaper", lambda: None)
    monkeypatch.setattr(module.processes, "reap_orphans", lambda: 0)
    interface = Bound(plan=[TaskSpec(name="a", queue="default")])
    with make_engine(interface) as engine:
        running = []

        def make(*, endless=False, missing=(), policies=None):
            worker = SimpleNamespace(
                work_dir=tmp_path / "work", name="w", queues={QUEUE: 1}, grace_s=0.0, renew_s=10.0
            )
            services = SimpleNamespace(
                engine=engine,
                plugins=PluginManager.holding(interface),
                settings=SimpleNamespace(worker=worker),
            )
            runtime = Fake(endless=endless, missing=missing)
            daemon = Daemon(services, lambda seat: [runtime], policies or {})
            daemon.runtime = runtime
            thread = threading.Thread(target=daemon.run)
            running.append((daemon, thread))
            return daemon, thread

        yield engine, make
        for daemon, thread in running:
            daemon.stop()
            thread.join(PATIENCE_S)


def test_loop_that_broke_down_goes_on(make, monkeypatch):
    engine, new = make
    claim = engine.claims.claim
    broken = []

    def once_broken(*words, **named):
        if not broken:
            broken.append(True)
            raise RuntimeError("nobody expected this")
        return claim(*words, **named)

    monkeypatch.setattr(engine.claims, "claim", once_broken)
    _, thread = new()
    thread.start()
    job = submit(engine)
    eventually(lambda: engine.jobs.get(job.id).state is JobState.COMPLETED, "the job done")
    assert broken


def test_stop_during_a_claim_hands_back_what_it_took(make, monkeypatch):
    engine, new = make
    claim = engine.claims.claim
    claimed, go_on = threading.Event(), threading.Event()

    def slow(*words, **named):
        found = claim(*words, **named)
        if found:
            claimed.set()
            go_on.wait(PATIENCE_S)
        return found

    monkeypatch.setattr(engine.claims, "claim", slow)
    leave = engine.workers.leave
    left = threading.Event()

    def leaving(worker_id, **words):
        left.set()
        return leave(worker_id, **words)

    monkeypatch.setattr(engine.workers, "leave", leaving)
    job = submit(engine)
    daemon, thread = new(endless=True)
    thread.start()
    assert claimed.wait(PATIENCE_S)
    daemon.stop()
    left.wait(0.3)  # what must not happen has no other sign
    go_on.set()
    thread.join(PATIENCE_S)
    (task,) = engine.jobs.tasks(job.id)
    # Given back in good order: it counts as no loss.
    assert (task.state, task.losses) == (TaskState.QUEUED, 0)


def status(engine):
    listed = engine.workers.listed()
    return listed[0].status if listed else None


def test_worker_is_down_while_the_runtime_it_must_have_does_not_answer(make, monkeypatch):
    monkeypatch.setattr(module, "SWEEP_S", 0.01)
    monkeypatch.setattr(module, "HEARTBEAT_S", 0.01)
    engine, new = make
    daemon, thread = new(missing=["no engine"], policies={"demo": Policy(runtime="fake")})
    thread.start()
    eventually(lambda: status(engine) == "DOWN", "a worker that is down")
    daemon.runtime.missing.clear()
    eventually(lambda: status(engine) == "UP", "a worker that is well again")


@pytest.mark.parametrize("policy", [Policy(), Policy(runtime="other")])
def test_worker_is_up_without_a_runtime_that_nobody_asked_for(make, monkeypatch, policy):
    monkeypatch.setattr(module, "SWEEP_S", 0.01)
    engine, new = make
    beats = []
    heartbeat = engine.workers.heartbeat

    def noted(worker_id, **words):
        beats.append(words["status"])
        heartbeat(worker_id, **words)

    monkeypatch.setattr(engine.workers, "heartbeat", noted)
    _, thread = new(missing=["no engine"], policies={"demo": policy})
    thread.start()
    assert eventually(lambda: beats, "a heartbeat")[0] == "UP"
