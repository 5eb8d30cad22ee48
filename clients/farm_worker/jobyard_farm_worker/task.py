"""One task on this machine: its files, its program, its reports, its end."""

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from . import archives
from .archives import BadArchive
from .log import Log
from .machine import now_s
from .manager import Answer, Gone, Manager
from .options import Options
from .pictures import Pictures
from .processes import Program, start

#: Seconds between two looks at a running program, and between two thumbnails.
LOOK_S = 0.25
THUMBNAIL_S = 5.0

_log = logging.getLogger(__name__)


class Dropped(Exception):
    """The manager wants no more of this task from this worker."""


class Task:
    """A task that this worker was given.

    pause(seconds): waits, and tells whether the worker is to end. attend(): called while the
    program runs, for what else the worker has to do. note(pid): remembers the program that runs.
    """

    def __init__(
        self,
        manager: Manager,
        options: Options,
        *,
        worker_id: int,
        compiled: Mapping[str, Any],
        pause: Callable[[float], bool],
        attend: Callable[[], None],
        note: Callable[[int | None], None],
    ) -> None:
        given = compiled["options"]
        self.id, self.job_id = int(given["task_id"]), int(given["job_id"])
        self._words = [str(word) for word in given["command"]]
        self._files = [str(name) for name, _ in compiled.get("files", {}).get("jobfiles", ())]
        self._manager, self._options = manager, options
        self._worker_id = worker_id
        self._pause, self._attend, self._note = pause, attend, note
        self.job = options.directory / "jobs" / str(self.job_id)
        self.folder = options.directory / "tasks" / str(self.id)
        self.output = self.folder / "output"
        self._began_s = now_s()

    def run(self) -> None:
        """Do all of it. A task that the manager takes away is left without a word."""
        archives.remove(self.folder)
        self.output.mkdir(parents=True)
        self.job.mkdir(parents=True, exist_ok=True)
        os.utime(self.job)
        self._log = Log(self.folder / "log.txt")
        self._pictures = Pictures(self.output)
        try:
            status = self._carry_out()
            if status is not None:
                self._finish(status)
        except Dropped as reason:
            _log.info("task %s was taken away: %s", self.id, reason)
        finally:
            archives.remove(self.folder)

    def _carry_out(self) -> str | None:
        """Run the program to its end; gives the status to report."""
        try:
            if not self._fetch_all():
                return "aborted"
            self._persist({"status": "running"})
            program = start(
                [self._filled(word) for word in self._words],
                folder=self.job,
                env=self._environment(),
                output=self._log.path,
            )
        except (BadArchive, OSError) as fault:
            self._log.write(f"farm worker: the task cannot start: {fault}")
            return "failed"
        self._note(program.pid)
        try:
            return self._attend_to(program)
        except BaseException:
            program.stop(self._options.kill_after_s)
            raise
        finally:
            self._note(None)

    # -- files -----------------------------------------------------------------------------

    def _fetch_all(self) -> bool:
        """Fetch and unpack what the program needs; False when the worker is to end."""
        marker = self.job / ".jobfile"
        wanted: list[tuple[str, Path | None]] = []
        if "jobfile" in self._files and not marker.exists():
            wanted.append((f"/tasks/zip/{self.job_id}", marker))
        if "jobsupportfile" in self._files:
            wanted.append((f"/tasks/zip/sup/{self.job_id}", None))
        wanted.append((f"/tasks/zip/dep/{self.id}", None))
        archive = self.folder / "fetched.zip"
        for path, after in wanted:
            status = self._fetch(path, archive)
            if status is None:
                return False
            if status == 200:
                archives.unpack(archive, self.job, most_bytes=self._options.unpack_bytes)
                if after is not None:
                    after.touch()
            elif status != 404:
                raise BadArchive(f"{path} was answered with {status}")
            archive.unlink(missing_ok=True)
        return True

    def _fetch(self, path: str, target: Path) -> int | None:
        """Fetch one file, however long that takes; None when the worker is to end."""
        delay_s = 1.0
        while True:
            try:
                status = self._manager.fetch(path, target)
            except Gone:
                status = 599
            if status < 500:
                return status
            if self._pause(delay_s):
                return None
            delay_s = min(delay_s * 2, self._options.patience_s)

    def _filled(self, word: str) -> str:
        return word.replace("==jobpath==", self.job.as_posix()).replace(
            "==outputpath==", self.output.as_posix()
        )

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "WORKER_JOBPATH": str(self.job),
            "WORKER_OUTPUTPATH": str(self.output),
            "WORKER_DEPENDPATH": str(self.job),
        }

    # -- while it runs ---------------------------------------------------------------------

    def _attend_to(self, program: Program) -> str:
        reported_s = pictured_s = now_s()
        while (code := program.wait(LOOK_S)) is None:
            if self._pause(0):
                program.stop(self._options.kill_after_s)
                return "aborted"
            if self._log.size > self._options.print_bytes:
                program.stop(self._options.kill_after_s)
                self._log.cut(self._options.print_bytes)
                self._log.write("\nfarm worker: the program printed more than it may")
                return "failed"
            self._attend()
            silent_s = now_s() - reported_s
            due = silent_s >= self._options.silent_s
            if due or (silent_s >= self._options.report_s and self._log.more):
                self._report({"status": "running"})
                reported_s = now_s()
            if now_s() - pictured_s >= THUMBNAIL_S:
                self._show_picture()
                pictured_s = now_s()
        killed = program.killed
        program.kill()  # whatever it left behind in its group
        _log.info("task %s ended with %s", self.id, code)
        if code == 0:
            return "finished"
        return "aborted" if killed else "failed"

    def _report(self, fields: Mapping[str, Any], *, final: bool = False) -> bool:
        """Report once; False when the manager did not answer. Raises Dropped on a refusal."""
        whole = {**self._named(fields), **self._log.fields(final=final)}
        try:
            answer = self._manager.ask("PATCH", f"/tasks/{self.id}", whole)
        except Gone as fault:
            _log.warning("the manager does not answer: %s", fault)
            self._log.lost()
            return False
        if answer.failed:
            self._log.lost()
            return False
        if answer.status != 204:
            raise Dropped(_told(answer))
        self._log.arrived()
        return True

    def _persist(self, fields: Mapping[str, Any], *, final: bool = False) -> bool:
        """Report until it is answered; False when the worker is to end first."""
        delay_s = 1.0
        while not self._report(fields, final=final):
            if self._pause(delay_s):
                return self._report(fields, final=final)
            delay_s = min(delay_s * 2, self._options.patience_s)
        return True

    def _named(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        cost_s = int(now_s() - self._began_s)
        return {"worker_id": self._worker_id, "time_cost": cost_s, **fields}

    def _show_picture(self) -> None:
        """Send the newest picture, if there is a new one; it is no loss if that fails."""
        path = self._pictures.newest(self._log.saved)
        if path is None:
            return
        suffix = path.suffix.lower()
        try:
            self._manager.send(
                "POST",
                "/tasks/thumbnails",
                {"task_id": self.id},
                file=path,
                filename=f"last{suffix}",
            )
        except (Gone, OSError) as fault:
            _log.info("the thumbnail %s was not sent: %s", path.name, fault)

    # -- the end ---------------------------------------------------------------------------

    def _finish(self, status: str) -> None:
        """Send the rest of the output, the files, and the status."""
        # A character that never became whole is sent as it is.
        while self._log.more and self._persist({"status": "running"}, final=True):
            pass
        self._show_picture()
        archive = self.folder / "output.zip"
        try:
            packed = archives.pack(self.output, archive)
        except OSError as fault:
            self._log.write(f"farm worker: the output cannot be packed: {fault}")
            status, packed = "failed", False
        if packed and not self._upload(status, archive):
            return
        if not packed:
            self._persist({"status": status}, final=True)

    def _upload(self, status: str, archive: Path) -> bool:
        """Send the output with the status until that is answered."""
        delay_s = 1.0
        while True:
            fields = self._named({"status": status})
            try:
                answer = self._manager.send(
                    "PATCH", f"/tasks/{self.id}", fields, file=archive, name="taskfile"
                )
            except Gone as fault:
                _log.warning("the output was not sent: %s", fault)
                answer = Answer(599)
            if answer.status == 413:
                self._log.write("farm worker: the manager does not take an output of this size")
                return self._persist({"status": "failed"}, final=True)
            if not answer.failed:
                if answer.status != 204:
                    raise Dropped(_told(answer))
                return True
            if self._pause(delay_s):
                return False
            delay_s = min(delay_s * 2, self._options.patience_s)


def _told(answer: Answer) -> str:
    message = answer.body.get("message") if isinstance(answer.body, dict) else None
    return f"{answer.status} {message or ''}".strip()
