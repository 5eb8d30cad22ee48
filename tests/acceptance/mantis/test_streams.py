"""Streams and their clients: slow ones, ones that vanish, and what happens to what they follow."""

import contextlib
import json
import socket
import struct
import threading
from urllib.parse import urlsplit

import pytest

from tests.acceptance.mantis.client import Mantis
from tests.acceptance.mantis.streams import Socket, Sse
from tests.yard import eventually

# More than the buffers of a connection and the queue of its stream hold.
FLOOD_LINES = 12_000
FLOOD = (
    "x=$(head -c 2000 /dev/zero | tr '\\0' x); i=0;"
    f" while [ $i -lt {FLOOD_LINES} ]; do i=$((i+1)); echo $i $x; done;"
    " while :; do echo over; sleep 0.1; done"
)
TICK = "shell:i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done"


class Plain:
    """A client on a bare socket, which reads when the test does and leaves as it is told."""

    def __init__(self, mantis: Mantis, path: str, **body: object) -> None:
        where = urlsplit(mantis.url(path))
        self._socket = socket.create_connection((where.hostname, where.port), timeout=90)
        sent = json.dumps(body).encode() if body else b""
        head = f"{'POST' if body else 'GET'} {where.path} HTTP/1.1\r\nHost: x\r\n"
        self._socket.sendall(f"{head}Content-Length: {len(sent)}\r\n\r\n".encode() + sent)
        self._file = self._socket.makefile("rb")
        assert self._file.readline().startswith(b"HTTP/1.1 200")

    def lines(self, last: bytes):
        """Read the payloads up to one, chunk marks and comments left out."""
        for line in self._file:
            if line.startswith(b"data: "):
                yield line[6:-1]
                if line[6:-1] == last:
                    return

    def vanish(self) -> None:
        """Hang up without a word: the connection is reset."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._file.close()
        self._socket.close()


def test_every_web_process_gives_every_line_in_one_order(mantis: Mantis):
    cluster = mantis.cluster(jobJarFileLocation=TICK)
    job_id = cluster.launch()
    with contextlib.ExitStack() as stack:
        clients = [
            stack.enter_context(Sse(mantis, f"/jobConnectbyid/{job_id}", replay=1))
            for _ in range(8)
        ]
        for client in clients:
            client.until(20)
        for client in clients:
            first = int(client.data[0])
            count = len(client.data)
            assert client.data[:count] == [str(n) for n in range(first, first + count)]


def test_who_does_not_read_misses_lines_and_goes_on_with_later_ones(mantis: Mantis):
    cluster = mantis.cluster(jobJarFileLocation=f"shell:{FLOOD}")
    slow = Plain(mantis, "/jobsubmitandconnect", name=cluster.name, user="u")
    with Sse(mantis, f"/jobConnectbyname/{cluster}") as quick:
        eventually(lambda: b"data: over\n" in quick.lines[-4:], "the end of the flood")
    *found, last = (line.split()[0] for line in slow.lines(b"over"))
    slow.vanish()
    numbers = [int(number) for number in found]
    assert last == b"over"
    assert numbers[:100] == list(range(1, 101))
    assert numbers == sorted(set(numbers))
    assert len(numbers) < FLOOD_LINES


@pytest.mark.parametrize("path", ["/jobConnectbyid/{j}", "/jobConnectbyname/{c}"])
def test_a_client_that_vanishes_counts_no_longer(mantis: Mantis, path):
    wish = {"subscriptionTimeoutSecs": 1, "jobSla": {"durationType": "Transient"}}
    cluster = mantis.cluster(jobJarFileLocation=TICK)
    client = Plain(mantis, "/jobsubmitandconnect", name=cluster.name, user="u", **wish)
    job_id = f"{cluster}-1"
    mantis.launched(job_id)
    other = Plain(mantis, path.format(j=job_id, c=cluster.name))
    client.vanish()
    # Long beyond the time-out: there still is somebody.
    with Sse(mantis, f"/jobDiscoveryStream/{job_id}", sendHB="true") as beats:
        beats.until(2)
    assert mantis.state(job_id) == "Launched"
    other.vanish()
    mantis.until(job_id, "Completed")


def test_streams_of_a_cluster_end_when_it_is_deleted(mantis: Mantis):
    cluster = mantis.cluster()
    paths = (
        f"/jobClusters/discoveryInfoStream/{cluster}",
        f"/lastSubmittedJobIdStream/{cluster}",
        f"/jobConnectbyname/{cluster}",
    )
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(Sse(mantis, path)) for path in paths]
        socket_ = stack.enter_context(Socket(mantis, paths[2]))
        for stream in streams:
            eventually(lambda stream=stream: stream.lines, "the opening comment")
        mantis.expect(202, "DELETE", cluster.path, params={"user": "tester"})
        for stream in streams:
            stream.until_over()
        socket_.until_closed()
        # Another of that name is another cluster.
        again = mantis.cluster(cluster.name)
        with Sse(mantis, paths[1]) as stream:
            job_id = again.launch()
            stream.until(1)
            assert stream.events == [{"name": cluster.name, "jobId": job_id}]


def test_head_of_a_stream_is_answered_without_one(mantis: Mantis):
    cluster = mantis.cluster()
    job_id = cluster.launch()
    for path in (
        f"/jobConnectbyid/{job_id}",
        f"/jobConnectbyname/{cluster}",
        f"/jobDiscoveryStream/{job_id}",
        f"/lastSubmittedJobIdStream/{cluster}",
    ):
        answer = mantis.raw("HEAD", path)
        assert answer.status_code == 200
        assert answer.content == b""
    assert mantis.raw("HEAD", "/jobConnectbyid/nobodyhere-1").status_code == 404


def test_a_carriage_return_within_a_line_begins_no_other(mantis: Mantis):
    command = r"printf 'a\rdata: b\rc\n'; exec sleep 100000"
    cluster = mantis.cluster(jobJarFileLocation=f"shell:{command}")
    with Sse(mantis, "/jobsubmitandconnect", cluster.wish()) as sink:
        assert sink.until(1) == ["a data: b c"]
        with Socket(mantis, f"/jobConnectbyid/{cluster}-1", replay=1) as socket_:
            assert socket_.until(1) == ["a\rdata: b\rc"]


def test_a_client_goes_on_behind_the_last_line_it_has_seen(mantis: Mantis):
    cluster = mantis.cluster(jobJarFileLocation=TICK)
    job_id = cluster.launch()
    for path in (f"/jobConnectbyid/{job_id}", f"/jobConnectbyname/{cluster}"):
        with Sse(mantis, path, ids="true", replay=5) as first:
            first.until(8)
        lines = [line for line in first.lines if line != b"\n" and not line.startswith(b":")]
        last_id, last = lines[-2:] if lines[-1].startswith(b"data") else lines[-3:-1]
        assert last_id.startswith(b"id: ")
        seen = int(last.removeprefix(b"data: "))
        with Sse(mantis, path, last_event_id=last_id[4:-1].decode()) as again:
            again.until(5)
        assert [int(line) for line in again.data[:5]] == list(range(seen + 1, seen + 6))
    mantis.refused(400, "GET", path, headers={"Last-Event-ID": "nonsense"})


def test_many_idle_streams_hinder_nobody(mantis: Mantis):
    cluster = mantis.cluster()
    with contextlib.ExitStack() as stack:
        idle = [Plain(mantis, f"/lastSubmittedJobIdStream/{cluster}") for _ in range(150)]
        for client in idle:
            stack.callback(client.vanish)
        job_id = cluster.launch()
        told: list[bytes] = []
        threads = [
            threading.Thread(target=lambda c=client: told.append(next(c.lines(b""))), daemon=True)
            for client in idle
        ]
        for thread in threads:
            thread.start()
        eventually(lambda: len(told) == len(idle), "everybody told")
        wanted = {"name": cluster.name, "jobId": job_id}
        assert all(json.loads(one) == wanted for one in told)
