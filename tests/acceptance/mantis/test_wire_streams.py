"""Streams on the wire: framing, headers, first events, heartbeats, replay, errors, WebSockets."""

import itertools

import pytest

from tests.acceptance.mantis.client import EXTERNAL, Mantis, scheduling, unique
from tests.acceptance.mantis.streams import Socket, Sse
from tests.yard import eventually

TICK = "shell:i=0; while :; do i=$((i+1)); echo $MANTIS_JOB_ID $i; sleep 0.1; done"
JOB_STREAMS = ["/jobDiscoveryStream/{j}", "/jobs/schedulingInfo/{j}", "/jobConnectbyid/{j}"]
CLUSTER_STREAMS = [
    "/jobClusters/discoveryInfoStream/{c}",
    "/lastSubmittedJobIdStream/{c}",
    "/jobConnectbyname/{c}",
]
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
    for before, after in itertools.pairwise(lines):
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


@pytest.mark.parametrize(
    "word", ["jobConnectbyid", "jobconnectbyid", "JOBCONNECTBYID", "jobConnectById"]
)
def test_the_words_of_sinks_are_read_in_any_case(mantis: Mantis, ticking, word):
    with Sse(mantis, f"/{word}/{ticking}-1") as stream:
        stream.until(1)
    byname = word.replace("id", "name").replace("Id", "Name").replace("ID", "NAME")
    with Sse(mantis, f"/{byname}/{ticking}") as stream:
        stream.until(1)
    mantis.refused(404, "GET", f"/{word}/nobodyhere-1")
    mantis.refused(404, "GET", f"/{byname}/nobodyhere")


@pytest.mark.parametrize(
    "word", ["jobsubmitandconnect", "jobSubmitAndConnect", "JOBSUBMITANDCONNECT"]
)
def test_submit_and_connect_is_read_in_any_case(mantis: Mantis, word):
    mantis.refused(404, "POST", f"/{word}", {"name": unique("unknown"), "user": "u"})
    assert "POST" in mantis.ask("PUT", f"/{word}").headers["Allow"]


def test_silence_is_kept_alive_and_heartbeats_come_when_asked_for(mantis: Mantis, ticking):
    """Streams that have nothing to tell, read side by side as they take their time."""
    quiet = mantis.cluster()
    cluster_streams = {
        path: Sse(mantis, path_of(path, quiet), sendHB="true") for path in CLUSTER_STREAMS
    }
    job_streams = {
        path: Sse(mantis, path_of(path, ticking), sendHB="TRUE") for path in JOB_STREAMS[:2]
    }
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
            eventually(
                lambda stream=stream: b": keep-alive\n" in stream.lines,
                "a comment that keeps it alive",
            )
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
        assert set(host) >= {
            "state",
            "workerNumber",
            "workerIndex",
            "host",
            "port",
            "metricsPort",
            "customPort",
        }
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
        assert early.events == [
            {"name": cluster.name, "jobId": job_id} for job_id in (second, waiting, fourth)
        ]
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
            assert status["message"].startswith(
                f"{job_id}-worker-{status['workerIndex']}-{status['workerNumber']}"
            ) or (status["message"] == "told by a test")


def test_a_socket_tells_a_jobs_life_even_when_it_came_first(mantis: Mantis):
    cluster = mantis.cluster(schedulingInfo=scheduling(1, zero=1))
    job_id = f"{cluster}-1"
    with Socket(mantis, f"/jobStatusStream/{job_id}") as told:
        told.send("ignored")
        told.send(b"\x00ignored")
        assert cluster.launch() == job_id
        for number, stage in ((1, 0), (2, 1)):
            told.until_status(
                workerNumber=number, stageNum=stage, workerIndex=0, state="Started", type="INFO"
            )
        told.until_status(workerNumber=-1, state="Launched")
        mantis.expect(
            202, "DELETE", f"/jobs/{job_id}", params={"user": "anna", "reason": "because of tests"}
        )
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
        mantis.status(
            job_id, worker, "INFO", message=f"{job_id}-worker-0-1 note {number}", reason="Normal"
        )
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


@pytest.mark.parametrize(
    "path", ["/jobStatusStream/nobodyhere-1", "/jobStatusStream/x", "/jobStatusStream/{c}-1"]
)
def test_status_without_an_upgrade_is_400(mantis: Mantis, ticking, path):
    mantis.refused(400, "GET", path.format(c=ticking.name))


def test_nobodys_status_is_silence(mantis: Mantis):
    with Socket(mantis, f"/jobStatusStream/{unique('unknown')}-1") as told:
        told.wire.ping().wait(60)
        assert told.messages == []
