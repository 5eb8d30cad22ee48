"""The worker daemon: drain, takeover after `kill -9`, cancel."""

import os
import resource
import signal

import psutil
import requests

from tests.yard import Yard, eventually


def marker(word: str) -> list[psutil.Process]:
    """Running processes whose command line holds a word."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = process.info["cmdline"] or []
        if process.info["status"] != psutil.STATUS_ZOMBIE and word in words:
            found.append(process)
    return found


def test_cancel_ends_the_whole_process_group(yard: Yard):
    word = f"31{os.getpid()}"
    job = yard.submit(f"setsid sleep {word} & sleep {word}")
    eventually(lambda: len(marker(word)) == 2, "both processes")
    answer = requests.put(f"{yard.url}/jobs/{job}/cancel", timeout=30)
    assert (answer.status_code, answer.json()) == (200, {"status": "OK"})
    assert yard.job(job)["state"] == "CANCELLED"
    eventually(lambda: not marker(word), "the processes gone")


def test_a_stopped_worker_lets_tasks_end(yards):
    yard = yards(JOBYARD_WORKER_GRACE_S="60").start()
    job = yard.submit("touch $WORKDIR/../../../../began; sleep 2; echo -n done > $TORK_OUTPUT")
    eventually(lambda: yard.job(job)["state"] == "RUNNING", "the task running")
    first = yard.kill("worker", signal.SIGTERM)
    assert yard.until(job, "COMPLETED", "FAILED")["execution"][0]["result"] == "done"
    eventually(lambda: (part := yard.part("worker")) and part.pid != first, "a new worker")


def test_a_stopped_worker_hands_back_what_does_not_end(yards, data_dir):
    yard = yards(JOBYARD_WORKER_GRACE_S="0").start()
    tries = data_dir / "tries"
    job = yard.submit(f"echo x >> {tries}; [ $(wc -l < {tries}) -ge 2 ] || sleep 1000")
    eventually(tries.exists, "the first try")
    yard.kill("worker", signal.SIGTERM)
    assert yard.until(job, "COMPLETED", "FAILED")["state"] == "COMPLETED"
    assert tries.read_text().split() == ["x", "x"]
    # Given back in good order, so it does not count as lost.
    assert "redelivered" not in yard.job(job)["execution"][0]


def test_a_killed_workers_processes_end_and_its_tasks_run_again_at_once(yard: Yard, data_dir):
    word = f"32{os.getpid()}"
    tries = data_dir / "tries"
    job = yard.submit(
        f"echo x >> {tries}; if [ $(wc -l < {tries}) -lt 2 ]; then setsid sleep {word}; fi"
    )
    eventually(lambda: marker(word), "the first try")
    yard.kill("worker")
    found = yard.until(job, "COMPLETED", "FAILED")
    assert found["state"] == "COMPLETED"
    assert found["execution"][0]["redelivered"] == 1
    assert not marker(word)


def test_output_is_readable_while_the_task_runs(yard: Yard):
    job = yard.submit("echo early; sleep 1000")

    def parts() -> list[dict]:
        return requests.get(f"{yard.url}/jobs/{job}/log", timeout=30).json()["items"]

    assert eventually(parts, "a log part")[0]["contents"] == "early\n"
    requests.put(f"{yard.url}/jobs/{job}/cancel", timeout=30)


def files_of(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_the_worker_opens_what_it_may_and_tasks_what_they_always_might(yard: Yard):
    worker = eventually(lambda: yard.part("worker"), "a worker")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    eventually(
        lambda: resource.prlimit(worker.pid, resource.RLIMIT_NOFILE) == (hard, hard), "the limit"
    )
    job = yard.submit("echo -n $(ulimit -Sn) $(ulimit -Hn) > $TORK_OUTPUT")
    found = yard.until(job, "COMPLETED", "FAILED")["execution"][0]
    assert found["result"].replace("unlimited", str(resource.RLIM_INFINITY)) == f"{soft} {hard}"


def test_a_worker_without_descriptors_gives_tasks_back_and_goes_on(yards, data_dir):
    yard = yards().start()
    yard.until(yard.submit("true"), "COMPLETED")
    worker = yard.part("worker")
    hard = resource.prlimit(worker.pid, resource.RLIMIT_NOFILE)[1]
    # Room for very few tasks at a time, of the ten that it claims.
    few = files_of(worker.pid) + 12
    resource.prlimit(worker.pid, resource.RLIMIT_NOFILE, (few, hard))
    tries = data_dir / "tries"
    script = f"echo x >> {tries}; sleep 0.5; echo out"
    jobs = [yard.submit(script) for _ in range(8)]
    eventually(lambda: any("short-of-resources" in line for line in yard.lines), "a shortage")
    for job in jobs:
        found = yard.until(job, "COMPLETED", "FAILED")
        assert (found["state"], found.get("error")) == ("COMPLETED", None)
        # Given back in good order, so it does not count as lost; and no try is left over.
        assert [task.get("redelivered", 0) for task in found["execution"]] == [0]
        parts = requests.get(f"{yard.url}/jobs/{job}/log", timeout=30).json()["items"]
        # A shortage may hit a task at its very end, which is then run once more.
        assert set("".join(part["contents"] for part in parts).splitlines()) == {"out"}
    assert yard.part("worker").pid == worker.pid
    eventually(lambda: not worker.children(), "no process left, behind its gate or before")
    eventually(lambda: files_of(worker.pid) < few - 6, "no descriptor lost")
