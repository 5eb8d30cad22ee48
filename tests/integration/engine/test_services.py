"""Services: ready, needed ready, lost before and after their job runs."""

import pytest

from app.domain.errors import LeaseLost, PluginFailed
from app.domain.records import Lease
from app.domain.states import AttemptState, JobState, TaskState
from app.hooks import Finish, TaskSpec
from app.testing import happenings, new_worker, settled, submit

QUEUE = "demo/default"
CORE = {"broker": "127.0.0.1:20884", "tcp": "127.0.0.1:20641"}
HMI = {"user": "127.0.0.1:20929"}


@pytest.fixture
def pair(scripted):
    scripted.on_plan = [
        TaskSpec(name="core", service=True),
        TaskSpec(name="hmi", service=True, after_ready=("core",)),
    ]


def take(engine, worker, name):
    (claimed,) = engine.claims.claim(worker, QUEUE, start=True, limit=5)
    assert claimed.name == name
    return claimed.lease


def states(engine, job):
    return {task.name: str(task.state) for task in engine.jobs.tasks(job.id)}


def both_ready(engine, worker):
    core = take(engine, worker, "core")
    engine.services.ready(core, CORE)
    hmi = take(engine, worker, "hmi")
    engine.services.ready(hmi, HMI)
    return core, hmi


@pytest.mark.usefixtures("pair")
def test_a_job_runs_when_all_its_services_are_ready(engine, worker):
    job = submit(engine)
    assert (job.state, job.unready) == (JobState.SCHEDULED, 2)
    core = take(engine, worker, "core")
    assert engine.jobs.get(job.id).state is JobState.SCHEDULED
    assert states(engine, job) == {"core": "RUNNING", "hmi": "CREATED"}
    engine.services.ready(core, CORE)
    assert engine.jobs.get(job.id).state is JobState.SCHEDULED
    assert states(engine, job) == {"core": "RUNNING", "hmi": "QUEUED"}
    engine.services.ready(take(engine, worker, "hmi"), HMI)
    assert engine.jobs.get(job.id).state is JobState.RUNNING
    assert engine.doctor.examine(pause_s=0) == []
    kinds = happenings(engine, job_id=job.id)
    assert kinds.count("task.ready") == 2
    assert kinds[-1] == "job.started"


@pytest.mark.usefixtures("pair")
def test_addresses_are_kept_shown_and_told(engine, worker):
    job = submit(engine)
    assert engine.services.shown(job.id) == {}
    core, _ = both_ready(engine, worker)
    assert engine.tasks.get(core.task_id).addresses == CORE
    assert engine.services.of_job(job.id) == {"core": CORE, "hmi": HMI}
    assert engine.services.shown(job.id) == {
        "core-broker": "127.0.0.1:20884",
        "core-tcp": "127.0.0.1:20641",
        "hmi-user": "127.0.0.1:20929",
    }
    settled(engine)
    told = [one.data for one in engine.events.after("") if one.kind == "task.ready"]
    assert told == [{"addresses": CORE}, {"addresses": HMI}]


@pytest.mark.usefixtures("pair")
def test_a_job_interface_that_names_addresses_badly_is_told_of(engine, worker, scripted):
    job = submit(engine)
    both_ready(engine, worker)
    scripted.services = lambda job: {"core": job.services["core"]}
    with pytest.raises(PluginFailed, match="services"):
        engine.services.shown(job.id)


@pytest.mark.usefixtures("pair")
def test_a_second_report_changes_the_addresses_and_nothing_else(engine, worker):
    job = submit(engine)
    core, _ = both_ready(engine, worker)
    before = engine.jobs.get(job.id)
    engine.services.ready(core, {"broker": "127.0.0.1:3"})
    assert engine.services.shown(job.id)["core-broker"] == "127.0.0.1:3"
    assert engine.jobs.get(job.id) == before
    assert engine.doctor.examine(pause_s=0) == []


@pytest.mark.usefixtures("pair")
def test_only_the_holder_of_a_service_can_report_it(engine, worker, scripted):
    submit(engine)
    core = take(engine, worker, "core")
    with pytest.raises(LeaseLost):
        engine.services.ready(Lease(core.task_id, core.number + 1), CORE)
    scripted.on_plan = [TaskSpec(name="plain")]
    submit(engine)
    with pytest.raises(LeaseLost):
        engine.services.ready(take(engine, worker, "plain"), CORE)


@pytest.mark.usefixtures("pair")
def test_cancelling_ends_the_services_and_frees_the_slot_when_they_are_gone(engine, worker):
    job = submit(engine, pool="p", max_running=1)
    second = submit(engine, pool="p", max_running=1)
    leases = both_ready(engine, worker)
    assert engine.waiting.entry(second.id).position == 0
    engine.jobs.cancel(job.id)
    assert set(engine.attempts.held(worker).values()) == {TaskState.CANCELLED}
    engine.waiting.run_once(engine.clock.now())
    assert engine.jobs.get(second.id).state is JobState.WAITING
    for lease in leases:
        assert engine.attempts.gone(lease)
    engine.waiting.run_once(engine.clock.now())
    assert engine.jobs.get(second.id).state is JobState.SCHEDULED
    assert engine.services.shown(job.id) == {}


@pytest.mark.usefixtures("pair")
def test_a_place_in_the_list_is_kept_until_the_services_are_ready(engine, worker):
    first = submit(engine, pool="p", max_running=1)
    second = submit(engine, pool="p", max_running=1)
    core = take(engine, worker, "core")
    engine.services.ready(core, CORE)
    assert engine.waiting.entry(second.id).position == 1
    engine.services.ready(take(engine, worker, "hmi"), HMI)
    assert engine.waiting.entry(second.id).position == 0
    assert engine.jobs.get(first.id).state is JobState.RUNNING


@pytest.mark.usefixtures("pair")
@pytest.mark.parametrize("tries", [1, 3])
def test_a_service_that_ends_takes_its_running_job_along(engine, worker, scripted, tries):
    scripted.on_plan = [TaskSpec(name="core", service=True, max_attempts=tries)]
    job = submit(engine)
    core = take(engine, worker, "core")
    engine.services.ready(core, CORE)
    assert engine.attempts.fail(core, "exited: exit code 3") is False
    ended = engine.jobs.get(job.id)
    assert (ended.state, ended.error) == (JobState.FAILED, "exited: exit code 3")


@pytest.mark.usefixtures("pair")
def test_a_start_that_fails_is_the_end_unless_tries_are_left(engine, worker, scripted):
    job = submit(engine)
    engine.attempts.fail(take(engine, worker, "core"), "start_failed: no answer")
    ended = engine.jobs.get(job.id)
    assert (ended.state, ended.error) == (JobState.FAILED, "start_failed: no answer")
    scripted.on_plan = [TaskSpec(name="core", service=True, max_attempts=2)]
    again = submit(engine)
    assert engine.attempts.fail(take(engine, worker, "core"), "start_failed: no answer") is True
    engine.services.ready(take(engine, worker, "core"), CORE)
    assert engine.jobs.get(again.id).state is JobState.RUNNING


@pytest.mark.usefixtures("pair")
@pytest.mark.parametrize(
    ("verb", "error"),
    [("lose", "exited: its worker is gone"), ("release", "shutdown: its worker was stopped")],
)
def test_a_running_job_ends_when_a_worker_of_its_services_goes(engine, worker, verb, error):
    job = submit(engine)
    core, hmi = both_ready(engine, worker)
    getattr(engine.attempts, verb)(core)
    ended = engine.jobs.get(job.id)
    assert (ended.state, ended.error) == (JobState.FAILED, error)
    assert engine.tasks.get(hmi.task_id).state is TaskState.CANCELLED
    assert engine.attempts.gone(hmi)
    assert engine.doctor.examine(pause_s=0) == []


@pytest.mark.usefixtures("pair")
@pytest.mark.parametrize("verb", ["lose", "release"])
@pytest.mark.parametrize("begun", [False, True])
def test_before_that_all_of_it_begins_anew(engine, worker, verb, begun):
    job = submit(engine)
    core = take(engine, worker, "core")
    engine.services.ready(core, CORE)
    other = new_worker(engine, QUEUE)
    hmi = take(engine, other, "hmi") if begun else None
    getattr(engine.attempts, verb)(core)
    assert states(engine, job) == {"core": "QUEUED", "hmi": "CREATED"}
    assert engine.jobs.get(job.id).unready == 2
    assert engine.services.of_job(job.id) == {}
    assert engine.doctor.examine(pause_s=0) == []
    if hmi is not None:
        assert engine.attempts.held(other) == {}
        with pytest.raises(LeaseLost):
            engine.services.ready(hmi, HMI)
        assert engine.attempts.history(hmi.task_id)[0].state is AttemptState.CANCELLED
    both_ready(engine, worker)
    assert engine.jobs.get(job.id).state is JobState.RUNNING


def test_what_needed_a_chain_of_services_waits_again_with_all_of_it(engine, worker, scripted):
    scripted.on_plan = [
        TaskSpec(name="a", service=True),
        TaskSpec(name="b", service=True, after_ready=("a",)),
        TaskSpec(name="c", service=True, after_ready=("b",)),
    ]
    job = submit(engine)
    first = take(engine, worker, "a")
    engine.services.ready(first, {})
    engine.services.ready(take(engine, worker, "b"), {})
    assert states(engine, job)["c"] == "QUEUED"
    engine.attempts.lose(first)
    assert states(engine, job) == {"a": "QUEUED", "b": "CREATED", "c": "CREATED"}
    assert engine.jobs.get(job.id).unready == 3
    for name in "abc":
        engine.services.ready(take(engine, worker, name), {})
    assert engine.jobs.get(job.id).state is JobState.RUNNING


def test_work_beside_services_begins_when_they_are_ready_and_may_end_the_job(
    engine, worker, scripted
):
    scripted.on_plan = [
        TaskSpec(name="db", service=True),
        TaskSpec(name="test", after_ready=("db",)),
    ]
    scripted.on_advance = lambda _job, task: Finish(task.result) if task.name == "test" else None
    job = submit(engine)
    db = take(engine, worker, "db")
    engine.services.ready(db, {"sql": "127.0.0.1:1"})
    assert engine.jobs.get(job.id).state is JobState.RUNNING
    engine.attempts.complete(take(engine, worker, "test"), result="42")
    ended = engine.jobs.get(job.id)
    assert (ended.state, ended.result) == (JobState.COMPLETED, "42")
    assert engine.attempts.held(worker) == {db: TaskState.CANCELLED}


def test_a_restart_begins_with_services_that_are_not_ready(engine, worker, scripted):
    scripted.on_plan = [TaskSpec(name="core", service=True)]
    job = submit(engine)
    core = take(engine, worker, "core")
    engine.services.ready(core, CORE)
    engine.jobs.cancel(job.id)
    engine.attempts.gone(core)
    assert engine.jobs.restart(job.id).unready == 1
    assert engine.services.of_job(job.id) == {}
    engine.services.ready(take(engine, worker, "core"), CORE)
    assert engine.services.of_job(job.id) == {"core": CORE}
    assert engine.doctor.examine(pause_s=0) == []
