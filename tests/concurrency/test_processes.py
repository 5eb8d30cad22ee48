"""Many processes on one database: nothing is done twice, nothing is lost."""

import multiprocessing

import pytest

from app.domain.states import AttemptState, JobState, TaskState
from app.engine.tasks import NewWork
from app.testing import happenings, new_worker, settled, submit
from tests.concurrency import peers

SPAWN = multiprocessing.get_context("spawn")
PROCESSES = 4
WAIT_S = 120


@pytest.fixture
def engine(database_url):
    with peers.engine_on(database_url) as built:
        yield built


def run_all(target, arguments):
    """Start one process for each list of arguments at once, and give what each tells."""
    start, found = SPAWN.Barrier(len(arguments)), SPAWN.Queue()
    processes = [
        SPAWN.Process(target=target, args=(*each, start, found), daemon=True) for each in arguments
    ]
    for process in processes:
        process.start()
    told = [found.get(timeout=WAIT_S) for _ in processes]
    for process in processes:
        process.join(WAIT_S)
        assert process.exitcode == 0
    return told


def killed(target, *arguments):
    process = SPAWN.Process(target=target, args=arguments, daemon=True)
    process.start()
    process.join(WAIT_S)
    assert process.exitcode == -9


def test_each_task_is_claimed_by_exactly_one_process(engine, database_url):
    ids = engine.tasks.add([NewWork(queue=peers.QUEUE, name="t") for _ in range(300)])
    workers = [new_worker(engine, name=f"w{number}") for number in range(PROCESSES)]
    told = run_all(peers.claim_all, [(database_url, worker) for worker in workers])
    assert sorted(lease for mine in told for lease in mine) == [(task_id, 1) for task_id in ids]
    assert all(engine.attempts.held(worker) == {} for worker in workers)
    assert engine.doctor.examine(pause_s=0) == []


def test_siblings_that_end_together_advance_their_job_once(engine, database_url):
    job = submit(engine)
    workers = [new_worker(engine, name=f"w{number}") for number in range(PROCESSES)]
    told = run_all(peers.claim_all, [(database_url, worker) for worker in workers])
    assert not any(isinstance(lease, str) for mine in told for lease in mine), told
    job = engine.jobs.get(job.id)
    assert (job.state, job.result) == (JobState.COMPLETED, "joined")
    assert job.state_data == {"rounds": 1}
    tasks = engine.jobs.tasks(job.id)
    assert len(tasks) == peers.CHILDREN + 1
    assert {task.state for task in tasks} == {TaskState.COMPLETED}
    assert (job.tasks_total, job.tasks_open) == (peers.CHILDREN + 1, 0)
    ended = [kind for kind in happenings(engine, job_id=job.id) if kind == "task.completed"]
    assert len(ended) == peers.CHILDREN + 1


def test_a_killed_worker_is_rescued_once_by_two_rescuers(engine, database_url):
    (task_id,) = engine.tasks.add([NewWork(queue=peers.QUEUE, name="t", lease_s=60)])
    killed(peers.claim_and_die, database_url, new_worker(engine))
    assert engine.tasks.get(task_id).state is TaskState.RUNNING
    assert sorted(run_all(peers.rescue, [(database_url,)] * 2)) == [0, 1]
    task = engine.tasks.get(task_id)
    assert (task.state, task.losses, task.number) == (TaskState.QUEUED, 1, 1)
    assert [one.state for one in engine.attempts.history(task_id)] == [AttemptState.LOST]
    assert happenings(engine).count("task.lost") == 1


def test_a_process_killed_inside_a_transaction_leaves_no_trace(engine, database_url):
    ids = engine.tasks.add([NewWork(queue=peers.QUEUE, name="t") for _ in range(3)])
    position = settled(engine)
    killed(peers.die_inside_a_transaction, database_url)
    assert {engine.tasks.get(task_id).state for task_id in ids} == {TaskState.QUEUED}
    assert happenings(engine, after=position) == []
    assert len(engine.claims.claim(new_worker(engine), peers.QUEUE, limit=9)) == 3


def test_a_slow_writer_is_waited_for(data_dir):
    url = f"sqlite:///{data_dir / 'jobyard.db'}"
    with peers.engine_on(url) as engine:
        locked = SPAWN.Event()
        process = SPAWN.Process(target=peers.lock_for, args=(url, 1.0, locked), daemon=True)
        process.start()
        assert locked.wait(WAIT_S)
        assert engine.tasks.add([NewWork(queue=peers.QUEUE, name="t")])
        process.join(WAIT_S)
        assert process.exitcode == 0
