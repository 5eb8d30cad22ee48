"""How passwords are checked: remembered while nothing changes, bounded, and slow for everybody."""

import threading

import pytest

from app.domain.errors import RateLimited
from app.engine import passwords
from app.engine.passwords import AT_ONCE, WAITING, Passwords


@pytest.fixture
def checks(monkeypatch):
    """Every real check that is made: (hash, password)."""
    made = []
    verify = Passwords._verify
    monkeypatch.setattr(
        Passwords, "_verify", lambda self, *what: made.append(what) or verify(self, *what)
    )
    return made


def test_what_was_found_is_remembered_until_the_hash_changes(checks):
    one = Passwords()
    old, new = one.hash("a"), one.hash("a")
    assert old != new
    for _ in range(3):
        assert one.match("who", "a", old)
        assert not one.match("who", "b", old)
    assert len(checks) == 2
    assert one.match("who", "a", new)
    assert not one.match("who", "a", one.hash("b"))
    assert len(checks) == 4
    assert one.match("wh", "a", old)
    assert not one.match("wh", "oa", old)
    assert len(checks) == 6


def test_what_was_found_is_checked_again_after_a_while(checks, monkeypatch):
    monkeypatch.setattr(passwords, "REMEMBERED_S", 0.0)
    one = Passwords()
    stored = one.hash("a")
    assert one.match("who", "a", stored)
    assert one.match("who", "a", stored)
    assert len(checks) == 2


def test_guesses_push_out_no_success(checks, monkeypatch):
    monkeypatch.setattr(passwords, "REMEMBERED", 3)
    one = Passwords()
    stored = one.hash("a")
    assert one.match("who", "a", stored)
    for number in range(5):
        assert not one.match(f"mallory {number}", "a", "$argon2id$nonsense")
    assert len(checks) == 6
    assert one.match("who", "a", stored)
    assert len(checks) == 6
    assert not one.match("mallory 0", "a", "$argon2id$nonsense")
    assert len(checks) == 7


def test_nobody_costs_as_much_as_somebody(checks):
    one = Passwords()
    assert not one.match("nobody", "", None)
    assert not one.match("nobody", "a", None)
    [(first, _), (second, _)] = checks
    assert first == second
    # The same algorithm and costs as a real one has.
    real = one.hash("a")
    assert first.split("$")[:4] == real.split("$")[:4]
    assert len(first) == len(real)


def test_text_that_is_no_text_is_no_password():
    one = Passwords()
    assert not one.match("who", "\ud800", one.hash("a"))


def test_no_more_run_or_wait_than_is_good(monkeypatch):
    inside, most = 0, 0
    lock, go = threading.Lock(), threading.Event()

    def verify(*_):
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        assert go.wait(60)
        with lock:
            inside -= 1
        return True

    monkeypatch.setattr(Passwords, "_verify", verify)
    one = Passwords()
    refused = threading.Semaphore(0)
    outcomes = []

    def ask(number):
        try:
            outcomes.append(one.match(f"who {number}", "a", "hash"))
        except RateLimited as error:
            outcomes.append(error)
            refused.release()

    asked = [threading.Thread(target=ask, args=(n,)) for n in range(AT_ONCE + WAITING + 5)]
    for each in asked:
        each.start()
    for _ in range(5):
        assert refused.acquire(timeout=60)
    go.set()
    for each in asked:
        each.join()
    assert most == AT_ONCE
    assert outcomes.count(True) == AT_ONCE + WAITING
    assert all(each is True or each.retry_after_s >= 1 for each in outcomes)
    assert one.match("who else", "a", "hash")
