"""Many jobs, long lists, and nothing lost among them."""

import threading

from tests.acceptance.tork.client import Tork
from tests.yard import eventually


def test_fifty_jobs_posted_at_once(tork: Tork):
    ids: list[str] = []

    def post(number: int) -> None:
        mine = Tork(tork.yard)
        ids.append(
            mine.submit(f"for i in $(seq 1 20); do echo {number}-$i; done", name=f"n{number}")
        )

    threads = [threading.Thread(target=post, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ids)) == 50
    for job_id in ids:
        job = tork.over(job_id)
        assert job["state"] == "COMPLETED"
        number = job["name"][1:]
        assert tork.text(job["execution"][0]["id"]) == "".join(
            f"{number}-{i}\n" for i in range(1, 21)
        )


def test_a_long_list(tork: Tork):
    job_id = tork.submit(
        {"each": {"list": "sequence(0, 200)", "concurrency": 8, "task": {
            "name": "c{{ item.index }}", "var": "r{{ item.index }}", "run": "echo -n $N > $TORK_OUTPUT",
            "env": {"N": "{{ item.value }}"}}}},
        output="{{ len(keys(tasks)) }} {{ tasks.r199 }}",
    )  # fmt: skip
    job = tork.over(job_id)
    assert job["state"] == "COMPLETED", job.get("error")
    assert job["result"] == "200 199"
    assert len(job["execution"]) == 201


def test_many_jobs_are_all_kept(tork: Tork):
    ids = [tork.submit({"queue": "crowd", "run": "exit 0"}, tags=["crowd"]) for _ in range(120)]
    assert tork.get("/jobs", q="tag:crowd")["totalItems"] == 120
    assert tork.get("/queues/crowd")["size"] == 120
    assert tork.ask("DELETE", "/queues/crowd").status_code == 200
    eventually(lambda: all(tork.job(one)["state"] == "FAILED" for one in ids), "all failed")


def test_loops_in_parallel(tork: Tork):
    loop = {"each": {"list": "1..10", "concurrency": 3, "task": {"name": "c", "run": "exit 0"}}}
    job = tork.done({"parallel": {"tasks": [{"name": f"l{n}", **loop} for n in range(5)]}})
    assert len(job["execution"]) == 56
    assert all(one["state"] == "COMPLETED" for one in job["execution"])


def test_the_longest_list(tork: Tork):
    loop = {"each": {"list": "1..10000", "task": {"name": "c", "if": "false"}}}
    job = tork.over(tork.submit(loop, "exit 0"))
    assert job["state"] == "COMPLETED", job.get("error")
    assert len(job["execution"]) == 10_002
