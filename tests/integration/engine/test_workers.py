"""Workers, groups of queues and their figures."""

import pytest

from app.data import workers
from app.domain.errors import DuplicateTask, WorkerNotActive, WorkerNotFound
from app.domain.states import JobState, TaskState
from app.engine.tasks import NewWork
from app.hooks import TaskSpec
from app.testing import happenings, new_worker, submit

QUEUE = "demo/default"


def test_a_worker_registers_beats_and_leaves(engine, clock):
    worker = engine.workers.register(
        dialect="demo", kind="daemon", name="d", hostname="h", queues={QUEUE: 3}, version="1"
    )
    assert len(worker.public_id) == 22
    clock.advance(10)
    engine.workers.heartbeat(worker.id, status="UP", cpu_percent=12.5)
    seen = engine.workers.get(worker.id)
    assert (seen.heartbeat_at, seen.cpu_percent, seen.queues) == (clock.now(), 12.5, {QUEUE: 3})
    assert engine.workers.leave(worker.id) == 0
    with pytest.raises(WorkerNotActive):
        engine.workers.heartbeat(worker.id)
    assert [kind for kind in happenings(engine) if "worker" in kind] == [
        "worker.joined",
        "worker.left",
    ]
    engine.workers.leave(worker.id)
    assert happenings(engine).count("worker.left") == 1


@pytest.mark.parametrize("verb", ["claim", "claim_lone"])
@pytest.mark.parametrize("gone", ["left", "forgotten", "never there"])
def test_a_worker_that_is_gone_is_given_nothing(engine, worker, clock, gone, verb):
    (task_id,) = engine.tasks.add([NewWork(queue=QUEUE, name="a")])
    if gone == "left":
        engine.workers.leave(worker)
    elif gone == "forgotten":
        worker = engine.workers.register(dialect="demo", kind="daemon", name="d").id
        assert engine.workers.run_once(clock.advance(25 * 3600)) == 1
    else:
        worker = 99
    claim = getattr(engine.claims, verb)
    for _ in range(2):
        with pytest.raises(WorkerNotActive):
            claim(worker, QUEUE)
        assert engine.tasks.get(task_id).state is TaskState.QUEUED
    with pytest.raises(WorkerNotActive):
        claim(worker, "demo/empty")


def test_what_is_claimed_while_its_worker_leaves_is_handed_out_again(engine, worker, monkeypatch):
    (task_id,) = engine.tasks.add([NewWork(queue=QUEUE, name="a")])
    leave = workers.leave

    def claimed_before(store, worker_id):
        engine.claims.claim(worker_id, QUEUE)
        return leave(store, worker_id)

    monkeypatch.setattr(workers, "leave", claimed_before)
    assert engine.workers.leave(worker) == 1
    assert engine.tasks.get(task_id).state is TaskState.QUEUED


def test_a_successor_spares_what_may_still_run(engine, clock):
    old = engine.workers.register(
        dialect="", kind="daemon", name="d", instance="here", queues={QUEUE: 2}
    )
    engine.tasks.add([NewWork(queue=QUEUE, name=name, lease_s=60) for name in "ab"])
    sure, unsure = (one.lease for one in engine.claims.claim(old.id, QUEUE, limit=2, start=True))
    assert engine.workers.succeed("here", sparing=[unsure]) == 1

    def states():
        return [engine.tasks.get(one.task_id).state for one in (sure, unsure)]

    assert states() == [TaskState.QUEUED, TaskState.RUNNING]
    engine.rescue.run_once(clock.advance(3600))
    assert states() == [TaskState.QUEUED, TaskState.QUEUED], "at the end of its lease it is lost"


@pytest.mark.parametrize("verb", ["get", "leave"])
def test_a_worker_that_is_not_there(engine, verb):
    with pytest.raises(WorkerNotFound):
        getattr(engine.workers, verb)(99)


def test_silent_workers_are_listed_for_a_while(engine, clock):
    new_worker(engine, name="silent")
    clock.advance(299)
    new_worker(engine, name="fresh")
    new_worker(engine, "other/q", name="foreign")
    assert [one.name for one in engine.workers.listed(dialect="demo")] == ["fresh", "silent"]
    clock.advance(2)
    assert [one.name for one in engine.workers.listed()] == ["foreign", "fresh"]


def test_a_worker_shows_how_much_it_runs(engine, worker, scripted):
    scripted.on_plan = [TaskSpec(name="a"), TaskSpec(name="b")]
    job = submit(engine)
    engine.claims.claim(worker, QUEUE, limit=2, start=True)
    assert engine.workers.get(worker).tasks_running == 2
    assert engine.tasks.running("demo/") == 2
    assert engine.tasks.running("other/") == 0
    engine.jobs.cancel(job.id)
    assert engine.workers.get(worker).tasks_running == 0


def test_queues_show_what_waits_what_is_taken_and_who_listens(engine, clock):
    worker = engine.workers.register(
        dialect="demo", kind="daemon", name="d", queues={"demo/a": 2, "demo/idle": 1, "x/y": 9}
    )
    engine.tasks.add([NewWork(queue="demo/a", name="t") for _ in range(3)])
    engine.tasks.add([NewWork(queue="demo/alone", name="t")])
    engine.claims.claim(worker.id, "demo/a")
    figures = {one.name: (one.size, one.unacked, one.subscribers) for one in
               engine.queues.figures("demo/")}  # fmt: skip
    assert figures == {"demo/a": (2, 1, 2), "demo/alone": (1, 0, 0), "demo/idle": (0, 0, 1)}
    clock.advance(61)
    assert [one.name for one in engine.queues.figures("demo/")] == ["demo/a", "demo/alone"]


def test_dropping_a_queue_fails_what_waits_and_leaves_what_runs(engine, worker, scripted):
    engine.tasks.add([NewWork(queue=QUEUE, name="runs", priority=9)])
    (claimed,) = engine.claims.claim(worker, QUEUE)
    waiting = engine.tasks.add([NewWork(queue=QUEUE, name="waits") for _ in range(3)])
    scripted.on_plan = [TaskSpec(name="a"), TaskSpec(name="b")]
    job = submit(engine)
    assert engine.queues.drop(QUEUE, "queue deleted") == 4
    assert {engine.tasks.get(task_id).error for task_id in waiting} == {"queue deleted"}
    job = engine.jobs.get(job.id)
    assert (job.state, job.error) == (JobState.FAILED, "queue deleted")
    assert engine.tasks.get(claimed.task_id).state is TaskState.LEASED
    assert engine.queues.drop(QUEUE, "again") == 0


def test_a_task_that_moved_is_not_dropped(engine, worker):
    (task_id,) = engine.tasks.add([NewWork(queue=QUEUE, name="a")])
    engine.claims.claim(worker, QUEUE)
    assert engine.tasks.drop(task_id, "x") is False


def test_a_unique_key_is_taken_once_in_a_queue(engine):
    engine.tasks.add([NewWork(queue=QUEUE, name="a", unique_key="k")])
    with pytest.raises(DuplicateTask) as refused:
        engine.tasks.add(
            [
                NewWork(queue=QUEUE, name="new", unique_key="other"),
                NewWork(queue=QUEUE, name="b", unique_key="k"),
            ]
        )
    assert refused.value.unique_key == "k"
    engine.tasks.add([NewWork(queue="demo/else", name="c", unique_key="k")])
    assert [one.size for one in engine.queues.figures("demo/")] == [1, 1]


def test_work_for_later_waits_for_its_time(engine, worker, clock):
    engine.tasks.add([NewWork(queue=QUEUE, name="a", delay_s=10)])
    assert list(engine.claims.claim(worker, QUEUE)) == []
    assert engine.due.run_once(clock.advance(10)) == 1
    assert len(engine.claims.claim(worker, QUEUE)) == 1
