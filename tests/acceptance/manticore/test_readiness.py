"""Whether environments can be started, for load balancers, and what is counted of them."""

import pytest

from tests.yard import eventually


def ready(manticore, word: str = "1"):
    answer = manticore.server.get(f"/health?ready={word}")
    return answer.status, answer.json["ready"], answer.json["unready"]


def figures(manticore) -> dict[str, float]:
    text = manticore.server.get("/metrics/prometheus").body.decode()
    lines = [line for line in text.splitlines() if line.startswith("jobyard_manticore_")]
    return {name: float(value) for name, value in (line.split() for line in lines)}


def fail(manticore, user: str) -> None:
    manticore.passcode(user)
    [task] = manticore.work()
    manticore.engine.attempts.fail(task.lease, "start_failed: no image", retry=False)


def test_a_start_that_fails_is_told_until_one_succeeds(manticore):
    assert ready(manticore) == (200, True, [])
    fail(manticore, "a")
    assert ready(manticore) == (503, False, ["manticore"])
    plain = manticore.server.get("/health")
    assert plain.status == 200
    assert "ready" not in plain.json
    assert manticore.server.get("/health?ready=0").json == plain.json
    manticore.passcode("b")
    assert ready(manticore)[0] == 503
    manticore.work(2)
    assert ready(manticore) == (200, True, [])


def test_who_leaves_during_the_start_is_no_failure(manticore):
    manticore.passcode("a")
    [task] = manticore.work()
    manticore.leave("a")
    manticore.end(task)
    assert ready(manticore) == (200, True, [])


@pytest.mark.parametrize("word", ["%00", "x" * 500, "%F0", "1&ready=0"])
def test_odd_questions_are_answered(manticore, word):
    assert ready(manticore, word) == (200, True, [])


def test_environments_are_counted_for_prometheus(manticore):
    for user in ("a", "b", "c"):
        manticore.passcode(user)
    found = figures(manticore)
    assert {name: found[f"jobyard_manticore_{name}"] for name in (
        "waiting", "starting", "running", "slots", "started_timestamp_seconds",
    )} == {"waiting": 2, "starting": 1, "running": 0, "slots": 1,
           "started_timestamp_seconds": 0}  # fmt: skip
    assert "jobyard_manticore_stay_seconds" not in found
    for task in manticore.work(2):
        manticore.leave("a")
        manticore.end(task)
    manticore.tick()
    found = eventually(lambda: figures(manticore), "figures")
    assert found["jobyard_manticore_waiting"] == 1
    assert found["jobyard_manticore_stay_seconds"] >= 0
    assert found["jobyard_manticore_started_timestamp_seconds"] > 1e9
