"""Websockets: how they open, what disturbs them, how they end."""

import os
import signal

import pytest
from websockets.exceptions import InvalidStatus

from tests.acceptance.manticore.client import Socket
from tests.yard import eventually

ODD = ["", "null", "5", "[]", '"x"', "{", "{}", '{"type": null}', '{"type": "Activity"}',
       '{"type": ["activity"]}', '{"type": 1}', "[" * 50_000, "\u2028", b"", b"\x00\xff",
       b'{"type": "activity"}', '{"type": "activity"}', "x" * 65_536]  # fmt: skip


@pytest.mark.parametrize("passcode", ["x", "0123456789abcdef", "a" * 200, "%00" * 16, "%F0" * 16,
                                      "0123456789abcdef?x=1"])  # fmt: skip
def test_unknown_passcodes_are_dropped_without_a_word(manticore, passcode):
    socket = manticore.open(passcode)
    assert socket.until_closed() == 1008
    assert socket.told == []


@pytest.mark.parametrize("more", ["/", "/x"])
def test_more_than_the_passcode_is_refused(manticore, more):
    with pytest.raises(InvalidStatus):
        manticore.open(manticore.passcode("a") + more)


def test_the_passcode_is_read_exactly(manticore):
    passcode = manticore.passcode("a")
    assert manticore.open(passcode.swapcase()).until_closed() == 1008
    assert manticore.open(passcode + "x").until_closed() == 1008
    manticore.open(passcode + "?any=thing").until("position", position=0)


def test_an_old_passcode_opens_nothing(manticore):
    passcode = manticore.passcode("a")
    manticore.leave("a")
    assert manticore.open(passcode).until_closed() == 1008


def test_present_state_is_told_on_opening(manticore):
    passcode = manticore.passcode("a")
    waiting = manticore.open(manticore.passcode("b"))
    manticore.work(2)
    waiting.until("position", position=0, wait=True)
    late = manticore.open(passcode)
    late.until("services")
    assert [each["type"] for each in late.told] == ["position", "services"]
    assert late.places() == [(0, False)]


def test_all_connections_of_a_request_hear_everything(manticore):
    manticore.passcode("first")
    passcode = manticore.passcode("a")
    tabs = [manticore.open(passcode) for _ in range(8)]
    for tab in tabs:
        tab.until("position", position=1, wait=True)
    tabs.pop().close()
    manticore.leave("first")
    manticore.tick()
    for tab in tabs:
        tab.until("position", position=0, wait=False)
    manticore.leave("a")
    for tab in tabs:
        assert tab.until_closed() == 1000
        kinds = [each["type"] for each in tab.told]
        assert (set(kinds[:-1]), kinds[-1]) == ({"position"}, "dead")
        # At the head before the slot is given to it, or only afterwards: both are so.
        assert tab.places() in ([(1, True), (0, False)], [(1, True), (0, True), (0, False)])


@pytest.mark.parametrize("message", ODD, ids=lambda message: repr(message[:12]))
def test_odd_messages_are_ignored(manticore, message):
    socket = manticore.open(manticore.passcode("a"))
    socket.until("position", position=0)
    socket.send(message)
    manticore.work(2)
    socket.until("services")
    manticore.leave("a")
    assert socket.until_closed() == 1000


@pytest.mark.parametrize("message", ["x" * 65_537, "\u20ac" * 30_000, b"x" * 1_000_000])
def test_messages_that_are_too_long_close_their_connection_only(manticore, message):
    passcode = manticore.passcode("a")
    other = manticore.open(passcode)
    socket = manticore.open(passcode)
    socket.until("position", position=0)
    socket.send(message)
    assert socket.until_closed() == 1009
    manticore.work(2)
    other.until("services")


@pytest.mark.parametrize("header", ["Sec-WebSocket-Key", "Sec-WebSocket-Version", "Host"])
def test_handshakes_that_make_no_sense(manticore, header):
    headers = {"Host": "h", "Upgrade": "websocket", "Connection": "Upgrade",
               "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
               "Sec-WebSocket-Version": "13"}  # fmt: skip
    headers[header] = "-"
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value)
    path = f"/api/v2/job/{manticore.passcode('a')}"
    answer = manticore.server.raw(f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode())
    assert answer.split(b" ")[1] in (b"101", b"400", b"426")


def test_start_that_fails_is_the_end_and_says_so(manticore):
    socket = manticore.open(manticore.passcode("a"))
    socket.until("position", position=0, wait=False)
    worker = manticore.work()
    manticore.engine.attempts.fail(worker[0].lease, "start_failed: no image", retry=False)
    assert socket.until_closed() == 1000
    data = {"reason": "start_failed", "detail": "no image"}
    assert socket.told[-1] == {"type": "dead", "data": data}
    assert manticore.open(manticore.passcode("a")).until("position", position=0)


def test_pings_keep_a_connection_and_are_no_activity(manticores):
    quick = manticores.start("ws_ping_interval = 1\n")
    socket = quick.open(quick.passcode("a"))
    pings = []
    received = socket.wire.protocol.receive_data

    def listen(data):
        pings.extend([1] * (b"\x89" in data[:1]))
        received(data)

    socket.wire.protocol.receive_data = listen
    eventually(lambda: len(pings) >= 3, "three pings")
    assert socket.code is None
    quick.close()


def test_a_stop_closes_every_connection_and_another_server_goes_on(manticores):
    own = manticores.start()
    sockets = [own.open(own.passcode(f"u{number}")) for number in range(20)]
    for number, socket in enumerate(sockets):
        socket.until("position", position=number)
    os.kill(own.server.process.pid, signal.SIGTERM)
    assert {socket.until_closed() for socket in sockets} == {1001}
    assert own.server.process.wait(60) == 0


def test_no_log_line_holds_a_passcode(manticores):
    own = manticores.start(JOBYARD_LOG_LEVEL="info")
    passcode = own.passcode("a")
    socket = own.open(passcode)
    socket.until("position", position=0)
    own.server.get(f"/api/v2/job/{passcode}")
    own.leave("a")
    socket.until_closed()
    eventually(lambda: any(line.get("path") == "/api/v2/job/..." for line in own.server.lines()),
               "a line about the websocket")  # fmt: skip
    assert passcode not in own.server.log.read_text()


def test_sockets_are_served_by_either_process(manticore):
    passcode = manticore.passcode("a")
    sockets: list[Socket] = [manticore.open(passcode) for _ in range(30)]
    for socket in sockets:
        socket.until("position", position=0)
    manticore.leave("a")
    assert {socket.until_closed() for socket in sockets} == {1000}
