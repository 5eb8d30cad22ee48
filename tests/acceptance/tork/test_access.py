"""Who gets in, how often, and what each caller sees: servers of two web processes each."""

import base64
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.acceptance.tork.client import ID, TIME, Tork
from tests.yard import Yard, eventually

NOBODY = "facade00facade00facade00facade00"
BASIC = {"TORK_MIDDLEWARE_WEB_BASICAUTH_ENABLED": "true"}
KEY = {"TORK_MIDDLEWARE_WEB_KEYAUTH_ENABLED": "true"}
JOB = {"name": "job", "tasks": [{"name": "task", "run": "exit 0"}]}
CRON = {"cron": "0 0 1 1 *"}
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


@contextmanager
def started(*words: str, **environment: str) -> Iterator[Yard]:
    folder = Path(tempfile.mkdtemp(prefix="jy", dir="/tmp"))
    yard = Yard(folder, JOBYARD_WEB_PROCESSES="2", JOBYARD_LOG_LEVEL="debug", **environment)
    try:
        yield yard.start(*words)
    finally:
        yard.end()
        shutil.rmtree(folder, ignore_errors=True)


def cli(yard: Yard, *words: str, given: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "user", *words],
        env=yard.environment, input=given, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def new_user(yard: Yard, *roles: str) -> str:
    """Create a user whose password is the name backwards, with roles of these names."""
    name = "u" + uuid.uuid4().hex
    cli(yard, "add", name, "--name", "N", "--password-stdin", given=name[::-1] + "\n")
    for role in roles:
        cli(yard, "role", name, "--add", role, "--create")
    return name


def as_user(yard: Yard, name: str) -> Tork:
    tork = Tork(yard)
    tork.session.auth = (name.encode(), name[::-1].encode())
    return tork


def anonymous(yard: Yard, *, authorization: str | bytes | None = None) -> Tork:
    tork = Tork(yard)
    if authorization is not None:
        tork.session.headers["Authorization"] = authorization
    return tork


def fresh(yard: Yard, path: str = "/jobs", **options: Any) -> requests.Response:
    """Ask on a connection of its own: any of the web processes may answer."""
    return requests.get(f"{yard.url}{path}", timeout=60, **options)


def pids(yard: Yard, path: str) -> set[int]:
    """The processes that have answered requests of a path."""
    lines = (json.loads(line) for line in list(yard.lines) if line.startswith("{"))
    return {each["pid"] for each in lines if each.get("path") == path}


def everywhere(yard: Yard, ask: Callable[[], requests.Response], path: str) -> list[int]:
    """Ask until every web process has answered; give all the statuses."""
    statuses: list[int] = []

    def both() -> bool:
        with ThreadPoolExecutor(16) as pool:
            statuses.extend(pool.map(lambda _: ask().status_code, range(32)))
        return len(pids(yard, path)) == 2

    eventually(both, "an answer of each of the two processes")
    return statuses


# -- basic authentication -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def guarded() -> Iterator[Yard]:
    with started(**BASIC) as yard:
        yield yard


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


# -- permissions --------------------------------------------------------------------------------

TO_OPS, TO_PUBLIC, TO_GUEST = [{"role": "ops"}], [{"role": "public"}], [{"user": "guest"}]
# Whom a thing is for -> who sees it, of alice, bob (who is ops) and carol (ops and dev).
SEEN: dict[str, tuple[Callable[[dict[str, str]], list], set[str]]] = {
    "everybody": (lambda _: [], {"alice", "bob", "carol"}),
    "alice": (lambda names: [{"user": names["alice"]}], {"alice"}),
    "ops": (lambda _: TO_OPS, {"bob", "carol"}),
    "alice and dev": (lambda names: [{"user": names["alice"]}, {"role": "dev"}], {"alice", "carol"}),
    "public": (lambda _: TO_PUBLIC, {"alice", "bob", "carol"}),
    "guest": (lambda _: TO_GUEST, set()),
    "dev twice": (lambda _: [{"role": "dev"}, {"role": "dev"}], {"carol"}),
}  # fmt: skip


@pytest.fixture(scope="module")
def people(guarded: Yard) -> dict[str, Tork]:
    names = {
        "alice": new_user(guarded),
        "bob": new_user(guarded, "ops"),
        "carol": new_user(guarded, "ops", "dev"),
    }
    return {who: as_user(guarded, name) for who, name in names.items()}


def names_of(people: dict[str, Tork]) -> dict[str, str]:
    return {who: tork.session.auth[0].decode() for who, tork in people.items()}


@pytest.mark.parametrize("case", SEEN)
def test_who_sees_a_job_by_every_route(people: dict[str, Tork], case: str):
    permissions, seers = SEEN[case]
    tag = uuid.uuid4().hex
    # Whoever submits it need not be among those it is for.
    summary = people["alice"].summary(
        {"run": "echo hello"}, tags=[tag], permissions=permissions(names_of(people))
    )
    job_id = summary["id"]
    for who, tork in people.items():
        page = tork.get("/jobs", q=f"tag:{tag}")
        everything = tork.get("/jobs", size=20)
        seen = who in seers
        assert [each["id"] for each in page["items"]] == [job_id] * seen, who
        assert (page["totalItems"], page["totalPages"]) == (int(seen), int(seen)), who
        assert (job_id in {each["id"] for each in everything["items"]}) == seen, who
    task_id = ""
    for who in sorted(seers):
        job = people[who].over(job_id)
        task_id = job["execution"][0]["id"]
        assert people[who].get(f"/tasks/{task_id}")["jobId"] == job_id
        assert people[who].text(task_id) == "hello\n"
        assert people[who].get(f"/jobs/{job_id}/log")["totalItems"] == 1
        assert people[who].put(f"/jobs/{job_id}/cancel")[0] == 400
        assert people[who].put(f"/jobs/{job_id}/restart")[0] == 400
    for who in sorted(set(people) - seers):
        tork = people[who]
        assert tork.missing(f"/jobs/{job_id}") == "job not found"
        assert tork.missing(f"/jobs/{job_id}/log") == "job not found"
        assert tork.missing(f"/jobs/{job_id}/cancel", "PUT") == "job not found"
        assert tork.missing(f"/jobs/{job_id}/restart", "PUT") == "job not found"
        if task_id:
            assert tork.missing(f"/tasks/{task_id}") == "task not found"
            assert tork.missing(f"/tasks/{task_id}/log") == "task not found"


@pytest.mark.parametrize("case", SEEN)
def test_who_sees_a_scheduled_job_and_its_runs(people: dict[str, Tork], case: str):
    permissions, seers = SEEN[case]
    tag = uuid.uuid4().hex
    given = permissions(names_of(people))
    wanted = {**JOB, "tags": [tag], "schedule": {"cron": "@every 1s"}, "permissions": given}
    made = people["bob"].post(wanted, "/scheduled-jobs").json()
    path = f"/scheduled-jobs/{made['id']}"

    def listed(tork: Tork) -> bool:
        page = tork.get("/scheduled-jobs", size=20)
        assert page["totalItems"] >= len(page["items"])
        return made["id"] in {each["id"] for each in page["items"]}

    def runs(tork: Tork) -> list[dict]:
        return tork.get("/jobs", q=f"tag:{tag}")["items"]

    for who in sorted(seers):
        run = eventually(lambda tork=people[who]: runs(tork), "a run")[0]
        assert run["schedule"]["id"] == made["id"]
        assert run["createdBy"]["username"] == names_of(people)["bob"]
        assert listed(people[who])
        assert people[who].get(path)["id"] == made["id"]
        assert len(people[who].get(path).get("permissions", [])) == len(given)
    for who in sorted(set(people) - seers):
        tork = people[who]
        assert not runs(tork)
        assert not listed(tork)
        for method, tail in (("GET", ""), ("PUT", "/pause"), ("PUT", "/resume"), ("DELETE", "")):
            assert tork.missing(path + tail, method) == "scheduled job not found"
        if seers:
            assert tork.missing(f"/jobs/{run['id']}") == "job not found"
    for who in sorted(seers):
        assert people[who].put(f"{path}/pause")[0] in (200, 400)
    if seers:
        assert people[min(seers)].ask("DELETE", path).status_code == 200
        assert not runs(people[min(seers)])


@pytest.mark.parametrize("detached", [False, True])
def test_sub_jobs_are_for_whom_their_parent_is(people: dict[str, Tork], detached: bool):
    sub = {"name": "sub " + uuid.uuid4().hex, "tasks": JOB["tasks"], "detached": detached}
    job = people["bob"].done({"subjob": sub}, permissions=TO_OPS)
    child = job["execution"][0]["subjob"]["id"]
    for who in ("bob", "carol"):
        found = people[who].over(child)
        assert found["permissions"][0]["role"]["slug"] == "ops"
    assert people["alice"].missing(f"/jobs/{child}") == "job not found"
    assert people["alice"].get("/jobs", q=sub["name"])["totalItems"] == 0
    assert people["carol"].get("/jobs", q=sub["name"])["totalItems"] == 1


def test_a_wait_tells_its_end_only_to_who_may_read_it(people: dict[str, Tork]):
    wait = {"timeout": "60s"}
    found = people["bob"].summary("exit 0", permissions=TO_OPS, wait=wait)
    assert found["state"] == "COMPLETED"
    wanted = {**JOB, "permissions": TO_OPS, "wait": wait}
    answer = people["alice"].post(wanted)
    assert (answer.status_code, answer.json()) == (404, {"message": "job not found"})


def test_totals_are_those_of_the_caller(people: dict[str, Tork]):
    tag = uuid.uuid4().hex
    for number in range(12):
        people["alice"].submit("exit 0", tags=[tag], permissions=TO_OPS if number % 3 else [])
    for who, total in (("alice", 4), ("bob", 12), ("carol", 12)):
        page = people[who].get("/jobs", q=f"tag:{tag}", size=3, page=2)
        assert page["totalItems"] == total
        assert page["totalPages"] == -(-total // 3)
        last = people[who].get("/jobs", q=f"tag:{tag}", size=3, page=page["totalPages"] + 1)
        assert last["items"] == []


def test_roles_count_from_the_next_request_on(guarded: Yard, people: dict[str, Tork]):
    job_id = people["carol"].submit("exit 0", permissions=[{"role": "dev"}])
    name = new_user(guarded)
    dave = as_user(guarded, name)
    assert dave.missing(f"/jobs/{job_id}") == "job not found"
    assert cli(guarded, "role", name, "--add", "dev", "--add", "ops").endswith(": dev, ops\n")
    assert dave.job(job_id)["id"] == job_id
    assert f"{name}  enabled   dev, ops\n" in cli(guarded, "ls")
    cli(guarded, "role", name, "--remove", "dev")
    assert dave.missing(f"/jobs/{job_id}") == "job not found"


def test_permissions_are_read_back_in_full(people: dict[str, Tork]):
    given = [{"user": names_of(people)["alice"]}, {"role": "ops"}, {"role": "public"}]
    given.append({"user": "guest"})
    job = people["alice"].job(people["alice"].submit("exit 0", permissions=given))
    alice, ops, public, guest = job["permissions"]
    assert alice["user"]["username"] == given[0]["user"]
    for entry in (alice["user"], ops["role"], public["role"], guest["user"]):
        assert ID.fullmatch(entry["id"])
        assert TIME.fullmatch(entry["createdAt"])
    assert ops["role"]["slug"] == ops["role"]["name"] == "ops"
    assert (public["role"]["slug"], public["role"]["name"]) == ("public", "Public")
    assert (guest["user"]["name"], guest["user"]["disabled"]) == ("Guest", True)


@pytest.mark.parametrize("path", ["/jobs", "/scheduled-jobs"])
def test_permissions_name_one_who_exists(people: dict[str, Tork], path: str):
    more = {} if path == "/jobs" else {"schedule": CRON}

    def refused(entry: dict) -> str:
        return people["alice"].refused({**JOB, **more, "permissions": [entry]}, path)

    assert refused({"user": "mallory"}) == "permissions[0].user: does not exist"
    assert refused({"role": "nope"}) == "permissions[0].role: does not exist"
    assert "exactly one" in refused({})
    assert "exactly one" in refused({"role": "ops", "user": names_of(people)["bob"]})
    crowd = [{"user": f"nobody {number}"} for number in range(10_000)]
    assert people["alice"].refused({**JOB, **more, "permissions": crowd}, path)


# -- keys ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("configured", [True, False])
def test_one_key_opens_everything_in_every_process(configured: bool):
    secret = "configured " + uuid.uuid4().hex
    given = {"TORK_MIDDLEWARE_WEB_KEYAUTH_KEY": secret} if configured else {}
    with started("--part", "web", **KEY, **given) as yard:
        told = [line for line in yard.lines if "made up the key" in line]
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
        assert len(pids(yard, "/jobs")) == 2
        refused = [answer for answer in answers if answer.status_code != 200]
        assert refused
        for answer in refused:
            assert answer.status_code == 429
            assert list(answer.json()) == ["message"]
            assert int(answer.headers["Retry-After"]) >= 1
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
        # Another client has a rate of its own; one of IPv6 has one for its whole network.
        assert ask("192.0.2.2").status_code == 200
        sixes = [ask(f"2001:db8::{number:x}").status_code for number in range(40)]
        assert 429 in sixes
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
