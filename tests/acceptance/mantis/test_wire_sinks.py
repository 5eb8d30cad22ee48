"""Sinks on the wire, and sockets: what jobs print, replayed, sampled, by id, by name, on submit."""

import http.client
import json
import re
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.acceptance.mantis.client import Mantis, check_error, pairs, scheduling
from tests.acceptance.mantis.streams import Socket, Sse
from tests.acceptance.mantis.test_wire_streams import CLUSTER_STREAMS, JOB_STREAMS, TICK, path_of
from tests.yard import eventually


@pytest.fixture(scope="module")
def ticking(server: Mantis):
    """A cluster whose Launched job 1 prints its id and a number ten times a second."""
    cluster = server.cluster(keep=True, jobJarFileLocation=TICK, schedulingInfo=scheduling(1))
    cluster.launch()
    yield cluster
    cluster.end()


# -- sinks --------------------------------------------------------------------------------------------


def numbers(lines: list[str]) -> list[int]:
    return [int(line.split()[-1]) for line in lines]


def test_a_sink_begins_now_and_misses_nothing_after(mantis: Mantis, ticking):
    with (
        Sse(mantis, f"/jobConnectbyid/{ticking}-1") as sse,
        Socket(mantis, f"/jobConnectbyid/{ticking}-1") as socket,
    ):
        for lines in (sse.until(10), socket.until(10)):
            found = numbers(list(lines))
            assert found == list(range(found[0], found[0] + len(found)))


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
    cluster = mantis.cluster(
        jobJarFileLocation="shell:trap 'echo bye; exit 0' TERM; echo hi; while :; do sleep 0.1; done"
    )
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
    with (
        Sse(mantis, f"/jobConnectbyname/{cluster}", nonsense="1") as sse,
        Socket(mantis, f"/jobConnectbyname/{cluster}") as socket,
    ):
        eventually(lambda: sse.lines, "the opening comment")
        for number in (1, 2):
            cluster.launch()
            for data in (lambda: sse.data, lambda: socket.messages):
                eventually(
                    lambda data=data, n=number: [
                        x for x in data() if x.startswith(f"{cluster}-{n} ")
                    ],
                    f"lines of {number}",
                )
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
        socket = Socket(mantis, path)
    except ConnectionClosed:
        return
    except InvalidStatus as refusal:
        status = refusal.response.status_code
    else:
        with socket:
            socket.until_closed()
        return
    assert 400 <= status < 500


@pytest.mark.parametrize(
    "path", ["/jobConnectbyid/nobodyhere-1", "/jobConnectbyid/x", "/jobConnectbyname/nobodyhere"]
)
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
    sla = {
        "durationType": "Perpetual",
        "runtimeLimitSecs": "0",
        "minRuntimeSecs": "0",
        "userProvidedType": "",
    }
    wanted = [str(number) for number in range(1, 301)]
    with Sse(
        mantis, "/jobsubmitandconnect", {"name": cluster.name, "user": "jschmoe", "jobSla": sla}
    ) as sink:
        assert sink.status == 200
        assert sink.headers["Content-Type"] == "text/event-stream"
        assert sink.headers["X-Mantis-Job-Id"] == f"{cluster}-1"
        assert sink.until_over() == wanted
    with Sse(
        mantis, "/jobsubmitandconnect/", cluster.wish(parameters=pairs(command="echo other"))
    ) as sink:
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
@pytest.mark.parametrize(
    "path",
    [
        "/jobStatusStream/nobodyhere-1",
        "/jobConnectbyid/{j}",
        "/jobConnectbyname/{c}",
        "/jobsubmitandconnect",
    ],
)
def test_a_broken_handshake_is_a_4xx(mantis: Mantis, ticking, path, headers):
    sent = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = mantis.raw("GET", path_of(path, ticking), headers=sent, stream=True)
    try:
        assert (
            400 <= answer.status_code < 500 or answer.headers["Content-Type"] == "text/event-stream"
        )
        if answer.status_code >= 400 and answer.headers["Content-Type"] == "application/json":
            check_error(answer)
    finally:
        answer.close()


UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.mark.parametrize(
    "path", ["/jobs", "/jobClusters", "/jobClusters/{c}", "/jobs/{j}", "/masterInfo"]
)
def test_an_upgrade_is_ignored_where_there_is_no_socket(mantis: Mantis, ticking, path):
    mantis.expect(200, "GET", path_of(path, ticking), headers=UPGRADE)
    mantis.refused(404, "GET", "/nothing", headers=UPGRADE)


@pytest.mark.parametrize("path", JOB_STREAMS[:2] + CLUSTER_STREAMS[:2])
def test_event_streams_stay_event_streams_whatever_is_accepted(mantis: Mantis, ticking, path):
    answer = mantis.raw(
        "GET", path_of(path, ticking), headers={"Accept": "application/json"}, stream=True
    )
    assert answer.headers["Content-Type"] == "text/event-stream"
    answer.close()


def test_pings_fill_the_silence_of_a_sink(mantis: Mantis):
    cluster = mantis.cluster(jobJarFileLocation="shell:echo one; exec sleep 100000")
    job_id = cluster.launch()
    with Sse(mantis, f"/jobConnectbyid/{job_id}", enablePings="true", replay=1) as pinged:
        found = pinged.until(3)
        assert [one for one in found if one != "one"][:2] == ["ping", "ping"]
        assert all(re.fullmatch(rb"data: .*\n|\n|:.*\n", line) for line in pinged.lines)
