"""Lists of workers with what they do, of schedules and their times, and the heads of queues."""

import pytest

from app.domain.clock import seconds
from app.domain.states import AttemptState
from app.domain.submission import Submission
from app.engine.tasks import NewWork
from app.hooks import TaskSpec
from app.testing import new_worker, submit

QUEUE = "demo/default"


@pytest.fixture(autouse=True)
def one_task(scripted):
    scripted.on_plan = [TaskSpec(name="a", lease_s=100_000)]


def ours(engine, name, **words):
    return engine.workers.register(dialect="demo", kind="daemon", name=name, **words).id


def states(engine, **wanted):
    found = engine.workers.find(limit=100, **wanted)
    for state in {state for _, state in found}:
        of_state = {**wanted, "state": state}
        assert [one for one in found if one[1] == state] == engine.workers.find(
            limit=100, **of_state
        )
    return {worker.name: state for worker, state in found}


def test_workers_have_states(engine, clock):
    for name in ("idle", "silent", "left"):
        ours(engine, name)
    working, lost = ours(engine, "working"), ours(engine, "lost")
    remote, mute, busy = (new_worker(engine, name=name) for name in ("remote", "mute", "busy"))
    for worker in (working, lost, busy):
        submit(engine)
        engine.claims.claim(worker, QUEUE)
    clock.advance(1)
    engine.workers.heartbeat(remote)
    clock.advance(61)
    everybody = {worker.name: worker.id for worker, _ in engine.workers.find(limit=100)}
    engine.workers.leave(everybody["left"])
    for name in ("idle", "working"):
        engine.workers.heartbeat(everybody[name])
    assert states(engine) == {
        "idle": "idle",
        "silent": "silent",
        "left": "left",
        "working": "working",
        "lost": "silent",  # it held a task when it fell silent
        "remote": "idle",
        "mute": "idle",
        "busy": "working",
    }
    clock.advance(300)
    # One that has never said anything is not missed.
    told = states(engine)
    assert (told["remote"], told["mute"], told["busy"]) == ("silent", "idle", "working")
    assert engine.workers.counts() == {"idle": 1, "silent": 5, "left": 1, "working": 1}
    assert engine.workers.doing([mute, busy]).keys() == {busy}


def test_workers_are_found_by_parts_of_names(engine):
    ours(engine, "Alpha", hostname="one.farm")
    ours(engine, "beta", hostname="TWO.farm")
    ours(engine, "100%_!", hostname="")
    for words, names in (
        (("alp",), {"Alpha"}),
        (("farm",), {"Alpha", "beta"}),
        (("FARM", "two"), {"beta"}),
        (("0%_!",), {"100%_!"}),
        (("_",), {"100%_!"}),
        (("'",), set()),
    ):
        assert states(engine, words=words).keys() == names, words
        assert sum(engine.workers.counts(words=words).values()) == len(names)
    assert states(engine, dialect="other") == {}
    assert engine.workers.dialects() == ["demo"]


def test_workers_come_in_pages(engine):
    made = [(name, ours(engine, name)) for name in "cabab"]
    found, key = [], None
    while page := engine.workers.find(key=key, limit=2):
        found += [(worker.name, worker.id) for worker, _ in page]
        key = found[-1]
    assert found == sorted(made)


def test_a_worker_shows_what_it_did(engine):
    worker, other = new_worker(engine), new_worker(engine, name="other")
    jobs = [submit(engine) for _ in range(3)]
    for lease_of, end in (
        (worker, engine.attempts.complete),
        (other, engine.attempts.complete),
        (worker, engine.attempts.release),
    ):
        (task,) = engine.claims.claim(lease_of, QUEUE)
        end(task.lease)
    (again,) = engine.claims.claim(worker, QUEUE)
    did = engine.workers.did(worker)
    assert [(one.job_id, one.name, one.number, one.state) for one in did] == [
        (jobs[2].id, "a", 1, AttemptState.RELEASED),
        (jobs[0].id, "a", 1, AttemptState.DONE),
    ]
    (doing,) = engine.workers.doing([worker])[worker]
    assert doing.id == again.task_id
    assert engine.workers.doing([]) == {}
    assert len(engine.workers.did(worker, limit=1)) == 1


def test_the_head_of_a_queue_tells_how_long_it_waits(engine, clock):
    first = clock.now()
    engine.tasks.add([NewWork(queue="demo/a", name="a")])
    clock.advance(5)
    engine.tasks.add([NewWork(queue="demo/a", name="b"), NewWork(queue="demo/b", name="b")])
    found = engine.queues.first_since(["demo/a", "demo/b", "demo/none"])
    assert found == {"demo/a": first, "demo/b": first + seconds(5)}
    engine.tasks.add([NewWork(queue="demo/a", name="c", priority=1)])
    assert engine.queues.first_since(["demo/a"]) == {"demo/a": first + seconds(5)}


def scheduled(engine, cron="0 * * * *", dialect="demo", **words):
    template = Submission(dialect=dialect, type="scripted", name="n")
    return engine.schedules.create(template, cron=cron, **words)


def test_schedules_come_in_pages(engine, clock):
    made = []
    for at in range(5):
        made.insert(0, scheduled(engine, dialect="other" if at == 2 else "demo").id)
        clock.advance(at % 2)
    engine.schedules.pause(made[0])
    found, key = [], None
    while page := engine.schedules.behind(key, limit=2):
        found += [one.id for one in page]
        key = (page[-1].created_at, page[-1].id)
    assert sorted(found) == sorted(made)
    assert [one.id for one in engine.schedules.behind(dialect="other", limit=9)] == [made[2]]
    assert [one.id for one in engine.schedules.behind(state="PAUSED", limit=9)] == [made[0]]


def test_a_schedule_tells_its_next_times(engine, clock):
    found = scheduled(engine, cron="@every 90s")
    engine.schedules.pause(found.id)
    clock.advance(100)
    times = engine.schedules.next_fires(engine.schedules.get(found.id), 3)
    assert [(at - found.created_at) // seconds(1) for at in times] == [180, 270, 360]
    assert engine.schedules.in_words(found) == "every 1 minute 30 seconds"
    once = scheduled(engine, cron="0 0 0 1 1 ? 2099", form="quartz")
    assert len(engine.schedules.next_fires(once, 5)) == 1
