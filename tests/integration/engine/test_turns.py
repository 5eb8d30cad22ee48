"""Moving in waiting lists: who stands where then, who is told, and what crowds make of it."""

import contextlib
import threading

import pytest

from app.domain.errors import EngineError, EntryNotFound, IllegalMove
from app.domain.states import JobState
from app.domain.waiting import Pool
from app.engine.courses import pool_topic
from app.hooks import TaskSpec
from app.testing import happenings, new_worker, settled, submit

QUEUE = "demo/default"


@pytest.fixture(autouse=True)
def one_task(scripted):
    scripted.on_plan = [TaskSpec(name="a", lease_s=60)]


def line(engine, count, limit=0):
    """Let so many wait, and give their ids."""
    return [submit(engine, pool="p", max_running=limit).id for _ in range(count)]


def order(engine):
    entries = engine.waiting.entries("p")
    assert [entry.position for entry in entries] == list(range(len(entries)))
    for entry in entries:
        assert engine.waiting.entry(entry.job_id) == entry
    assert [(entry, job.id) for entry, job in engine.waiting.line("p")] == [
        (entry, entry.job_id) for entry in entries
    ]
    return [entry.job_id for entry in entries]


def test_one_goes_to_the_front(engine):
    a, b, c, d = line(engine, 4)
    assert engine.waiting.move(c, "front").position == 0
    assert order(engine) == [c, a, b, d]
    engine.waiting.move(d, "front")
    assert order(engine) == [d, c, a, b]


def test_neighbours_change_places_and_nobody_else_does(engine):
    a, b, c, d = line(engine, 4)
    assert engine.waiting.move(c, "up").position == 1
    assert order(engine) == [a, c, b, d]
    assert engine.waiting.move(a, "down").position == 1
    assert order(engine) == [c, a, b, d]
    for _ in range(70):  # a place between two others would have been used up by then
        engine.waiting.move(b, "up")
        engine.waiting.move(b, "down")
    assert order(engine) == [c, a, b, d]


@pytest.mark.parametrize(("who", "turn"), [(0, "front"), (0, "up"), (2, "down")])
def test_at_the_end_of_the_way_nothing_happens(engine, who, turn):
    jobs = line(engine, 3)
    there = settled(engine)
    assert engine.waiting.move(jobs[who], turn).position == who
    assert order(engine) == jobs
    assert happenings(engine, after=there) == []


@pytest.mark.parametrize("turn", ["front", "up", "down"])
def test_everybody_is_told(engine, turn):
    jobs = line(engine, 3)
    there = settled(engine)
    with engine.bus.subscribe(pool_topic("p")) as bell:
        engine.waiting.move(jobs[1], turn)
        assert bell.wait(20)
    assert happenings(engine, after=there, job_id=jobs[1]) == ["job.moved"]
    (event,) = engine.events.after(there)
    assert (event.dialect, event.data) == ("demo", {"pool": "p"})


def test_the_one_in_front_is_admitted_first(engine):
    a, b, c = line(engine, 3)
    engine.waiting.move(c, "front")
    engine.waiting.set_limit("p", 1)
    states = [engine.jobs.get(job_id).state for job_id in (a, b, c)]
    assert states == [JobState.WAITING, JobState.WAITING, JobState.SCHEDULED]


def test_nobody_passes_those_who_have_their_slots(engine):
    starting, first, second, third = line(engine, 4, limit=1)
    engine.waiting.move(third, "front")
    engine.waiting.move(third, "up")
    assert order(engine) == [starting, third, first, second]
    with pytest.raises(IllegalMove):
        engine.waiting.move(starting, "down")
    # who is admitted later stands behind them, whatever its place was before
    engine.waiting.set_limit("p", 2)
    assert order(engine) == [starting, third, first, second]
    newest = submit(engine, pool="p", max_running=2).id
    assert order(engine) == [starting, third, first, second, newest]


def test_who_waits_nowhere_cannot_be_moved(engine, scripted):
    (job_id,) = line(engine, 1)
    engine.jobs.cancel(job_id)
    for gone in (job_id, "nothing"):
        with pytest.raises(EntryNotFound):
            engine.waiting.move(gone, "front")


def test_lists_of_other_pools_stay(engine):
    other = [submit(engine, pool="o", max_running=0).id for _ in range(2)]
    jobs = line(engine, 2)
    engine.waiting.move(jobs[1], "front")
    assert [one.job_id for one in engine.waiting.entries("o")] == other


def test_pools_are_told_with_who_is_in_them(engine):
    first, *_ = line(engine, 3, limit=1)
    submit(engine, pool="o", max_running=2)
    submit(engine, pool="quiet", max_running=2)
    engine.jobs.cancel(engine.waiting.entries("quiet")[0].job_id)
    assert engine.waiting.busy() == [
        Pool(name="p", max_running=1, waiting=2, starting=1, held=1),
        Pool(name="o", max_running=2, waiting=0, starting=1, held=1),
    ]
    engine.claims.claim(new_worker(engine), QUEUE, start=True)
    assert engine.waiting.busy(limit=1)[0].starting == 0
    assert [job.id for job in engine.waiting.holders("p")] == [first]


def test_movers_and_leavers_at_the_same_time_leave_a_whole_list(engine):
    jobs = line(engine, 12)
    stays, leaves = jobs[::2], jobs[1::2]
    start = threading.Barrier(4)
    faults = []

    def work(verb, some):
        start.wait(20)
        for job_id in some:
            try:
                verb(job_id)
            except EntryNotFound:
                continue
            except EngineError as error:
                faults.append(error)

    threads = [
        threading.Thread(target=work, args=words)
        for words in (
            (lambda one: engine.waiting.move(one, "up"), stays * 3),
            (lambda one: engine.waiting.move(one, "down"), jobs * 2),
            (lambda one: engine.waiting.move(one, "front"), jobs),
            (engine.jobs.cancel, leaves),
        )
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert faults == []
    assert sorted(order(engine)) == sorted(stays)
    engine.waiting.set_limit("p", 100)
    assert engine.doctor.examine(pause_s=0) == []


def test_moving_while_places_become_free_admits_each_once(engine):
    jobs = line(engine, 16)
    start = threading.Barrier(3)

    def move():
        start.wait(20)
        for job_id in jobs:
            with contextlib.suppress(EntryNotFound, IllegalMove):
                engine.waiting.move(job_id, "front")

    def admit():
        start.wait(20)
        for limit in range(1, 9):
            engine.waiting.set_limit("p", limit)

    threads = [threading.Thread(target=verb) for verb in (move, admit, move)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    engine.waiting.admit("p")
    states = [engine.jobs.get(job_id).state for job_id in jobs]
    assert states.count(JobState.SCHEDULED) == 8
    assert sorted(order(engine)) == sorted(jobs)
    assert [entry.admitted for entry in engine.waiting.entries("p")] == [True] * 8 + [False] * 8


@pytest.mark.parametrize(
    ("position", "stay_s", "eta_s"),
    [(2, 60, 30), (3, 60, 60), (1, 60, None), (3, None, None)],
)
def test_a_wait_is_guessed_from_the_stays_of_others(position, stay_s, eta_s):
    pool = Pool(name="p", max_running=2, starting=2)
    assert pool.eta_s(position, stay_s) == eta_s


def test_nobody_knows_how_long_it_takes_where_nothing_may_run():
    assert Pool(name="p", max_running=0).eta_s(0, 60) is None


def test_who_is_removed_is_told_why_and_the_rest_close_up(engine):
    starting, first, second = line(engine, 3, limit=1)
    removed = engine.waiting.remove(first, "not needed")
    assert (removed.state, removed.error) == (JobState.CANCELLED, "not needed")
    assert order(engine) == [starting, second]
    with pytest.raises(IllegalMove):
        engine.waiting.remove(starting, "too late")
    assert engine.jobs.get(starting).state is JobState.SCHEDULED
    with pytest.raises(EntryNotFound):
        engine.waiting.remove(first, "again")
