"""What streams are told of jobs and clusters: on both databases, and while one is away."""

import threading
from types import SimpleNamespace

import pytest

from app.api.http.drain import Drain
from app.api.http.fanout import Hub
from app.api.mantis import board as module
from app.api.mantis.board import Board
from app.api.mantis.service.status import Told
from app.api.mantis.service.streams import Outlet
from app.domain.errors import StoreUnavailable
from tests.yard import eventually


@pytest.fixture
def outlet(mantis):
    site = SimpleNamespace(services=mantis.services, hub=Hub(mantis.engine), drain=Drain())
    return Outlet(site, Board(), lambda: False)


@pytest.fixture
def away(mantis, monkeypatch):
    """Let the database be away when the event is set."""
    gone = threading.Event()
    session = mantis.engine.store.session

    def guarded():
        if gone.is_set() and threading.current_thread() is not threading.main_thread():
            raise StoreUnavailable
        return session()

    monkeypatch.setattr(mantis.engine.store, "session", guarded)
    monkeypatch.setattr(module, "AWAY_S", 0.01)
    return gone


def following(outlet, what, name, bell):
    site = outlet.site
    return getattr(outlet.board, what)(site.services, site.hub, name, bell)


def stages(follower):
    return b"" if follower.value is None else follower.value.event


def test_a_job_is_told_anew_whenever_it_changes(mantis, outlet):
    name = mantis.submit(mantis.cluster())
    bell = threading.Event()
    with following(outlet, "job", mantis.job(name).job_id, bell) as job:
        eventually(lambda: b'"activeWorkers":0' in stages(job), "the beginning")
        mantis.start()
        eventually(lambda: b'"activeWorkers":1' in stages(job), "a worker")
        assert bell.is_set()
        mantis.engine.jobs.cancel(mantis.job(name).job_id)
        eventually(lambda: job.value.over, "the end")
        assert b'"workerAssignments":{}' in job.value.event


def test_launches_of_a_cluster_are_told_in_their_order(mantis, outlet):
    cluster = mantis.cluster()
    with following(outlet, "cluster", cluster, threading.Event()) as follower:
        eventually(lambda: follower.value is not None, "a view")
        assert follower.value.latest is None
        names = []
        for _ in range(3):
            mantis.clock.advance(1)
            names.append(mantis.submit(cluster))
            mantis.start()
            eventually(lambda: follower.value.latest is not None, "a launch")
            eventually(lambda: follower.value.latest.name == names[-1], names[-1])
        assert [one.name for one in follower.value.launches] == names


def test_a_database_that_is_away_is_waited_for(mantis, outlet, away):
    cluster = mantis.cluster()
    away.set()
    with following(outlet, "named", "c-1", threading.Event()) as follower:
        name = mantis.submit(cluster)
        assert follower.value is None
        away.clear()
        eventually(lambda: follower.value == mantis.job(name).job_id, "the job")
        assert not follower.ended


def told_of(told, count):
    """Give messages until there are so many."""
    found = []

    def more():
        found.extend(one["status"] for one in told.ready())
        return len(found) >= count

    eventually(more, f"{count} messages")
    return found


def test_who_is_there_before_the_job_is_told_all_of_it(mantis, outlet):
    cluster = mantis.cluster()
    with Told(outlet, "c-1", threading.Event()) as told:
        assert told.ready() == ()
        mantis.submit(cluster)
        mantis.start()
        states = [(one["workerNumber"], one["state"]) for one in told_of(told, 5)]
        assert states[0] == (-1, "Accepted")
        assert [state for number, state in states if number == 1] == [
            "Accepted",
            "Launched",
            "Started",
        ]
        assert (-1, "Launched") in states
        mantis.engine.jobs.cancel(mantis.job("c-1").job_id, reason="enough")
        *_, worker, last = told_of(told, 2)
        assert (worker["workerNumber"], worker["state"], worker["reason"]) == (
            1,
            "Completed",
            "Killed",
        )
        assert (last["workerNumber"], last["state"], last["reason"]) == (-1, "Completed", "Killed")
        assert "enough" in last["message"]
    with Told(outlet, "c-1", threading.Event()) as late:
        eventually(lambda: late._named.value is not None, "the job")
        assert late.ready() == ()


def test_nothing_is_lost_by_a_look_that_failed(mantis, outlet, monkeypatch):
    mantis.submit(mantis.cluster())
    mantis.start()
    job_id = mantis.job("c-1").job_id
    events = mantis.engine.events
    last_of_job, fails = events.last_of_job, [StoreUnavailable()] * 2

    def failing(*words, **more):
        if fails:
            raise fails.pop()
        return last_of_job(*words, **more)

    monkeypatch.setattr(events, "last_of_job", failing)
    with Told(outlet, "c-1", threading.Event()) as told:
        eventually(lambda: told._named.value is not None, "the job")
        for _ in range(2):
            with pytest.raises(StoreUnavailable):
                told.ready()
        replayed = told_of(told, 5)
        assert replayed[0]["state"] == "Accepted"
        for number in range(300):
            events.note(job_id, status={"message": f"{number}"})
        found = told_of(told, 300)
        assert [one["message"] for one in found] == [f"{number}" for number in range(300)]
