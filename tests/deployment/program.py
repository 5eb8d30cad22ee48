"""One process as an operator starts it, with what it printed."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import psutil
import requests

from tests.yard import PATIENCE_S, eventually, with_suppressed

ROOT = Path(__file__).parents[2]
GUNICORN = ["-c", "config/gunicorn.py", "wsgi:app"]
ADDRESS = re.compile(r"Listening at: (http://\S+?)[ \"]|serves (http://\S+)/,")


def gunicorn(**settings: str) -> "Program":
    """The documented command line, in the checkout."""
    beside = str(Path(sys.executable).parent / "gunicorn")
    return Program([beside, *GUNICORN], JOBYARD_BIND="127.0.0.1:0", **settings)


def jobyard(*words: str, **settings: str) -> "Program":
    """One command of ours, in the checkout."""
    return Program([sys.executable, "-m", "app.cli", *words], **settings)


class Program:
    """A process in a session of its own; nothing of the tester's settings reaches it."""

    def __init__(
        self, words: Sequence[str | Path], *, cwd: Path = ROOT, **environment: str
    ) -> None:
        self.words = [str(word) for word in words]
        self.cwd = cwd
        self.environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environment}
        if cwd == ROOT:
            # This checkout, whichever one is installed.
            self.environment["PYTHONPATH"] = str(ROOT)
        self.process: subprocess.Popen[str] | None = None
        self.lines: list[str] = []
        self.url = ""

    # -- life -----------------------------------------------------------------------------------

    def run(self) -> str:
        """Run it to its end, and give what it printed; it must succeed."""
        done = subprocess.run(
            self.words,
            cwd=self.cwd,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def start(self) -> "Program":
        self.process = subprocess.Popen(
            self.words,
            cwd=self.cwd,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()
        return self

    def serve(self) -> "Program":
        """Start it and wait until /health answers."""
        self.start()
        eventually(lambda: self.url or self.process.poll() is not None, "an address")
        assert self.url, self.told()
        eventually(lambda: self.process.poll() is not None or self.answers(), "/health")
        assert self.process.poll() is None, self.told()
        return self

    def _read(self, process: subprocess.Popen[str]) -> None:
        for line in process.stdout:
            self.lines.append(line.rstrip())
            if found := ADDRESS.search(line):
                self.url = found[1] or found[2]
        process.stdout.close()

    def told(self) -> str:
        return "\n".join(self.lines)

    def said(self, word: str) -> bool:
        """Whether a word has been printed so far."""
        return any(word in line for line in self.lines)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to end and give its exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)

    def kill(self) -> None:
        """`kill -9` it alone."""
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def end(self) -> None:
        """End it however it stands; nothing of it is left."""
        if self.process is None:
            return
        for process in reversed(self.family()):
            with_suppressed(process.kill)
        with_suppressed(lambda: self.process.wait(PATIENCE_S))

    def family(self) -> list[psutil.Process]:
        """It and all its descendants."""
        try:
            top = psutil.Process(self.process.pid)
            return [top, *top.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def found(self, *words: str) -> psutil.Process | None:
        """The first of its descendants whose command line has all the words."""
        for process in self.family()[1:]:
            try:
                line = process.cmdline()
            except psutil.Error:
                continue
            if all(word in line for word in words):
                return process
        return None

    # -- requests -------------------------------------------------------------------------------

    def answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/health", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def get(self, path: str, status: int = 200) -> requests.Response:
        answer = requests.get(f"{self.url}{path}", timeout=30)
        assert answer.status_code == status, answer.text
        return answer

    def submit(self, run: str, **more: object) -> str:
        """Post a Tork job of one task and give its id."""
        body = {"name": "job", "tasks": [{"name": "task", "run": run, **more}]}
        answer = requests.post(f"{self.url}/jobs", json=body, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()["id"]

    def completes(self, job_id: str, path: str = "/jobs") -> dict:
        """Wait until a job has ended, and give it; it must have succeeded."""

        def ended() -> dict | None:
            job = self.get(f"{path}/{job_id}").json()
            return job if job["state"] in ("COMPLETED", "FAILED", "CANCELLED") else None

        job = eventually(ended, f"the end of job {job_id}")
        assert job["state"] == "COMPLETED", job
        return job
