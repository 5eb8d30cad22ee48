"""A whole server under test: `jobyard serve` as a user starts it, with its parts in reach."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import requests

PATIENCE_S = 90.0
ADDRESS = re.compile(r"serves (http://\S+)/,")


def eventually(condition: Callable[[], object], what: str, patience_s: float = PATIENCE_S):
    """Wait until a condition gives something true, and give that; fail after a long while."""
    deadline = time.monotonic() + patience_s
    pause = 0.005
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience_s:.0f} s in vain: {what}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.2)


def alive(process: psutil.Process) -> bool:
    """Tell whether it still runs; one that nobody has collected yet does not.

    It may end between any two looks at it.
    """
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Yard:
    """One `jobyard serve` in a data directory; `start` again after a stop finds what was there."""

    def __init__(self, data_dir: Path, **environment: str) -> None:
        self.data_dir = data_dir
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(data_dir),
            "JOBYARD_DATA_DIR": str(data_dir),
            "JOBYARD_BIND": "127.0.0.1:0",
            **environment,
        }
        self.process: subprocess.Popen[str] | None = None
        self.url = ""
        self.lines: list[str] = []

    # -- life -----------------------------------------------------------------------------------

    def start(self, *words: str) -> "Yard":
        self.process = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "serve", *words],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        address = threading.Event()
        threading.Thread(target=self._read, args=(self.process, address), daemon=True).start()
        eventually(lambda: address.is_set() or self.process.poll() is not None, "an address")
        if not self.url:
            raise AssertionError("\n".join(self.lines))
        eventually(self.answers, "an answer of /health")
        return self

    def _read(self, process: subprocess.Popen[str], address: threading.Event) -> None:
        for line in process.stdout:
            self.lines.append(line.rstrip())
            if found := ADDRESS.search(line):
                self.url = found[1]
                # The same port again when the server is started once more.
                self.environment["JOBYARD_BIND"] = found[1].removeprefix("http://")
                address.set()
        process.stdout.close()

    def stop(self, patience_s: float = PATIENCE_S) -> int:
        """Ask it to end and give its exit status."""
        self.process.terminate()
        return self.process.wait(patience_s)

    def end(self) -> None:
        """End it however it stands; nothing of it is left."""
        if self.process is None:
            return
        for process in self.processes():
            with_suppressed(process.kill)
        with_suppressed(lambda: self.process.wait(PATIENCE_S))

    def kill_all(self) -> None:
        """`kill -9` every process of it at once, the supervisor first."""
        for process in self.processes():
            with_suppressed(process.kill)
        self.process.wait(PATIENCE_S)

    # -- parts ----------------------------------------------------------------------------------

    def processes(self) -> list[psutil.Process]:
        """All its processes, the supervisor first; tasks are not among them."""
        try:
            top = psutil.Process(self.process.pid)
            return [top, *(p for p in top.children(recursive=True) if _part(p))]
        except psutil.NoSuchProcess:
            return []

    def part(self, name: str) -> psutil.Process | None:
        """The process that the supervisor started as that part."""
        for process in psutil.Process(self.process.pid).children():
            if _part(process) == name:
                return process
        return None

    def kill(self, name: str, number: int = signal.SIGKILL) -> int:
        """Send a signal to one part, and give its process id."""
        process = eventually(lambda: self.part(name), f"a part {name}")
        process.send_signal(number)
        return process.pid

    # -- requests -------------------------------------------------------------------------------

    def answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/health", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def submit(self, run: str, **more: object) -> str:
        """Post a job of one task and give its id."""
        body = {"name": "job", "tasks": [{"name": "task", "run": run, **more}]}
        answer = requests.post(f"{self.url}/jobs", json=body, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()["id"]

    def job(self, job_id: str) -> dict:
        answer = requests.get(f"{self.url}/jobs/{job_id}", timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def output(self, job_id: str) -> str:
        """What its tasks have printed so far, as far as it is stored."""
        address = f"{self.url}/jobs/{job_id}/log?format=text"
        answer = requests.get(address, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.text

    def until(self, job_id: str, *states: str) -> dict:
        """Wait until a job is in one of the states, and give it."""

        def there() -> dict | None:
            job = self.job(job_id)
            return job if job["state"] in states else None

        return eventually(there, f"job {job_id} in {states}")


def with_suppressed(call: Callable[[], object]) -> None:
    """Do it if it can be done."""
    try:
        call()
    except (psutil.Error, ProcessLookupError, subprocess.TimeoutExpired):
        return


def _part(process: psutil.Process) -> str:
    try:
        words = process.cmdline()
    except psutil.Error:
        return ""
    if "gunicorn" in words:
        return "web"
    for name in ("ticker", "worker", "web"):
        if "app.cli" in words and name in words:
            return name
    return ""
