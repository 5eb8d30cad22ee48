"""Pauses of the host: leases are not taken back before their holders could renew them."""

from types import SimpleNamespace

import pytest

from app.domain.clock import seconds
from app.ticker import pauses as module
from app.ticker.pauses import Pauses


class Host:
    """Two clocks: one that somebody sets and that goes on in sleep, and one of neither kind."""

    def __init__(self):
        self.wall_s = 50_000.0
        self.steady_s = 1000.0

    def now(self):
        return seconds(self.wall_s)

    def passes(self, wall_s, steady_s):
        self.wall_s += wall_s
        self.steady_s += steady_s


@pytest.fixture
def host(monkeypatch):
    host = Host()
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: host.steady_s))
    return host


def rounds(pauses, host, count):
    """Look once a second, and tell what was answered."""
    answers = set()
    for _ in range(count):
        host.passes(1.0, 1.0)
        answers.add(pauses.look(host.now()))
    return answers


def test_rounds_that_come_as_they_should_wait_for_nobody(host):
    pauses = Pauses(host.now(), patience_s=30.0)
    assert rounds(pauses, host, 200) == {False}


@pytest.mark.parametrize(
    ("wall_s", "steady_s"),
    [(600.0, 0.0), (600.0, 600.0), (20.0, 0.0), (-3600.0, 600.0)],
    ids=["asleep or set on", "stopped", "shortly", "stopped and set back"],
)
def test_a_pause_leaves_time_to_renew_once(host, wall_s, steady_s):
    pauses = Pauses(host.now(), patience_s=30.0)
    assert rounds(pauses, host, 5) == {False}
    host.passes(wall_s, steady_s)
    assert pauses.look(host.now())
    assert rounds(pauses, host, 29) == {True}
    assert rounds(pauses, host, 200) == {False}


@pytest.mark.parametrize("wall_s", [10.0, -3600.0], ids=["late", "set back"])
def test_late_rounds_and_a_clock_set_back_are_no_pause(host, wall_s):
    pauses = Pauses(host.now(), patience_s=30.0)
    host.passes(wall_s, 10.0)
    assert not pauses.look(host.now())


def test_where_leases_are_short_a_short_pause_counts(host):
    pauses = Pauses(host.now(), patience_s=6.0)
    host.passes(4.0, 0.0)
    assert pauses.look(host.now())
