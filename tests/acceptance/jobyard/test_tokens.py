"""API tokens: what they open, and that a revoked one opens nothing."""

import sqlite3

import pytest
import requests

from tests.acceptance.jobyard.client import Api
from tests.integration.cli.conftest import program
from tests.yard import Yard, eventually

READS = ("/server", "/job-types", "/jobs", "/workers", "/queues", "/schedules")


@pytest.fixture(scope="module")
def closed(tmp_path_factory):
    """Return a server that wants tokens, two web processes of it."""
    yard = Yard(
        tmp_path_factory.mktemp("closed"),
        JOBYARD_API_REQUIRE_TOKEN="true",
        JOBYARD_WEB_PROCESSES="2",
    )
    try:
        yield yard.start()
    finally:
        yard.end()


@pytest.fixture(scope="module")
def admin(closed):
    """Return a client whose token was made on the database itself."""
    made = program("token", "create", "first", "--scope", "admin", "--data-dir", closed.data_dir)
    assert made.returncode == 0, made.stderr
    return Api(closed, made.stdout.strip())


def make(admin, *scopes, **more):
    wanted = {"name": "t", "scopes": list(scopes), **more}
    return admin.call("POST", "/tokens", 201, json=wanted)


def test_without_a_token_nothing_is_open(closed):
    nobody = Api(closed)
    for path in READS:
        answer = requests.get(nobody.url + path, timeout=60)
        assert (answer.status_code, answer.json()["code"]) == (401, "no-token")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    for token in ("jy_wrong", "", "x" * 4000, "jy_wr\u00f6ng".encode().decode("latin-1")):
        answer = requests.get(
            f"{nobody.url}/jobs", headers={"Authorization": f"Bearer {token}"}, timeout=60
        )
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid-token"), token
    # Other dialects have keys of their own, and health never has one.
    assert requests.get(f"{closed.url}/jobs", timeout=60).status_code == 200
    assert requests.get(f"{closed.url}/health", timeout=60).status_code == 200


@pytest.mark.parametrize("scope", ["read", "submit", "control"])
def test_token_is_good_for_its_scope_alone(closed, admin, scope):
    api = Api(closed, make(admin, scope)["token"])
    job = {"type": "shell", "spec": {"run": "true"}}
    made = admin.call("POST", "/jobs", 201, json=job)["id"]
    tries = {
        "read": ("GET", "/jobs", 200),
        "submit": ("POST", "/jobs", 201),
        "control": ("DELETE", f"/jobs/{made}", 204),
        "admin": ("GET", "/tokens", 200),
    }
    admin.until(made, "COMPLETED")
    for wanted, (method, path, status) in tries.items():
        body = {"json": job} if method == "POST" else {}
        if wanted == scope:
            api.call(method, path, status, **body)
        else:
            assert api.call(method, path, 403, **body)["code"] == "out-of-scope"


def test_revoked_token_is_refused_by_every_process_at_once(closed, admin):
    made = make(admin, "read")
    api = Api(closed, made["token"])
    for _ in range(20):
        api.get("/jobs")
    admin.call("DELETE", f"/tokens/{made['id']}", 204)
    for _ in range(20):  # both processes answer some of these
        assert api.get("/jobs", 401)["code"] == "invalid-token"
    admin.call("DELETE", f"/tokens/{made['id']}", 404)


def test_expired_token_is_refused(closed, admin):
    made = make(admin, "read", expires_in_s=1)
    api = Api(closed, made["token"])

    def refused():
        headers = api.headers
        return requests.get(f"{api.url}/jobs", headers=headers, timeout=60).status_code == 401

    eventually(refused, "the token's end")


def test_open_stream_ends_some_time_after_its_token(closed, admin):
    made = make(admin, "read")
    with Api(closed, made["token"]).stream("/events") as stream:
        stream.until(lambda s: s.frames)
        admin.call("DELETE", f"/tokens/{made['id']}", 204)
        assert stream.ended.wait(90)


def test_secret_text_is_shown_once_and_stored_nowhere(closed, admin):
    made = make(admin, "read", "read")
    assert made["scopes"] == ["read"]
    Api(closed, made["token"]).get("/jobs")
    [listed] = [each for each in admin.get("/tokens")["items"] if each["id"] == made["id"]]
    assert listed.keys() == made.keys() - {"token"}
    assert listed["last_used_at"] is not None
    assert made["token"].startswith(listed["prefix"])
    assert len(listed["prefix"]) == 11
    with sqlite3.connect(closed.data_dir / "jobyard.db") as database:
        dump = "\n".join(database.iterdump())
    database.close()
    assert made["prefix"] in dump
    assert made["token"] not in dump
    assert made["token"] not in "\n".join(closed.lines)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "t", "scopes": []},
        {"name": "t", "scopes": ["root"]},
        {"name": "", "scopes": ["read"]},
        {"name": "t", "scopes": ["read"], "expires_in_s": 0},
        {"name": "t", "scopes": ["read"], "expires_in_s": 10**18},
        {"name": "t", "scopes": ["read"], "more": 1},
    ],
)
def test_bad_token_is_not_made(admin, body):
    assert admin.call("POST", "/tokens", 400, json=body)["faults"]


def test_open_server_still_judges_a_token_that_is_shown(api):
    assert Api(api.yard, "jy_wrong").get("/jobs", 401)["code"] == "invalid-token"
    assert api.get("/tokens", 401)["code"] == "no-token"
    made = program("token", "create", "r", "--scope", "read", "--data-dir", api.yard.data_dir)
    reader = Api(api.yard, made.stdout.strip())
    reader.get("/jobs")
    job = {"type": "shell", "spec": {"run": "true"}}
    assert reader.call("POST", "/jobs", 403, json=job)["code"] == "out-of-scope"
