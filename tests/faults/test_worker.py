"""The worker daemon: drain, takeover after `kill -9`, cancel."""

import os
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
