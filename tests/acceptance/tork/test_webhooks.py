"""Webhooks: what is told to whom, in which order, and that nothing else suffers from it."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.acceptance.tork.client import ID, TIME, Tork, check_filled, named
from tests.receiver import Receiver
from tests.yard import Yard, eventually

COMPLETED = ["PENDING", "RUNNING", "COMPLETED"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


def hook(receiver: Receiver, path: str = "/hook", **more: object) -> dict:
    return {"url": f"{receiver.url}{path}", **more}


def passed(tork: Tork) -> None:
    """Wait until nothing is left to be sent: what comes at all has come by then."""
    figures = f"{tork.url}/metrics/prometheus"
    eventually(
        lambda: "jobyard_deliveries 0.0" in requests.get(figures, timeout=60).text, "all sent"
    )


def halfway(flag: Path, percent: int) -> str:
    """A script that says how far it is and goes on when the flag is there."""
    return f"echo {percent} > $TORK_PROGRESS; until test -e {flag}; do sleep 0.1; done"


# -- what is sent -----------------------------------------------------------------------------


@pytest.mark.parametrize("event", [{}, {"event": "job.StateChange"}, {"event": ""}])
def test_the_states_of_a_job(tork: Tork, receiver: Receiver, event: dict):
    job = tork.done(
        "echo -n 42 > $TORK_OUTPUT", "true",
        webhooks=[hook(receiver, **event)], inputs={"a": "b"}, tags=["t"], description="d",
        output="out",
    )  # fmt: skip
    messages = receiver.until("/hook", COMPLETED)
    bodies = [each.json for each in messages]
    for message, body in zip(messages, bodies, strict=True):
        assert message.method == "POST"
        assert message.headers["content-type"] == "application/json; charset=UTF-8"
        check_filled(body)
        assert ID.fullmatch(body["id"])
        assert TIME.fullmatch(body["createdAt"])
    summary = next(each for each in tork.get("/jobs", size=20)["items"] if each["id"] == job["id"])
    assert bodies[2] == summary
    assert (summary["result"], summary["progress"], summary["position"]) == ("out", 100, 3)
    same = {key: summary[key] for key in ("id", "createdBy", "inputs", "name", "description",
                                          "tags", "createdAt", "taskCount")}  # fmt: skip
    assert bodies[0] == {**same, "state": "PENDING", "position": 0}
    assert bodies[1] == {
        **same, "state": "RUNNING", "position": 1, "startedAt": summary["startedAt"],
    }  # fmt: skip
    assert len({each.headers["x-jobyard-delivery"] for each in messages}) == 3


def test_failure_restart_and_cancel(tork: Tork, receiver: Receiver, tmp_path):
    flag = tmp_path / "flag"
    job_id = tork.submit(
        f"test -e {flag} && sleep 1000; exit 3", webhooks=[hook(receiver, "/{{ job.id }}")]
    )
    tork.until(job_id, "FAILED")
    flag.touch()
    assert tork.put(f"/jobs/{job_id}/restart")[0] == 200
    tork.eventually(job_id, lambda job: job["execution"][-1]["state"] == "RUNNING", "running")
    assert tork.put(f"/jobs/{job_id}/cancel")[0] == 200
    states = ["PENDING", "RUNNING", "FAILED", "RESTART", "CANCELLED"]
    bodies = [each.json for each in receiver.until(f"/{job_id}", states)]
    assert "exit" in bodies[2]["error"]
    assert "failedAt" in bodies[2]
    assert all(key not in body for body in bodies[3:] for key in ("failedAt", "completedAt"))


def test_a_job_cancelled_while_it_waits_is_told_so(tork: Tork, receiver: Receiver):
    nobody = {"run": "true", "queue": f"q{uuid.uuid4().hex[:8]}"}
    job_id = tork.submit(nobody, webhooks=[hook(receiver)])
    assert tork.put(f"/jobs/{job_id}/cancel")[0] == 200
    receiver.until("/hook", ["PENDING", "CANCELLED"])


def test_progress_of_a_job(tork: Tork, receiver: Receiver, tmp_path: Path):
    flag = tmp_path / "flag"
    job_id = tork.submit(
        "true", halfway(flag, 50), "true", "true", webhooks=[hook(receiver, event="job.Progress")]
    )
    eventually(lambda: len(receiver.messages) == 2, "half of the second task")
    flag.touch()
    tork.until(job_id, "COMPLETED")
    passed(tork)
    found = [(each.json["progress"], each.json["state"]) for each in receiver.messages]
    assert found == [
        (25, "RUNNING"), (37.5, "RUNNING"), (50, "RUNNING"), (75, "RUNNING"), (100, "COMPLETED"),
    ]  # fmt: skip


def test_states_of_tasks(tork: Tork, receiver: Receiver):
    job = tork.done(
        {"name": "one", "description": "d", "var": "v", "tags": ["x"],
         "run": "echo -n r > $TORK_OUTPUT"},
        {"name": "no", "if": "false", "run": "true"},
        {"name": "par", "parallel": {"tasks": [{"name": "child", "run": "true"}]}},
        webhooks=[hook(receiver, event="task.StateChange")],
    )  # fmt: skip
    passed(tork)
    bodies = [each.json for each in receiver.at("/hook")]
    by_name: dict[str, list[str]] = {}
    for body in bodies:
        check_filled(body)
        assert body["jobId"] == job["id"]
        assert "run" not in body
        by_name.setdefault(body["name"], []).append(body["state"])
    regular = ["SCHEDULED", "RUNNING", "COMPLETED"]
    assert by_name == {
        "one": regular, "no": ["SKIPPED"], "par": ["RUNNING", "COMPLETED"], "child": regular,
    }  # fmt: skip
    last = [body for body in bodies if body["name"] == "one"][-1]
    shown = named(job, "one")
    keys = ("id", "jobId", "position", "name", "description", "state", "createdAt", "scheduledAt",
            "startedAt", "completedAt", "result", "var", "tags")  # fmt: skip
    assert last == {key: shown[key] for key in keys}


def test_failed_and_cancelled_tasks(tork: Tork, receiver: Receiver):
    tork.fails(
        {"name": "par", "parallel": {"tasks": [
            {"name": "bad", "run": "exit 1", "retry": {"limit": 1}},
            {"name": "held", "run": "true", "queue": f"q{uuid.uuid4().hex[:8]}"},
        ]}},
        webhooks=[hook(receiver, event="task.StateChange")],
    )  # fmt: skip
    passed(tork)
    found = [(each.json["name"], each.json["state"]) for each in receiver.at("/hook")]
    assert found.count(("bad", "FAILED")) == 2
    assert found.count(("held", "CANCELLED")) == 1
    assert found.count(("par", "CANCELLED")) == 1


def test_progress_of_tasks(tork: Tork, receiver: Receiver, tmp_path: Path):
    flag = tmp_path / "flag"
    hooks = [hook(receiver, event="task.Progress")]
    job_id = tork.submit(halfway(flag, 30), webhooks=hooks)
    (message,) = eventually(lambda: receiver.at("/hook"), "progress")
    flag.touch()
    tork.until(job_id, "COMPLETED")
    assert (message.json["progress"], message.json["state"]) == (30, "RUNNING")


def test_an_unknown_event_never_comes(tork: Tork, receiver: Receiver):
    hooks = [hook(receiver, "/never", event=event) for event in ("never", "job", "TASK.progress")]
    tork.done("true", webhooks=[*hooks, hook(receiver)])
    receiver.until("/hook", COMPLETED)
    passed(tork)
    assert receiver.at("/never") == []


def test_several_webhooks_each_get_theirs(tork: Tork, receiver: Receiver):
    tork.done("true", webhooks=[hook(receiver, f"/{number}") for number in range(8)])
    for number in range(8):
        receiver.until(f"/{number}", COMPLETED)


def test_a_job_has_at_most_32_webhooks(tork: Tork, receiver: Receiver):
    document = {"name": "n", "tasks": [{"name": "t", "run": "true"}]}
    message = tork.refused({**document, "webhooks": [hook(receiver)] * 33})
    assert message == "webhooks: must have at most 32 entries"
    assert tork.post({**document, "webhooks": [hook(receiver, event="never")] * 32}).ok


# -- templates, conditions, secrets ------------------------------------------------------------


def test_address_and_headers_are_templates_over_the_job(tork: Tork, receiver: Receiver):
    job = tork.done(
        {"var": "made", "run": "echo -n r > $TORK_OUTPUT"},
        name="my job", inputs={"path": "in", "braces": "{{ secrets.token }}"},
        secrets={"token": "t0ken"},
        webhooks=[{
            "url": receiver.url + "/{{ inputs.path }}/{{ job.id }}?n={{ job.name }}",
            "headers": {"Authorization": "Bearer {{ secrets.token }}",
                        "X-Once": "{{ inputs.braces }}", "X-Result": "[{{ tasks.made }}]"},
            "if": "job.state == 'COMPLETED'",
        }, hook(receiver, "/bad", headers={"A": "{{ no.pe }}"}), hook(receiver, "/last")],
    )  # fmt: skip
    receiver.until("/last", COMPLETED)
    passed(tork)
    (message,) = [each for each in receiver.messages if each.path.startswith("/in/")]
    assert message.path == f"/in/{job['id']}?n=my%20job"
    assert message.headers["authorization"] == "Bearer t0ken"
    assert message.headers["x-once"] == "{{ secrets.token }}"
    assert message.headers["x-result"] == "[r]"
    assert receiver.at("/bad") == []


@pytest.mark.parametrize(
    ("condition", "states"),
    [
        ("job.State == 'COMPLETED'", ["COMPLETED"]),
        ("{{ job.State == 'COMPLETED' }}", ["COMPLETED"]),
        ("job.state != 'RUNNING'", ["PENDING", "COMPLETED"]),
        ("job.Inputs.a == 'b' && job.TaskCount == 1 and job.createdBy.username == 'guest'", COMPLETED),
        ("job.CreatedBy.Username == 'guest' && job.Name startsWith 'j' && job.ID != ''", COMPLETED),
        ("job.Position == 0 || job.progress == 100", ["PENDING", "COMPLETED"]),
        ("job.StartedAt == nil", ["PENDING"]),
        ("'b' in job.Tags", COMPLETED),
        ("true", COMPLETED),
        ("false", []),
        ("'true'", []),
        ("1", []),
        ("job", []),
        ("task.State == 'COMPLETED'", []),
        ("nope == 1", []),
        ("job.State > 1", []),
        ("inputs.a == 'b'", []),
        ("all(1..100000, all(1..100000, # > 0))", []),
    ],
)  # fmt: skip
def test_conditions_on_jobs(tork: Tork, receiver: Receiver, condition: str, states: list[str]):
    tork.done(
        "true",
        inputs={"a": "b"},
        tags=["b"],
        webhooks=[hook(receiver, **{"if": condition})],
    )
    receiver.until("/hook", states)
    passed(tork)
    assert receiver.states("/hook") == states


def test_conditions_on_tasks(tork: Tork, receiver: Receiver):
    conditions = {
        "/go": "task.State == 'COMPLETED' && task.Name == 'two' && job.Name == 'job'",
        "/json": "task.state == 'COMPLETED' && task.jobId == job.id && task.position == 1",
        "/result": "task.Result == 'r' && task.Var == 'v'",
    }
    tork.done(
        {"name": "one", "var": "v", "run": "echo -n r > $TORK_OUTPUT"},
        {"name": "two", "run": "true"},
        webhooks=[
            hook(receiver, path, event="task.StateChange", **{"if": text})
            for path, text in conditions.items()
        ],
    )
    passed(tork)
    found = {path: [each.json["name"] for each in receiver.at(path)] for path in conditions}
    assert found == {"/go": ["two"], "/json": ["one"], "/result": ["one"]}


def test_no_secret_is_in_a_body_nor_on_a_log_line(tork: Tork, receiver: Receiver, yard: Yard):
    secret, key = (f"s3cr3t{uuid.uuid4().hex}" for _ in range(2))
    receiver.answer = lambda _: 404
    names = ("job.StateChange", "job.Progress", "task.StateChange")
    tork.fails(
        {"name": "t-{{ secrets.t }}", "var": "v", "env": {"S": "{{ secrets.t }}"},
         "run": "echo -n r $S > $TORK_OUTPUT"},
        {"name": "bad", "env": {"S": "{{ secrets.t }}"}, "run": "echo $S; exit 1"},
        name=f"job {secret}", secrets={"t": secret}, inputs={"MY_PASSWORD": key, "x": secret},
        webhooks=[
            {"url": receiver.url + "/{{ secrets.t }}?q={{ secrets.t }}", "event": event,
             "headers": {"X-Secret": key, "A": "{{ secrets.t }}"}} for event in names
        ],
    )  # fmt: skip
    receiver.answer = lambda _: 200
    passed(tork)
    found = [each for each in receiver.messages if each.path.startswith("/s3cr3t")]
    assert len(found) >= 10
    for message in found:
        text = json.dumps(message.json)
        assert secret not in text
        assert key not in text
        assert message.headers["a"] == secret
    assert "[REDACTED]" in found[0].json["name"]
    lines = "\n".join(yard.lines)
    assert "webhook-failed" in lines
    assert secret not in lines
    assert key not in lines


# -- sub-jobs and scheduled runs ---------------------------------------------------------------


@pytest.mark.parametrize("detached", [False, True])
def test_sub_jobs_tell_of_themselves(tork: Tork, receiver: Receiver, detached: bool):
    job = tork.done(
        {"name": "sub", "subjob": {
            "name": "child", "detached": detached, "secrets": {"t": "{{ secrets.t }}"},
            "inputs": {"braces": "{{ inputs.braces }}"},
            "webhooks": [hook(receiver, "/{{ inputs.where }}?b={{ inputs.braces }}",
                              headers={"X-T": "{{ secrets.t }}"})],
            "tasks": [{"name": "in", "run": "true"}]}},
        secrets={"t": "t0ken"}, inputs={"where": "sub", "braces": "{{ 1 + 1 }}"},
    )  # fmt: skip
    path = "/sub?b=%7B%7B%201%20+%201%20%7D%7D"
    messages = receiver.until(path, COMPLETED)
    task = named(job, "sub")
    assert {each.json["name"] for each in messages} == {"child"}
    parents = {each.json.get("parentId") for each in messages}
    assert parents == ({None} if detached else {task["id"]})
    assert {each.headers["x-t"] for each in messages} == {"t0ken"}
    assert messages[0].json["id"] != job["id"]


def test_runs_of_a_scheduled_job_tell_of_themselves(tork: Tork, receiver: Receiver):
    document = {
        "name": "cron",
        "tasks": [{"name": "t", "run": "true"}],
        "schedule": {"cron": "@every 1s"},
        "webhooks": [hook(receiver, "/{{ job.id }}")],
    }
    made = tork.post(document, "/scheduled-jobs").json()
    shown = tork.get(f"/scheduled-jobs/{made['id']}")
    assert shown["webhooks"][0]["url"].endswith("/{{ job.id }}")
    first = eventually(lambda: receiver.messages, "a run")[0]
    tork.put(f"/scheduled-jobs/{made['id']}/pause")
    messages = receiver.until(first.path, COMPLETED)
    for message in messages:
        assert message.json["schedule"] == {"id": made["id"], "cron": "@every 1s"}
        assert message.path == f"/{message.json['id']}"
    assert tork.ask("DELETE", f"/scheduled-jobs/{made['id']}").status_code == 200


def test_runs_that_are_deleted_with_their_schedule_are_told_as_cancelled(
    tork: Tork, receiver: Receiver
):
    made = tork.post(
        {
            "name": "cron", "tasks": [{"name": "t", "run": "sleep 1000"}],
            "schedule": {"cron": "@every 1s"}, "inputs": {"a": "b"},
            "webhooks": [hook(receiver, "/{{ job.id }}")],
        },
        "/scheduled-jobs",
    ).json()  # fmt: skip
    first = eventually(lambda: receiver.messages, "a run")[0]
    eventually(lambda: "RUNNING" in receiver.states(first.path), "it runs")
    assert tork.ask("DELETE", f"/scheduled-jobs/{made['id']}").status_code == 200
    tork.missing(f"/jobs/{first.json['id']}")
    last = receiver.until(first.path, ["PENDING", "RUNNING", "CANCELLED"])[-1]
    assert last.json["inputs"] == {"a": "b"}


def test_a_job_that_deletes_itself_is_told_of_all_the_same(tork: Tork, receiver: Receiver):
    left = [500] * 2
    receiver.answer = lambda _: left.pop() if left else 200
    job = tork.summary("true", webhooks=[hook(receiver)], autoDelete={"after": "1ms"})
    eventually(
        lambda: requests.get(f"{tork.url}/jobs/{job['id']}", timeout=60).status_code == 404, "gone"
    )
    eventually(lambda: len(receiver.messages) == 5, "told")
    assert receiver.states("/hook") == ["PENDING"] * 3 + ["RUNNING", "COMPLETED"]


# -- how it is sent ----------------------------------------------------------------------------


def test_what_is_not_taken_comes_again_in_order(tork: Tork, receiver: Receiver):
    left = [503, None, 200, 500]
    receiver.answer = lambda _: left.pop(0) if left else 200
    tork.done("true", webhooks=[hook(receiver)])
    states = ["PENDING"] * 3 + ["RUNNING"] * 2 + ["COMPLETED"]
    messages = receiver.until("/hook", states)
    assert len({each.headers["x-jobyard-delivery"] for each in messages}) == 3


@pytest.mark.parametrize("status", [302, 307, 404])
def test_other_answers_end_it(tork: Tork, receiver: Receiver, status: int):
    to = f"HTTP/1.1 {status} X\r\nLocation: {receiver.url}/else\r\nContent-Length: 0\r\n\r\n"
    receiver.answer = lambda message: to.encode() if message.path == "/hook" else 200
    tork.done("true", webhooks=[hook(receiver)])
    passed(tork)
    assert receiver.states("/hook") == COMPLETED
    assert receiver.at("/else") == []


def test_dead_receivers_hold_up_neither_jobs_nor_other_webhooks(
    data_dir: Path, receiver: Receiver, free_port: int
):
    """One is down, one never answers, one drips; all jobs name all of them."""
    slow = Receiver(lambda message: slow.drip if message.path == "/drip" else slow.hang)
    yard = Yard(data_dir).start()
    try:
        tork = Tork(yard)
        dead = [
            {"url": f"http://127.0.0.1:{free_port}/"},
            {"url": f"{slow.url}/hang"},
            {"url": f"{slow.url}/drip", "event": "task.StateChange"},
        ]
        ids = [
            tork.submit("true", webhooks=[*dead, hook(receiver, f"/{number}")])
            for number in range(20)
        ]
        for number, job_id in enumerate(ids):
            assert tork.over(job_id)["state"] == "COMPLETED"
            receiver.until(f"/{number}", COMPLETED)
        tried = [(each.path, each.json["state"]) for each in slow.messages]
        # Of the slow ones none has come to its last message yet: they were never waited for.
        assert ("/hang", "COMPLETED") not in tried
        assert ("/drip", "COMPLETED") not in tried
    finally:
        slow.close()
        yard.end()


@pytest.mark.parametrize(
    "webhook",
    [
        {"url": "x"}, {"url": "ftp://127.0.0.1/"}, {"url": "http://[::1"}, {"url": "http://a b/"},
        {"url": "http://127.0.0.1:99999"}, {"url": "http://169.254.169.254/"},
        {"url": "HOOK", "headers": {"A": "b\r\nC: d"}}, {"url": "HOOK", "headers": {"A b": "c"}},
        {"url": "HOOK", "headers": {"A": "x" * 100_000}},
        {"url": "HOOK", "headers": {f"A{number}": "b" for number in range(65)}},
        {"url": "http://\N{BOMB}.invalid/"}, {"url": "{{ repeat('x', 100000) }}"},
    ],
)  # fmt: skip
def test_what_cannot_be_sent_harms_nothing(tork: Tork, receiver: Receiver, webhook: dict):
    webhook = {**webhook, "url": webhook["url"].replace("HOOK", f"{receiver.url}/bad")}
    tork.done("true", webhooks=[webhook, hook(receiver)])
    receiver.until("/hook", COMPLETED)
    assert receiver.at("/bad") == []


def test_many_jobs_at_once_each_in_order(tork: Tork, receiver: Receiver):
    ids = [tork.submit("true", webhooks=[hook(receiver, f"/{n}")]) for n in range(50)]
    for job_id in ids:
        tork.over(job_id)
    for number in range(50):
        receiver.until(f"/{number}", COMPLETED)


def test_what_waits_survives_the_death_of_everything(data_dir, receiver: Receiver):
    yard = Yard(data_dir).start()
    try:
        receiver.answer = lambda _: 503
        ids = [
            requests.post(
                f"{yard.url}/jobs",
                json={
                    "name": "n",
                    "tasks": [{"name": "t", "run": "true"}],
                    "webhooks": [hook(receiver, f"/{number}")],
                },
                timeout=60,
            ).json()["id"]
            for number in range(5)
        ]
        for job_id in ids:
            yard.until(job_id, "COMPLETED")
        eventually(lambda: len(receiver.messages) >= 5, "the first tries")
        yard.kill_all()
        before = len(receiver.messages)
        assert {each.json["state"] for each in receiver.messages} == {"PENDING"}
        receiver.answer = lambda _: 200
        yard.start()
        for number in range(5):
            path = f"/{number}"
            eventually(lambda path=path: "COMPLETED" in receiver.states(path), "the end told")
            states = [
                each.json["state"] for each in receiver.messages[before:] if each.path == path
            ]
            assert states == COMPLETED
        figures = requests.get(f"{yard.url}/metrics/prometheus", timeout=60).text
        assert "jobyard_deliveries 0.0" in figures
    finally:
        yard.end()
