"""Following output: every part once, in an order that lets a client go on where it was cut off."""

import threading

import pytest

from app.api.http.drain import Drain
from app.api.http.follow import BATCH, JobOutput, Stopped, TaskOutput, follow, whole
from app.data import logs
from app.domain.errors import StoreUnavailable
from app.hooks import TaskSpec
from app.testing import make_engine, submit, work_off
from tests.yard import eventually

QUEUE = "demo/default"


@pytest.fixture
def drain():
    return Drain()


@pytest.fixture
def claimed(engine, scripted, worker):
    """Return two running tasks of one job."""
    scripted.on_plan = [TaskSpec(name="a"), TaskSpec(name="b")]
    submit(engine)
    return [engine.claims.claim(worker, QUEUE, start=True)[0] for _ in range(2)]


def write(engine, task, *texts):
    engine.logs.append(
        task_id=task.task_id,
        job_id=task.job_id,
        position=task.position,
        task_created_at=task.created_at,
        texts=texts,
    )


def output_of(engine, task, kind):
    if kind == "job":
        return JobOutput(engine, task.job_id)
    return TaskOutput(engine, task.task_id, task.job_id)


class Reader(threading.Thread):
    """Reads a stream to its end, as a connection would."""

    def __init__(self, engine, drain, output, position=""):
        super().__init__(daemon=True)
        self.steps = follow(drain, output, position)
        self.seen = []
        self.stopped = False
        self.start()

    def run(self):
        try:
            for parts in self.steps:
                self.seen += [part.contents for part in parts]
        except Stopped:
            self.stopped = True


@pytest.mark.parametrize("kind", ["job", "task"])
def test_output_is_given_as_it_comes_and_ends_with_its_writer(engine, claimed, drain, kind):
    one, two = claimed
    write(engine, one, "1")
    reader = Reader(engine, drain, output_of(engine, one, kind))
    eventually(lambda: reader.seen == ["1"], "what was there already")
    write(engine, one, "2", "3")
    eventually(lambda: reader.seen == ["1", "2", "3"], "what came")
    write(engine, two, "other")
    engine.attempts.complete(one.lease)
    if kind == "job":
        eventually(lambda: reader.seen[-1] == "other", "the other task's")
        engine.attempts.complete(two.lease)
    reader.join(60)
    assert not reader.is_alive()
    assert reader.seen == ["1", "2", "3"] + ["other"] * (kind == "job")


@pytest.mark.parametrize("kind", ["job", "task"])
def test_reader_goes_on_behind_any_part_it_has_seen(engine, claimed, drain, kind):
    one, two = claimed
    texts = [f"{number}" for number in range(2 * BATCH + 7)]
    write(engine, one, *texts)
    output = output_of(engine, one, kind)
    parts = list(whole(output))
    assert [part.contents for part in parts] == texts
    engine.attempts.complete(one.lease)
    engine.attempts.complete(two.lease)
    for index in (0, BATCH - 1, BATCH, len(parts) - 1):
        steps = follow(drain, output, output.position(parts[index]))
        rest = [part.contents for batch in steps for part in batch]
        assert rest == texts[index + 1 :]


@pytest.mark.parametrize("kind", ["job", "task"])
@pytest.mark.parametrize("bad", ["x", "-1", "1-", "\u0661", "9" * 60])
def test_bad_position_is_refused_before_anything_is_sent(engine, claimed, drain, kind, bad):
    with pytest.raises(ValueError, match="not a"):
        follow(drain, output_of(engine, claimed[0], kind), bad)


def test_stop_of_the_server_ends_a_reader_that_waits(engine, claimed, drain):
    reader = Reader(engine, drain, output_of(engine, claimed[0], "job"))
    eventually(lambda: drain._closers, "a reader")
    drain.begin()
    reader.join(60)
    assert reader.stopped
    late = Reader(engine, drain, output_of(engine, claimed[0], "task"))
    late.join(60)
    assert late.stopped


def test_reader_of_a_deleted_job_ends(engine, claimed, drain):
    job_id = claimed[0].job_id
    reader = Reader(engine, drain, JobOutput(engine, job_id))
    eventually(lambda: drain._closers, "a reader")
    with engine.transaction() as tx:
        engine.store.run("DELETE FROM task WHERE job_id = ?", (job_id,))
        engine.store.run("DELETE FROM job WHERE id = ?", (job_id,))
        tx.ring(f"job:{job_id}")
    reader.join(60)
    assert not reader.is_alive()
    assert not reader.stopped


def test_database_that_is_away_is_waited_for(engine, claimed, drain, monkeypatch):
    one, _ = claimed
    tries = []
    real = engine.logs.after

    def away(*args, **kwargs):
        tries.append(None)
        if 1 < len(tries) < 4:  # the first is the look at the position
            raise StoreUnavailable
        return real(*args, **kwargs)

    monkeypatch.setattr(engine.logs, "after", away)
    write(engine, one, "1")
    engine.attempts.complete(one.lease)
    reader = Reader(engine, drain, output_of(engine, one, "task"))
    reader.join(60)
    assert reader.seen == ["1"]


def test_part_of_an_open_transaction_is_not_stepped_over(postgres_url, scripted, drain):
    """Its id is the lower one, and it is committed last."""
    scripted.on_plan = [TaskSpec(name="a"), TaskSpec(name="b")]
    with make_engine(scripted, database_url=postgres_url) as engine:
        job_id = submit(engine).id
        noted, release = threading.Event(), threading.Event()

        def held_open():
            with engine.log_store.transaction():
                logs.append(
                    engine.log_store,
                    task_id=1,
                    job_id=job_id,
                    position=0,
                    task_created_at=0,
                    texts=["slow"],
                    at=1,
                )
                noted.set()
                release.wait(60)

        thread = threading.Thread(target=held_open)
        thread.start()
        assert noted.wait(60)
        engine.logs.append(task_id=2, job_id=job_id, position=0, task_created_at=0, texts=["quick"])
        assert engine.logs.after_in_job(job_id, "") == []
        reader = Reader(engine, drain, JobOutput(engine, job_id))
        release.set()
        thread.join(60)
        eventually(lambda: reader.seen == ["slow", "quick"], "both in the order of ids")
        drain.begin()
        reader.join(60)


def test_job_that_is_over_is_given_whole_whatever_is_open_elsewhere(postgres_url, scripted, drain):
    scripted.on_plan = [TaskSpec(name="a")]
    with make_engine(scripted, database_url=postgres_url) as engine:
        job_id = submit(engine).id
        engine.logs.append(task_id=1, job_id=job_id, position=0, task_created_at=0, texts=["all"])
        work_off(engine, QUEUE)
        noted, release = threading.Event(), threading.Event()

        def held_open():
            with engine.store.transaction():
                engine.store.run("DELETE FROM mark WHERE name = ?", ("none",))
                noted.set()
                release.wait(60)

        thread = threading.Thread(target=held_open)
        thread.start()
        assert noted.wait(60)
        reader = Reader(engine, drain, JobOutput(engine, job_id))
        reader.join(60)
        release.set()
        thread.join(60)
        assert reader.seen == ["all"]


def test_following_reads_an_index(engine):
    sql = logs._OF_JOB.format("")
    explain = "EXPLAIN QUERY PLAN " if engine.store.backend == "sqlite" else "EXPLAIN "
    with engine.log_store.session():
        if engine.store.backend == "postgres":
            engine.log_store.run("SET enable_seqscan = off")
        rows = engine.log_store.run(explain + sql, ("j", 0, 5, 10)).fetchall()
    assert "log_part_stream" in str(rows)
