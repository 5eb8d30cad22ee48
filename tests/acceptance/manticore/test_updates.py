"""Updates without a websocket: a stream of events, long polls, activity and output."""

import contextlib
import http.client
import json
import os
import signal
import threading

import pytest

from app.domain.records import JobFilter
from tests.acceptance.manticore.test_http import refused
from tests.yard import PATIENCE_S, eventually

STREAM = {"Accept": "text/event-stream"}
ODD = ["", "x", "0w.", "0s.zz", "9" * 50 + "w", "%D9%A3w", "%00", "dead", "0w" * 500]


class Stream:
    """A stream of events; collects what it is told."""

    def __init__(self, server, path: str, **headers: str) -> None:
        self.told: list[dict] = []
        self.ids: list[str] = []
        self.text = b""
        self.over = False
        self._wire = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
        self._wire.request("GET", path, headers=headers)
        self.answer = self._wire.getresponse()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError, AttributeError):
            while line := self.answer.readline():
                self.text += line
                name, _, value = line.decode().strip().partition(": ")
                if name == "data":
                    self.told.append(json.loads(value))
                elif name == "id":
                    self.ids.append(value)
        self.answer.close()
        self._wire.close()
        self.over = True

    def until(self, count: int) -> list[dict]:
        return eventually(lambda: len(self.told) >= count and self.told, f"{count}: {self.told}")

    def until_over(self) -> None:
        eventually(lambda: self.over, f"the end of the stream after {self.told}")


def events(manticore, passcode: str, **headers: str) -> Stream:
    path = f"/api/v2/job/{passcode}/events"
    stream = Stream(manticore.server, path, **STREAM, **headers)
    assert stream.answer.status == 200
    assert stream.answer.headers["Content-Type"].startswith("text/event-stream")
    return stream


def test_a_stream_has_the_messages_of_the_websocket(manticore):
    manticore.passcode("first")
    passcode = manticore.passcode("a")
    stream, socket = events(manticore, passcode), manticore.open(passcode)
    stream.until(1)
    socket.until("position", position=1)
    manticore.leave("first")
    manticore.tick()
    socket.until("position", position=0, wait=False)
    eventually(lambda: stream.told[-1]["data"] == {"position": 0, "wait": False}, "the start")
    manticore.work(2)
    socket.until("services")
    eventually(lambda: stream.told[-1]["type"] == "services", "the addresses")
    manticore.leave("a")
    stream.until_over()
    socket.until_closed()
    assert stream.told[-1] == socket.told[-1] == {"type": "dead", "data": {"reason": "deleted"}}
    assert [each for each in stream.told if each["type"] != "position"] == [
        each for each in socket.told if each["type"] != "position"
    ]


def test_a_stream_goes_on_where_it_was_cut_off(manticore):
    passcode = manticore.passcode("a")
    manticore.work(2)
    before = events(manticore, passcode)
    assert [each["type"] for each in before.until(2)] == ["position", "services"]
    after = events(manticore, passcode, **{"Last-Event-ID": before.ids[-1]})
    between = events(manticore, passcode, **{"Last-Event-ID": before.ids[0]})
    assert between.until(1)[0]["type"] == "services"
    manticore.leave("a")
    after.until_over()
    assert [each["type"] for each in after.told] == ["dead"]
    gone = Stream(manticore.server, f"/api/v2/job/{passcode}/events", **STREAM,
                  **{"Last-Event-ID": after.ids[-1]})  # fmt: skip
    assert gone.answer.status == 404


def test_a_poll_answers_as_soon_as_something_differs(manticore):
    manticore.passcode("first")
    passcode = manticore.passcode("a")
    told = manticore.poll(passcode).json
    assert told["messages"] == [{"type": "position", "data": {"position": 1, "wait": True}}]
    assert manticore.poll(passcode, told["tag"], wait=0).json == {
        "messages": [],
        "tag": told["tag"],
    }
    answers = []
    waiter = threading.Thread(
        target=lambda: answers.append(manticore.poll(passcode, told["tag"]).json)
    )
    waiter.start()
    manticore.leave("first")
    waiter.join(PATIENCE_S)
    [answer] = answers
    assert answer["messages"][0]["data"]["position"] == 0
    manticore.tick()
    manticore.work(2)
    tag, kinds = answer["tag"], []
    while "services" not in kinds:
        answer = manticore.poll(passcode, tag).json
        kinds += [each["type"] for each in answer["messages"]]
        tag = answer["tag"]
    assert kinds.count("services") == 1
    assert manticore.poll(passcode, tag, wait=1).json == {"messages": [], "tag": tag}
    manticore.leave("a")
    assert refused(manticore.poll(passcode, tag), 404)


def test_a_poll_tells_why_it_ended_to_who_was_away(manticore):
    passcode = manticore.passcode("a")
    tag = manticore.poll(passcode).json["tag"]
    [task] = manticore.work()
    manticore.engine.attempts.fail(task.lease, "start_failed: no such image", retry=False)
    told = manticore.poll(passcode, tag).json
    data = {"reason": "start_failed", "detail": "no such image"}
    assert told == {"messages": [{"type": "dead", "data": data}], "tag": "dead"}
    assert refused(manticore.poll(passcode, "dead"), 404)
    assert refused(manticore.poll(passcode), 404)


@pytest.mark.parametrize("since", ODD, ids=lambda since: since[:9])
def test_what_is_no_tag_begins_anew(manticore, since):
    told = manticore.poll(manticore.passcode("a"), since).json
    assert [each["type"] for each in told["messages"]] == ["position"]


@pytest.mark.parametrize("wait", ["-1", "x", "1.5", "9" * 400, "%00", "%D9%A3"])
def test_what_is_no_time_to_wait_is_refused(manticore, wait):
    assert refused(manticore.poll(manticore.passcode("a"), wait=wait))


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
@pytest.mark.parametrize("below", ["events", "logs", "logs?follow=1", "activity", "other"])
@pytest.mark.parametrize("passcode", ["x", "0123456789abcdef", "%00" * 16, "a" * 300])
def test_wrong_passcodes_open_nothing(manticore, method, below, passcode):
    answer = manticore.server.request(method, f"/api/v2/job/{passcode}/{below}", headers=STREAM)
    assert answer.status in (404, 405)
    assert refused(answer, answer.status)


def test_streams_and_polls_end_with_the_server(manticores):
    own = manticores.start()
    passcode = own.passcode("a")
    stream = events(own, passcode)
    stream.until(1)
    output = Stream(own.server, f"/api/v2/job/{passcode}/logs?follow=1")
    answers = []
    waiter = threading.Thread(target=lambda: answers.append(own.poll(passcode, stream.ids[-1])))
    waiter.start()
    os.kill(own.server.process.pid, signal.SIGTERM)
    assert own.server.process.wait(PATIENCE_S) == 0
    stream.until_over()
    output.until_over()
    waiter.join(PATIENCE_S)
    assert stream.told[-1]["type"] == "position"


TIMES = "usage_duration = 0.2\nwarning_duration = 600\nreset_timer_allowed = true\n"


def test_activity_is_reported_without_a_websocket(manticores):
    own = manticores.start(TIMES)
    passcode = own.passcode("a")

    def active():
        return own.server.post(f"/api/v2/job/{passcode}/activity", "")

    assert (active().status, active().json) == (200, {"counted": False})
    own.work(2)
    own.tick()
    tag = ""

    def warned():
        nonlocal tag
        own.tick()
        answer = own.poll(passcode, tag, wait=1).json
        tag = answer["tag"]
        return [each["data"] for each in answer["messages"] if each["type"] == "activity"]

    assert eventually(warned, "a warning")[0]["inactivityTime"] == 0.2
    assert active().json == {"counted": True}
    [entry] = own.engine.jobs.find(JobFilter(dialect="manticore")).items
    assert own.engine.idle.deadline(entry.id) > own.engine.clock.now()
    eventually(warned, "another warning")
    own.leave("a")
    assert refused(active(), 404)


def test_activity_counts_for_nothing_without_a_limit(manticore):
    passcode = manticore.passcode("a")
    manticore.work(2)
    answer = manticore.server.post(f"/api/v2/job/{passcode}/activity", b"\xff{")
    assert answer.json == {"counted": False}


def write(manticore, task, *texts):
    manticore.engine.logs.append(
        task_id=task.task_id, job_id=task.job_id, position=task.position,
        task_created_at=task.created_at, texts=texts,
    )  # fmt: skip


def test_output_of_both_services_is_followed_to_the_end(manticore):
    passcode = manticore.passcode("a")
    path = f"/api/v2/job/{passcode}/logs"
    assert manticore.server.get(path).body == b""
    core, hmi = manticore.work(2)
    write(manticore, core, "core says ä\n")
    write(manticore, hmi, "hmi says this\n")
    whole = manticore.server.get(path)
    assert whole.headers["content-type"] == "text/plain; charset=utf-8"
    assert whole.body.decode() == "core says ä\nhmi says this\n"
    stream = Stream(manticore.server, f"{path}?follow=1")
    eventually(lambda: stream.text == whole.body, "what there is")
    write(manticore, core, "more\n")
    eventually(lambda: stream.text.endswith(b"more\n"), "what comes")
    manticore.leave("a")
    stream.until_over()
    assert refused(manticore.server.get(path), 404)
