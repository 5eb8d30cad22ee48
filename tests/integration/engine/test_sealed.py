"""An engine with a key stores nothing readable; one without it goes on with all the rest."""

from pathlib import Path

import pytest

from app.data import tables
from app.data.db import Store, sqlite_path
from app.data.vault import OPEN, Vault
from app.domain.masking import ENCRYPTED
from app.domain.states import JobState
from app.domain.submission import Submission
from app.engine.tasks import NewWork
from app.hooks import Advance, Finish, TaskSpec
from app.testing import make_engine, new_worker, submit, work_off

QUEUE = "demo/default"
VALUE = "hunter2-at-rest"
KEY, OTHER = Vault("the key"), Vault("no key of this")


@pytest.fixture
def sealed(engine):
    engine.store.vault = KEY
    return engine


@pytest.fixture
def lose_key(engine):
    def lose(vault=OPEN):
        engine.store.vault = vault

    return lose


def carrying(scripted):
    """A job type that puts the value wherever a plugin can."""
    scripted.on_plan = Advance(
        tasks=[TaskSpec(name="t", payload={"env": {"T": VALUE}}, max_attempts=2)],
        state={"seen": VALUE},
    )
    scripted.on_advance = lambda job, task: Advance(
        state={"result": task.result}, end=Finish(f"<{job.spec['secrets']['s']}>")
    )


def fill(engine, scripted):
    carrying(scripted)
    job = submit(engine, spec={"secrets": {"s": VALUE}})
    failures = iter([RuntimeError(VALUE)])

    def work(task):
        assert task.payload == {"env": {"T": VALUE}}
        for failure in failures:
            raise failure
        return VALUE

    work_off(engine, QUEUE, work)
    engine.schedules.create(
        Submission(dialect="demo", type="scripted", name="s", spec={"secrets": {"s": VALUE}}),
        cron="0 0 1 1 *",
    )
    engine.deliveries.post("channel", url=f"http://host/{VALUE}", body=VALUE)
    engine.tasks.add([NewWork(queue="demo/lone", name="x", payload={"v": VALUE})])
    return engine.jobs.get(job.id)


def stored_text(store: Store) -> str:
    with store.session():
        return "".join(
            repr(store.run(f'SELECT * FROM "{model._meta.table_name}"').fetchall())
            for model in (*tables.ENGINE, *(tables.LOGS if store.backend == "postgres" else ()))
        )


def test_no_row_holds_a_secret(sealed, scripted):
    job = fill(sealed, scripted)
    assert job.state is JobState.COMPLETED
    assert job.result == f"<{VALUE}>"
    assert job.state_data == {"result": VALUE}
    (task,) = sealed.jobs.tasks(job.id)
    assert (task.result, task.payload) == (VALUE, {"env": {"T": VALUE}})
    assert VALUE not in stored_text(sealed.store)
    # A look that finds nothing anywhere must be known to find it where it is.
    sealed.store.vault = OPEN
    fill(sealed, scripted)
    assert VALUE in stored_text(sealed.store)


def test_no_file_holds_a_secret(scripted):
    with make_engine(scripted) as engine:
        engine.store.vault = KEY
        fill(engine, scripted)
        folder = sqlite_path(engine.store.url).parent
        files = [path for path in Path(folder).rglob("*") if path.is_file()]
        assert any(path.name.endswith("-wal") for path in files)
        for path in files:
            assert VALUE.encode() not in path.read_bytes(), path


@pytest.mark.parametrize("vault", [OPEN, OTHER])
def test_without_the_key_all_else_can_be_read(sealed, scripted, lose_key, vault):
    job = fill(sealed, scripted)
    lose_key(vault)
    found = sealed.jobs.get(job.id)
    assert (found.name, found.state) == (job.name, JobState.COMPLETED)
    assert found.spec == {"secrets": {"s": ENCRYPTED}}
    assert found.result == ENCRYPTED
    (task,) = sealed.jobs.tasks(job.id)
    assert (task.result, task.payload) == (ENCRYPTED, {})
    (schedule,) = sealed.schedules.find("demo", number=1, size=10).items
    assert schedule.template["spec"] == {"secrets": {"s": ENCRYPTED}}
    lose_key(KEY)
    assert sealed.jobs.get(job.id) == job


@pytest.mark.parametrize("vault", [OPEN, OTHER])
def test_a_job_that_cannot_be_read_fails_in_words_and_can_begin_again(
    sealed, scripted, lose_key, vault
):
    carrying(scripted)
    job = submit(sealed, spec={"secrets": {"s": VALUE}})
    lose_key(vault)
    assert [finding.kind for finding in sealed.doctor.examine(pause_s=0)] == ["sealed"]
    (task,) = sealed.claims.claim(new_worker(sealed), QUEUE, start=True)
    sealed.attempts.complete(task.lease, result="done")
    failed = sealed.jobs.get(job.id)
    assert failed.state is JobState.FAILED
    assert "encrypted by a key that this server has not" in failed.error
    lose_key(KEY)
    assert sealed.jobs.get(job.id).spec == {"secrets": {"s": VALUE}}
    sealed.jobs.restart(job.id)
    work_off(sealed, QUEUE)
    assert sealed.jobs.get(job.id).state is JobState.COMPLETED


def test_a_schedule_that_cannot_be_read_does_not_fire(sealed, scripted, clock, lose_key):
    carrying(scripted)
    template = Submission(dialect="demo", type="scripted", name="s", spec={"a": VALUE})
    schedule = sealed.schedules.create(template, cron="@every 1m")
    lose_key()
    clock.advance(61)
    with pytest.raises(Exception, match="encrypted"):
        sealed.schedules.run_once(clock.now())
    assert sealed.schedules.run_once(clock.now()) == 0
    lose_key(KEY)
    clock.advance(61)
    assert sealed.schedules.run_once(clock.now()) == 1
    assert sealed.schedules.get(schedule.id).template["spec"] == {"a": VALUE}


def test_a_message_that_cannot_be_read_waits(sealed, lose_key):
    sealed.deliveries.post("channel", url="http://host/", body=VALUE)
    lose_key()
    assert sealed.deliveries.first("channel") is None
    assert sealed.deliveries.waiting() == 1
    lose_key(KEY)
    assert sealed.deliveries.first("channel").post.body == VALUE.encode()


def test_what_was_stored_before_there_was_a_key_is_read(engine, scripted, lose_key):
    job = fill(engine, scripted)
    lose_key(KEY)
    assert engine.jobs.get(job.id) == job
