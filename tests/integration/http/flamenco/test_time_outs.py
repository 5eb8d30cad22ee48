"""Workers that fall silent and tasks that nobody reports on, seen at once and found by the duty."""

from app.api.flamenco import DIALECT


def test_the_first_look_after_the_time_sees_the_new_state(farm, clock):
    task, worker = farm.post(), farm.worker("a")
    assert farm.poll(worker) == task
    clock.advance(300)
    assert farm.task(task)["status"] == "rendering"
    clock.advance(1)
    assert farm.task(task) | {"status": "ready", "worker_id": None} == farm.task(task)
    found = farm.ask("GET", f"/workers/{worker}")
    assert (found["connection"], found["status"], found["current_task"]) == (
        "offline",
        "enabled",
        None,
    )
    farm.report(task, worker, "running", 403)
    assert farm.poll(worker) == task
    assert farm.ask("GET", f"/workers/{worker}")["connection"] == "online"


def test_the_duty_finds_them_without_anybody_asking(farm, clock):
    task, worker = farm.post(), farm.worker("a")
    farm.poll(worker)
    clock.advance(301)
    assert DIALECT.run_once(farm.services, clock.now()) > 0
    assert farm.services.engine.attempts.held(worker) == {}
    assert DIALECT.run_once(farm.services, clock.now()) == 0
    assert farm.task(task)["attempts"] == 1


def test_settings_count_from_the_next_look_on(farm, clock):
    task, worker = farm.post(), farm.worker("a")
    farm.poll(worker)
    clock.advance(100)
    farm.ask("PATCH", f"/workers/{worker}", json={"status": "rendering"})
    farm.ask("PATCH", "/settings/task_timeout", json={"value": 99})
    assert farm.task(task)["status"] == "ready"
    assert farm.ask("GET", f"/workers/{worker}")["connection"] == "online"


def test_any_report_keeps_a_task(farm, clock):
    task, worker = farm.post(), farm.worker("a")
    farm.poll(worker)
    for _ in range(5):
        clock.advance(250)
        farm.ask("PATCH", f"/workers/{worker}", json={"status": "rendering"})
        farm.ask("PATCH", f"/tasks/{task}", 204, json={"time_cost": 1})
    assert farm.task(task)["status"] == "rendering"
    clock.advance(290)
    farm.ask("PATCH", f"/workers/{worker}", json={"status": "rendering"})
    clock.advance(290)
    farm.ask("PATCH", f"/workers/{worker}", json={"status": "rendering"})
    clock.advance(30)
    answer = farm.ask("PATCH", f"/workers/{worker}", json={"status": "rendering"})
    assert answer == {"task_id": None, "status": "enabled"}


def test_a_task_that_renders_for_too_long_has_failed(opened, clock):
    farm = opened(JOBYARD_FLAMENCO_MAX_RUN_S="1000")
    task, worker = farm.post(), farm.worker("a")
    farm.poll(worker)
    for _ in range(4):
        clock.advance(250)
        farm.report(task, worker, "running")
    clock.advance(1)
    assert farm.task(task)["status"] == "failed"
    farm.report(task, worker, "running", 409)
    assert farm.poll(worker) is None
