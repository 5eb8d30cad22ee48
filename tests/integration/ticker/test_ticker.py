"""The loop of the ticker: it ends cleanly at any moment, and no clock silences it."""

import threading
import time
from types import SimpleNamespace

import pytest

from app.domain.clock import SystemClock, seconds
from app.testing import make_engine
from app.ticker import ticker as module
from app.ticker.duties import Duty
from app.ticker.ticker import Ticker
from tests.yard import eventually

PATIENCE_S = 60.0


class SetBack:
    """The machine's clock, which somebody may set back."""

    by_s = 0.0  # negative: set on

    def now(self):
        return SystemClock().now() - seconds(self.by_s)


@pytest.fixture
def clock():
    return SetBack()


@pytest.fixture
def make(clock, monkeypatch):
    """Make a ticker of these duties alone; it runs in a thread until the end of the test."""
    with make_engine(clock=clock) as engine:
        made = []

        def make(*duties):
            monkeypatch.setattr(module, "duties", lambda *_: list(duties))
            settings = SimpleNamespace(
                ticker=SimpleNamespace(lease_s=3600.0, renew_s=1000.0),
                worker=SimpleNamespace(name="here", renew_s=10.0),
            )
            ticker = Ticker(SimpleNamespace(engine=engine, plugins=None, settings=settings))
            failures = []

            def run():
                try:
                    ticker.run()
                except Exception as error:  # noqa: BLE001 - looked at by the test
                    failures.append(error)

            thread = threading.Thread(target=run)
            thread.start()
            made.append((ticker, thread))
            return ticker, thread, failures

        yield make
        for ticker, thread in made:
            ticker.stop()
            thread.join(PATIENCE_S)


def test_stop_by_a_signal_in_the_middle_of_a_duty_ends_it_without_an_error(make):
    stops = []

    def run_once(now):
        # As the handler of a signal does, which runs in the thread of the duties.
        stops[0]()
        return 0

    stopped = threading.Event()
    stops.append(stopped.wait)
    ticker, thread, failures = make(Duty("rung", 0.01, run_once))
    stops[0] = ticker.stop
    stopped.set()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
    assert failures == []


def test_stop_before_the_start_ends_it(make, monkeypatch):
    wait = threading.Event()
    register = Ticker._every

    def slow(self, *words):
        wait.wait(PATIENCE_S)
        register(self, *words)

    monkeypatch.setattr(Ticker, "_every", slow)
    ticker, thread, failures = make()
    ticker.stop()
    wait.set()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
    assert failures == []


def test_clock_that_is_set_back_does_not_silence_the_duties(make, clock, monkeypatch):
    done = threading.Semaphore(0)

    def run_once(now):
        done.release()
        return 0

    woken = threading.Event()
    at_once = Ticker._at_once

    def note(self, name):
        woken.set()
        return at_once(self, name)

    monkeypatch.setattr(Ticker, "_at_once", note)
    make(Duty("rare", 3600.0, run_once))
    assert done.acquire(timeout=PATIENCE_S)
    clock.by_s = 1800.0
    assert woken.wait(PATIENCE_S)
    assert done.acquire(timeout=PATIENCE_S)


def test_leases_that_ran_out_while_the_database_was_away_may_still_be_renewed(make):
    rescued, other = threading.Semaphore(0), threading.Semaphore(0)

    def rescue(now):
        rescued.release()
        return 0

    def due(now):
        other.release()
        return 0

    ticker, _, _ = make(Duty("rescue", 0.01, rescue), Duty("due", 0.01, due))
    assert rescued.acquire(timeout=PATIENCE_S)
    ticker._leader.back_at = time.monotonic()
    # One round may have been under way.
    for _ in range(3):
        assert other.acquire(timeout=PATIENCE_S)
    while rescued.acquire(blocking=False):
        pass
    for _ in range(20):
        assert other.acquire(timeout=PATIENCE_S)
    assert not rescued.acquire(blocking=False)
    ticker._leader.back_at -= 15.0
    assert rescued.acquire(timeout=PATIENCE_S)


def test_leases_that_a_clock_set_on_makes_look_old_may_still_be_renewed(make, clock):
    rescued, other = [], threading.Semaphore(0)

    def rescue(now):
        rescued.append(now)
        return 0

    def due(now):
        other.release()
        return 0

    make(Duty("rescue", 0.01, rescue), Duty("due", 0.01, due))
    eventually(lambda: rescued, "the first round")
    clock.by_s = -7200.0
    for _ in range(20):
        assert other.acquire(timeout=PATIENCE_S)
    assert max(rescued) < SystemClock().now() + seconds(3600)


def test_rescue_goes_by_the_slower_one_of_two_clocks(database_url):
    with make_engine(database_url=database_url, clock=SystemClock()) as engine:
        now = engine.clock.now()
        ahead = engine.leadership.earlier(now + seconds(3600))
        assert engine.leadership.earlier(now - seconds(3600)) == now - seconds(3600)
        if engine.store.backend == "sqlite":
            assert ahead == now + seconds(3600)
        else:
            assert ahead < now + seconds(1800)
