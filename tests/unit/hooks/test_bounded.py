"""The limit on plugin calls: interrupts what is late, leaves the process as it was."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from app.hooks import bounded

SHORT_S = 0.05
LONG_S = 60.0


def _spin() -> None:
    """Run until interrupted, as a plugin would that catches whatever it can."""
    while True:
        try:
            while True:
                pass
        except Exception:  # noqa: BLE001 - the point of it
            continue


def _in_thread(function: Callable[[], object]) -> object:
    """Run something in another thread and give what came of it."""
    results: list[object] = []

    def run() -> None:
        try:
            results.append(function())
        except Exception as fault:  # noqa: BLE001 - compared by the caller
            results.append(fault)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(LONG_S)
    assert not thread.is_alive()
    return results[0]


def test_result_and_arguments_pass_through() -> None:
    assert bounded.call(LONG_S, divmod, 7, 2) == (3, 1)
    assert bounded.call(LONG_S, sorted, [1, 2], reverse=True) == [2, 1]


def test_exception_passes_through() -> None:
    with pytest.raises(ZeroDivisionError):
        bounded.call(LONG_S, divmod, 1, 0)


def test_late_call_is_interrupted_in_the_main_thread() -> None:
    with pytest.raises(bounded.Overrun, match=r"not back within 0.05 s"):
        bounded.call(SHORT_S, _spin)


def test_late_sleep_is_interrupted_in_the_main_thread() -> None:
    with pytest.raises(bounded.Overrun):
        bounded.call(SHORT_S, threading.Event().wait, LONG_S)


def test_late_call_is_interrupted_in_another_thread() -> None:
    assert isinstance(_in_thread(lambda: bounded.call(SHORT_S, _spin)), bounded.Overrun)


def test_several_threads_are_interrupted_each_in_its_time() -> None:
    ended: list[str] = []

    def late(name: str, limit_s: float) -> None:
        with pytest.raises(bounded.Overrun):
            bounded.call(limit_s, _spin)
        ended.append(name)

    threads = [
        threading.Thread(target=late, args=("second", 0.4)),
        threading.Thread(target=late, args=("first", 0.05)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG_S)
    assert ended == ["first", "second"]


def test_thread_is_not_interrupted_after_its_call_is_over() -> None:
    def run() -> str:
        for _ in range(50):
            try:
                bounded.call(0.001, sum, range(20_000))
            except bounded.Overrun:
                continue
        # Whatever were still on its way would arrive here.
        return "".join(str(number) for number in range(50_000))[:3]

    assert _in_thread(run) == "012"


def test_inner_limit_ends_the_inner_call_alone() -> None:
    def outer() -> str:
        with pytest.raises(bounded.Overrun):
            bounded.call(SHORT_S, _spin)
        return "went on"

    assert bounded.call(LONG_S, outer) == "went on"
    assert _in_thread(lambda: bounded.call(LONG_S, outer)) == "went on"


def test_outer_limit_ends_the_inner_call_too() -> None:
    reached = []

    def outer() -> None:
        bounded.call(LONG_S, _spin)
        reached.append("after the inner call")

    with pytest.raises(bounded.Overrun, match=r"0.05 s"):
        bounded.call(SHORT_S, outer)
    assert isinstance(_in_thread(lambda: bounded.call(SHORT_S, outer)), bounded.Overrun)
    assert not reached


def test_interrupt_lost_in_a_destructor_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    dropped: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda fault: dropped.append(fault.exc_type))

    class Slow:
        def __del__(self) -> None:
            _spin()

    def drop_and_spin() -> None:
        thing = Slow()
        del thing
        _spin()

    with pytest.raises(bounded.Overrun):
        bounded.call(SHORT_S, drop_and_spin)
    assert dropped == [bounded.Interrupt]


def test_handler_and_timer_of_others_come_back() -> None:
    rung = threading.Event()
    before = signal.signal(signal.SIGALRM, lambda *_: rung.set())
    try:
        handler = signal.getsignal(signal.SIGALRM)
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(bounded.Overrun):
            bounded.call(SHORT_S, _spin)
        assert signal.getsignal(signal.SIGALRM) is handler
        assert rung.wait(LONG_S), "the timer that was set before was lost"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_no_timer_is_left_running() -> None:
    bounded.call(LONG_S, int)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


GEVENT = """
from gevent import monkey; monkey.patch_all()
import gevent, signal, sys
sys.path.insert(0, {root!r})
from app.hooks import bounded

def spin():
    while True:
        pass

def result(limit_s, function, *args):
    try:
        return bounded.call(limit_s, function, *args)
    except bounded.Overrun:
        return "late"

sleeps = gevent.spawn(result, 0.1, gevent.sleep, 60)
rests = gevent.spawn(result, 60, lambda: gevent.sleep(0.3) or "rested")
plain = gevent.spawn(lambda: gevent.sleep(0.3) or "plain")
gevent.sleep(0.01)
# Spins in this greenlet past the time of the first: neither takes the other's interrupt.
print(result(0.25, spin))
gevent.joinall([sleeps, rests, plain], timeout=30)
print(sleeps.value, rests.value, plain.value)
print(gevent.get_hub().threadpool.apply(result, (0.05, spin)))
print(signal.getitimer(signal.ITIMER_REAL), signal.getsignal(signal.SIGALRM) == signal.SIG_DFL)
"""


def test_greenlets_get_their_own_interrupts(request: pytest.FixtureRequest) -> None:
    script = GEVENT.format(root=str(request.config.rootpath))
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=LONG_S, check=False
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "late",
        "late rested plain",
        "late",
        "(0.0, 0.0) True",
    ]


def test_child_of_a_fork_has_limits_of_its_own(request: pytest.FixtureRequest) -> None:
    script = f"""
import os, sys, threading
sys.path.insert(0, {str(request.config.rootpath)!r})
from app.hooks import bounded

def late():
    try:
        bounded.call(0.05, spin)
    except bounded.Overrun:
        print("late", flush=True)

def spin():
    while True:
        pass

def both():
    late()
    thread = threading.Thread(target=late)
    thread.start()
    thread.join()

both()
if os.fork() == 0:
    both()
    os._exit(0)
os.wait()
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=LONG_S, check=False
    )
    assert done.stdout.splitlines() == ["late"] * 4


def test_time_is_not_measured_by_the_wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that is set forward must not end a call."""
    monkeypatch.setattr(time, "time", lambda: 4e9)
    assert bounded.call(LONG_S, int) == 0
