"""Streams on the wire: framing, headers, first events, heartbeats, replay, errors, WebSockets."""

import http.client
import json
import re
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.acceptance.mantis.client import EXTERNAL, Mantis, check_error, pairs, scheduling, unique
from tests.acceptance.mantis.streams import Socket, Sse
from tests.yard import eventually

TICK = "shell:i=0; while :; do i=$((i+1)); echo $MANTIS_JOB_ID $i; sleep 0.1; done"
JOB_STREAMS = ["/jobDiscoveryStream/{j}", "/jobs/schedulingInfo/{j}", "/jobConnectbyid/{j}"]
CLUSTER_STREAMS = ["/jobClusters/discoveryInfoStream/{c}", "/lastSubmittedJobIdStream/{c}", "/jobConnectbyname/{c}"]
HEARTBEATS = {
    "/jobDiscoveryStream/{j}": {"jobId": "HB_JobId", "workerAssignments": None},
    "/jobs/schedulingInfo/{j}": {"jobId": "HB_JobId", "workerAssignments": None},
    "/jobClusters/discoveryInfoStream/{c}": {"jobId": "HB_JobId", "workerAssignments": None},
    "/lastSubmittedJobIdStream/{c}": {"name": "HB_JobId", "jobId": None},
}


@pytest.fixture(scope="module")
def ticking(server: Mantis):
    """A cluster whose Launched job 1 prints its id and a number ten times a second."""
    cluster = server.cluster(keep=True, jobJarFileLocation=TICK, schedulingInfo=scheduling(1))
    cluster.launch()
    yield cluster
    cluster.end()


def path_of(path: str, cluster) -> str:
    return path.format(c=cluster.name, j=f"{cluster}-1")


# -- server-sent events: the frame --------------------------------------------------------------------


@pytest.mark.parametrize("path", JOB_STREAMS + CLUSTER_STREAMS)
def test_headers_and_the_first_bytes(mantis: Mantis, ticking, path):
    with Sse(mantis, path_of(path, ticking)) as stream:
        assert stream.status == 200
        assert stream.headers["Content-Type"] == "text/event-stream"
        cache = {word.strip() for word in stream.headers["Cache-Control"].split(",")}
        assert cache == {"no-cache", "no-store", "max-age=0", "must-revalidate"}
        assert stream.headers["X-Accel-Buffering"] == "no"
        assert stream.headers["Content-Length"] is None
        assert stream.headers["Access-Control-Allow-Origin"] == "*"
        stream.until(1)
        lines = list(stream.lines)
    assert lines[0].startswith(b":")
    for line in lines:
        assert line == b"\n" or line.startswith((b"data: ", b":")), line
        assert b"\r" not in line
    for before, after in zip(lines, lines[1:], strict=False):
        if before.startswith(b"data: "):
            assert after == b"\n"


@pytest.mark.parametrize("path", CLUSTER_STREAMS)
def test_headers_come_before_anything_is_to_be_told(mantis: Mantis, path):
    cluster = mantis.cluster()
    with Sse(mantis, path_of(path, cluster)) as stream:
        assert stream.status == 200
        eventually(lambda: stream.lines, "the opening comment")
        assert stream.lines[0].startswith(b":")
        assert stream.data == []


@pytest.mark.parametrize("path", JOB_STREAMS)
def test_streams_of_a_job_need_an_active_one(mantis: Mantis, path):
    cluster = mantis.cluster(parameters=EXTERNAL)
    job_id = cluster.start()
    mantis.kill(job_id)
    mantis.until(job_id, "Completed")
    for slash in ("", "/"):
        assert job_id in mantis.refused(404, "GET", path_of(path, cluster) + slash)


@pytest.mark.parametrize("path", JOB_STREAMS + CLUSTER_STREAMS)
def test_a_slash_at_the_end_of_a_stream(mantis: Mantis, ticking, path):
    with Sse(mantis, path_of(path, ticking) + "/") as stream:
        assert stream.status == 200
        stream.until(1)


@pytest.mark.parametrize("word", ["jobConnectbyid", "jobconnectbyid", "JOBCONNECTBYID", "jobConnectById"])
def test_the_words_of_sinks_are_read_in_any_case(mantis: Mantis, ticking, word):
    with Sse(mantis, f"/{word}/{ticking}-1") as stream:
        stream.until(1)
    byname = word.replace("id", "name").replace("Id", "Name").replace("ID", "NAME")
    with Sse(mantis, f"/{byname}/{ticking}") as stream:
        stream.until(1)
    mantis.refused(404, "GET", f"/{word}/nobodyhere-1")
    mantis.refused(404, "GET", f"/{byname}/nobodyhere")


@pytest.mark.parametrize("word", ["jobsubmitandconnect", "jobSubmitAndConnect", "JOBSUBMITANDCONNECT"])
def test_submit_and_connect_is_read_in_any_case(mantis: Mantis, word):
    mantis.refused(404, "POST", f"/{word}", {"name": unique("unknown"), "user": "u"})
    assert "POST" in mantis.ask("PUT", f"/{word}").headers["Allow"]


def test_silence_is_kept_alive_and_heartbeats_come_when_asked_for(mantis: Mantis, ticking):
    """Streams that have nothing to tell, read side by side as they take their time."""
    quiet = mantis.cluster()
    cluster_streams = {path: Sse(mantis, path_of(path, quiet), sendHB="true") for path in CLUSTER_STREAMS}
    job_streams = {path: Sse(mantis, path_of(path, ticking), sendHB="TRUE") for path in JOB_STREAMS[:2]}
    silent = [Sse(mantis, path_of(path, quiet)) for path in CLUSTER_STREAMS]
    try:
        for path, stream in cluster_streams.items():
            if path in HEARTBEATS:
                stream.until(2)
                assert stream.events[:2] == [HEARTBEATS[path]] * 2
        for path, stream in job_streams.items():
            stream.until_event(lambda event, path=path: event == HEARTBEATS[path], "a heartbeat")
            assert stream.events[0]["jobId"] == f"{ticking}-1"
        assert cluster_streams["/jobConnectbyname/{c}"].data == []
        for stream in silent:
            eventually(lambda stream=stream: b": keep-alive\n" in stream.lines, "a comment that keeps it alive")
            assert stream.data == []
    finally:
        for stream in (*cluster_streams.values(), *job_streams.values(), *silent):
            stream.close()


# -- scheduling and discovery ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", JOB_STREAMS[:2])
def test_scheduling_info_follows_a_job(mantis: Mantis, path):
    cluster = mantis.cluster(schedulingInfo=scheduling(1, zero=1))
    job_id = cluster.launch()
    with Sse(mantis, path_of(path, cluster), jobId="ignored-7") as stream:
        stream.until(1)
        first = stream.events[0]
        worker = mantis.job(job_id)["workerMetadataList"][1]
        assert first["jobId"] == job_id
        one = first["workerAssignments"]["1"]
        assert {key: one[key] for key in ("stage", "numWorkers", "activeWorkers")} == {
            "stage": 1, "numWorkers": 1, "activeWorkers": 1,
        }  # fmt: skip
        host = one["hosts"]["2"]
        assert set(host) >= {"state", "workerNumber", "workerIndex", "host", "port", "metricsPort", "customPort"}
        assert (host["state"], host["workerNumber"], host["workerIndex"]) == ("Started", 2, 0)
        assert host["host"] == worker["slave"]
        assert isinstance(host["port"], list)
        body = {"JobId": job_id, "StageNumber": 1, "NumWorkers": 2}
        mantis.expect(204, "POST", f"/jobs/{job_id}/actions/scaleStage", body)
        stream.until_event(lambda event: stage_one(event, 2, {"2", "3"}), "both workers")
        body = {"user": "u", "workerNumber": 2}
        mantis.expect(200, "POST", f"/jobs/{job_id}/actions/resubmitWorker", body)
        stream.until_event(lambda event: stage_one(event, 2, {"3", "4"}), "the replacement")
        mantis.kill(job_id)
        stream.until_over()
        assert stream.events[-1] == {"jobId": job_id, "workerAssignments": {}}
        for event in stream.events:
            for number, assignment in event["workerAssignments"].items():
                assert assignment["stage"] == int(number)
                assert assignment["activeWorkers"] == len(assignment["hosts"])
                assert {host["state"] for host in assignment["hosts"].values()} <= {"Started"}


def stage_one(event: dict, wanted: int, hosts: set[str]) -> bool:
    found = event["workerAssignments"].get("1", {})
    return found.get("numWorkers") == wanted and set(found["hosts"]) == hosts


def test_workers_that_are_not_started_are_not_assigned(mantis: Mantis):
    cluster = mantis.cluster(parameters=EXTERNAL)
    job_id = cluster.start()
    worker = mantis.workers_until(job_id, lambda ws: ws[0]["state"] == "Launched", "placed")[0]
    with Sse(mantis, f"/jobDiscoveryStream/{job_id}") as stream:
        stream.until(1)
        one = stream.events[0]["workerAssignments"]["1"]
        assert (one["numWorkers"], one["activeWorkers"], one["hosts"]) == (1, 0, {})
        mantis.status(job_id, worker, "HEARTBEAT")
        stream.until_event(lambda event: stage_one(event, 1, {"1"}), "the worker")


def test_discovery_goes_over_to_each_newly_launched_job(mantis: Mantis):
    cluster = mantis.cluster()
    with Sse(mantis, path_of(CLUSTER_STREAMS[0], cluster)) as early:
        eventually(lambda: early.lines, "the opening comment")
        cluster.start(parameters=EXTERNAL)
        second = cluster.launch()
        early.until_event(lambda event: event["jobId"] == second, "the launched job")
        assert f"{cluster}-1" not in {event["jobId"] for event in early.events}
        third = cluster.launch()
        early.until_event(lambda event: event["jobId"] == third, "the newer job")
        with Sse(mantis, path_of(CLUSTER_STREAMS[0], cluster)) as late:
            late.until(1)
            assert late.events[0]["jobId"] == third
        mantis.kill(third)
        mantis.until(third, "Completed")
        fourth = cluster.launch()
        early.until_event(lambda event: event["jobId"] == fourth, "the one after that")
        assert not early.over


def test_the_last_job_of_a_cluster_is_told_when_it_is_launched(mantis: Mantis):
    cluster = mantis.cluster()
    path = path_of("/lastSubmittedJobIdStream/{c}", cluster)
    with Sse(mantis, path) as early:
        eventually(lambda: early.lines, "the opening comment")
        waiting = cluster.start(parameters=EXTERNAL)
        second = cluster.launch()
        early.until(1)
        worker = mantis.workers_until(waiting, lambda ws: ws[0]["state"] == "Launched", "placed")[0]
        mantis.status(waiting, worker, "HEARTBEAT")
        mantis.launched(waiting)
        early.until(2)
        with Sse(mantis, path) as late:
            late.until(1)
            assert late.events == [{"name": cluster.name, "jobId": waiting}]
        fourth = cluster.launch()
        early.until(3)
        assert early.events == [{"name": cluster.name, "jobId": job_id} for job_id in (second, waiting, fourth)]
        assert not early.over


# -- job status -----------------------------------------------------------------------------------------

STATUS = {"jobId", "stageNum", "workerIndex", "workerNumber", "type", "message", "state", "hostname", "timestamp", "reason",
          "payloads"}  # fmt: skip


def check_statuses(statuses: list[dict], job_id: str) -> None:
    for status in statuses:
        assert set(status) == STATUS, status
        assert status["jobId"] == job_id
        assert status["type"] in {"ERROR", "WARN", "INFO", "DEBUG"}
        assert type(status["timestamp"]) is int
        assert isinstance(status["payloads"], list)
        if status["workerNumber"] == -1:
            assert (status["stageNum"], status["workerIndex"]) == (-1, -1)
            assert status["message"].startswith(job_id)
            assert status["state"] in {"Accepted", "Launched", "Completed", "Failed"}
        else:
            assert status["message"].startswith(f"{job_id}-worker-{status['workerIndex']}-{status['workerNumber']}") or (
                status["message"] == "told by a test"
            )


def test_a_socket_tells_a_jobs_life_even_when_it_came_first(mantis: Mantis):
    cluster = mantis.cluster(schedulingInfo=scheduling(1, zero=1))
    job_id = f"{cluster}-1"
    with Socket(mantis, f"/jobStatusStream/{job_id}") as told:
        told.send("ignored")
        told.send(b"\x00ignored")
        assert cluster.launch() == job_id
        for number, stage in ((1, 0), (2, 1)):
            told.until_status(workerNumber=number, stageNum=stage, workerIndex=0, state="Started", type="INFO")
        told.until_status(workerNumber=-1, state="Launched")
        mantis.expect(202, "DELETE", f"/jobs/{job_id}", params={"user": "anna", "reason": "because of tests"})
        last = told.until_status(workerNumber=-1, state="Completed")
        assert "because of tests" in last["message"] + last["reason"]
        check_statuses(told.statuses, job_id)
        states = [one["state"] for one in told.statuses if one["workerNumber"] == 2]
        assert states.index("Started") < states.index("Completed")
        told.send("still here?")
        told.wire.ping().wait(60)
        assert not told.closed


def test_what_was_told_is_replayed_in_order_as_long_as_the_job_lives(mantis: Mantis):
    cluster = mantis.cluster(parameters=EXTERNAL)
    job_id = cluster.start()
    worker = mantis.workers_until(job_id, lambda ws: ws[0]["state"] == "Launched", "placed")[0]
    mantis.status(job_id, worker, "HEARTBEAT")
    mantis.launched(job_id)
    for number in range(120):
        mantis.status(job_id, worker, "INFO", message=f"{job_id}-worker-0-1 note {number}", reason="Normal")
    wanted = [f"{job_id}-worker-0-1 note {number}" for number in range(20, 120)]
    with Socket(mantis, f"/jobStatusStream/{job_id}/") as late:
        late.until(100)
        mantis.status(job_id, worker, "INFO", message="told by a test")
        late.until(101)
        assert [one["message"] for one in late.statuses] == [*wanted, "told by a test"]
        check_statuses(late.statuses, job_id)
        mantis.status(job_id, worker, "HEARTBEAT", message="unheard")
        mantis.kill(job_id)
        late.until_status(workerNumber=-1, state="Completed")
        assert "unheard" not in {one["message"] for one in late.statuses}
    mantis.until(job_id, "Completed")
    with Socket(mantis, f"/jobStatusStream/{job_id}") as after:
        after.wire.ping().wait(60)
        assert after.messages == []
        assert not after.closed


@pytest.mark.parametrize("path", ["/jobStatusStream/nobodyhere-1", "/jobStatusStream/x", "/jobStatusStream/{c}-1"])
def test_status_without_an_upgrade_is_400(mantis: Mantis, ticking, path):
    mantis.refused(400, "GET", path.format(c=ticking.name))


def test_nobodys_status_is_silence(mantis: Mantis):
    with Socket(mantis, f"/jobStatusStream/{unique('unknown')}-1") as told:
        told.wire.ping().wait(60)
        assert told.messages == []


# -- sinks --------------------------------------------------------------------------------------------


def numbers(lines: list[str]) -> list[int]:
    return [int(line.split()[-1]) for line in lines]


def test_a_sink_begins_now_and_misses_nothing_after(mantis: Mantis, ticking):
    with Sse(mantis, f"/jobConnectbyid/{ticking}-1") as sse, Socket(mantis, f"/jobConnectbyid/{ticking}-1") as socket:
        for lines in (sse.until(10), socket.until(10)):
            found = numbers(list(lines))
            assert found == list(range(found[0], found[0] + len(found)))
        assert numbers(sse.data)[0] > 1


def test_replay_gives_what_was_there_first(mantis: Mantis):
    cluster = mantis.cluster(jobJarFileLocation="shell:seq 1 1500; exec sleep 100000")
    job_id = cluster.launch()
    path = f"/jobConnectbyid/{job_id}"

    def all_there():
        with Sse(mantis, path, replay=1) as stream:
            eventually(lambda: stream.lines, "the opening comment")
            return stream.until(1)[0] == "1500"

    eventually(all_there, "all lines stored")
    for count in (1, 7, 1000):
        wanted = [str(number) for number in range(1501 - count, 1501)]
        with Sse(mantis, path, replay=count) as stream:
            assert stream.until(count) == wanted
        with Socket(mantis, path, replay=count) as socket:
            assert socket.until(count) == wanted
        with Sse(mantis, f"/jobConnectbyname/{cluster}", replay=count) as stream:
            assert stream.until(count) == wanted
    for none in ({"replay": 0}, {}, {"replay": ""}):
        with Sse(mantis, path, **none, enablePings="true") as stream:
            assert stream.until(1) == ["ping"]
    for wrong in ("-1", "1001", "x", "1.5"):
        mantis.refused(400, "GET", path, params={"replay": wrong})


def test_a_replay_goes_over_into_what_comes_without_gap_or_repeat(mantis: Mantis, ticking):
    with Sse(mantis, f"/jobConnectbyid/{ticking}-1", replay=5) as stream:
        found = numbers(stream.until(15))
    assert found == list(range(found[0], found[0] + len(found)))


def test_samples_are_the_latest_of_their_time(mantis: Mantis, ticking):
    for query in ({"sampleMSec": 1000}, {"sample": 1}):
        with Sse(mantis, f"/jobConnectbyid/{ticking}-1", **query) as stream:
            first, second = numbers(stream.until(2)[:2])
            assert second - first >= 3


def test_a_sink_ends_with_its_job_after_the_last_line(mantis: Mantis):
    cluster = mantis.cluster(jobJarFileLocation="shell:trap 'echo bye; exit 0' TERM; echo hi; while :; do sleep 0.1; done")
    with Sse(mantis, "/jobsubmitandconnect", cluster.wish()) as sink:
        assert sink.headers["X-Mantis-Job-Id"] == f"{cluster}-1"
        sink.until(1)
        with Socket(mantis, f"/jobConnectbyid/{cluster}-1", replay=10) as socket:
            socket.until(1)
            mantis.kill(f"{cluster}-1")
            assert sink.until_over() == ["hi", "bye"]
            socket.until_closed()
            assert socket.messages == ["hi", "bye"]


def test_a_sink_by_name_waits_and_goes_over(mantis: Mantis):
    cluster = mantis.cluster(jobJarFileLocation=TICK)
    with Sse(mantis, f"/jobConnectbyname/{cluster}", nonsense="1") as sse, Socket(mantis, f"/jobConnectbyname/{cluster}") as socket:
        eventually(lambda: sse.lines, "the opening comment")
        for number in (1, 2):
            cluster.launch()
            for data in (lambda: sse.data, lambda: socket.messages):
                eventually(lambda data=data, n=number: [x for x in data() if x.startswith(f"{cluster}-{n} ")], f"lines of {number}")
        seen = [line.partition(" ")[0] for line in sse.data]
        mantis.kill(f"{cluster}-2")
        mantis.until(f"{cluster}-2", "Completed")
        assert not sse.over
        assert not socket.closed
        assert seen == sorted(seen)
        cluster.launch()
        eventually(lambda: [x for x in sse.data if x.startswith(f"{cluster}-3 ")], "lines of 3")


def refused_socket(mantis: Mantis, path: str) -> None:
    """Open a socket that must be refused before or closed right after the handshake."""
    try:
        with Socket(mantis, path) as socket:
            socket.until_closed()
    except (InvalidStatus, ConnectionClosed) as error:
        if isinstance(error, InvalidStatus):
            assert 400 <= error.response.status_code < 500


@pytest.mark.parametrize("path", ["/jobConnectbyid/nobodyhere-1", "/jobConnectbyid/x", "/jobConnectbyname/nobodyhere"])
def test_a_socket_to_nobodys_sink_is_refused(mantis: Mantis, path):
    refused_socket(mantis, path)
    mantis.refused(404, "GET", path)


def test_a_reader_that_does_not_read_slows_nobody(mantis: Mantis):
    command = "shell:while :; do head -c 3000 /dev/zero | tr '\\0' x; echo; sleep 0.01; done"
    cluster = mantis.cluster(jobJarFileLocation=command)
    job_id = cluster.launch()
    where = urlsplit(mantis.yard.url)
    idle = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
    idle.request("GET", f"/api/v1/jobConnectbyid/{job_id}")
    assert idle.getresponse().status == 200
    with Sse(mantis, f"/jobConnectbyid/{job_id}") as stream:
        stream.until(300)
    idle.close()


# -- submit and connect -----------------------------------------------------------------------------------


def test_submit_and_connect_gives_all_lines_from_the_first_on(mantis: Mantis):
    cluster = mantis.cluster(jobJarFileLocation="shell:seq 1 300", schedulingInfo=scheduling(1))
    sla = {"durationType": "Perpetual", "runtimeLimitSecs": "0", "minRuntimeSecs": "0", "userProvidedType": ""}
    wanted = [str(number) for number in range(1, 301)]
    with Sse(mantis, "/jobsubmitandconnect", {"name": cluster.name, "user": "jschmoe", "jobSla": sla}) as sink:
        assert sink.status == 200
        assert sink.headers["Content-Type"] == "text/event-stream"
        assert sink.headers["X-Mantis-Job-Id"] == f"{cluster}-1"
        assert sink.until_over() == wanted
    with Sse(mantis, "/jobsubmitandconnect/", cluster.wish(parameters=pairs(command="echo other"))) as sink:
        assert sink.headers["X-Mantis-Job-Id"] == f"{cluster}-2"
        assert sink.until_over() == ["other"]
    assert mantis.job(f"{cluster}-1")["jobMetadata"]["user"] == "jschmoe"
    # With but a name and a user it runs what ran last.
    with Sse(mantis, "/jobsubmitandconnect", cluster.wish()) as sink:
        assert sink.until_over() == ["other"]


def test_a_client_that_leaves_kills_nothing(mantis: Mantis):
    cluster = mantis.cluster(jobJarFileLocation=TICK)
    with Sse(mantis, "/jobsubmitandconnect", cluster.wish()) as sink:
        sink.until(1)
    with Sse(mantis, f"/jobConnectbyid/{cluster}-1") as again:
        again.until(20)
    assert mantis.state(f"{cluster}-1") == "Launched"


def test_submit_and_connect_over_a_socket(mantis: Mantis):
    cluster = mantis.cluster(jobJarFileLocation="shell:seq 1 50")
    with Socket(mantis, "/jobsubmitandconnect") as socket:
        socket.send(cluster.wish())
        socket.until_closed()
        assert socket.messages == [str(number) for number in range(1, 51)]
    mantis.until(f"{cluster}-1", "Completed")


@pytest.mark.parametrize(
    "message",
    ["", "nonsense", "[]", "5", "{}", '{"name": "nobodyhere", "user": "u"}', '{"name": "nobodyhere"}', "[" * 50_000,
     '{"a": "\ufffd"}', b"\xff\xfe"],
    ids=lambda message: repr(message[:20]),
)  # fmt: skip
def test_an_error_of_a_socket_is_one_message(mantis: Mantis, message):
    with Socket(mantis, "/jobsubmitandconnect") as socket:
        socket.send(message)
        socket.until_closed()
        assert len(socket.messages) <= 1
        if isinstance(message, str):
            found = json.loads(socket.messages[0])
            assert set(found) - {"code"} == {"time", "host", "error", "requestId"}
            assert found["error"]


def test_submit_and_connect_without_an_upgrade_is_405_for_get(mantis: Mantis):
    answer = mantis.ask("GET", "/jobsubmitandconnect")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


# -- upgrades -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [{"Upgrade": "websocket"}, {"Upgrade": "websocket", "Connection": "Upgrade"},
     {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"},
     {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "1", "Sec-WebSocket-Key": "x"},
     {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "\xff"}],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/jobStatusStream/nobodyhere-1", "/jobConnectbyid/{j}", "/jobConnectbyname/{c}", "/jobsubmitandconnect"])
def test_a_broken_handshake_is_a_4xx(mantis: Mantis, ticking, path, headers):
    sent = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = mantis.raw("GET", path_of(path, ticking), headers=sent, stream=True)
    try:
        assert 400 <= answer.status_code < 500 or answer.headers["Content-Type"] == "text/event-stream"
        if answer.status_code >= 400 and answer.headers["Content-Type"] == "application/json":
            check_error(answer)
    finally:
        answer.close()


@pytest.mark.parametrize("path", JOB_STREAMS[:2] + CLUSTER_STREAMS[:2])
def test_event_streams_stay_event_streams_whatever_is_accepted(mantis: Mantis, ticking, path):
    answer = mantis.raw("GET", path_of(path, ticking), headers={"Accept": "application/json"}, stream=True)
    assert answer.headers["Content-Type"] == "text/event-stream"
    answer.close()


def test_pings_fill_the_silence_of_a_sink(mantis: Mantis):
    cluster = mantis.cluster(jobJarFileLocation="shell:echo one; exec sleep 100000")
    job_id = cluster.launch()
    with Sse(mantis, f"/jobConnectbyid/{job_id}", enablePings="true", replay=1) as pinged:
        found = pinged.until(3)
        assert [one for one in found if one != "one"][:2] == ["ping", "ping"]
        assert all(re.fullmatch(rb"data: .*\n|\n|:.*\n", line) for line in pinged.lines)
