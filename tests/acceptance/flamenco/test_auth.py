"""A server that wants a token, and small bodies."""

from collections.abc import Iterator

import pytest

from tests.acceptance.flamenco.client import RENDER, SHOT, Flamenco, check_refusal, zipped
from tests.acceptance.flamenco.conftest import served
from tests.acceptance.flamenco.test_paths import METHODS, ROUTES
from tests.integration.cli.conftest import program

LIMIT = 65_536


@pytest.fixture(scope="module")
def guarded() -> Iterator[Flamenco]:
    with served(
        JOBYARD_FLAMENCO_REQUIRE_TOKEN="true", JOBYARD_FLAMENCO_MAX_BODY_BYTES=str(LIMIT)
    ) as found:
        yield found


@pytest.fixture(scope="module")
def token(guarded: Flamenco) -> str:
    made = program("token", "create", "t", "--scope", "admin", "--data-dir", guarded.yard.data_dir)
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


@pytest.fixture(scope="module")
def member(guarded: Flamenco, token: str) -> Flamenco:
    member = Flamenco(guarded.yard)
    member.session.headers["Authorization"] = f"Bearer {token}"
    return member


WRONG = {
    "none": None,
    "empty": "",
    "scheme alone": "Bearer",
    "blank": "Bearer ",
    "word": "Bearer x",
    "basic": "Basic dTpw",
    "two": "Bearer a b",
    "long": "Bearer " + "x" * 4000,
    "no text": "Bearer \xff\xfe",
    "dots": "Bearer ...",
}


@pytest.mark.parametrize("path", ROUTES)
def test_every_route_wants_a_token(guarded: Flamenco, path: str):
    for method in ROUTES[path]:
        for body in ({}, {"json": {"status": "ready"}}, {"data": "{"}):
            answer = guarded.ask(method, path.format(task=1, worker=1), **body)
            assert answer.status_code == 401, (method, path)
            check_refusal(answer)


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_no_token(guarded: Flamenco, token: str, kind: str):
    headers = {"Authorization": WRONG[kind]}
    for method, path in (("GET", "/tasks"), ("POST", "/workers"), ("PATCH", "/settings/x")):
        guarded.refused(401, method, path, headers=headers, json={"hostname": "h", "value": "x"})
    for word in (
        token,
        f"Basic {token}",
        f"Bearer {token[:-1]}",
        f"Bearer {token}x",
        f"Bearer {token.upper()}",
    ):
        guarded.refused(401, "GET", "/tasks", headers={"Authorization": word})
    guarded.refused(401, "GET", "/tasks", params={"token": token, "access_token": token})
    guarded.refused(401, "GET", "/tasks", cookies={"token": token, "tt": token})


def test_a_refused_call_did_nothing(guarded: Flamenco, member: Flamenco):
    guarded.refused(401, "POST", "/tasks", json={"type": RENDER, "settings": SHOT})
    guarded.refused(401, "POST", "/workers", json={"hostname": "stranger"})
    guarded.refused(401, "POST", "/settings", json={"stranger": "x"})
    assert member.listed() == []
    assert "stranger" not in member.workers()
    assert member.good("GET", "/settings/stranger") == {}
    task = member.task()
    guarded.refused(401, "DELETE", f"/tasks/{task}")
    guarded.refused(401, "PATCH", f"/tasks/{task}", json={"status": "canceled"})
    member.shows(task, status="ready")
    member.delete(task)


def test_a_method_that_is_not_offered_tells_nobody(guarded: Flamenco, member: Flamenco):
    for path, offered in ROUTES.items():
        for method in set(METHODS) - offered:
            for who, wanted in ((guarded, {401, 405}), (member, {405})):
                answer = who.ask(method, path.format(task=1, worker=1))
                assert answer.status_code in wanted


def test_the_root_stays_open(guarded: Flamenco):
    for accept in (None, "text/html", "application/json"):
        answer = guarded.session.get(
            f"{guarded.yard.url}/", headers={"Accept": accept}, allow_redirects=False, timeout=90
        )
        assert answer.status_code in (200, 302)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_with_a_token_all_is_as_it_was(guarded: Flamenco, token: str, scheme: str):
    there = Flamenco(guarded.yard)
    there.session.headers["Authorization"] = f"{scheme} {token}"
    task, worker = there.rendering()
    there.report(task, worker, "finished", log="done\n")
    there.shows(task, status="completed")
    assert there.log(task) == "done\n"
    there.delete(task)


# -- bodies --------------------------------------------------------------------------------------

READERS = [
    ("POST", "/tasks"),
    ("DELETE", "/tasks"),
    ("PATCH", "/tasks/{task}"),
    ("POST", "/tasks/thumbnails"),
    ("POST", "/workers"),
    ("PATCH", "/workers/{worker}"),
    ("PATCH", "/workers/status/{worker}"),
    ("POST", "/settings"),
    ("PATCH", "/settings/x"),
]
KINDS = {
    "application/json": b'{"x": "',
    "application/x-www-form-urlencoded": b"x=",
    "multipart/form-data; boundary=b": b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n',
}


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("route", READERS, ids=" ".join)
@pytest.mark.parametrize("kind", KINDS)
def test_a_body_that_is_too_large(member: Flamenco, route, kind: str, chunked: bool):
    method, path = route
    made = {"task": member.task(), "worker": member.worker().id}
    body = KINDS[kind] + b"y" * LIMIT
    headers = {"Content-Type": kind}
    data = iter([body[:1000], body[1000:]]) if chunked else body
    member.refused(413, method, path.format(**made), data=data, headers=headers)
    member.shows(made["task"], status="ready")
    member.delete(made["task"])


def test_the_largest_body(member: Flamenco):
    task, worker = member.rendering()
    head = f'{{"worker_id": {worker.id}, "status": "running", "log": "'
    log = "x" * (LIMIT - len(head) - 2)
    headers = {"Content-Type": "application/json"}
    path = f"/tasks/{task}"
    member.good("PATCH", path, 204, data=f'{head}{log}"}}', headers=headers)
    assert member.log(task) == log
    member.refused(413, "PATCH", path, data=f'{head}{log}x"}}', headers=headers)
    assert member.log(task) == log
    member.delete(task)


def test_a_large_form_field_counts_as_the_body_does(member: Flamenco):
    task, worker = member.rendering()
    log = "x" * (LIMIT - 1000)
    member.good("PATCH", f"/tasks/{task}", 204, data={"worker_id": worker.id, "log": log})
    assert member.log(task) == log
    files = {"taskfile": ("a.zip", zipped(a=bytes(LIMIT)))}
    member.refused(413, "PATCH", f"/tasks/{task}", files=files)
    member.refused(404, "GET", f"/tasks/{task}/output")
    member.delete(task)
