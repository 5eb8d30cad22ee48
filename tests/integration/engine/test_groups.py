"""Groups: what is done to all their tasks at once, and what follows a finished one."""

import concurrent.futures
from dataclasses import replace

import pytest

from app.domain.errors import AlreadyExists, GroupNotFound, LeaseLost, RateLimited, Rejected
from app.domain.records import GroupFigures
from app.domain.states import AttemptState, TaskState
from app.engine import groups as groups_module
from app.engine.groups import queue_of
from app.engine.tasks import NewWork
from app.testing import happenings, new_worker


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch):
    monkeypatch.setattr(groups_module, "BATCH", 3)


@pytest.fixture
def group(engine):
    return engine.groups.create("demo", "a")


def fill(engine, group, count, **more):
    queue = queue_of(group)
    wanted = [NewWork(queue=queue, group_id=group.id, name="t", **more) for _ in range(count)]
    assert engine.tasks.add_many(wanted) == []
    return queue


def finish(engine, worker, queue, count=1, **report):
    for _ in range(count):
        (claimed,) = engine.claims.claim_lone(worker, queue)
        engine.attempts.complete(claimed.lease, **report)


def test_a_name_is_there_once_and_what_is_gone_is_not_found(engine, group):
    with pytest.raises(AlreadyExists):
        engine.groups.create("demo", "a")
    other = engine.groups.create("demo", "b", data={"x": 1})
    with pytest.raises(AlreadyExists):
        engine.groups.update(other.id, lambda found: replace(found, name="a"))
    assert engine.groups.get(other.id) == other
    assert [one.name for one in engine.groups.find("demo")] == ["a", "b"]
    assert engine.groups.by_name("demo", "b") == other
    fill(engine, other, 5)
    engine.groups.delete(other.id)
    with pytest.raises(GroupNotFound):
        engine.groups.get(other.id)
    assert engine.claims.claim(new_worker(engine), queue_of(other)) == []
    with pytest.raises(Rejected):
        engine.groups.update(group.id, lambda found: replace(found, chain=found.id))


def test_changes_at_the_same_time_all_count(engine, group):
    def count(_number):
        engine.groups.update(
            group.id, lambda one: replace(one, data={"n": one.data.get("n", 0) + 1})
        )

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(count, range(40)))
    assert engine.groups.get(group.id).data == {"n": 40}


def test_many_are_stored_and_those_whose_key_is_taken_are_named(engine, group):
    queue = queue_of(group)

    def work(key):
        return NewWork(queue=queue, group_id=group.id, name="t", unique_key=key)

    assert engine.tasks.add_many([work("a"), work(None), work("a"), work("b")]) == [2]
    assert engine.tasks.add_many([work("c"), work("b"), work(None), work("a")]) == [1, 3]
    assert engine.groups.figures(group) == GroupFigures(fresh=5)
    assert happenings(engine).count("group.changed") == 3  # created, and filled twice


def test_a_unique_key_is_free_once_its_task_is_completed_and_not_before(engine, group, worker):
    queue = queue_of(group)
    one = NewWork(queue=queue, group_id=group.id, name="t", unique_key="k", verifications=2)
    assert engine.tasks.add_many([one]) == []
    finish(engine, worker, queue, verification=5)
    assert engine.tasks.add_many([one]) == [0]
    finish(engine, new_worker(engine, queue), queue, verification=5)
    assert engine.tasks.add_many([one]) == []
    (claimed,) = engine.claims.claim_lone(worker, queue)
    engine.attempts.fail(claimed.lease, "no")
    assert engine.tasks.add_many([one]) == [0]


def test_finished_tasks_are_counted_at_once_and_their_rows_go(engine, group, worker):
    queue = fill(engine, group, 4)
    other = new_worker(engine, queue)
    finish(engine, worker, queue, 2)
    finish(engine, other, queue)
    for folded in (3, 0):
        assert engine.groups.figures(group) == GroupFigures(fresh=1, finished=3)
        assert engine.groups.finished_by() == {worker: 2, other: 1}
        assert engine.groups.finished_by([other]) == {other: 1}
        assert engine.groups.run_once(0) == folded
    with engine.store.session():
        assert engine.store.run("SELECT COUNT(*) FROM task").fetchone()[0] == 1
        assert engine.store.run("SELECT COUNT(*) FROM attempt").fetchone()[0] == 0


def test_tasks_without_a_group_are_not_swept_up(engine, worker):
    engine.tasks.add([NewWork(queue="demo/default", name="t")])
    finish(engine, worker, "demo/default")
    assert engine.groups.run_once(0) == 0


@pytest.mark.parametrize("verifications", [1, 2])
def test_a_finished_task_is_copied_along_the_chain(engine, group, worker, verifications):
    target = engine.groups.create("demo", "target")
    engine.groups.update(group.id, lambda found: replace(found, chain=target.id))
    queue = queue_of(group)
    wanted = [
        NewWork(
            queue=queue, group_id=group.id, name="t", payload={"x": key}, priority=3,
            verifications=verifications, unique_key=key, max_attempts=4, max_losses=9, lease_s=7.0,
        )
        for key in ("a", "b")
    ]  # fmt: skip
    engine.tasks.add_many(wanted)
    taken = replace(wanted[1], queue=queue_of(target), group_id=target.id, payload={"y": 1})
    engine.tasks.add_many([taken])
    for _ in range(verifications):
        finish(engine, new_worker(engine, queue), queue, 2, verification=1)
    assert engine.groups.figures(group) == GroupFigures(finished=2)
    assert engine.groups.figures(target) == GroupFigures(fresh=2)
    claimed = engine.claims.claim(worker, queue_of(target), limit=9)
    assert [one.payload for one in claimed] == [{"y": 1}, {"x": "a"}]
    copy = engine.tasks.get(claimed[1].task_id)
    assert (copy.unique_key, copy.priority, copy.verifications) == ("a", 3, verifications)
    assert (copy.max_attempts, copy.max_losses, copy.lease_s, copy.failures) == (4, 9, 7.0, 0)


def test_a_chain_to_a_group_that_is_gone_ends_there(engine, group, worker):
    target = engine.groups.create("demo", "target")
    engine.groups.update(group.id, lambda found: replace(found, chain=target.id))
    engine.groups.delete(target.id)
    finish(engine, worker, fill(engine, group, 1))
    assert engine.groups.figures(group).finished == 1


def test_failed_ones_are_reset(engine, group, worker):
    queue = fill(engine, group, 8, max_attempts=1)
    for claimed in engine.claims.claim(worker, queue, limit=7):
        engine.attempts.fail(claimed.lease, "no")
    assert engine.groups.figures(group) == GroupFigures(fresh=1, failed=7)
    assert engine.groups.reset_failed(group) == 7
    assert engine.groups.figures(group) == GroupFigures(fresh=8)
    task = engine.tasks.get(engine.claims.claim(worker, queue)[0].task_id)
    assert (task.failures, task.error, task.state) == (0, None, TaskState.LEASED)
    assert engine.groups.reset_failed(group) == 0


def test_all_are_cleared_whatever_they_are_at(engine, group, worker):
    queue = fill(engine, group, 9)
    later = NewWork(queue=queue, group_id=group.id, name="later", delay_s=100)
    engine.tasks.add_many([later])
    first, second, third = engine.claims.claim(worker, queue, limit=3)
    engine.attempts.fail(first.lease, "no")
    engine.attempts.complete(third.lease)
    assert engine.groups.clear(group) == 9
    assert engine.groups.figures(group) == GroupFigures(finished=1)
    with pytest.raises(LeaseLost):
        engine.attempts.complete(second.lease)


def test_what_is_held_is_reclaimed(engine, group, worker):
    queue = fill(engine, group, 6)
    claimed = engine.claims.claim(worker, queue, limit=5)
    assert engine.groups.figures(group) == GroupFigures(fresh=6, held=5)
    holders = [(one.worker_id, one.tasks) for one in engine.groups.holders(group)]
    assert holders == [(worker, 5), (None, 1)]
    assert engine.groups.reclaim(group) == 5
    assert engine.groups.figures(group) == GroupFigures(fresh=6)
    with pytest.raises(LeaseLost):
        engine.attempts.complete(claimed[0].lease)
    (attempt,) = engine.attempts.history(claimed[0].task_id)
    assert attempt.state is AttemptState.RELEASED
    assert engine.doctor.examine(pause_s=0) == []


def test_a_verified_task_counts_as_such_until_it_is_over(engine, group, worker):
    queue = fill(engine, group, 2, verifications=2)
    finish(engine, worker, queue, 2, verification=1)
    assert engine.groups.figures(group) == GroupFigures(agreed=2)
    assert engine.claims.claim_lone(worker, queue) == []
    other = new_worker(engine, queue)
    finish(engine, other, queue, verification=2)
    (claimed,) = engine.claims.claim_lone(other, queue)
    assert engine.groups.figures(group) == GroupFigures(agreed=2, held=1)
    engine.attempts.fail(claimed.lease, "no")
    assert engine.groups.figures(group) == GroupFigures(agreed=1, failed=1)


def test_a_lease_is_found_by_its_holder(engine, group, worker):
    queue = fill(engine, group, 1)
    (claimed,) = engine.claims.claim(worker, queue)
    assert engine.attempts.lease_of(worker, claimed.task_id) == claimed.lease
    for who, what in ((worker + 1, claimed.task_id), (worker, claimed.task_id + 1)):
        with pytest.raises(LeaseLost):
            engine.attempts.lease_of(who, what)
    engine.attempts.release(claimed.lease)
    with pytest.raises(LeaseLost):
        engine.attempts.lease_of(worker, claimed.task_id)


def test_a_rate_from_which_much_was_taken_at_once_is_remembered_longer(engine, clock):
    """A bulk may use up a day of a slow rate; an hour of rest must not make that undone."""
    engine.rates.take("slow", 0.1)
    engine.rates.charge("slow", 9_999)
    engine.rates.take("quick", 5.0)
    engine.prune.run_once(clock.advance(2 * 3600))
    with pytest.raises(RateLimited) as limited:
        engine.rates.take("slow", 0.1)
    assert 80_000 < limited.value.retry_after_s < 100_000
    engine.prune.run_once(clock.advance(31 * 24 * 3600))
    with engine.store.session():
        assert engine.store.run("SELECT COUNT(*) FROM bucket").fetchone()[0] == 0
