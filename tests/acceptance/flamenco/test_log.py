"""The log as a text."""

import pytest

from tests.acceptance.flamenco.client import Flamenco

TEXT = "one\ntwo\nthree\nfour"


@pytest.fixture(scope="module")
def written(flamenco: Flamenco) -> dict[str, int]:
    """Tasks with logs: as it is, and with an end of line."""
    tasks = {"none": flamenco.task()}
    for name, text in {"plain": TEXT, "ended": TEXT + "\n", "crlf": TEXT.replace("\n", "\r\n"),
                       "empty": "", "blank": "\n\n\n"}.items():  # fmt: skip
        tasks[name], worker = flamenco.rendering()
        flamenco.report(tasks[name], worker, log=text)
    return tasks


def test_a_log_as_it_is(flamenco: Flamenco, written):
    assert flamenco.log(written["none"]) == ""
    assert flamenco.log(written["empty"]) == ""
    assert flamenco.log(written["plain"]) == TEXT
    assert flamenco.log(written["crlf"]) == TEXT.replace("\n", "\r\n")
    assert flamenco.log(written["blank"]) == "\n\n\n"
    flamenco.shows(written["none"], log=None)


@pytest.mark.parametrize(
    ("tail", "wanted"),
    [(1, "four"), (2, "three\nfour"), (3, "two\nthree\nfour"), (4, TEXT), (5, TEXT), (2**53, TEXT)],
)
def test_the_tail(flamenco: Flamenco, written, tail: int, wanted: str):
    assert flamenco.log(written["plain"], tail=tail) == wanted
    assert flamenco.log(written["ended"], tail=tail) == wanted + "\n"
    assert flamenco.log(written["crlf"], tail=tail) == wanted.replace("\n", "\r\n")
    assert flamenco.log(written["none"], tail=tail) == ""
    assert flamenco.log(written["empty"], tail=tail) == ""


@pytest.mark.parametrize(
    "tail", ["0", "-1", "x", "", "1.5", "٣", "1e1", str(2**53 + 1), "9" * 400, "+1", "true"]
)
def test_no_tail(flamenco: Flamenco, written, tail: str):
    path = f"/tasks/{written['plain']}/log"
    flamenco.refused(400, "GET", path, blamed="tail", params={"tail": tail})


@pytest.mark.parametrize(
    "accept", [None, "text/plain", "application/json", "text/javascript", "image/png"]
)
def test_the_log_is_text_whatever_is_accepted(flamenco: Flamenco, written, accept):
    path = f"/tasks/{written['plain']}/log"
    answer = flamenco.ask("GET", path, headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.text == TEXT


def test_a_log_is_no_page(flamenco: Flamenco):
    task, worker = flamenco.rendering()
    flamenco.report(task, worker, log="<script>alert(1)</script>")
    answer = flamenco.ask("GET", f"/tasks/{task}/log", headers={"Accept": "text/html"})
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_tail_of_a_log_that_grows(flamenco: Flamenco):
    task, worker = flamenco.rendering()
    for place in range(50):
        flamenco.report(task, worker, log_append=f"line {place}\nha")
        flamenco.report(task, worker, log_append="lf ")
    assert flamenco.log(task, tail=1) == "half "
    assert flamenco.log(task, tail=2) == "half line 49\nhalf "
    assert flamenco.log(task).count("\n") == 50


def test_a_log_survives_the_end_and_goes_with_a_fresh_start(flamenco: Flamenco):
    task, worker = flamenco.rendering()
    flamenco.report(task, worker, "failed", log="why\n")
    assert flamenco.log(task) == "why\n"
    flamenco.patch(task, status="ready")
    assert flamenco.log(task) == ""
    flamenco.shows(task, log=None)
