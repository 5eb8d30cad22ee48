"""Workers with sleep schedules, on each database, with a clock of the test's."""

from datetime import UTC, datetime

import pytest

from app.api.flamenco import DIALECT
from app.domain.clock import SECOND
from app.testing import FakeClock

DAY = {"days": ["mon", "tue", "wed", "thu", "fri"], "start": "08:00", "end": "18:00"}
MONDAY = datetime(2026, 1, 5, 7, 59, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(int(MONDAY.timestamp()) * SECOND)


def put(farm, worker: int, status: int = 200, **words):
    return farm.ask("PUT", f"/workers/sleep/{worker}", status, json={**DAY, **words})


def turn(farm, clock) -> int:
    return DIALECT.run_once(farm.services, clock.now())


def test_a_worker_falls_asleep_and_wakes_up(farm, clock):
    task, worker = farm.post(), farm.worker("a")
    found = put(farm, worker)
    assert found == {
        **DAY, "worker_id": worker, "zone": "UTC", "at_once": False, "asleep": False,
        "changes_at": "2026-01-05T08:00:00.000000Z",
    }  # fmt: skip
    clock.advance(60)
    assert turn(farm, clock) == 1
    assert turn(farm, clock) == 0
    assert farm.ask("GET", f"/workers/sleep/{worker}")["asleep"] is True
    assert farm.poll(worker) is None
    farm.ask("GET", f"/tasks/compiled/0?worker_id={worker}", 204)
    clock.advance(10 * 3600)
    turn(farm, clock)
    assert farm.poll(worker) == task
    assert farm.ask("GET", "/workers/sleep")["schedules"][0]["asleep"] is False


@pytest.mark.parametrize("at_once", [False, True])
def test_what_it_renders_is_ended_or_let_go(farm, clock, at_once):
    task, worker = farm.post(), farm.worker("a")
    put(farm, worker, at_once=at_once)
    assert farm.poll(worker) == task
    clock.advance(60)
    turn(farm, clock)
    assert farm.task(task)["status"] == ("ready" if at_once else "rendering")
    farm.report(task, worker, "completed", 403 if at_once else 204)
    assert farm.poll(worker) is None


def test_a_schedule_is_in_force_at_once(farm, clock):
    farm.post()
    worker = farm.worker("a")
    clock.advance(3600)
    assert put(farm, worker)["asleep"] is True
    assert farm.poll(worker) is None


def test_who_is_woken_up_stays_awake_until_the_schedule_changes(farm, clock):
    task, worker = farm.post(), farm.worker("a")
    clock.advance(3600)
    put(farm, worker)
    farm.ask("PATCH", f"/workers/sleep/{worker}", json={"asleep": False})
    turn(farm, clock)
    assert farm.poll(worker) == task
    clock.advance(23 * 3600 + 60)
    turn(farm, clock)
    assert farm.ask("GET", f"/workers/sleep/{worker}")["asleep"] is True


def test_without_a_schedule_a_worker_is_awake(farm, clock):
    task, worker = farm.post(), farm.worker("a")
    clock.advance(3600)
    put(farm, worker)
    farm.ask("DELETE", f"/workers/sleep/{worker}", 204)
    assert farm.poll(worker) == task
    for method in ("GET", "DELETE"):
        farm.ask(method, f"/workers/sleep/{worker}", 404)
    farm.ask("PATCH", f"/workers/sleep/{worker}", 404, json={"asleep": True})


def test_a_worker_that_is_forgotten_takes_its_schedule_along(farm):
    worker = farm.worker("a")
    put(farm, worker)
    farm.ask("DELETE", f"/workers/{worker}", 204)
    assert farm.ask("GET", "/workers/sleep")["schedules"] == []
    put(farm, worker, 404)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("days", []), ("days", ["monday"]), ("days", "mon,mon"), ("days", 3), ("days", None),
        ("days", [None]), ("start", "24:00"), ("start", "8:00"), ("start", None), ("end", 18),
        ("end", "18:00:00"), ("zone", "Nowhere/Else"), ("zone", "../etc/passwd"), ("zone", "a\0"),
        ("zone", 3), ("at_once", "perhaps"), ("at_once", []),
    ],
)  # fmt: skip
def test_what_is_no_schedule_is_refused(farm, field, value):
    worker = farm.worker("a")
    assert field in put(farm, worker, 400, **{field: value})["errors"]
    farm.ask("GET", f"/workers/sleep/{worker}", 404)


def test_forms_are_as_good(farm):
    worker = farm.worker("a")
    given = {**DAY, "days": "Sat, sun", "zone": "Europe/Vienna", "at_once": "true"}
    found = farm.ask("PUT", f"/workers/sleep/{worker}", data=given)
    assert (found["days"], found["at_once"]) == (["sat", "sun"], True)
    farm.ask("PATCH", f"/workers/sleep/{worker}", 400, json={"asleep": "perhaps"})
    farm.ask("PATCH", f"/workers/sleep/{worker}", 400, json={})
