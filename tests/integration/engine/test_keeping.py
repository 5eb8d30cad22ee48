"""What is kept, what is forgotten, and that it comes back as it was given."""

import threading

import pytest

from app.data import jobs
from app.domain.errors import IllegalMove, Rejected
from app.domain.records import JobFilter
from app.engine import logs, prune
from app.engine.prune import Retention
from app.engine.tasks import NewWork
from app.hooks import Finish, TaskSpec
from app.testing import make_engine, new_worker, settled, submit, work_off

QUEUE = "demo/default"
STRANGE = "nul \0 \ue000 \ue000\ue001 \ue000\ue000 \uf8ff \U0010ffff \r\n\t end"


def append(engine, *texts, task_id=1, job_id="j", position=0, **known):
    return engine.logs.append(
        task_id=task_id,
        job_id=job_id,
        position=position,
        task_created_at=0,
        texts=texts,
        **known,
    )


def test_output_comes_back_exactly(engine):
    append(engine, "first\n", STRANGE, "last")
    assert "".join(engine.logs.whole(1)) == "first\n" + STRANGE + "last"
    page = engine.logs.of_task(1, number=1, size=10)
    assert [part.contents for part in page.items] == ["last", STRANGE, "first\n"]
    assert engine.logs.last_number(1) == 3


def test_a_try_whose_answer_was_lost_is_stored_once(engine, clock):
    at = engine.logs.now()
    assert append(engine, "a", "b", after=0, at=at) == 2
    assert append(engine, "a", "b", after=0, at=at) == 2
    assert append(engine, "a", "b", after=2, at=at) == 4, "the same once more is no second try"
    clock.advance(1)
    assert append(engine, "a", "b", after=0, at=engine.logs.now()) == 6, "nor is another's"
    assert "".join(engine.logs.whole(1)) == "ababab"


def test_two_holders_of_a_task_lose_nothing_of_each_other(engine):
    many, barrier = 40, threading.Barrier(2)

    def write(holder):
        barrier.wait(60.0)
        after = 0
        for number in range(many):
            after = append(engine, f"{holder}{number}\n", after=after, at=engine.logs.now())

    threads = [threading.Thread(target=write, args=(name,)) for name in ("old", "new")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60.0)
    lines = "".join(engine.logs.whole(1)).splitlines()
    for holder in ("old", "new"):
        mine = [line for line in lines if line.startswith(holder)]
        assert mine == [f"{holder}{number}" for number in range(many)]
    assert engine.logs.last_number(1) == 2 * many == len(lines)


def test_long_output_is_read_in_pieces(engine):
    append(engine, *(f"{number}," for number in range(350)))
    assert "".join(engine.logs.whole(1)) == "".join(f"{number}," for number in range(350))
    assert [part.number for part in engine.logs.after(1, 5, limit=2)] == [6, 7]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("apple",), [3, 1]),
        (("APPLE",), [3, 1]),
        (("apple", "pie"), [3]),
        (("100%",), [2]),
        (("0%x",), []),
        (("a_b",), [4]),
        (("Äpfel",), [4]),
        (("!",), [2]),
        (("\0",), [4]),
        (("\ue000",), [4]),
    ],
)
def test_output_is_searched(engine, words, found):
    append(engine, "an Apple", "100%! or 100 x", "apple pie", "a_b Äpfel \0 \ue000", "aXb")
    page = engine.logs.of_task(1, number=1, size=10, words=words)
    assert [part.number for part in page.items] == found
    assert page.total == len(found)


@pytest.mark.parametrize("searched", [1, 3, 100])
def test_search_goes_through_all_parts_in_the_order_of_their_list(engine, monkeypatch, searched):
    monkeypatch.setattr(logs, "SEARCHED", searched)
    for task_id, position in ((1, 2), (2, 1), (3, 1)):
        append(engine, "a", "b", "A", task_id=task_id, position=position)
    append(engine, "a", task_id=4, job_id="k")
    listed = engine.logs.of_job("j", number=1, size=100).items
    wanted = [part for part in listed if part.contents in "aA"]
    assert len(wanted) == 6
    pages = [engine.logs.of_job("j", number=n, size=4, words=("a",)) for n in (1, 2, 3)]
    assert [part for page in pages for part in page.items] == wanted
    assert [(len(page.items), page.total) for page in pages] == [(4, 6), (2, 6), (0, 6)]
    own = engine.logs.of_task(2, number=1, size=1, words=("a",))
    assert ([part.number for part in own.items], own.total) == ([3], 2)


def test_search_for_a_word_much_like_the_text_takes_no_longer_than_others(engine):
    append(engine, *["a" * 60_000] * 40)
    word = "a" * 2000 + "b" + "a" * 2000
    assert engine.logs.of_task(1, number=1, size=1, words=(word,)).total == 0


def test_search_that_takes_too_long_is_given_up(engine, monkeypatch):
    monkeypatch.setattr(logs, "SEARCHED", 2)
    monkeypatch.setattr(logs, "SEARCH_S", -1.0)
    append(engine, "a", "a", "a")
    with pytest.raises(TimeoutError):
        engine.logs.of_job("j", number=1, size=1, words=("a",))
    assert engine.logs.of_job("j", number=1, size=1).total == 3


def test_a_jobs_output_is_listed_newest_task_first(engine):
    append(engine, "1a", "1b", task_id=1, position=1)
    append(engine, "2a", task_id=2, position=2)
    append(engine, "other", task_id=3, job_id="k")
    page = engine.logs.of_job("j", number=1, size=2)
    assert [part.contents for part in page.items] == ["2a", "1b"]
    assert (page.total, page.pages) == (3, 2)


def test_results_and_errors_with_nul_are_kept(engine, scripted):
    """A program's output file may hold anything; the end of its task must not depend on it."""
    scripted.on_plan = [TaskSpec(name="a"), TaskSpec(name="b")]
    job = submit(engine)

    def work(task):
        if task.name == "b":
            raise ValueError("broke \0 here")
        return "x\0y\ue000"

    work_off(engine, QUEUE, work)
    first, second = engine.jobs.tasks(job.id)
    assert (first.result, second.error) == ("x\0y\ue000", "broke \0 here")
    assert engine.jobs.get(job.id).error == "broke \0 here"
    assert engine.attempts.history(second.id)[0].error == "broke \0 here"
    scripted.on_plan = Finish("r\0")
    assert submit(engine).result == "r\0"


@pytest.mark.parametrize(
    "spec", [{"nul": "\0", "lone": "\ud800", "big": 2**70, "π": [1.5, None, True]}]
)
def test_any_json_comes_back_as_it_was(engine, scripted, spec):
    assert submit(engine, spec=spec).spec == spec
    (task_id,) = engine.tasks.add([NewWork(queue=QUEUE, name="a", payload=spec)])
    assert engine.tasks.get(task_id).payload == spec


@pytest.mark.parametrize(
    "words", [{"name": "lone \ud800"}, {"priority": 2**70}, {"description": "\udfff"}]
)
def test_what_no_column_can_hold_is_refused_and_not_a_crash(engine, words):
    with pytest.raises(Rejected):
        submit(engine, **words)
    assert submit(engine).name == "job"


def test_nul_in_a_name_is_no_crash(engine):
    """SQLite keeps it; PostgreSQL has no such text, which is said in words."""
    if engine.store.backend == "sqlite":
        assert submit(engine, name="a\0b").name == "a\0b"
        assert engine.jobs.find(JobFilter(words=("b\0a",))).total == 1
        return
    with pytest.raises(Rejected, match="NUL"):
        submit(engine, name="a\0b")
    assert engine.jobs.find(JobFilter(words=("a\0b",))).total == 0


def test_pruning_forgets_by_age_and_no_more(database_url, scripted, clock):
    keep = Retention(jobs_s=1000, logs_s=100, events_s=10)
    with make_engine(scripted, database_url=database_url, clock=clock, retention=keep) as engine:
        old = submit(engine)
        append(engine, "x")
        scripted.on_plan = [TaskSpec(name="a")]
        still_open = submit(engine)
        clock.advance(11)
        fresh = submit(engine, dialect="fresh")
        engine.prune.run_once(clock.now())
        settled(engine)
        assert {event.dialect for event in engine.events.after("")} == {"fresh"}
        assert engine.logs.last_number(1) == 1
        engine.prune.run_once(clock.advance(90))
        assert engine.logs.last_number(1) == 0
        assert engine.jobs.get(old.id).id == old.id
        engine.prune.run_once(clock.advance(900))
        found = {job.id for job in engine.jobs.find(JobFilter()).items}
        assert found == {still_open.id, fresh.id}


def test_a_job_may_say_when_it_is_deleted(engine, scripted, clock):
    done = submit(engine, delete_after_s=60)
    assert done.delete_at == clock.now() + 60_000_000
    engine.prune.run_once(clock.advance(59))
    assert engine.jobs.find(JobFilter()).total == 1
    engine.prune.run_once(clock.advance(1))
    assert engine.jobs.find(JobFilter()).total == 0


def test_a_sweep_is_bounded(database_url, scripted, clock, monkeypatch):
    monkeypatch.setattr(prune, "BATCH", 3)
    keep = Retention(jobs_s=100, logs_s=100, events_s=10_000)
    with make_engine(scripted, database_url=database_url, clock=clock, retention=keep) as engine:
        for number in range(4):
            submit(engine, delete_after_s=50 if number % 2 else None)
        append(engine, *"abcdefg")
        clock.advance(101)
        assert [engine.prune.run_once(clock.now()) for _ in range(4)] == [6, 4, 1, 0]


@pytest.fixture
def over(engine, scripted):
    """A job that is over, with more output than one transaction deletes."""
    scripted.on_plan = [TaskSpec(name="a")]
    job = submit(engine)
    work_off(engine, QUEUE)
    (task,) = engine.jobs.tasks(job.id)
    append(engine, *["x"] * 1001, task_id=task.id, job_id=job.id)
    append(engine, "kept", task_id=10**9, job_id="other")
    return job


def left(engine, job):
    return engine.logs.of_job(job.id, number=1, size=10).total


def test_output_goes_with_its_job(engine, over):
    assert left(engine, over) == 1001
    engine.jobs.delete(over.id)
    assert left(engine, over) == 0
    assert engine.logs.last_number(10**9) == 1


def test_output_never_outlives_its_job(engine, over, monkeypatch):
    """Killed in the middle, what is left is a job that is deleted by the next sweep."""

    def killed(store, job_id):
        raise KeyboardInterrupt

    monkeypatch.setattr(jobs, "delete", killed)
    with pytest.raises(KeyboardInterrupt):
        engine.jobs.delete(over.id)
    assert (engine.jobs.get(over.id).id, left(engine, over)) == (over.id, 0)


def test_output_that_comes_after_its_job_was_deleted_goes_too(engine, over):
    engine.jobs.forget_deleted(over.id)
    assert left(engine, over) == 1001
    engine.jobs.delete(over.id)
    append(engine, "late", task_id=5, job_id=over.id)
    engine.jobs.forget_deleted(over.id)
    assert left(engine, over) == 0


def test_a_job_that_is_not_over_keeps_its_output(engine, scripted):
    scripted.on_plan = [TaskSpec(name="a")]
    job = submit(engine)
    append(engine, "x", job_id=job.id)
    with pytest.raises(IllegalMove):
        engine.jobs.delete(job.id)
    assert left(engine, job) == 1


def test_silent_workers_of_ours_are_forgotten_unless_they_hold_something(engine, clock):
    idle = engine.workers.register(dialect="demo", kind="daemon", name="idle")
    busy = engine.workers.register(dialect="demo", kind="daemon", name="busy")
    remote = new_worker(engine)
    engine.tasks.add([NewWork(queue=QUEUE, name="a", lease_s=None)])
    engine.claims.claim(busy.id, QUEUE)
    assert engine.workers.run_once(clock.advance(23 * 3600)) == 0
    assert engine.workers.run_once(clock.advance(3601)) == 1
    assert set(engine.workers.public_ids([idle.id, busy.id, remote])) == {busy.id, remote}
