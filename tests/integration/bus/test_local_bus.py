"""What only the embedded bus does: sockets in the data directory."""

import shutil
import signal
import socket

import pytest

from app.bus import local
from app.bus.local import LocalBus
from app.bus.topics import MAX_TOPICS, Ring, decode, encode

DEADLINE_S = 90.0


def sockets(data_dir):
    return {path.name for path in (data_dir / "bus").iterdir()}


def test_ringer_alone_makes_nothing(embedded, tmp_path):
    bus = embedded.bus()
    bus.ring(["job:1"])
    assert bus.healthy
    assert list(tmp_path.iterdir()) == []


def test_directory_is_closed_to_others_and_empty_after_close(embedded, tmp_path):
    bus = embedded.bus()
    bus.subscribe("job:1")
    assert (tmp_path / "bus").stat().st_mode & 0o777 == 0o700
    assert len(sockets(tmp_path)) == 1
    bus.close()
    assert sockets(tmp_path) == set()


def test_socket_of_a_killed_process_is_removed(embedded, tmp_path):
    bus, doomed = embedded.bus(), embedded.peer("job:1")
    bus.subscribe("job:1")
    assert len(sockets(tmp_path)) == 2
    doomed.process.kill()
    doomed.process.wait()
    assert len(sockets(tmp_path)) == 2
    bus.ring(["job:1"])
    assert len(sockets(tmp_path)) == 1


def test_full_socket_neither_blocks_nor_loses_the_ring(embedded):
    bus, peer = embedded.bus(), embedded.peer("job:1")
    peer.process.send_signal(signal.SIGSTOP)
    try:
        for n in range(2_000):
            bus.ring([f"job:{n + 2}"])  # would never return if it waited for the stopped one
        assert sum(map(len, bus._mail._owed.values())) <= MAX_TOPICS
        bus.ring(["job:1"])
    finally:
        peer.process.send_signal(signal.SIGCONT)
    assert peer.ask("wait", DEADLINE_S)


def test_what_a_busy_process_rings_for_is_gathered_and_none_of_it_lost(
    embedded, tmp_path, eventually, monkeypatch
):
    monkeypatch.setattr(local, "_PER_S", 0)  # none becomes free again, however slow this is
    bus = embedded.bus()
    (tmp_path / "bus").mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.settimeout(DEADLINE_S)
        ear.bind(str(tmp_path / "bus" / "ear.sock"))
        wanted = {f"job:{number}" for number in range(MAX_TOPICS)}
        for topic in sorted(wanted):
            bus.ring([topic])
        heard = [decode(ear.recv(65536)).topics for _ in range(local._AT_ONCE)]
        assert all(len(topics) == 1 for topics in heard)
        while set().union(*heard) != wanted:
            heard.append(decode(ear.recv(65536)).topics)
        eventually(lambda: bus._mail._gathering is None)
        # What is gathered when the bus is closed is sent all the same.
        bus.ring(["last"])
        bus.close()
        assert decode(ear.recv(65536)).topics == {"last"}


def test_what_a_full_socket_did_not_take_is_offered_again(
    embedded, tmp_path, eventually, monkeypatch
):
    monkeypatch.setattr(local, "_AT_ONCE", 1_000_000)
    bus = embedded.bus()
    (tmp_path / "bus").mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as slow:
        slow.settimeout(DEADLINE_S)
        slow.bind(str(tmp_path / "bus" / "slow.sock"))
        rung = 0
        while not bus._mail._owed:
            bus.ring([f"job:{rung}"])
            rung += 1
            assert rung < 100_000
        heard = set()
        while f"job:{rung - 1}" not in heard:
            heard |= decode(slow.recv(65536)).topics
        assert heard == {f"job:{n}" for n in range(rung)}
    eventually(lambda: bus._mail._offering is None)
    assert bus._mail._owed == {}


def test_data_directory_may_be_deeper_than_a_socket_address(embedded, tmp_path):
    deep = tmp_path.joinpath(*["d" * 60] * 5)
    embedded.address = deep
    bus, peer = embedded.bus(), embedded.peer("job:1")
    with bus.subscribe("job:2") as subscription:
        bus.ring(["job:1"])
        assert peer.ask("wait", DEADLINE_S)
        peer.ask("ring", "job:2")
        assert subscription.wait(DEADLINE_S)


def test_cleared_data_directory_is_made_again(embedded, tmp_path):
    bus, peer = embedded.bus(), embedded.peer()
    with bus.subscribe("job:1") as subscription:
        shutil.rmtree(tmp_path / "bus")
        assert bus.probe()
        peer.ask("ring", "job:1")
        assert subscription.wait(DEADLINE_S)
    bus.close()
    assert sockets(tmp_path) == set()


def test_unusable_data_directory_is_reported_and_harmless(tmp_path):
    (tmp_path / "file").write_text("")
    bus = LocalBus(tmp_path / "file")
    with bus.subscribe("job:1") as subscription:
        bus.ring(["job:1"])
        assert subscription.wait(0)
        assert not bus.healthy
        assert "file" in bus.last_error
        (tmp_path / "file").unlink()
        assert bus.probe()
        bus.ring(["job:1"])
        assert bus.healthy
    bus.close()


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\xff\x00",
        b"[]",
        b"{}",
        b'{"origin": 1, "topics": []}',
        b'{"origin": "x", "topics": "job:1"}',
        b'{"origin": "x", "topics": [1]}',
        b"[" * 50_000,
        b'{"origin": "x", "topics": ["job:1"',
    ],
)
def test_strange_datagrams_are_ignored(embedded, tmp_path, message):
    bus = embedded.bus()
    with bus.subscribe("job:1") as subscription:
        (name,) = sockets(tmp_path)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
            stranger.connect(str(tmp_path / "bus" / name))
            stranger.send(message)
            assert decode(message) is None
            stranger.send(encode(Ring("stranger", frozenset(("other",)))))
            assert not subscription.wait(0)
            stranger.send(encode(Ring("stranger", frozenset(("job:1",)))))
            assert subscription.wait(DEADLINE_S)
