"""The doctor finds each injected fault, and nothing on a healthy database, busy or idle."""

import threading

import pytest

from app.data.steering import GivenTask
from app.data.vault import MARK
from app.engine.doctor import KINDS, Doctor
from app.engine.tasks import NewWork
from app.hooks import Advance, TaskEnd, TaskSpec
from app.testing import new_worker, submit, work_off

QUEUE = "demo/default"
CHILD = TaskSpec(name="c")
WHOLE = TaskSpec(name="w", kind="composite", children=(CHILD, TaskSpec(name="d")))


def kinds(engine):
    return {finding.kind for finding in engine.doctor.examine(pause_s=0)}


def inject(engine, *statements):
    with engine.transaction():
        for statement in statements:
            engine.store.run(statement)


@pytest.fixture
def scene(engine, scripted, worker):
    """Jobs in every situation that is well."""
    scripted.on_plan = [TaskSpec(name="a"), TaskSpec(name="b", after=("a",))]
    submit(engine)
    engine.claims.claim(worker, QUEUE, start=True)
    submit(engine, pool="p", max_running=1)
    submit(engine, pool="p", max_running=1)
    scripted.on_plan = [WHOLE]
    submit(engine)
    scripted.on_plan = [TaskSpec(name="later", delay_s=3600)]
    submit(engine)
    scripted.on_plan = [TaskSpec(name="s", queue="services", service=True)]
    submit(engine)
    engine.schedules.create(_template(), cron="0 0 1 1 *")
    engine.tasks.add([NewWork(queue="demo/other", name="x")])
    with engine.transaction():
        first, then = engine.steering.reserve(2)
        given = [GivenTask(id=first, queue="demo/other", name="needed", payload="{}")]
        given += [GivenTask(id=then, queue="demo/other", name="y", payload="{}", waits=True)]
        engine.steering.add(given, [(then, first)])
    assert engine.doctor.examine(pause_s=0) == []
    return engine


def _template():
    from app.domain.submission import Submission

    return Submission(dialect="demo", type="scripted", name="s")


FAULTS = {
    "stuck": "UPDATE task SET state = 'CREATED' WHERE name = 'later';UPDATE task SET due_at = NULL"
    " WHERE name = 'later'",
    "job-counter": "UPDATE job SET tasks_open = tasks_open + 1 WHERE state = 'SCHEDULED'",
    "service-counter": "UPDATE job SET unready = 7 WHERE unready IS NOT NULL",
    "composite-counter": "UPDATE task SET children_open = 7 WHERE kind = 'composite'",
    "lease-without-attempt": "DELETE FROM attempt",
    "attempt-without-lease": "UPDATE attempt SET number = number + 1",
    "orphan-task": "DELETE FROM job WHERE pool IS NULL",
    "waiting-entry": "UPDATE job SET state = 'RUNNING' WHERE state = 'WAITING'",
    "admission": "UPDATE waiting SET admitted = 1",
    "slot": "UPDATE job SET ended_at = 1, state = 'FAILED' WHERE holds_slot = 1",
    "job-tally": "UPDATE job_tally SET n = n + 1",
    "job-words": "DELETE FROM job_words",
    "waiting-alone": "UPDATE task SET state = 'COMPLETED', ended_at = 1 WHERE name = 'needed'",
    "overdue": "UPDATE task SET leased_until = 1 WHERE leased_until IS NOT NULL",
    "sealed": f"UPDATE job SET spec = '{MARK}0123456789' WHERE pool IS NULL",
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_fault_is_found(scene, kind):
    inject(scene, *FAULTS[kind].split(";"))
    assert kind in kinds(scene)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE job SET state = 'PENDING', created_at = 1 WHERE state = 'SCHEDULED'",
        "UPDATE task SET due_at = 1 WHERE due_at IS NOT NULL",
        "UPDATE schedule SET next_fire_at = 1",
    ],
)
def test_each_late_duty_is_found(scene, statement):
    inject(scene, statement)
    assert "overdue" in kinds(scene)


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("UPDATE waiting SET job_id = 'nobody' WHERE admitted = 1", "waiting-entry"),
        ("UPDATE job SET holds_slot = 0", "admission"),
        ("UPDATE job SET state = 'SCHEDULED' WHERE state = 'WAITING'", "admission"),
        ("UPDATE task SET leased_until = NULL", "attempt-without-lease"),
        ("UPDATE task SET state = 'QUEUED', leased_until = NULL", "attempt-without-lease"),
        ("DELETE FROM task WHERE leased_until IS NOT NULL", "attempt-without-lease"),
        ("DELETE FROM waiting WHERE admitted = 0", "stuck"),
        ("UPDATE task SET state = 'RUNNING' WHERE state = 'QUEUED'", "stuck"),
    ],
)
def test_other_shapes_of_a_fault_are_found_as_well(scene, statement, kind):
    inject(scene, statement)
    assert kind in kinds(scene)


def test_what_waits_for_a_person_is_told_apart(engine, scripted):
    scripted.on_plan = [TaskSpec(name="a")]
    held = submit(engine)
    engine.tasks.hold(engine.jobs.tasks(held.id)[0].id)
    scripted.on_plan = [TaskSpec(name="x"), TaskSpec(name="y", after=("x",)), TaskSpec(name="z")]
    scripted.on_advance = lambda job, task: [TaskSpec(name="w")] if task.state == "FAILED" else None
    blocked = submit(engine)

    def work(task):
        if task.name == "x":
            raise ValueError("no")

    work_off(engine, QUEUE, work)
    found = {one.job_id: one for one in engine.doctor.examine(pause_s=0)}
    assert set(found) == {held.id, blocked.id}
    assert all(one.needs_person and one.kind == "stuck" for one in found.values())
    assert "let it go" in found[held.id].text
    failed = next(task.id for task in engine.jobs.tasks(blocked.id) if task.name == "x")
    assert found[blocked.id].task_id == failed


def test_a_fault_that_passes_is_no_finding(scene):
    inject(scene, "UPDATE task SET children_open = 7 WHERE kind = 'composite'")
    slept = []

    def heal(pause_s):
        slept.append(pause_s)
        inject(scene, "UPDATE task SET children_open = 2 WHERE kind = 'composite'")

    assert Doctor(scene.transaction, sleep=heal).examine(pause_s=3) == []
    assert slept == [3]


def test_a_fault_that_stays_is_a_finding(scene):
    inject(scene, "UPDATE task SET children_open = 7 WHERE kind = 'composite'")
    (finding,) = Doctor(scene.transaction, sleep=lambda _s: None).examine()
    assert (finding.kind, finding.needs_person) == ("composite-counter", False)
    assert "7" in finding.text
    assert "2" in finding.text


def test_history_is_walked_page_by_page(scene, monkeypatch):
    from app.engine import doctor

    monkeypatch.setattr(doctor, "PAGE", 3)
    worker = new_worker(scene)
    for _ in range(10):
        (task,) = scene.claims.claim(worker, "demo/other")
        scene.attempts.release(task.lease)
    assert kinds(scene) == set()
    inject(scene, "UPDATE attempt SET state = 'RUNNING' WHERE number = 8")
    assert kinds(scene) == {"attempt-without-lease"}


def test_there_is_no_false_alarm_on_a_busy_database(engine, scripted):
    scripted.on_plan = [WHOLE, TaskSpec(name="a"), TaskSpec(name="b", after=("a",))]
    scripted.on_advance = lambda job, task: (
        Advance(ends=[TaskEnd(task_id=task.parent.id)])
        if task.parent is not None and task.parent.children_open == 0
        else None
    )
    for _ in range(40):
        submit(engine)
    threads = [
        threading.Thread(target=work_off, args=(engine, QUEUE), kwargs={"worker_id": number})
        for number in (new_worker(engine), new_worker(engine))
    ]
    for thread in threads:
        thread.start()
    looks = 0
    while any(thread.is_alive() for thread in threads):
        assert engine.doctor.examine(pause_s=0) == []
        looks += 1
    assert looks > 0
    assert engine.jobs.counts("demo") == {}
