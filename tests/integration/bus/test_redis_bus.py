"""What only the bus on Redis does: a server that restarts, hangs or is away."""

import signal

import pytest

from app.bus import EVERYTHING
from app.bus.redis import RedisBus
from app.bus.topics import MAX_TOPICS

DEADLINE_S = 90.0


@pytest.mark.redis
def test_installations_that_share_a_server_do_not_hear_each_other(server):
    server.start()
    here, there, stranger = (RedisBus(server.address, namespace=name) for name in "aab")
    with here.subscribe(EVERYTHING) as mine, stranger.subscribe(EVERYTHING) as foreign:
        assert mine.wait(DEADLINE_S)
        assert foreign.wait(DEADLINE_S)
        there.ring(["job:1"])
        assert mine.wait(DEADLINE_S)
        assert not foreign.wait(0)
    for bus in (here, there, stranger):
        bus.close()


@pytest.mark.redis
def test_restart_of_the_server_is_survived(server, redis_bus, eventually):
    server.start()
    other = RedisBus(server.address)
    with redis_bus.subscribe("job:1") as subscription, other.subscribe("job:2") as heard:
        assert subscription.wait(DEADLINE_S)
        assert heard.wait(DEADLINE_S)
        server.stop()
        eventually(lambda: not redis_bus.healthy)
        assert str(server.port) in redis_bus.last_error
        other.ring(["job:1"])
        server.start()
        assert subscription.wait(DEADLINE_S)  # woken once: something may have been missed
        eventually(lambda: redis_bus.healthy and other.healthy)
        subscription.wait(0)
        other.ring(["job:1"])
        assert subscription.wait(DEADLINE_S)
    other.close()


@pytest.mark.redis
def test_ringing_a_server_that_is_away_costs_neither_time_nor_memory(redis_bus, eventually):
    with redis_bus.subscribe("job:1") as subscription:
        for n in range(20_000):
            redis_bus.ring([f"job:{n}"])
        assert subscription.wait(0)
        assert len(redis_bus._outgoing) <= MAX_TOPICS
        eventually(lambda: not redis_bus.healthy)
        assert not redis_bus.probe()


@pytest.mark.redis
def test_server_that_hangs_is_noticed_and_returned_to(server, redis_bus, monkeypatch, eventually):
    monkeypatch.setattr("app.bus.redis._QUIET_S", 0.2)
    server.start()
    with redis_bus.subscribe("job:1") as subscription:
        assert subscription.wait(DEADLINE_S)
        server.process.send_signal(signal.SIGSTOP)
        eventually(lambda: not redis_bus.healthy)  # though nobody here has rung
        redis_bus.ring(["job:1"])
        assert subscription.wait(0)
        server.process.send_signal(signal.SIGCONT)
        assert subscription.wait(DEADLINE_S)
        eventually(lambda: redis_bus.healthy)


@pytest.mark.redis
def test_server_behind_a_unix_socket(server, tmp_path):
    server.address = f"unix://{tmp_path}/redis.sock"
    server.start()
    bus = RedisBus(server.address)
    assert bus.probe()
    with bus.subscribe() as subscription:
        assert subscription.wait(DEADLINE_S)
    bus.close()


@pytest.mark.redis
def test_ring_just_before_close_still_goes_out(server):
    server.start()
    hearer = RedisBus(server.address)
    with hearer.subscribe("job:1") as subscription:
        assert subscription.wait(DEADLINE_S)
        ringer = RedisBus(server.address)
        ringer.ring(["job:1"])
        ringer.close()
        assert subscription.wait(DEADLINE_S)
    hearer.close()


def test_address_that_is_not_of_redis_is_refused():
    with pytest.raises(ValueError, match="redis://"):
        RedisBus("http://localhost")
