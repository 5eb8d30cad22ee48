"""A job type that raises, hangs or talks nonsense harms whoever asked for it, and nobody else."""

import pytest

from tests.acceptance.manticore.client import Manticore


@pytest.fixture(scope="module")
def mixed(manticores) -> Manticore:
    """A server that also has a faulty job type, and one that is broken altogether."""
    return manticores.start(slots=0, MODULE_JOB="broken,standin,faulty")


def ask(mixed, user: str, version: str):
    core = {"version": version, "build": "default"}
    return mixed.ask(user, core=core, hmi={"type": "faulty", "version": "1"})


def test_what_a_broken_one_has_is_left_out(mixed):
    there = mixed.server.get("/api/v2/job").json
    assert {each["type"] for each in there["hmis"]} == {"generic", "web", "faulty"}


@pytest.mark.parametrize("way", ["raises", "hangs", "babbles"])
@pytest.mark.parametrize("function", ["plan", "watches"])
def test_a_start_that_fails_ends_that_request_alone(mixed, function, way):
    user, other = mixed.user(), mixed.user()
    living = mixed.open(mixed.passcode(other))
    answer = ask(mixed, user, f"{function}-{way}")
    assert answer.status == 200, answer.body
    assert mixed.open(answer.json["passcode"]).until_closed() in (1000, 1008)
    assert mixed.server.post("/api/v2/info", {"id": user}).status == 400
    living.until("position", position=0, wait=False)
    mixed.work(2)
    living.until("services")
    mixed.leave(other)
    assert living.until_closed() == 1000


@pytest.mark.parametrize("way", ["raises", "hangs", "babbles"])
def test_addresses_that_cannot_be_had_are_missed_by_that_user_alone(mixed, way):
    user, other = mixed.user(), mixed.user()
    faulty = mixed.open(ask(mixed, user, f"services-{way}").json["passcode"])
    mixed.work(2)
    assert faulty.until("services") == {}
    living = mixed.open(mixed.passcode(other))
    mixed.work(2)
    assert set(living.until("services")) == {"core-main", "hmi-main"}
    for each in (user, other):
        mixed.leave(each)
    assert (faulty.until_closed(), living.until_closed()) == (1000, 1000)
