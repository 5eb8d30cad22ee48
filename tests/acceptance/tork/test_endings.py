"""Retries, time-outs, cancelling and restarting."""

import threading
from datetime import datetime

import psutil
import pytest

from tests.acceptance.tork.client import Tork, by_name, named
from tests.yard import eventually

_words = iter(range(1_000_000))


@pytest.fixture
def word() -> str:
    """A number of seconds that only this test's sleeping processes have on their command line."""
    return f"4{psutil.Process().pid}{next(_words):04d}"


def alive(word: str) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cmdline", "status"])
        if word in (process.info["cmdline"] or [])
        and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


# -- retries --------------------------------------------------------------------------------------


def test_each_try_is_an_entry_of_its_own(tork: Tork, yard):
    tries = yard.data_dir / "tries"
    job = tork.done(
        {
            "name": "flaky",
            "retry": {"limit": 3},
            "var": "v",
            "run": f"echo x >> {tries}; n=$(wc -l < {tries}); echo try $n; echo -n $n > $TORK_OUTPUT;"
            " [ $n -ge 3 ]",
            "pre": [{"name": "p", "run": "echo pre"}],
        },
        output="{{ tasks.v }}",
    )
    assert job["result"] == "3"
    entries = job["execution"]
    assert [one["state"] for one in entries] == ["FAILED", "FAILED", "COMPLETED"]
    assert [one.get("retry", {}).get("attempts", 0) for one in entries] == [0, 1, 2]
    assert [one["retry"]["limit"] for one in entries] == [3, 3, 3]
    assert "attempts" not in entries[0]["retry"]
    assert len({one["id"] for one in entries}) == 3
    assert {one["position"] for one in entries} == {1}
    assert ["result" in one for one in entries] == [False, False, True]
    for number, one in enumerate(entries, 1):
        assert tork.text(one["id"]) == f"pre\ntry {number}\n"


def test_retries_run_out(tork: Tork):
    job = tork.fails({"name": "bad", "retry": {"limit": 2}, "run": "echo no; exit 8"})
    assert [one["state"] for one in job["execution"]] == ["FAILED"] * 3
    assert job["error"] == "exit code 8: no"
    assert job["tasks"][0]["retry"] == {"limit": 2}


def test_children_are_retried_in_their_place(tork: Tork, yard):
    mark = yard.data_dir / "child-try"
    flaky = {
        "name": "flaky",
        "retry": {"limit": 1},
        "run": f"[ -e {mark} ] || {{ touch {mark}; exit 1; }}",
    }
    job = tork.done(
        {"name": "p", "parallel": {"tasks": [flaky, {"name": "fine", "run": "exit 0"}]}},
        {"name": "after", "run": "exit 0"},
    )
    tries = [one for one in job["execution"] if one["name"] == "flaky"]
    assert [one["state"] for one in tries] == ["FAILED", "COMPLETED"]
    assert {one["parentId"] for one in tries} == {named(job, "p")["id"]}
    assert named(job, "after")["state"] == "COMPLETED"


def test_a_child_of_a_bounded_loop_is_retried(tork: Tork, yard):
    mark = yard.data_dir / "loop-try"
    job = tork.done(
        {
            "name": "loop",
            "each": {
                "list": "1..4",
                "concurrency": 1,
                "task": {
                    "name": "c{{ item.index }}",
                    "retry": {"limit": 2},
                    "run": f"[ -e {mark}$N ] || {{ touch {mark}$N; exit 1; }}",
                    "env": {"N": "{{ item.index }}"},
                },
            },
        }
    )
    assert len(job["execution"]) == 9
    loop = named(job, "loop")
    assert (loop["each"]["size"], loop["each"]["completions"], loop["each"]["index"]) == (4, 4, 4)
    assert tork.get(f"/tasks/{loop['id']}") == loop


def test_a_delayed_retry_waits(tork: Tork):
    job_id = tork.submit(
        {
            "name": "t",
            "run": "exit 1",
            "retry": {"limit": 2, "initialDelay": "500ms", "scalingFactor": 2},
        }
    )
    job = tork.over(job_id)
    assert len(job["execution"]) == 3

    def at(text: str) -> float:
        return datetime.fromisoformat(text).timestamp()

    one, two, three = job["execution"]
    assert at(two["startedAt"]) - at(one["failedAt"]) >= 0.499
    assert at(three["startedAt"]) - at(two["failedAt"]) >= 0.999


def test_cancelling_while_a_retry_waits(tork: Tork):
    job_id = tork.submit({"run": "exit 1", "retry": {"limit": 1, "initialDelay": "5m"}})
    tork.eventually(job_id, lambda job: len(job["execution"]) == 2, "the second try")
    assert tork.put(f"/jobs/{job_id}/cancel") == (200, {"status": "OK"})
    job = tork.job(job_id)
    assert [one["state"] for one in job["execution"]] == ["FAILED", "CANCELLED"]


# -- time-outs ------------------------------------------------------------------------------------


def test_a_time_out_kills_everything_and_fails(tork: Tork, word: str):
    job = tork.fails(
        {
            "timeout": "500ms",
            "run": f"setsid sleep {word} & (trap '' TERM; sleep {word}) & sleep {word}",
        }
    )
    assert job["execution"][0]["state"] == "FAILED"
    assert job["execution"][0]["error"] == "task timed out after 500ms"
    assert job["error"] == "task timed out after 500ms"
    eventually(lambda: not alive(word), "the processes gone")


def test_a_time_out_bounds_pre_and_post_too(tork: Tork, word: str):
    sleeps = [{"name": "x", "run": f"sleep {word}"}]
    for key in ("pre", "post"):
        job = tork.fails({"timeout": "300ms", "run": "exit 0", key: sleeps})
        assert job["error"] == "task timed out after 300ms"
    job = tork.fails({"run": "exit 0", "pre": [{**sleeps[0], "timeout": "200ms"}]})
    assert "timed out" in job["error"]
    eventually(lambda: not alive(word), "the processes gone")


def test_a_time_out_is_a_failure_that_is_retried(tork: Tork, word: str):
    job = tork.fails({"timeout": "200ms", "retry": {"limit": 1}, "run": f"sleep {word}"})
    assert [one["state"] for one in job["execution"]] == ["FAILED", "FAILED"]


def test_no_time_is_no_limit(tork: Tork):
    tork.done({"timeout": "0", "run": "exit 0"}, {"timeout": "0s", "run": "exit 0"})


# -- cancelling -----------------------------------------------------------------------------------


def test_cancel(tork: Tork, word: str):
    job_id = tork.submit(
        {"name": "a", "run": "exit 0"},
        {
            "name": "p",
            "parallel": {
                "tasks": [
                    {
                        "name": "b",
                        "run": f"setsid sleep {word} & trap '' TERM; while :; do sleep {word}; done",
                        "post": [{"name": "post", "run": "echo post ran"}],
                        "retry": {"limit": 3},
                    },
                    {"name": "waits", "queue": "nobody", "run": "exit 0"},
                    {
                        "name": "e",
                        "each": {"list": "1..3", "concurrency": 1,
                                 "task": {"name": "e{{ item.index }}", "run": f"sleep {word}"}},
                    },
                ]
            },
        },
        {"name": "never", "run": "exit 0"},
    )  # fmt: skip
    tork.eventually(job_id, lambda _: len(alive(word)) == 3, "the processes")
    assert tork.put(f"/jobs/{job_id}/cancel") == (200, {"status": "OK"})
    job = tork.job(job_id)
    assert job["state"] == "CANCELLED"
    assert "completedAt" not in job
    assert "failedAt" not in job
    states = by_name(job)
    assert states.pop("a") == "COMPLETED"
    assert states == dict.fromkeys(("p", "b", "waits", "e", "e0", "e1", "e2"), "CANCELLED")
    assert tork.put(f"/jobs/{job_id}/cancel") == (400, {"message": "job in not running"})
    assert all(one["name"] != "nobody" for one in tork.get("/queues"))
    eventually(lambda: not alive(word), "the processes gone")
    assert "post ran" not in tork.text(named(job, "b")["id"])
    assert len(tork.job(job_id)["execution"]) == len(job["execution"])


def test_what_is_over_cannot_be_cancelled(tork: Tork):
    for run in ("exit 0", "exit 1"):
        job = tork.run(run)
        assert tork.put(f"/jobs/{job['id']}/cancel") == (400, {"message": "job in not running"})
        assert tork.job(job["id"])["state"] == job["state"]


def test_of_racing_cancels_one_gets_through(tork: Tork):
    job_id = tork.submit("sleep 1000")
    barrier = threading.Barrier(8)
    answers: list[int] = []

    def cancel() -> None:
        mine = Tork(tork.yard)
        barrier.wait()
        answers.append(mine.put(f"/jobs/{job_id}/cancel")[0])

    threads = [threading.Thread(target=cancel) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] + [400] * 7


def test_a_job_that_waits_for_a_worker_can_be_cancelled(tork: Tork):
    job_id = tork.submit({"queue": "nobody-listens", "run": "exit 0"})
    job = tork.until(job_id, "SCHEDULED")
    assert job["startedAt"]
    assert job["position"] == 1
    assert job["execution"][0]["state"] == "SCHEDULED"
    assert job["execution"][0]["queue"] == "nobody-listens"
    assert job["execution"][0]["scheduledAt"]
    assert "startedAt" not in job["execution"][0]
    queue = tork.get("/queues/nobody-listens")
    assert queue == {"name": "nobody-listens", "size": 1, "subscribers": 0, "unacked": 0}
    assert tork.put(f"/jobs/{job_id}/cancel")[0] == 200
    assert tork.missing("/queues/nobody-listens") == "queue nobody-listens not found"


def test_cancelling_reaches_sub_jobs(tork: Tork, word: str):
    inner = {
        "name": "in",
        "subjob": {"name": "deep", "tasks": [{"name": "t", "run": f"sleep {word}"}]},
    }
    job_id = tork.submit({"name": "sub", "subjob": {"name": "child", "tasks": [inner]}})
    tork.eventually(job_id, lambda _: alive(word), "the deepest process")
    child_id = tork.job(job_id)["execution"][0]["subjob"]["id"]
    deep_id = tork.job(child_id)["execution"][0]["subjob"]["id"]
    assert tork.put(f"/jobs/{job_id}/cancel")[0] == 200
    assert [tork.job(one)["state"] for one in (job_id, child_id, deep_id)] == ["CANCELLED"] * 3
    eventually(lambda: not alive(word), "the process gone")


def test_cancelling_a_sub_job_cancels_its_parents(tork: Tork, word: str):
    inner = {
        "name": "in",
        "subjob": {"name": "deep", "tasks": [{"name": "t", "run": f"sleep {word}"}]},
    }
    job_id = tork.submit({"name": "sub", "subjob": {"name": "child", "tasks": [inner]}})
    tork.eventually(job_id, lambda _: alive(word), "the deepest process")
    child_id = tork.job(job_id)["execution"][0]["subjob"]["id"]
    deep_id = tork.job(child_id)["execution"][0]["subjob"]["id"]
    assert tork.put(f"/jobs/{deep_id}/cancel")[0] == 200
    assert tork.job(deep_id)["state"] == "CANCELLED"
    for one in (child_id, job_id):
        job = tork.until(one, "CANCELLED")
        assert job["execution"][0]["state"] == "CANCELLED"
    eventually(lambda: not alive(word), "the process gone")


def test_a_detached_sub_job_is_left_alone(tork: Tork, yard):
    gate = yard.data_dir / "detached-gate"
    job_id = tork.submit(
        {"name": "sub", "subjob": {"name": "child", "detached": True, "tasks": [
            {"name": "t", "run": f"until [ -e {gate} ]; do sleep 0.02; done"}]}},
        "sleep 1000",
    )  # fmt: skip
    job = tork.eventually(job_id, lambda job: len(job["execution"]) == 2, "the second task")
    child_id = job["execution"][0]["subjob"]["id"]
    assert job["execution"][0]["state"] == "COMPLETED"
    tork.until(child_id, "RUNNING")
    assert tork.put(f"/jobs/{job_id}/cancel")[0] == 200
    assert tork.job(child_id)["state"] == "RUNNING"
    gate.touch()
    assert tork.over(child_id)["state"] == "COMPLETED"


def test_wait_ends_when_the_job_is_cancelled(tork: Tork):
    tag = f"w{next(_words)}x"
    found: list[dict] = []
    thread = threading.Thread(
        target=lambda: found.append(
            Tork(tork.yard).summary("sleep 1000", tags=[tag], wait={"timeout": "60s"})
        )
    )
    thread.start()
    page = eventually(lambda: tork.get("/jobs", q=f"tag:{tag}")["items"], "the job")
    tork.until(page[0]["id"], "RUNNING")
    assert tork.put(f"/jobs/{page[0]['id']}/cancel")[0] == 200
    thread.join(60)
    assert found[0]["state"] == "CANCELLED"


# -- restarting -----------------------------------------------------------------------------------


def test_restart_goes_on_where_it_failed(tork: Tork, yard):
    gate = yard.data_dir / "restart-gate"
    first = yard.data_dir / "restart-first"
    job = tork.fails(
        {"name": "one", "var": "one", "run": f"echo x >> {first}; echo -n 1 > $TORK_OUTPUT"},
        {"name": "two", "var": "two", "retry": {"limit": 1}, "env": {"A": "{{ tasks.one }}"},
         "run": f"echo -n $A+ > $TORK_OUTPUT; [ -e {gate} ]"},
        {"name": "three", "run": "exit 0"},
        output="{{ tasks.one }}{{ tasks.two }}",
    )  # fmt: skip
    assert len(job["execution"]) == 3
    gate.touch()
    assert tork.put(f"/jobs/{job['id']}/restart") == (200, {"status": "OK"})
    again = tork.over(job["id"])
    assert again["state"] == "COMPLETED"
    assert "failedAt" not in again
    assert "error" not in again
    assert again["result"] == "11+"
    assert again["startedAt"] == job["startedAt"]
    names = [(one["name"], one["state"]) for one in again["execution"]]
    assert names == [
        ("one", "COMPLETED"), ("two", "FAILED"), ("two", "FAILED"), ("two", "COMPLETED"),
        ("three", "COMPLETED"),
    ]  # fmt: skip
    fresh = again["execution"][3]
    assert "attempts" not in fresh["retry"]
    assert [one["id"] for one in again["execution"][:3]] == [one["id"] for one in job["execution"]]
    assert first.read_text() == "x\n"
    assert tork.put(f"/jobs/{job['id']}/restart") == (
        400,
        {"message": "job is COMPLETED and can not be restarted"},
    )


def test_restart_after_cancel(tork: Tork, yard):
    gate = yard.data_dir / "cancelled-gate"
    job_id = tork.submit({"name": "t", "run": f"[ -e {gate} ] || sleep 1000"})
    tork.until(job_id, "RUNNING")
    assert tork.put(f"/jobs/{job_id}/restart") == (
        400,
        {"message": "job is RUNNING and can not be restarted"},
    )
    assert tork.put(f"/jobs/{job_id}/cancel")[0] == 200
    gate.touch()
    assert tork.put(f"/jobs/{job_id}/restart")[0] == 200
    job = tork.over(job_id)
    assert [one["state"] for one in job["execution"]] == ["CANCELLED", "COMPLETED"]


def test_a_job_cancelled_before_it_ran_begins_at_its_first_task(tork: Tork):
    job_id = tork.submit(
        {"name": "one", "queue": "later", "run": "exit 0"}, {"name": "two", "run": "exit 0"}
    )
    assert tork.put(f"/jobs/{job_id}/cancel")[0] == 200
    assert tork.put(f"/jobs/{job_id}/restart")[0] == 200
    job = tork.job(job_id)
    assert job["state"] == "RUNNING"
    assert job["position"] == 1
    assert [one["state"] for one in job["execution"] if one["name"] == "one"].count(
        "SCHEDULED"
    ) == 1
    assert tork.put(f"/jobs/{job_id}/cancel")[0] == 200


def test_a_composite_starts_over_whole(tork: Tork, yard):
    gate, runs = yard.data_dir / "whole-gate", yard.data_dir / "whole-runs"
    good = {"name": "good", "run": f"echo x >> {runs}"}
    job = tork.fails(
        {"name": "p", "parallel": {"tasks": [
            good, {"name": "bad", "run": f"[ -e {gate} ] || {{ until [ -s {runs} ]; do sleep 0.02; done; exit 1; }}"}]}},
        {"name": "sub", "subjob": {"name": "s", "tasks": [{"name": "t", "run": "exit 0"}]}},
    )  # fmt: skip
    gate.touch()
    assert tork.put(f"/jobs/{job['id']}/restart")[0] == 200
    again = tork.over(job["id"])
    assert again["state"] == "COMPLETED"
    assert runs.read_text() == "x\nx\n"
    names = [one["name"] for one in again["execution"]]
    assert (names.count("p"), names.count("good"), names.count("bad"), names.count("sub")) == (
        2,
        2,
        2,
        1,
    )


def test_a_failed_sub_job_starts_over_as_a_new_one(tork: Tork, yard):
    gate = yard.data_dir / "sub-gate"
    job = tork.fails(
        {"name": "sub", "subjob": {"name": "s", "tasks": [{"name": "t", "run": f"[ -e {gate} ]"}]}}
    )
    old = job["execution"][0]["subjob"]["id"]
    gate.touch()
    # By itself it revives nobody.
    assert tork.put(f"/jobs/{old}/restart")[0] == 200
    assert tork.over(old)["state"] == "COMPLETED"
    assert tork.job(job["id"])["state"] == "FAILED"
    assert tork.put(f"/jobs/{job['id']}/restart")[0] == 200
    again = tork.over(job["id"])
    assert again["state"] == "COMPLETED"
    assert [one["state"] for one in again["execution"]] == ["FAILED", "COMPLETED"]
    assert again["execution"][1]["subjob"]["id"] != old


def test_of_racing_restarts_one_gets_through(tork: Tork):
    job = tork.fails({"run": "exit 1"})
    barrier = threading.Barrier(6)
    answers: list[int] = []

    def restart() -> None:
        mine = Tork(tork.yard)
        barrier.wait()
        answers.append(mine.put(f"/jobs/{job['id']}/restart")[0])

    threads = [threading.Thread(target=restart) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(200) >= 1
    found = tork.over(job["id"])
    assert len(found["execution"]) == 1 + answers.count(200)
