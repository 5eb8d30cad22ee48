"""The doubt of a leader, and what it knows of a database that was away."""

from types import SimpleNamespace

import pytest

from app.domain.errors import StoreUnavailable
from app.ticker import leader as module
from app.ticker.leader import Leader


class World:
    """A monotonic clock, and a database that may be away."""

    def __init__(self):
        self.now = 1000.0
        self.away = False

    def monotonic(self):
        return self.now

    def take(self, name, holder, *, lease_s):
        if self.away:
            raise StoreUnavailable
        return True


@pytest.fixture
def world(monkeypatch):
    world = World()
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=world.monotonic))
    return world


def test_a_leader_that_cannot_renew_leads_until_its_lease_has_run_out(world):
    leader = Leader(world, lease_s=8.0)
    assert leader.renew()
    world.away = True
    world.now += 7.9
    assert leader.renew()
    world.now += 0.2
    assert not leader.renew()


@pytest.mark.parametrize(("away_s", "noted"), [(10.0, False), (600.0, True)])
def test_only_a_long_silence_of_the_database_is_noted(world, away_s, noted):
    leader = Leader(world, lease_s=8.0)
    leader.renew()
    world.away = True
    world.now += away_s
    leader.renew()
    world.away = False
    leader.renew()
    assert (leader.back_at == world.now) is noted
