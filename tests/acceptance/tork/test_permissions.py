"""What each caller sees by every route: a server of two web processes that wants users."""

import uuid
from collections.abc import Callable

import pytest

from tests.acceptance.tork.access import CRON, JOB, as_user, cli, new_user
from tests.acceptance.tork.client import ID, TIME, Tork
from tests.yard import Yard, eventually

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
