"""The loop of a worker: register, ask for work, do it, ask again."""

import logging
import os
import random
import signal
import threading
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

from . import archives, machine
from .machine import Machine, now_s
from .manager import Answer, Gone, Manager
from .options import Options
from .seat import Seat
from .task import Task

#: Folders of jobs that are kept, with their scenes.
JOBS_KEPT = 10

_log = logging.getLogger(__name__)


class Worker:
    """One worker on this machine. `run` returns when `stop` was called, or a SIGTERM came.

    id: what the manager calls it, None before it is registered.
    """

    def __init__(self, options: Options, manager: Manager | None = None) -> None:
        self.options = options
        self.id: int | None = None
        self._manager = manager or Manager(options.manager, token=options.token)
        self._seat = Seat(Path(options.directory))
        self._stop = threading.Event()
        self._toggled = threading.Event()
        self._busy = False
        self._machine = Machine(Path(options.directory).parent)
        self._less_frequent_s: float | None = None

    def stop(self) -> None:
        """End as soon as possible: the program of a task is stopped. Callable from any thread."""
        self._stop.set()

    def toggle(self) -> None:
        """Be busy, so that no further task comes, or be available again."""
        self._toggled.set()

    def listen(self) -> None:
        """Have signals do the two; only in a main thread."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        if hasattr(signal, "SIGUSR1"):
            signal.signal(signal.SIGUSR1, self._on_toggle)

    def run(self) -> None:
        """Work until told to stop; what the manager does meanwhile ends it never.

        Raises Taken when another worker uses the folder, OSError when it cannot be used.
        """
        self._prepare()
        try:
            self._work()
        finally:
            self._seat.leave()

    def _work(self) -> None:
        self._wait_for_manager()
        delay_s = 1.0
        while not self._stop.is_set():
            answered, task_id = self._look_for_work()
            if not answered:
                self._pause(delay_s)
                delay_s = min(delay_s * 2, self.options.patience_s)
                continue
            delay_s = 1.0
            if task_id is not None and self._do(task_id):
                continue  # after a task ask at once
            if task_id is None and self.options.once and not self._busy:
                break
            # A farm that was started by one command must not ask in step.
            self._pause(self.options.poll_s * (1 + random.random() / 5))  # noqa: S311
        self._say_goodbye()

    # -- with the manager ------------------------------------------------------------------

    def _wait_for_manager(self) -> None:
        delay_s = 1.0
        while not self._stop.is_set() and not self._manager.alive():
            _log.info("waiting for the manager at %s", self.options.manager)
            self._pause(delay_s)
            delay_s = min(delay_s * 2, 30.0)

    def _look_for_work(self) -> tuple[bool, int | None]:
        """Register if need be, and ask; tells whether that was answered, and the task if any."""
        try:
            if self.id is None and not self._register():
                return False, None
            self._take_toggle()
            answer = self._say("busy" if self._busy else "available")
        except Gone as fault:
            _log.warning("the manager does not answer: %s", fault)
            return False, None
        if answer.status == 404:
            _log.info("the manager does not know this worker any more")
            self.id = None
            return False, None  # and registers anew in a moment
        if answer.status != 200 or not isinstance(answer.body, dict):
            _log.warning("asked for work and got %s", answer.status)
            return False, None
        task_id = answer.body.get("task_id")
        return True, task_id if isinstance(task_id, int) else None

    def _register(self) -> bool:
        """Tell the manager of this worker; False when it does not want it."""
        options = self.options
        answer = self._manager.ask(
            "POST",
            "/workers",
            {
                "hostname": options.hostname,
                "system": machine.system(),
                "port": options.port,
                "mac_address": machine.mac_address(),
                "update_frequent": self._machine.frequent(),
                "update_less_frequent": self._machine.less_frequent(),
            },
        )
        entries = list(answer.body.values()) if isinstance(answer.body, dict) else []
        if answer.status != 200 or not entries or not isinstance(entries[0], dict):
            _log.error("the manager refuses this worker: %s %s", answer.status, answer.body)
            return False
        self.id = int(entries[0]["id"])
        self._less_frequent_s = now_s()
        _log.info("registered as worker %s", self.id)
        return True

    def _say(self, status: str) -> Answer:
        """Send a status, with what there is to be told of the machine."""
        fields: dict[str, Any] = {"status": status, "update_frequent": self._machine.frequent()}
        last_s = self._less_frequent_s
        if last_s is None or now_s() - last_s >= self.options.less_frequent_s:
            fields["update_less_frequent"] = self._machine.less_frequent()
            self._less_frequent_s = now_s()
        return self._manager.ask("PATCH", f"/workers/{self.id}", fields)

    def _say_goodbye(self) -> None:
        if self.id is None:
            return
        try:
            self._say("enabled")
        except Gone as fault:
            _log.info("the manager was not told of the end: %s", fault)

    def _take_toggle(self) -> bool:
        """Change over if that was asked for."""
        if not self._toggled.is_set():
            return False
        self._toggled.clear()
        self._busy = not self._busy
        _log.info("now %s", "busy" if self._busy else "available")
        return True

    # -- with a task -----------------------------------------------------------------------

    def _do(self, task_id: int) -> bool:
        """Do a task; False when it cannot be had."""
        try:
            answer = self._manager.ask("GET", f"/tasks/compiled/{task_id}?worker_id={self.id}")
        except Gone:
            return False
        if answer.status != 200 or self.id is None:
            _log.info("task %s is not to be had: %s", task_id, answer.status)
            return False
        try:
            task = Task(
                self._manager,
                self.options,
                worker_id=self.id,
                compiled=answer.body,
                pause=self._pause,
                attend=self._attend,
                note=self._seat.note,
            )
        except (KeyError, TypeError, ValueError) as fault:
            _log.error("what the manager says of task %s makes no sense: %r", task_id, fault)
            return False
        _log.info("task %s begins", task.id)
        try:
            task.run()
            self._forget_jobs()
        except OSError as fault:
            self._give_up(task_id, fault)
        return True

    def _give_up(self, task_id: int, fault: OSError) -> None:
        """Fail a task that this machine has no room for, or cannot work on for like reasons."""
        _log.error("task %s cannot go on: %s", task_id, fault)
        said = f"\nfarm worker: the task cannot go on: {fault}\n"
        fields = {"worker_id": self.id, "status": "failed", "log_append": said}
        with suppress(Gone):  # it is handed out again when nothing is heard of it
            self._manager.ask("PATCH", f"/tasks/{task_id}", fields)

    def _attend(self) -> None:
        """While a program runs: tell the manager at once of a change of mind."""
        if self._take_toggle():
            try:
                self._say("busy" if self._busy else "rendering")
            except Gone:
                _log.info("the manager hears of it later")

    # -- on this machine -------------------------------------------------------------------

    def _prepare(self) -> None:
        """Make the folder; one in a place where others write too must be ours alone."""
        folder = Path(self.options.directory)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.options.folder is None and hasattr(os, "getuid"):
            about = folder.lstat()
            if folder.is_symlink() or about.st_uid != os.getuid():
                raise PermissionError(f"{folder} belongs to somebody else; name another folder")
        self._seat.take()
        archives.remove(folder / "tasks")

    def _forget_jobs(self) -> None:
        """Remove the folders of jobs that were not worked on for longest."""
        found = [path for path in (self.options.directory / "jobs").iterdir() if path.is_dir()]
        found.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        for path in found[JOBS_KEPT:]:
            archives.remove(path)

    def _pause(self, seconds: float) -> bool:
        """Wait, or less if the worker is to end; tells whether it is."""
        return self._stop.wait(seconds) if seconds > 0 else self._stop.is_set()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.stop()

    def _on_toggle(self, _number: int, _frame: FrameType | None) -> None:
        self.toggle()
