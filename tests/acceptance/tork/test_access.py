"""Who gets in, and how often: servers of two web processes each."""

import base64
import re
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.acceptance.tork.access import (
    BASIC,
    CRON,
    JOB,
    anonymous,
    as_user,
    cli,
    everywhere,
    fresh,
    new_user,
    pids,
    started,
)
from tests.acceptance.tork.client import ID, TIME, Tork
from tests.yard import Yard, eventually

NOBODY = "facade00facade00facade00facade00"
KEY = {"TORK_MIDDLEWARE_WEB_KEYAUTH_ENABLED": "true"}
PATHS = [
    ("GET", "/jobs"), ("POST", "/jobs"), ("GET", f"/jobs/{NOBODY}"),
    ("PUT", f"/jobs/{NOBODY}/cancel"), ("PUT", f"/jobs/{NOBODY}/restart"),
    ("GET", f"/jobs/{NOBODY}/log"), ("GET", f"/tasks/{NOBODY}"), ("GET", f"/tasks/{NOBODY}/log"),
    ("GET", "/nodes"), ("GET", "/queues"), ("GET", "/queues/default"), ("DELETE", "/queues/x"),
    ("GET", "/metrics"), ("POST", "/users"), ("GET", "/scheduled-jobs"),
    ("POST", "/scheduled-jobs"), ("GET", f"/scheduled-jobs/{NOBODY}"),
    ("PUT", f"/scheduled-jobs/{NOBODY}/pause"), ("PUT", f"/scheduled-jobs/{NOBODY}/resume"),
    ("DELETE", f"/scheduled-jobs/{NOBODY}"), ("GET", "/jobs/"), ("GET", "/jobs/a/b/c"),
    ("PATCH", "/jobs"), ("HEAD", "/jobs"), ("GET", "/tasks/nope"),
]  # fmt: skip
TO_OPS, TO_GUEST = [{"role": "ops"}], [{"user": "guest"}]


# -- basic authentication -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def alice(guarded: Yard) -> Tork:
    return as_user(guarded, new_user(guarded))


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_without_a_user_every_path_is_unauthorized(guarded: Yard, alice: Tork, method, path):
    answer = anonymous(guarded).ask(method, path, data=b"{")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].lower().startswith("basic ")
    if method != "HEAD":
        assert answer.json() == {"message": "Unauthorized"}
    assert alice.ask(method, path, data=b"{").status_code != 401


WRONG = {
    "another scheme": "Bearer abc",
    "no credentials": "Basic",
    "only a space": "Basic ",
    "empty": "",
    "no base64": "Basic !!!",
    "base64 of the wrong length": "Basic YWJj=",
    "no colon": "Basic " + base64.b64encode(b"alice").decode(),
    "no UTF-8": "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(),
    "NUL": "Basic " + base64.b64encode(b"a\0b:c\0d").decode(),
    "nobody": "Basic " + base64.b64encode(b":").decode(),
    "unknown": "Basic " + base64.b64encode(b"mallory:x").decode(),
    "guest": "Basic " + base64.b64encode(b"guest:").decode(),
    "raw bytes": b"Basic \xff\xfe\xfd",
    "scheme alone, odd": "BASIC\tYTpi",
    "two of them": "Basic YTpi, Basic YTpi",
    "long": "Basic " + base64.b64encode(b"a:" + b"b" * 5000).decode(),
    "quotes": "Basic " + base64.b64encode(b"' OR 1=1 --:\"").decode(),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_user_is_unauthorized(guarded: Yard, alice: Tork, case: str):
    answer = anonymous(guarded, authorization=WRONG[case]).ask("GET", "/jobs")
    assert answer.status_code == 401, case
    assert answer.json() == {"message": "Unauthorized"}
    assert "WWW-Authenticate" in answer.headers


def test_the_scheme_has_no_letter_case(guarded: Yard, alice: Tork):
    name, password = alice.session.auth
    given = base64.b64encode(name + b":" + password).decode()
    for scheme in ("Basic", "basic", "BASIC"):
        tork = anonymous(guarded, authorization=f"{scheme}  {given} ")
        assert tork.ask("GET", "/jobs").status_code == 200


def test_a_password_may_hold_anything(guarded: Yard, alice: Tork):
    for password in ("with:colon", "ünïcödé 💥", " spaces around ", "x" * 256):
        name = "u" + uuid.uuid4().hex
        answer = alice.ask("POST", "/users", json={"username": name, "password": password})
        assert answer.status_code == 200, answer.text
        tork = Tork(guarded)
        tork.session.auth = (name.encode(), password.encode())
        assert tork.ask("GET", "/jobs").status_code == 200
        tork.session.auth = (name.encode(), password.strip().encode() + b"?")
        assert tork.ask("GET", "/jobs").status_code == 401


def test_users_are_created_by_users(guarded: Yard, alice: Tork):
    name = "u" + uuid.uuid4().hex
    body = {"name": "Bob", "username": f" {name} ", "password": "pa"}
    assert anonymous(guarded).ask("POST", "/users", json=body).status_code == 401
    found = alice.ask("POST", "/users", json=body).json()
    assert ID.fullmatch(found["id"])
    assert TIME.fullmatch(found["createdAt"])
    assert list(found) == ["id", "name", "username", "createdAt"]
    again = alice.ask("POST", "/users", json=body)
    assert (again.status_code, again.json()) == (400, {"message": "user already exists"})
    colon = alice.ask("POST", "/users", json={"username": "a:b", "password": "x"})
    assert colon.status_code == 400


def test_what_is_made_names_who_made_it(guarded: Yard, alice: Tork):
    name = alice.session.auth[0].decode()
    summary = alice.summary("exit 0")
    assert ID.fullmatch(summary["createdBy"].pop("id"))
    assert TIME.fullmatch(summary["createdBy"].pop("createdAt"))
    assert summary["createdBy"] == {"name": "N", "username": name}
    job = alice.over(summary["id"])
    assert job["createdBy"]["username"] == name
    assert job["createdBy"]["name"] == "N"
    listed = {each["id"]: each for each in alice.get("/jobs", size=20)["items"]}
    assert listed[job["id"]]["createdBy"] == job["createdBy"]
    made = alice.post({**JOB, "schedule": CRON}, "/scheduled-jobs").json()
    assert made["createdBy"] == job["createdBy"]
    assert alice.get(f"/scheduled-jobs/{made['id']}")["createdBy"] == job["createdBy"]


def test_other_paths_need_no_user(guarded: Yard):
    for path in ("/health", "/", "/api/docs/tork.json", "/metrics/prometheus"):
        assert fresh(guarded, path).status_code == 200, path
        # A user of Tork's means nothing there, not even a wrong one.
        assert fresh(guarded, path, auth=("mallory", "x")).status_code == 200, path


def test_changes_count_from_the_next_request_on_in_every_process(guarded: Yard):
    name = new_user(guarded)
    path = f"/jobs/{uuid.uuid4().hex}"

    def ask(password: str = name[::-1]) -> requests.Response:
        return fresh(guarded, path, auth=(name, password))

    assert set(everywhere(guarded, ask, path)) == {404}
    cli(guarded, "disable", name)
    assert {ask().status_code for _ in range(40)} == {401}
    cli(guarded, "enable", name)
    assert {ask().status_code for _ in range(40)} == {404}
    cli(guarded, "password", name, "--password-stdin", given="another\n")
    assert {ask().status_code for _ in range(40)} == {401}
    assert {ask("another").status_code for _ in range(40)} == {404}
    assert ask("another ").status_code == 401


def test_a_flood_of_guesses_holds_up_nobody_who_is_known(guarded: Yard, alice: Tork):
    assert alice.ask("GET", "/jobs").status_code == 200
    with ThreadPoolExecutor(80) as pool:
        guesses = [
            pool.submit(fresh, guarded, auth=("mallory", str(number))) for number in range(120)
        ]
        while not all(each.done() for each in guesses):
            assert fresh(guarded, auth=alice.session.auth).status_code in (200, 429)
        statuses = {each.result().status_code for each in guesses}
    # All are refused, those that found too many before them in so many words.
    assert statuses <= {401, 429}
    assert 401 in statuses
    assert alice.ask("GET", "/jobs").status_code == 200


def test_no_secret_is_in_the_log(guarded: Yard, alice: Tork):
    alice.ask("GET", "/jobs")
    password = alice.session.auth[1].decode()
    assert not [line for line in guarded.lines if password in line or "argon2" in line]


def test_the_first_user_is_created_by_this_machine_alone():
    body = {"name": "Bob", "username": "bob", "password": "pa"}
    with started("--part", "web", **BASIC) as yard:
        tork = anonymous(yard)
        assert tork.ask("GET", "/jobs").status_code == 401
        for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
            from_afar = tork.ask("POST", "/users", json=body, headers={name: "for=192.0.2.1"})
            assert from_afar.status_code == 401, name
        wrong = tork.ask("POST", "/users", json=body, headers={"Authorization": "Basic YTpi"})
        assert wrong.status_code == 401
        assert tork.ask("POST", "/users", json=body).status_code == 200
        assert tork.ask("POST", "/users", json={**body, "username": "eve"}).status_code == 401
        tork.session.auth = ("bob", "pa")
        assert tork.ask("GET", "/jobs").status_code == 200


# -- keys ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("configured", [True, False])
def test_one_key_opens_everything_in_every_process(configured: bool):
    secret = "configured " + uuid.uuid4().hex
    given = {"TORK_MIDDLEWARE_WEB_KEYAUTH_KEY": secret} if configured else {}
    with started("--part", "web", **KEY, **given) as yard:

        def lines() -> list[str]:
            return [line for line in yard.lines if "made up the key" in line]

        told = lines() if configured else eventually(lines, "the key")
        assert len(told) == (0 if configured else 1), told
        key = secret if configured else re.search(r"none is set: (\S+?)\"", told[0])[1]
        assert len(key) >= 32
        path = f"/jobs/{uuid.uuid4().hex}"
        headers = {"Authorization": f"Bearer {key}"}
        statuses = everywhere(yard, lambda: fresh(yard, path, headers=headers), path)
        assert set(statuses) == {404}
        _check_keys(yard, key)
        assert fresh(yard, "/health").status_code == 200
        yard.stop()
        yard.lines.clear()
        yard.start("--part", "web")
        assert anonymous(yard, authorization=f"Bearer {key}").ask("GET", "/jobs").ok
        assert not [line for line in yard.lines if key in line or "made up" in line]


def _check_keys(yard: Yard, key: str) -> None:
    for method, path in PATHS:
        missing = anonymous(yard).ask(method, path)
        assert missing.status_code == 400, path
        opened = anonymous(yard, authorization=f"bearer {key}").ask(method, path, data=b"{")
        assert opened.status_code != 401, path
    for shown, status in (
        (key + "x", 401), (key[:-1], 401), (key.upper() + "?", 401), ("ü💥".encode(), 401),
        ("", 400), (" ", 400),
    ):  # fmt: skip
        text = b"Bearer " + (shown if isinstance(shown, bytes) else shown.encode())
        answer = anonymous(yard, authorization=text).ask("GET", "/jobs")
        assert answer.status_code == status, shown
        if status == 401:
            assert answer.json() == {"message": "Unauthorized"}
            assert answer.headers["WWW-Authenticate"].lower().startswith("bearer ")
        else:
            assert "missing key" in answer.json()["message"]
    for malformed in ("Basic YTpi", key, f"Bearer{key}", "Bearer"):
        assert anonymous(yard, authorization=malformed).ask("GET", "/jobs").status_code == 400


# -- all together, rates, CORS ------------------------------------------------------------------


def test_user_or_key_behind_cors_and_a_prefix():
    more = {
        "TORK_MIDDLEWARE_WEB_KEYAUTH_KEY": "the key",
        "TORK_MIDDLEWARE_WEB_CORS_ENABLED": "true",
        "JOBYARD_TORK_PREFIX": "/tork",
        "TORK_MIDDLEWARE_WEB_BODYLIMIT": "1K",
    }
    with started("--part", "web", **BASIC, **KEY, **more) as yard:
        name = new_user(yard, "ops")
        yard.url += "/tork"
        user, key = as_user(yard, name), anonymous(yard, authorization="Bearer the key")
        for_ops = user.submit("exit 0", permissions=TO_OPS)
        for_guest = user.submit("exit 0", permissions=TO_GUEST)
        assert user.job(for_ops)["createdBy"]["username"] == name
        assert user.missing(f"/jobs/{for_guest}") == "job not found"
        assert key.job(for_guest)["id"] == for_guest
        assert key.missing(f"/jobs/{for_ops}") == "job not found"
        for tork in (anonymous(yard), anonymous(yard, authorization="Bearer no")):
            answer = tork.ask("GET", "/jobs", headers={"Origin": "http://a"})
            assert answer.status_code == 401
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            offered = answer.headers["WWW-Authenticate"].lower()
            assert "basic " in offered
            assert "bearer " in offered
        asked = {"Origin": "http://a", "Access-Control-Request-Method": "PUT"}
        asked["Access-Control-Request-Headers"] = "authorization"
        preflight = requests.options(f"{yard.url}/jobs/x/cancel", headers=asked, timeout=60)
        assert preflight.status_code == 204
        assert preflight.headers["Access-Control-Allow-Methods"] == "PUT"
        assert preflight.headers["Access-Control-Allow-Headers"] == "authorization"
        assert user.post({**JOB, "description": "x" * 2000}).status_code == 413


def test_a_rate_holds_across_processes_and_for_each_address_alone():
    limits = {
        "TORK_MIDDLEWARE_WEB_RATELIMIT_ENABLED": "true",
        "TORK_MIDDLEWARE_WEB_RATELIMIT_RPS": "5",
        "JOBYARD_TRUSTED_PROXIES": "1",
        "TORK_MIDDLEWARE_WEB_CORS_ENABLED": "true",
    }
    with started("--part", "web", **limits) as yard:

        def ask(address: str, **headers: str) -> requests.Response:
            return fresh(yard, headers={"X-Forwarded-For": address, **headers})

        began = time.monotonic()
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: ask("192.0.2.1", Origin="http://a"), range(200)))
        passed = sum(answer.status_code == 200 for answer in answers)
        most = 5 + 5 * (time.monotonic() - began)
        assert 5 <= passed <= most + 1
        eventually(lambda: len(pids(yard, "/jobs")) == 2, "the lines of both processes")
        refused = [answer for answer in answers if answer.status_code != 200]
        assert refused
        for answer in refused:
            assert answer.status_code == 429
            assert list(answer.json()) == ["message"]
            assert int(answer.headers["Retry-After"]) >= 1
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
        # Another client has a rate of its own; one of IPv6 has one for its whole network.
        assert ask("192.0.2.2").status_code == 200
        with ThreadPoolExecutor(16) as pool:
            sixes = pool.map(lambda number: ask(f"2001:db8::{number:x}").status_code, range(100))
            assert 429 in list(sixes)
        assert ask("2001:db8:0:1::1").status_code == 200
        assert fresh(yard, "/health", headers={"X-Forwarded-For": "192.0.2.1"}).ok
        eventually(lambda: ask("192.0.2.1").status_code == 200, "a request that passes again")


FAMILIES = {
    "jobs": ("/jobs", "/scheduled-jobs", f"/jobs/{NOBODY}/log"),
    "tasks": (f"/tasks/{NOBODY}",),
    "nodes": ("/nodes",),
    "queues": ("/queues", "/queues/default"),
    "metrics": ("/metrics",),
    "users": ("/users",),
}


@pytest.mark.parametrize("half", [0, 1])
def test_a_family_that_is_switched_off_is_not_found(half: int):
    off = list(FAMILIES)[half::2]
    switches = {f"TORK_COORDINATOR_API_ENDPOINTS_{name.upper()}": "false" for name in off}
    switches["TORK_COORDINATOR_API_ENDPOINTS_HEALTH"] = "false"
    with started("--part", "web", **switches) as yard:
        tork = Tork(yard)
        for name, paths in FAMILIES.items():
            for path in paths:
                answer = tork.ask("GET", path)
                gone = answer.status_code == 404 and answer.json()["message"] == "Not Found"
                assert gone == (name in off), (path, answer.text)
                if gone:
                    assert tork.missing(path, "POST") == "Not Found"
        assert fresh(yard, "/health").status_code == 200
