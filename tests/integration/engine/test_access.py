"""Users, roles, who sees what, keys and rates."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import pytest
from argon2 import PasswordHasher

from app.domain.clock import seconds
from app.domain.errors import AccountNotFound, AlreadyExists, RateLimited, RoleNotFound
from app.domain.records import JobFilter
from app.domain.submission import Submission
from app.engine import keys
from app.hooks import JobSpec, TaskSpec
from app.testing import FakeClock, make_engine, submit

ALICE, OPS = "user:alice", "role:ops"


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch):
    """What takes a tenth of a second in earnest."""
    cheap = partial(PasswordHasher, time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr("app.engine.passwords.PasswordHasher", cheap)


@pytest.fixture
def alice(engine):
    return engine.accounts.create("demo", username="alice", password="sesame", name="Alice")


# -- users and roles ----------------------------------------------------------------------------


def test_a_user_is_let_in_by_name_and_password_in_one_dialect(engine, alice):
    assert engine.accounts.authenticate("demo", "alice", "sesame") == alice
    for dialect, name, password in (
        ("demo", "alice", "Sesame"),
        ("demo", "Alice", "sesame"),
        ("demo", "alice", ""),
        ("demo", "", "sesame"),
        ("other", "alice", "sesame"),
        ("demo", "bob", "sesame"),
        ("demo", "alices", "esame"),
    ):
        assert engine.accounts.authenticate(dialect, name, password) is None
    with pytest.raises(AlreadyExists):
        engine.accounts.create("demo", username="alice", password="other")
    engine.accounts.create("other", username="alice", password="other")
    assert engine.accounts.authenticate("demo", "alice", "other") is None


def test_changes_count_at_once_for_who_was_let_in_before(engine, alice):
    assert engine.accounts.authenticate("demo", "alice", "sesame")
    engine.accounts.disable("demo", "alice")
    assert engine.accounts.authenticate("demo", "alice", "sesame") is None
    engine.accounts.enable("demo", "alice")
    assert engine.accounts.authenticate("demo", "alice", "sesame")
    engine.accounts.set_password("demo", "alice", "new")
    assert engine.accounts.authenticate("demo", "alice", "sesame") is None
    assert engine.accounts.authenticate("demo", "alice", "new")
    engine.accounts.set_password("demo", "alice", "sesame")
    assert engine.accounts.authenticate("demo", "alice", "sesame")
    assert engine.accounts.authenticate("demo", "alice", "new") is None


def test_verbs_on_users_there_are_not(engine):
    for verb in (
        lambda: engine.accounts.get("demo", "bob"),
        lambda: engine.accounts.disable("demo", "bob"),
        lambda: engine.accounts.enable("demo", "bob"),
        lambda: engine.accounts.set_password("demo", "bob", "x"),
        lambda: engine.roles.assign("demo", "bob", "ops"),
        lambda: engine.roles.withdraw("demo", "bob", "ops"),
    ):
        with pytest.raises(AccountNotFound, match="bob"):
            verb()
    assert not engine.accounts.exist("demo")
    assert engine.accounts.listed("demo") == []


def test_roles_are_given_and_taken(engine, alice):
    engine.accounts.create("demo", username="bob", password="x")
    ops = engine.roles.create("demo", "ops")
    dev = engine.roles.create("demo", "dev", name="Developers")
    assert (ops.name, dev.name) == ("ops", "Developers")
    assert engine.roles.listed("demo") == [dev, ops]
    assert engine.roles.listed("other") == []
    with pytest.raises(AlreadyExists, match="ops"):
        engine.roles.create("demo", "ops")
    with pytest.raises(RoleNotFound, match="nope"):
        engine.roles.assign("demo", "alice", "nope")
    for slug in ("ops", "dev", "ops"):
        engine.roles.assign("demo", "alice", slug)
    assert engine.accounts.get("demo", "alice").roles == ("dev", "ops")
    assert engine.accounts.authenticate("demo", "alice", "sesame").roles == ("dev", "ops")
    listed = engine.accounts.listed("demo")
    assert [(each.username, each.roles) for each in listed] == [
        ("alice", ("dev", "ops")),
        ("bob", ()),
    ]
    for _ in range(2):
        engine.roles.withdraw("demo", "alice", "ops")
    assert engine.accounts.get("demo", "alice").roles == ("dev",)
    assert engine.accounts.exist("demo")


def test_those_named_are_looked_up_at_once_however_many(engine, alice):
    crowd = [f"nobody {number}" for number in range(1200)]
    found = engine.accounts.named("demo", ["alice", *crowd])
    assert found == {"alice": replace(alice, roles=())}
    assert engine.accounts.named("demo", []) == {}
    assert engine.roles.named("demo", crowd) == {}


# -- who sees what ------------------------------------------------------------------------------


def for_whom(engine, *who, **more):
    return submit(engine, audience=who, **more).id


def seen(engine, *viewer, **more):
    wanted = JobFilter(dialect="demo", viewer=viewer, **more)
    page = engine.jobs.find(wanted, size=100)
    assert page.total == len(page.items)
    return {job.id for job in page.items}


def test_jobs_are_seen_by_whom_they_are_for(engine):
    everybody = for_whom(engine)
    hers = for_whom(engine, ALICE)
    theirs = for_whom(engine, OPS, OPS)
    both = for_whom(engine, OPS, ALICE, tags=("t",))
    assert seen(engine) == {everybody}
    assert seen(engine, "user:bob", "role:dev") == {everybody}
    assert seen(engine, ALICE) == {everybody, hers, both}
    assert seen(engine, ALICE, OPS) == {everybody, hers, theirs, both}
    assert seen(engine, OPS, tags=("t",)) == {both}
    assert seen(engine, tags=("t",)) == set()
    listed = engine.jobs.find(JobFilter(dialect="demo"), size=100)
    assert listed.total == 4
    for job_id, viewers in ((everybody, [(), (ALICE,)]), (hers, [(ALICE, OPS)])):
        job = engine.jobs.get(job_id)
        assert all(engine.audience.sees(job, viewer) for viewer in [*viewers, None])
    assert not engine.audience.sees(engine.jobs.get(hers), (OPS,))
    assert not engine.audience.sees(engine.jobs.get(hers), ())


def test_the_same_audience_is_stored_once(engine):
    for who in ((ALICE, OPS), (OPS, ALICE), (ALICE, OPS, ALICE), (ALICE,), ()):
        for_whom(engine, *who)
    with engine.store.session():
        assert engine.store.run("SELECT COUNT(*) FROM audience").fetchone() == (2,)
        assert engine.store.run("SELECT COUNT(*) FROM audience_member").fetchone() == (3,)


def test_a_new_audience_is_made_once_by_all(database_url):
    def one(number):
        with make_engine(database_url=database_url) as engine:
            wanted = Submission(dialect="demo", type="scripted", name="n", audience=(ALICE, OPS))
            return engine.schedules.create(wanted, cron="* * * * *").audience_id

    with make_engine(database_url=database_url):
        pass  # its schema is made before they begin
    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(one, range(12)))) == 1


def test_schedules_and_their_runs_are_seen_by_whom_they_are_for(engine, clock):
    template = Submission(dialect="demo", type="scripted", name="s", audience=(OPS,))
    schedule = engine.schedules.create(template, cron="* * * * *")
    other = engine.schedules.create(replace(template, audience=()), cron="0 0 1 1 *")

    def listed(*viewer):
        page = engine.schedules.find("demo", viewer=viewer)
        assert page.total == len(page.items)
        return {each.id for each in page.items}

    assert listed(OPS) == {schedule.id, other.id}
    assert listed(ALICE) == listed() == {other.id}
    assert engine.schedules.find("demo").total == 2
    clock.advance(61)
    assert engine.schedules.run_once(clock.now()) == 1
    [run] = seen(engine, OPS)
    assert seen(engine, ALICE) == set()
    assert not engine.audience.sees(schedule, ())
    assert not engine.audience.sees(engine.jobs.get(run), ())


@pytest.mark.parametrize("detached", [False, True])
def test_a_job_that_a_task_starts_is_for_the_same(engine, scripted, detached):
    job = JobSpec(type="scripted", name="child", spec={}, detached=detached)
    scripted.on_plan = lambda view: (
        [TaskSpec(name="a", kind="job", job=job)] if view.name != "child" else []
    )
    for_whom(engine, ALICE, OPS)
    assert len(seen(engine, ALICE)) == len(seen(engine, OPS)) == 2
    assert seen(engine) == set()


# -- keys ---------------------------------------------------------------------------------------


def test_a_key_is_made_up_once_by_all(engine):
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: engine.keys.ensure("demo"), range(24)))
    [key] = [each.fresh for each in made if each.fresh is not None]
    assert {each.digest for each in made} == {keys.digest(key)}
    assert engine.keys.ensure("demo") == (keys.digest(key), None)
    assert engine.keys.ensure("other").fresh not in (None, key)
    with engine.store.session():
        rows = engine.store.run("SELECT * FROM made_key").fetchall()
    assert key not in repr(rows)


# -- rates --------------------------------------------------------------------------------------


def passed(engine, count, *, name="a", rate=2.0, burst=3.0):
    """How many of some uses are let through, and the last wait of those that are not."""
    good, wait_s = 0, None
    for _ in range(count):
        try:
            engine.limits.take(name, rate=rate, burst=burst)
            good += 1
        except RateLimited as error:
            wait_s = error.retry_after_s
    return good, wait_s


def test_a_rate_lets_a_burst_through_and_then_so_many_a_second(engine, clock):
    assert passed(engine, 10) == (3, pytest.approx(0.5))
    assert passed(engine, 1, name="b") == (1, None)
    clock.advance(0.4)
    assert passed(engine, 10) == (0, pytest.approx(0.1))
    clock.advance(0.1)
    assert passed(engine, 10) == (1, pytest.approx(0.5))
    clock.advance(1.0)
    assert passed(engine, 10) == (2, pytest.approx(0.5))
    clock.advance(1000.0)
    assert passed(engine, 10)[0] == 3
    # Waiting as long as one was told is long enough, and not a moment too long.
    for _ in range(20):
        _, wait_s = passed(engine, 5, rate=7.0, burst=1.0, name="c")
        clock.advance(wait_s)
        assert passed(engine, 1, rate=7.0, burst=1.0, name="c")[0] == 1


@pytest.fixture
def behind(database_url):
    """Give another engine on the same database, and its clock, which begins at 0."""
    clock = FakeClock(0)
    with make_engine(database_url=database_url, clock=clock) as engine:
        yield engine, clock


def test_a_clock_that_is_behind_shares_a_rate_without_starving(engine, clock, behind):
    other, other_clock = behind
    other_clock.advance((clock.now() - seconds(30)) / seconds(1))
    assert passed(engine, 2) == (2, None)
    assert passed(other, 10)[0] == 1
    clock.advance(0.5)
    other_clock.advance(0.5)
    assert passed(engine, 10)[0] == 1


def test_a_clock_that_was_set_back_locks_nobody_out(engine, clock, behind):
    other, other_clock = behind
    assert passed(engine, 10)[0] == 3
    other_clock.advance((clock.now() - seconds(3600)) / seconds(1))
    assert passed(other, 10)[0] == 3
    assert passed(other, 10)[0] == 0


def test_many_at_once_get_no_more_than_the_burst(database_url, clock):
    with make_engine(database_url=database_url, clock=clock) as one:
        barrier = threading.Barrier(8)

        def use(_):
            barrier.wait()
            with make_engine(database_url=database_url, clock=clock) as engine:
                return passed(engine, 10, burst=13.0)[0]

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(use, range(8))) == 13
        assert passed(one, 10, burst=13.0)[0] == 0


def test_rates_that_nobody_uses_are_forgotten(engine, clock):
    passed(engine, 1)
    clock.advance(3599.0)
    passed(engine, 1, name="b")
    engine.prune.run_once(clock.now())
    clock.advance(2.0)
    engine.prune.run_once(clock.now())
    with engine.store.session():
        assert engine.store.run("SELECT name FROM bucket").fetchall() == [("b",)]


def test_nothing_secret_is_shown(alice, caplog):
    caplog.set_level(logging.DEBUG)
    assert "argon2" not in repr(alice)
    assert not [record for record in caplog.records if "sesame" in record.getMessage()]
