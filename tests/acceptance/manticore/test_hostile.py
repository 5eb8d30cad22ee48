"""Clients that read slowly, flood, or are there no more: they harm themselves alone."""

import contextlib
import socket
import struct
import threading

import pytest

from tests.acceptance.manticore.client import Manticore
from tests.yard import PATIENCE_S, eventually

HANDSHAKE = (
    "GET /api/v2/job/{passcode} HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Version: 13\r\n\r\n"
)
PING = 0x89


@pytest.fixture(scope="module")
def pinging(manticores) -> Manticore:
    """A server that asks its clients each second whether they are there."""
    return manticores.start("ws_ping_interval = 1\n")


def raw(manticore, passcode: str, *, read_bytes: int = 0) -> socket.socket:
    """Open a websocket by hand; nobody answers for it."""
    wire = socket.socket()
    wire.settimeout(PATIENCE_S)
    if read_bytes:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, read_bytes)
    wire.connect(("127.0.0.1", manticore.server.port))
    wire.sendall(HANDSHAKE.format(passcode=passcode).encode())
    return wire


def frame(opcode: int, data: bytes) -> bytes:
    """Write a short masked frame; the mask is none."""
    return struct.pack("!BB4x", 0x80 | opcode, 0x80 | len(data)) + data


def everything(wire: socket.socket) -> bytes:
    """Read until the other side has hung up."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while data := wire.recv(65_536):
            received += data
    return received


def test_who_answers_no_ping_is_hung_up_on(pinging):
    passcode = pinging.passcode("a")
    with raw(pinging, passcode) as silent, contextlib.closing(pinging.open(passcode)) as living:
        assert bytes([PING]) in everything(silent)
        assert living.code is None
    pinging.leave("a")


def test_who_is_cut_off_in_silence_keeps_the_place(pinging):
    passcode = pinging.passcode("a")
    gone = raw(pinging, passcode)
    # A reset instead of a goodbye, as from a machine that lost its power.
    gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    gone.close()
    with contextlib.closing(pinging.open(passcode)) as again:
        again.until("position", position=0)
    pinging.leave("a")


def test_half_a_request_keeps_nobody_waiting(manticore):
    passcode = manticore.passcode("a")
    stuck = []
    for _ in range(20):
        wire = socket.create_connection(("127.0.0.1", manticore.server.port), timeout=PATIENCE_S)
        wire.sendall(HANDSHAKE.format(passcode=passcode).encode()[:60])
        stuck.append(wire)
    manticore.open(passcode).until("position", position=0)
    for wire in stuck:
        wire.close()


def test_who_does_not_read_holds_nobody_up_and_hears_how_things_are_then(manticore):
    users = [f"u{number}" for number in range(12)]
    codes = {user: manticore.passcode(user) for user in users}
    last = users[-1]
    with raw(manticore, codes[last], read_bytes=1) as slow:
        reading = manticore.open(codes[last])
        reading.until("position", position=len(users) - 1)
        for number, user in enumerate(users[1:-1]):
            manticore.leave(user)
            reading.until("position", position=len(users) - 2 - number)
        manticore.leave(last)
        assert reading.until_closed() == 1000
        told = everything(slow)
    assert told.index(b'"position":1') < told.index(b'"dead"')


def test_a_flood_of_messages_harms_nobody_else(manticore):
    passcode = manticore.passcode("a")
    manticore.passcode("b")
    stop = threading.Event()
    some = (
        frame(1, b'{"type":"activity"}') + frame(9, b"ping") + frame(2, b"\xff") + frame(1, b"{")
    ) * 200

    def flood() -> None:
        # Whatever comes back is thrown away; without that this would be the slow reader again.
        with raw(manticore, passcode) as wire, contextlib.suppress(OSError):
            wire.setblocking(False)
            while not stop.is_set():
                with contextlib.suppress(BlockingIOError):
                    wire.send(some)
                with contextlib.suppress(BlockingIOError):
                    wire.recv(1 << 20)

    flooders = [threading.Thread(target=flood) for _ in range(2)]
    for each in flooders:
        each.start()
    try:
        watching = manticore.open(passcode)
        watching.until("position", position=0)
        manticore.work(2)
        watching.until("services")
        assert manticore.server.get("/api/v2/queue").json["running"] == 1
        manticore.leave("a")
        assert watching.until_closed() == 1000
    finally:
        stop.set()
        for each in flooders:
            each.join(PATIENCE_S)
    eventually(lambda: manticore.server.get("/health").status == 200, "an answer")
