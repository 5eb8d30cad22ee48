"""Reports that meet others: at the last moment, against each other, in transactions that broke."""

import threading

import psycopg
import pytest

from app.data.db import Store
from app.domain.errors import Conflict, Contended, JobNotFound, LeaseLost
from app.domain.states import AttemptState, JobState, TaskState
from app.engine.tasks import NewWork
from app.hooks import TaskSpec
from app.testing import ScriptedJob, happenings, make_engine, new_worker, settled, submit
from tests.yard import eventually

QUEUE = "demo/default"


def held(engine, worker, **words):
    engine.tasks.add([NewWork(queue=QUEUE, name="a", **words)])
    (claimed,) = engine.claims.claim(worker, QUEUE, start=True)
    return claimed.lease


def test_a_lease_renewed_at_the_last_moment_is_not_taken_back(engine, worker, clock):
    lease = held(engine, worker, lease_s=60)
    looked = clock.advance(61)
    engine.attempts.renew([lease])
    assert engine.attempts.lose(lease, before=looked) is False
    assert engine.tasks.get(lease.task_id).state is TaskState.RUNNING
    assert engine.attempts.complete(lease) is True


def test_the_last_loss_of_a_job_task_is_not_taken_back_either(engine, worker, clock, scripted):
    scripted.on_plan = [TaskSpec(name="a", max_losses=0)]
    job = submit(engine)
    (claimed,) = engine.claims.claim(worker, QUEUE, start=True)
    looked = clock.advance(61)
    engine.attempts.renew([claimed.lease])
    assert engine.attempts.lose(claimed.lease, before=looked) is False
    assert engine.jobs.get(job.id).state is JobState.RUNNING


def test_the_place_of_a_cancelled_task_stays_taken_while_its_worker_renews(
    engine, worker, clock, scripted
):
    scripted.on_plan = [TaskSpec(name="a", lease_s=60)]
    job = submit(engine, pool="p", max_running=1)
    (claimed,) = engine.claims.claim(worker, QUEUE, start=True)
    engine.jobs.cancel(job.id)
    looked = clock.advance(61)
    engine.attempts.renew([claimed.lease])
    assert engine.attempts.lose(claimed.lease, before=looked) is False
    assert engine.attempts.held(worker) == {claimed.lease: TaskState.CANCELLED}


def test_a_lease_without_an_end_is_never_lost_by_renewing_it(engine, worker, clock):
    lease = held(engine, worker, lease_s=None)
    clock.advance(10**6)
    assert engine.attempts.renew([lease]) == []
    assert engine.rescue.run_once(clock.now()) == 0
    assert engine.attempts.complete(lease) is True


def test_good_work_that_needs_more_is_told_of(engine):
    workers = [new_worker(engine, name=name) for name in "ab"]
    engine.tasks.add([NewWork(queue=QUEUE, name="a", verifications=2)])
    (claimed,) = engine.claims.claim_lone(workers[0], QUEUE)
    position = settled(engine)
    assert engine.attempts.complete(claimed.lease) is False
    assert happenings(engine, after=position) == ["task.queued", "task.verified"]
    # no value given counts as 0, so that two who give none agree
    (claimed,) = engine.claims.claim_lone(workers[1], QUEUE)
    assert engine.attempts.complete(claimed.lease) is True


def test_a_verification_that_comes_late_is_no_verification(engine):
    workers = [new_worker(engine, name=name) for name in "ab"]
    (task_id,) = engine.tasks.add([NewWork(queue=QUEUE, name="a", verifications=2)])
    (claimed,) = engine.claims.claim_lone(workers[0], QUEUE)
    engine.attempts.lose(claimed.lease)
    with pytest.raises(LeaseLost):
        engine.attempts.complete(claimed.lease, verification=1)
    (claimed,) = engine.claims.claim_lone(workers[1], QUEUE)
    assert engine.attempts.complete(claimed.lease, verification=1) is False
    assert [one.state for one in engine.attempts.history(task_id)] == [
        AttemptState.LOST,
        AttemptState.DONE,
    ]


def test_of_cancel_and_complete_at_the_same_time_one_wins(engine, worker, scripted):
    """Thirty rounds, two threads each: the loser is told, and the states agree."""
    scripted.on_plan = [TaskSpec(name="a")]
    for _ in range(30):
        job = submit(engine)
        (claimed,) = engine.claims.claim(worker, QUEUE, start=True)
        start = threading.Barrier(2)
        told = {}

        def run(who, verb, start=start, told=told):
            start.wait(60)
            try:
                verb()
                told[who] = "done"
            except Conflict as error:
                told[who] = type(error).__name__

        threads = [
            threading.Thread(
                target=run, args=("cancel", lambda job=job: engine.jobs.cancel(job.id))
            ),
            threading.Thread(
                target=run,
                args=("complete", lambda claimed=claimed: engine.attempts.complete(claimed.lease)),
            ),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(90)
        state = engine.jobs.get(job.id).state
        task = engine.tasks.get(claimed.task_id).state
        if state is JobState.CANCELLED:
            assert told == {"cancel": "done", "complete": "LeaseLost"}
            assert task is TaskState.CANCELLED
        else:
            assert told == {"cancel": "IllegalMove", "complete": "done"}
            assert (state, task) == (JobState.COMPLETED, TaskState.COMPLETED)


@pytest.mark.parametrize("verb", ["claim", "started", "complete", "renew"])
def test_a_broken_deadlock_is_tried_again_unless_an_outer_transaction_broke(
    engine, worker, monkeypatch, verb
):
    lease = held(engine, worker)
    engine.tasks.add([NewWork(queue=QUEUE, name="b")])
    verbs = {
        "claim": lambda: len(engine.claims.claim(worker, QUEUE)),
        "started": lambda: engine.attempts.started(lease),
        "complete": lambda: engine.attempts.complete(lease),
        "renew": lambda: engine.attempts.renew([lease]),
    }
    run = Store.run
    broken = []

    def run_breaking_once(store, sql, params=()):
        if sql.startswith(("UPDATE", "WITH")) and not broken:
            broken.append(sql)
            raise Contended
        return run(store, sql, params)

    if verb == "started":
        engine.attempts.release(lease)
        (again,) = engine.claims.claim(worker, QUEUE)
        lease = again.lease
    monkeypatch.setattr(Store, "run", run_breaking_once)
    with pytest.raises(Contended), engine.transaction():
        verbs[verb]()
    broken.clear()
    expected = {"claim": 0, "started": None, "complete": True, "renew": []}
    assert verbs[verb]() == expected[verb]
    assert len(broken) == 1


def test_a_report_on_a_job_deleted_meanwhile_is_a_stale_one(engine, worker, scripted, monkeypatch):
    scripted.on_plan = [TaskSpec(name="a")]
    job = submit(engine)
    (claimed,) = engine.claims.claim(worker, QUEUE, start=True)

    from app.data import leases

    standing = leases.standing

    def then_deleted(store, lease):
        found = standing(store, lease)
        engine.jobs.cancel(job.id)
        engine.jobs.delete(job.id)
        return found

    monkeypatch.setattr(leases, "standing", then_deleted)
    with pytest.raises(LeaseLost):
        engine.attempts.complete(claimed.lease)


def test_a_lease_that_cannot_be_taken_back_does_not_hold_up_the_others(
    engine, worker, clock, monkeypatch
):
    bad, good = held(engine, worker, lease_s=60), held(engine, worker, lease_s=61)
    again = engine.attempts._again

    def broken(tx, lease, *words, **named):
        if lease == bad:
            raise ValueError("nobody expected this")
        again(tx, lease, *words, **named)

    monkeypatch.setattr(engine.attempts, "_again", broken)
    with pytest.raises(ValueError, match="expected"):
        engine.rescue.run_once(clock.advance(120))
    assert engine.tasks.get(good.task_id).state is TaskState.QUEUED


@pytest.mark.parametrize("cancels", [True, False])
def test_a_claim_waits_for_no_job_while_it_holds_a_task(postgres_url, cancels):
    """Who changes a job locks it before its tasks: a claim that waited here would be a deadlock."""
    scripted = ScriptedJob(plan=[TaskSpec(name="a")])
    with make_engine(scripted, database_url=postgres_url) as engine:
        worker = new_worker(engine)
        job = submit(engine)
        claimed = []
        claims = threading.Thread(
            target=lambda: claimed.extend(engine.claims.claim(worker, QUEUE, start=True))
        )
        with engine.transaction():
            engine.store.run("UPDATE job SET version = version WHERE id = ?", (job.id,))
            claims.start()
            (task,) = engine.jobs.tasks(job.id)
            eventually(
                lambda: engine.tasks.get(task.id).state is TaskState.RUNNING, "the claim", 30
            )
            if cancels:
                engine.jobs.cancel(job.id)
        claims.join()
        assert [one.task_id for one in claimed] == [task.id]
        over = engine.jobs.get(job.id)
        assert over.state is (JobState.CANCELLED if cancels else JobState.RUNNING)
        assert happenings(engine, job_id=job.id).count("job.started") == int(not cancels)


def waits_for_a_lock(url):
    """Whether any session of the database waits for another one's row."""
    with psycopg.connect(url, autocommit=True) as connection:
        (count,) = connection.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ).fetchone()
    return count > 0


@pytest.mark.parametrize("first", ["deletion", "end"])
def test_the_end_of_a_process_and_the_deletion_of_its_job_never_lock_crosswise(
    postgres_url, monkeypatch, first
):
    """Both lock the job before the task, whoever comes first: neither transaction is undone."""
    scripted = ScriptedJob(plan=[TaskSpec(name="a")])
    with make_engine(scripted, database_url=postgres_url) as engine:
        job = submit(engine, pool="p", max_running=1)
        (claimed,) = engine.claims.claim(new_worker(engine), QUEUE, start=True)
        engine.jobs.cancel(job.id)
        lease = claimed.lease
        told = {}
        behind = threading.Thread(
            target=lambda: told.update(
                gone=engine.attempts.gone(lease)
                if first == "deletion"
                else engine.jobs.delete(job.id)
            )
        )
        broken = []
        monkeypatch.setattr(Store, "run", noting_broken(Store.run, broken))
        with engine.transaction():
            engine.store.run("UPDATE job SET version = version WHERE id = ?", (job.id,))
            behind.start()
            eventually(lambda: waits_for_a_lock(postgres_url), "one that waits")
            if first == "deletion":
                # Whoever ends the job's tasks now, as a deletion does, must find them free.
                engine.store.run("UPDATE task SET result = NULL WHERE job_id = ?", (job.id,))
                engine.jobs.delete(job.id)
            else:
                assert engine.attempts.gone(lease) is True
        behind.join(60)
        assert broken == []
        assert told == {"gone": True if first == "deletion" else None}
        with pytest.raises(JobNotFound):
            engine.jobs.get(job.id)
        engine.waiting.run_once(engine.clock.now())
        assert submit(engine, pool="p", max_running=1).state is JobState.SCHEDULED
        assert engine.doctor.examine(pause_s=0) == []


def noting_broken(run, broken):
    def run_noting(store, sql, params=()):
        try:
            return run(store, sql, params)
        except Contended:
            broken.append(sql)
            raise

    return run_noting


def test_two_tasks_that_go_at_once_free_the_place_of_their_job(postgres_url, monkeypatch):
    scripted = ScriptedJob(plan=[TaskSpec(name="a"), TaskSpec(name="b")])
    with make_engine(scripted, database_url=postgres_url) as engine:
        worker = new_worker(engine)
        job = submit(engine, pool="p", max_running=1)
        leases = [one.lease for one in engine.claims.claim(worker, QUEUE, limit=2, start=True)]
        engine.jobs.cancel(job.id)
        behind = threading.Thread(target=engine.attempts.gone, args=(leases[1],))
        with engine.transaction():
            engine.attempts.gone(leases[0])
            behind.start()
            eventually(lambda: waits_for_a_lock(postgres_url), "the second of them")
        behind.join(60)
        assert submit(engine, pool="p", max_running=1).state is JobState.SCHEDULED
