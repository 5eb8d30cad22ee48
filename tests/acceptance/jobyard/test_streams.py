"""Events and output as they come: nothing missed, nothing twice, wherever the client was cut off."""

import uuid

import pytest
import requests

from tests.acceptance.jobyard.client import Api
from tests.yard import Yard, eventually

SECRET = "open-sesame-4711"


def ready(stream):
    """Wait for the greeting, after which nothing is missed."""
    return stream.until(lambda s: s.frames and s.frames[0].kind == "ready", "the greeting")


def ended(stream):
    return any(frame.kind == "end" for frame in stream.frames)


def test_events_of_a_job_come_in_order(api):
    with api.stream("/events?kind=job") as stream:
        assert stream.answer.headers["Content-Type"].startswith("text/event-stream")
        ready(stream)
        job_id = api.submit("true")

        def mine(stream):
            return [
                frame.document["kind"]
                for frame in stream.happened
                if frame.document["job_id"] == job_id
            ]

        stream.until(lambda s: "job.completed" in mine(s))
        assert mine(stream) == ["job.submitted", "job.scheduled", "job.started", "job.completed"]
        positions = [frame.position for frame in stream.happened]
        assert len(set(positions)) == len(positions)


def test_stream_is_resumed_behind_any_event(api):
    with api.stream("/events") as first:
        ready(first)
        job_id = api.submit("true")
        api.until(job_id, "COMPLETED")
    with api.stream(f"/events?job={job_id}", first.frames[0].position) as whole:
        whole.until(lambda s: "job.completed" in s.kinds)
    assert not any(frame.kind == "resync" for frame in whole.frames)
    for index, frame in enumerate(whole.happened[:-1]):
        with api.stream(f"/events?job={job_id}", frame.position) as rest:
            rest.until(lambda s: "job.completed" in s.kinds)
        assert rest.happened == whole.happened[index + 1 :]


def test_filters_leave_out_what_was_not_asked_for(api):
    other = api.submit("sleep 600")
    with (
        api.stream("/events?kind=task.completed,job.completed&dialect=jobyard") as some,
        api.stream("/events?dialect=tork") as theirs,
        api.stream(f"/events?job={other}") as one,
    ):
        for stream in (some, theirs, one):
            ready(stream)
        api.until(api.submit("true"), "COMPLETED")
        api.yard.until(api.yard.submit("true"), "COMPLETED")
        api.call("PUT", f"/jobs/{other}/cancel")
        some.until(lambda s: "job.completed" in s.kinds)
        theirs.until(lambda s: "job.completed" in s.kinds)
        one.until(lambda s: "job.cancelled" in s.kinds)
        assert set(some.kinds) <= {"task.completed", "job.completed"}
        assert {frame.document["dialect"] for frame in some.happened} == {"jobyard"}
        assert {frame.document["dialect"] for frame in theirs.happened} == {"tork"}
        assert {frame.document["job_id"] for frame in one.happened} == {other}


@pytest.mark.parametrize("query", ["kind=nonsense", "kind=job,x", "last_event_id=x"])
def test_bad_query_of_events_is_refused(api, query):
    assert api.get(f"/events?{query}", 400)["code"] == "bad-request"


def test_client_whose_place_is_gone_is_told_to_read_anew(api):
    with api.stream("/events", "0-999999999") as stream:
        stream.until(lambda s: s.frames)
        assert (stream.frames[0].kind, stream.frames[0].document) == (
            "resync",
            {"reason": "unknown"},
        )
        api.until(api.submit("true"), "COMPLETED")
        stream.until(lambda s: "job.completed" in s.kinds)


def test_output_is_followed_to_its_end(api):
    job_id = api.submit("for i in 1 2 3 4 5; do echo line $i; sleep 0.3; done")
    with api.stream(f"/jobs/{job_id}/log/stream") as stream:
        stream.until(lambda s: "line 1\n" in s.text)
        stream.until(ended, "the end")
        assert stream.text == "".join(f"line {number}\n" for number in range(1, 6))
        assert stream.ended.wait(60)
    [task] = api.get(f"/jobs/{job_id}/tasks")["items"]
    for path in (f"/jobs/{job_id}/log", f"/tasks/{task['id']}/log"):
        whole = requests.get(f"{api.url}{path}/text", timeout=60)
        assert whole.text == stream.text
        assert whole.headers["Content-Type"] == "text/plain; charset=utf-8"
        parts, after = [], ""
        while (page := api.get(path, size=1, after=after))["items"]:
            parts += page["items"]
            after = page["next"]
        assert "".join(part["contents"] for part in parts) == stream.text
        with api.stream(f"{path}/stream") as again:
            again.until(ended)
        for index, frame in enumerate(again.happened):
            with api.stream(f"{path}/stream", frame.position) as rest:
                rest.until(ended)
            assert rest.happened == again.happened[index + 1 :]
        assert api.get(f"{path}/stream?last_event_id=x", 400)["code"] == "bad-request"
        assert api.get(path, 400, after="x")["code"] == "bad-request"


def test_nothing_secret_is_in_any_answer_or_stream(api):
    with api.stream("/events") as events:
        ready(events)
        body = {
            "name": f"job {SECRET}",
            "description": f"with {SECRET}",
            "tags": [SECRET],
            "secrets": {"key": SECRET},
            "tasks": [
                {"name": "t", "env": {"K": "{{ secrets.key }}"}, "run": "echo got $K; exit 1"}
            ],
        }
        job_id = requests.post(f"{api.yard.url}/jobs", json=body, timeout=60).json()["id"]
        with api.stream(f"/jobs/{job_id}/log/stream") as stream:
            stream.until(ended)
        assert stream.text == "got [REDACTED]\n"  # as it was stored
        events.until(lambda s: "job.failed" in s.kinds)
        assert SECRET.encode() not in events.raw + stream.raw
    [task] = api.get(f"/jobs/{job_id}/tasks")["items"]
    for path in (
        "/jobs",
        f"/jobs/{job_id}",
        f"/jobs/{job_id}/tasks",
        f"/jobs/{job_id}/log",
        f"/jobs/{job_id}/log/text",
        f"/tasks/{task['id']}",
        f"/tasks/{task['id']}/log",
        f"/tasks/{task['id']}/log/text",
        "/queues",
        "/workers",
    ):
        assert SECRET not in requests.get(api.url + path, timeout=60).text, path


def test_streams_end_when_the_server_stops_and_go_on_with_the_next(data_dir):
    yard = Yard(data_dir).start()
    try:
        api = Api(yard)
        job_id = api.submit("echo before; sleep 600")
        with api.stream("/events") as events, api.stream(f"/jobs/{job_id}/log/stream") as log:
            ready(events)
            log.until(lambda s: s.text == "before\n")
            stopped = yard.kill("web", 15)
            assert events.ended.wait(60)
            assert log.ended.wait(60)
            assert not ended(log)
        eventually(
            lambda: (next_ := yard.part("web")) and next_.pid != stopped, "the next web part"
        )
        eventually(yard.answers, "its first answer")
        position = next(frame.position for frame in reversed(events.frames) if frame.position)
        with (
            api.stream("/events", position) as events,
            api.stream(f"/jobs/{job_id}/log/stream", log.happened[-1].position) as log,
        ):
            api.call("PUT", f"/jobs/{job_id}/cancel")
            events.until(lambda s: "job.cancelled" in s.kinds)
            log.until(ended)
            assert log.text == ""
    finally:
        yard.end()


def test_streams_of_strangers_are_not_found(api):
    for path in (f"/jobs/{uuid.uuid4().hex}", "/tasks/999999999"):
        for rest in ("/log", "/log/text", "/log/stream"):
            assert api.get(path + rest, 404)["code"].endswith("-not-found")
