"""A farm as a studio has it: a server, and bundled workers in processes of their own."""

import io
import json
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import requests

from tests.yard import Yard, eventually

ROOT = Path(__file__).parents[3]
RENDERER = ROOT / "tests" / "renderer.py"
DONE = {"completed", "failed", "canceled"}


class Farm:
    """The routes that submit scripts use, and the workers of one test module."""

    def __init__(self, yard: Yard, folder: Path) -> None:
        self.yard = yard
        self.folder = folder
        self.workers: list[subprocess.Popen[bytes]] = []
        self.programs = {"default": {"Linux": str(RENDERER)}}

    def ask(self, method, path, status=200, **options):
        answer = requests.request(method, self.yard.url + path, timeout=60, **options)
        assert answer.status_code == status, answer.text
        return answer

    def use(self, compiler, **programs):
        """Have a compiler's programs by command name beside the stand-in."""
        for name, path in programs.items():
            self.programs[name] = {"Linux": str(path)}
        value = {"value": {"commands": self.programs}}
        self.ask("PATCH", f"/settings/{compiler}", json=value)

    def worker(self, again=None, **environment):
        """Start a worker, or one again that died; gives its process."""
        number = 5001 + (len(self.workers) if again is None else self.workers.index(again))
        words = [
            *(sys.executable, "-m", "jobyard_farm_worker", "--manager", self.yard.url),
            *("--folder", str(self.folder / str(number)), "--port", str(number)),
            *("--poll", "0.2"),
        ]
        log = (self.folder / f"{number}.log").open("ab")
        with log:
            process = subprocess.Popen(
                words,
                env={**os.environ, **environment, "PYTHONPATH": str(ROOT / "clients/farm_worker")},
                stdout=log,
                stderr=log,
            )
        self.workers.append(process)
        return process

    def end(self):
        """End all workers; gives their exit statuses."""
        for process in self.workers:
            process.send_signal(signal.SIGTERM)
        return [process.wait(90) for process in self.workers]

    def submit(self, kind, settings, scene=None, **fields):
        """Create a task or a group; gives its id."""
        asked = {"type": kind, "settings": settings, **fields}
        if scene is None:
            return self.ask("POST", "/tasks", 202, json=asked).json()["id"]
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("scene.blend", scene)
        form = {**asked, "settings": json.dumps(settings)}
        files = {"jobfile": ("job.zip", packed.getvalue())}
        return self.ask("POST", "/tasks", 202, data=form, files=files).json()["id"]

    def task(self, number):
        return self.ask("GET", f"/tasks/{number}").json()

    def tasks(self, number):
        """Give the tasks of a group, or the task itself."""
        found = self.task(number)
        return [self.task(child) for child in found["children"]] or [found]

    def end_of(self, number):
        """Wait until a task or a group is over; gives it as it is then."""

        def over():
            found = self.task(number)
            return found if found["status"] in DONE else None

        return eventually(over, f"the end of {number}")

    def completed(self, number):
        found = self.end_of(number)
        told = [(one["status"], one["log"]) for one in self.tasks(number)]
        assert found["status"] == "completed", told
        return found

    def output(self, number):
        """Give the files that a task has put out, by name."""
        whole = self.ask("GET", f"/tasks/{number}/output").content
        with zipfile.ZipFile(io.BytesIO(whole)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
