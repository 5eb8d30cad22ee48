"""Which paths are the dialect's own, and what they offer."""

import pytest

from tests.acceptance.flamenco.client import Flamenco, check_refusal
from tests.integration.http.conftest import Servers
from tests.rotation import rotated, short

ROUTES = {
    "/tasks": {"GET", "POST", "DELETE"},
    "/tasks/{task}": {"GET", "PATCH", "DELETE"},
    "/tasks/{task}/log": {"GET"},
    "/tasks/{task}/output": {"GET"},
    "/tasks/{task}/thumbnail": {"GET"},
    "/tasks/compiled/{task}": {"GET"},
    "/tasks/compiled/0": {"GET"},
    "/tasks/file/1": {"GET"},
    "/tasks/zip/1": {"GET"},
    "/tasks/zip/sup/1": {"GET"},
    "/tasks/zip/dep/{task}": {"GET"},
    "/tasks/thumbnails": {"POST"},
    "/static/storage/1/jobfile_1.zip": {"GET"},
    "/static/storage/1/jobsupportfile_1.zip": {"GET"},
    "/static/storage/1/dependencies_{task}.zip": {"GET"},
    "/workers": {"GET", "POST"},
    "/workers/{worker}": {"GET", "PATCH", "DELETE"},
    "/workers/status/{worker}": {"PATCH"},
    "/settings": {"GET", "POST"},
    "/settings/some": {"GET", "PATCH"},
}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@pytest.fixture(scope="module")
def made(flamenco: Flamenco) -> dict[str, int]:
    return {"task": flamenco.task(), "worker": flamenco.worker().id}


def allowed(answer) -> set[str]:
    return {word.strip() for word in answer.headers["Allow"].split(",")} - {"HEAD", "OPTIONS"}


@pytest.mark.parametrize(
    ("path", "method"),
    [(path, method) for path in ROUTES for method in METHODS if method not in ROUTES[path]],
)
def test_a_method_that_is_not_offered(flamenco: Flamenco, made, path: str, method: str):
    for body in ({}, {"json": {"status": "ready"}}, {"data": "{", "headers": {"Accept": "x/y"}}):
        answer = flamenco.ask(method, path.format(**made), **body)
        assert answer.status_code == 405, answer.text
        assert allowed(answer) == ROUTES[path]


@pytest.mark.parametrize("method", ["PUT", "POST"])
@pytest.mark.parametrize("number", [99999999, 2**53, 10**30, 10**40])
def test_a_method_on_an_unknown_number(flamenco: Flamenco, number: int, method: str):
    for path in ("/tasks/{}", "/workers/{}"):
        answer = flamenco.ask(method, path.format(number), json={})
        assert answer.status_code in (404, 405)


# HEAD is answered as GET is, and there GET hands out a task to the only worker of an address.
HARMLESS = [path for path in ROUTES if path != "/tasks/compiled/0"]


@pytest.mark.parametrize("path", HARMLESS)
def test_other_methods_do_no_harm(flamenco: Flamenco, made, path: str):
    for method in ("HEAD", "OPTIONS", "TRACE", "PROPFIND", "get", "BREW"):
        url = f"{flamenco.yard.url}{path.format(**made)}"
        answer = flamenco.session.request(method, url, timeout=90)
        assert answer.status_code < 500, (method, path)
    assert flamenco.status(made["task"]) == "ready"


@pytest.mark.parametrize("path", [path for path in HARMLESS if "GET" in ROUTES[path]])
def test_head_has_the_headers_of_get(flamenco: Flamenco, made, path: str):
    url = f"{flamenco.yard.url}{path.format(**made)}"
    head, get = flamenco.session.head(url, timeout=90), flamenco.session.get(url, timeout=90)
    assert head.content == b""
    assert head.status_code == get.status_code
    assert head.headers.get("Content-Type") == get.headers.get("Content-Type")


# -- tasks: digits alone, but 32 ------------------------------------------------------------------


@pytest.mark.parametrize("length", [1, 17, 30, 31, 33, 34, 64, 200])
@pytest.mark.parametrize("tail", ["", "/log", "/output", "/thumbnail"])
def test_digits_are_ours(flamenco: Flamenco, length: int, tail: str):
    word = "9" * length if length > 1 else "0"
    flamenco.refused(404, "GET", f"/tasks/{word}{tail}")


@pytest.mark.parametrize("word", ["9" * 32, "0" * 32, "1" * 32, "9c2a" * 8, "facade00" * 4])
@pytest.mark.parametrize("tail", ["", "/log"])
def test_thirty_two_digits_are_another_dialects(flamenco: Flamenco, word: str, tail: str):
    answer = flamenco.session.get(f"{flamenco.yard.url}/tasks/{word}{tail}", timeout=90)
    assert answer.status_code == 404
    assert "code" not in answer.json()


ODD = ["abc", "12abc", "-1", "+1", "1.0", "1e3", " 1", "1 ", "0x1", "%D9%A3", "%EF%BC%95", "%C2%B2",
       "1%00", "%00", "%ff", "1_0", "9c2a", "g" * 32, "1,2", "..%2f..", "1%2f2", "%0a1", "1%0a",
       "';DROP TABLE task", "null", "None", "true", "()", "*", "ü" * 20, "x" * 4000]  # fmt: skip


@pytest.mark.parametrize(
    ("word", "tail"), rotated(ODD, ["", "/log", "/output", "/thumbnail"], rounds=2), ids=short
)
def test_other_words_name_no_task(flamenco: Flamenco, word: str, tail: str):
    answer = flamenco.session.get(f"{flamenco.yard.url}/tasks/{word}{tail}", timeout=90)
    assert answer.status_code == 404, answer.text


FILES = [
    "/tasks/compiled/{}", "/tasks/file/{}", "/tasks/zip/{}", "/tasks/zip/sup/{}", "/tasks/zip/dep/{}",
]  # fmt: skip


@pytest.mark.parametrize(("word", "path"), rotated(ODD, FILES, rounds=2), ids=short)
def test_other_words_name_no_file(flamenco: Flamenco, word: str, path: str):
    answer = flamenco.session.get(f"{flamenco.yard.url}{path.format(word)}", timeout=90)
    assert answer.status_code == 404, answer.text


@pytest.mark.parametrize(
    "path", ["/tasks/", "/tasks//", "//tasks", "/tasks/1/", "/tasks/1/log/", "/tasks/1/x", "/tasks/x/log",
             "/tasks/compiled/", "/tasks/compiled/1/x", "/tasks/zip", "/tasks/zip/",
             "/tasks/zip/sup", "/tasks/zip/dep", "/tasks/zip/x/1", "/tasks/file", "/tasks/file/",
             "/tasks/thumbnails/1", "/tasks/1/log/2", "/Tasks", "/tasks/Compiled/1", "/tasks.json"]
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_a_path_is_exact(flamenco: Flamenco, path: str, method: str):
    answer = flamenco.session.request(method, f"{flamenco.yard.url}{path}", timeout=90)
    assert answer.status_code in (404, 405), answer.text


# -- workers and settings: all that begins so -----------------------------------------------------


@pytest.mark.parametrize(
    ("word", "method"),
    rotated([*ODD, "9" * 32, "9c2a" * 8], ["GET", "PATCH", "DELETE"]),
    ids=short,
)
def test_other_words_name_no_worker(flamenco: Flamenco, word: str, method: str):
    flamenco.refused(404, method, f"/workers/{word}", json={"status": "enabled"})


@pytest.mark.parametrize("word", [*ODD, "9" * 32])
def test_other_words_name_no_worker_to_switch(flamenco: Flamenco, word: str):
    flamenco.refused(404, "PATCH", f"/workers/status/{word}", json={"status": "enabled"})


@pytest.mark.parametrize(
    "path", ["/workers/", "/workers/1/x", "/workers/1/", "/workers/status", "/workers/status/",
             "/workers/status/1/x", "/workers/x/y/z", "/settings/", "/settings/a/b", "/settings/a/"]
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
def test_what_lies_below_is_refused_in_our_form(flamenco: Flamenco, path: str, method: str):
    answer = flamenco.ask(method, path, json={"status": "enabled", "value": "x"})
    assert answer.status_code in (400, 404, 405)
    check_refusal(answer)


@pytest.mark.parametrize("path", ["/projects", "/managers", "/projects/1", "/managers/1"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_paths_of_the_other_program_are_nobodys(flamenco: Flamenco, path: str, method: str):
    answer = flamenco.session.request(method, f"{flamenco.yard.url}{path}", json={}, timeout=90)
    assert answer.status_code == 404


def test_jobs_are_another_dialects(flamenco: Flamenco):
    flamenco.task()
    answer = flamenco.session.get(f"{flamenco.yard.url}/jobs", timeout=90)
    assert answer.status_code == 200
    assert answer.json().get("items") in ([], None)


@pytest.mark.parametrize(
    "path", ["/static/storage/1/other_1.zip", "/static/storage/1/jobfile_2.zip", "/static/storage/1",
             "/static/storage/x/jobfile_x.zip", "/static/storage/1/..%2f..%2fjobyard.db",
             "/static/storage/1/dependencies_x.zip", "/static/storage/../../etc/passwd",
             "/static/storage/%2e%2e/%2e%2e/jobyard.db", "/static/x", "/static/storage/1/jobfile_1.zip/"]
)  # fmt: skip
def test_nothing_else_is_stored_there(flamenco: Flamenco, path: str):
    answer = flamenco.session.get(f"{flamenco.yard.url}{path}", timeout=90)
    assert answer.status_code == 404
    assert b"SQLite" not in answer.content


def test_moved_paths_lead_to_where_they_are(servers: Servers):
    moved = Flamenco(servers.start(JOBYARD_FLAMENCO_PREFIX="/farm"))
    body = {"type": "print_string", "settings": {"text": "a"}}
    answer = moved.ask("POST", "/farm/tasks", json=body)
    task = answer.json()["id"]
    assert (answer.status_code, answer.headers["Location"]) == (202, f"/farm/tasks/{task}")
    answer = moved.ask("POST", "/farm/workers", json={"hostname": "h"})
    assert answer.headers["Location"] == f"/farm/workers/{answer.json()['h']['id']}"
    files = {"file": ("a.png", b"picture")}
    moved.good("POST", "/farm/tasks/thumbnails", 204, data={"task_id": task}, files=files)
    path = moved.good("GET", f"/farm/tasks/{task}")["activity"]["thumbnail"]
    assert path == f"/farm/tasks/{task}/thumbnail"
    assert moved.ask("GET", path).content == b"picture"
    moved.refused(404, "GET", "/farm/workers/x")
    for path in (f"/tasks/{task}", "/workers", "/settings"):
        answer = moved.session.get(f"{moved.yard.url}{path}", timeout=90)
        assert answer.status_code == 404
