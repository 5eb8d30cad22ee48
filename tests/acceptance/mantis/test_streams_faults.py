"""Streams when processes of the server die, stop or come back."""

import contextlib
import shutil
import tempfile
from pathlib import Path

import psutil
import pytest

from tests.acceptance.mantis.client import Mantis
from tests.acceptance.mantis.streams import Socket, Sse
from tests.yard import Yard, eventually

TICK = "shell:i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done"
STREAMS = 8


@pytest.fixture(scope="module")
def alone():
    """A server with two web processes, of these tests alone."""
    folder = Path(tempfile.mkdtemp(prefix="jy"))
    yard = Yard(folder, JOBYARD_WEB_PROCESSES="2")
    try:
        yield Mantis(yard.start())
    finally:
        yard.end()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def opened(alone: Mantis):
    """Open streams that are closed after the test."""
    with contextlib.ExitStack() as stack:
        yield lambda kind, path, *words, **more: stack.enter_context(
            kind(alone, path, *words, **more)
        )


def web_of(mantis: Mantis, stream: Sse) -> psutil.Process:
    """Find the web process that serves a stream."""
    port = stream._socket.getsockname()[1]
    master = mantis.yard.part("web")
    for process in master.children():
        with contextlib.suppress(psutil.NoSuchProcess):  # another than the one that serves it
            if any(one.raddr and one.raddr.port == port for one in process.net_connections("tcp")):
                return process
    raise LookupError("nobody serves it")


def consecutive(stream: Sse) -> list[int]:
    numbers = [int(line) for line in stream.data]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    return numbers


def test_a_killed_web_process_ends_its_own_streams_alone(alone: Mantis, opened):
    wish = {"subscriptionTimeoutSecs": 3, "jobSla": {"durationType": "Transient"}}
    cluster = alone.cluster(jobJarFileLocation=TICK)
    first = opened(Sse, "/jobsubmitandconnect", cluster.wish(**wish))
    first.until(1)
    job_id = f"{cluster}-1"
    alone.launched(job_id)
    victim = web_of(alone, first)
    others = [opened(Sse, f"/jobConnectbyid/{job_id}") for _ in range(STREAMS)]
    spared = [one for one in others if web_of(alone, one) != victim]
    victim.kill()
    first.until_over()
    last = consecutive(first)[-1]
    # Whoever comes back is told what it missed.
    again = opened(Sse, f"/jobConnectbyid/{job_id}", replay=1000)
    eventually(lambda: str(last + 20) in again.data, "lines after the kill")
    assert consecutive(again)[0] == 1
    for stream in spared:
        seen = len(stream.data)
        eventually(lambda s=stream, n=seen: len(s.data) > n + 5, "a stream that goes on")
        consecutive(stream)
    for stream in (*others, again):
        stream.close()
    # Nobody is left, whatever the killed process had said of its clients.
    alone.until(job_id, "Completed")


def test_a_stop_of_the_server_ends_all_streams(alone: Mantis, opened):
    cluster = alone.cluster(jobJarFileLocation=TICK)
    job_id = cluster.launch()
    quiet = alone.cluster()
    streams = [
        opened(Sse, f"/jobConnectbyid/{job_id}"),
        opened(Sse, f"/jobConnectbyname/{quiet}"),
        opened(Sse, f"/jobDiscoveryStream/{job_id}"),
        opened(Sse, f"/lastSubmittedJobIdStream/{quiet}"),
        opened(Sse, f"/jobClusters/discoveryInfoStream/{quiet}"),
    ]
    sockets = [
        opened(Socket, f"/jobStatusStream/{job_id}"),
        opened(Socket, f"/jobConnectbyid/{job_id}"),
        opened(Socket, "/jobsubmitandconnect"),
    ]
    for stream in streams:
        eventually(lambda stream=stream: stream.lines, "the opening comment")
    sockets[0].until(1)
    assert alone.yard.stop() == 0
    try:
        for stream in streams:
            stream.until_over()
        for socket in sockets:
            socket.until_closed()
    finally:
        alone.yard.start()


def test_a_sink_goes_on_behind_a_crash_of_the_whole_server(alone: Mantis, opened):
    cluster = alone.cluster(jobJarFileLocation="shell:echo begun; exec sleep 100000")
    job_id = cluster.launch()
    before = opened(Sse, f"/jobConnectbyid/{job_id}", replay=10)
    assert before.until(1) == ["begun"]
    alone.yard.kill_all()
    before.until_over()
    alone.yard.start()
    eventually(lambda: len(alone.archived(job_id)) == 1, "the lost worker's replacement")
    after = opened(Sse, f"/jobConnectbyid/{job_id}", replay=10)
    assert after.until(2) == ["begun", "begun"]
