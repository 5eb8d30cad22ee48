"""One verb on all jobs that `q` finds."""

import uuid

import pytest

from tests.acceptance.tork.client import Tork

VERBS = ("cancel", "restart", "archive", "delete")


def many(tork: Tork, verb: str, tag: str, **query: str) -> dict:
    answer = tork.ask("PUT", f"/jobs/{verb}", params={"q": f"tag:{tag}", **query})
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert document.pop("status") == "OK"
    return document


def states(tork: Tork, *ids: str) -> list[str]:
    return [tork.job(each)["state"] for each in ids]


def test_jobs_are_cancelled_restarted_put_away_and_deleted_together(tork: Tork):
    tag = uuid.uuid4().hex
    held = [tork.submit({"name": "t", "queue": f"q-{tag}"}, tags=[tag]) for _ in range(3)]
    done = tork.done("true", tags=[tag])["id"]
    other = tork.submit({"name": "t", "queue": f"q-{tag}"}, tags=[tag + "-other"])
    assert many(tork, "cancel", tag) == {"done": 3, "left": 0}
    assert states(tork, *held) == ["CANCELLED"] * 3
    assert many(tork, "cancel", tag) == {"done": 0, "left": 0}
    assert many(tork, "restart", tag) == {"done": 3, "left": 0}
    assert many(tork, "archive", tag) == {"done": 1, "left": 0}
    assert many(tork, "delete", tag) == {"done": 0, "left": 0}
    assert many(tork, "delete", tag, archived="true") == {"done": 1, "left": 0}
    assert tork.missing(f"/jobs/{done}") == "job not found"
    assert states(tork, *held, other) == ["RUNNING"] * 3 + ["SCHEDULED"]
    many(tork, "cancel", tag)
    assert many(tork, "delete", tag) == {"done": 3, "left": 0}
    assert tork.job(other)["state"] == "SCHEDULED"
    tork.put(f"/jobs/{other}/cancel")


def test_a_request_is_about_a_hundred_and_tells_what_is_left(tork: Tork):
    tag = uuid.uuid4().hex
    ids = [tork.submit({"name": "t", "queue": f"q-{tag}"}, tags=[tag]) for _ in range(103)]
    assert many(tork, "cancel", tag) == {"done": 100, "left": 3}
    assert states(tork, *ids[:3]) == ["SCHEDULED"] * 3
    assert many(tork, "cancel", tag) == {"done": 3, "left": 0}
    assert many(tork, "delete", tag) == {"done": 100, "left": 3}


def test_words_and_state_words_choose_as_they_do_in_lists(tork: Tork):
    word = f"w{uuid.uuid4().hex}"
    failed = tork.fails("exit 3", description=word)["id"]
    done = tork.done("true", description=word)["id"]
    answer = tork.ask("PUT", "/jobs/delete", params={"q": f"{word} failed"})
    assert answer.json() == {"status": "OK", "done": 1, "left": 0}
    assert tork.missing(f"/jobs/{failed}") == "job not found"
    assert tork.job(done)["state"] == "COMPLETED"


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("q", [None, "", "  ", "tag:", "tags:,", "--"])
def test_nothing_is_done_to_all_there_are(tork: Tork, verb: str, q: str | None):
    answer = tork.ask("PUT", f"/jobs/{verb}", params={} if q is None else {"q": q})
    assert answer.status_code == 400
    assert answer.json() == {"message": "q: must say which jobs"}


@pytest.mark.parametrize("verb", VERBS)
def test_other_methods_mean_a_job_of_that_id(tork: Tork, verb: str):
    assert tork.missing(f"/jobs/{verb}") == "job not found"
    assert tork.ask("POST", f"/jobs/{verb}").status_code == 405
