"""Who acts alone, by clocks that differ and that somebody sets."""

from app.data import leaders
from app.domain.clock import seconds


def take(engine, holder, now_s):
    """Take a leadership of 10 s by a clock that shows so many seconds."""
    store, now = engine.transaction.store, seconds(now_s)
    with store.transaction():
        return leaders.take(store, "x", holder, until=now + seconds(10), now=now)


def test_a_leadership_is_taken_over_only_when_it_has_run_out(engine):
    assert take(engine, "a", 100_000)
    assert not take(engine, "b", 100_010)
    assert take(engine, "b", 100_010.1)
    assert not take(engine, "a", 100_011)


def test_clocks_that_differ_a_little_take_nothing_away(engine):
    assert take(engine, "a", 100_000)
    assert not take(engine, "b", 99_940)


def test_a_clock_set_back_by_hours_does_not_leave_a_dead_one_in_the_lead(engine):
    assert take(engine, "dead", 100_000)
    assert take(engine, "new", 92_800)
    assert not take(engine, "dead", 92_801)
