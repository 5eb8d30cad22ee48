"""A worker's life: take a task, do it, say what became of it; until it is told to stop."""

import logging
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from jobyard_worker.client import Client
from jobyard_worker.errors import RateLimited, Refused, TrackerError, Unreachable
from jobyard_worker.records import Release, Result, Task

LONGEST_PAUSE_S = 60.0
DEFAULT_ASSIGN_S = 3600
TRIES = 8
"""How often a report is sent that the server does not take; two minutes in all."""
_LONGEST_ERROR = 4000
_log = logging.getLogger(__name__)


class GiveBack(Exception):
    """Raised by the work: not for this worker; somebody else may do it."""


class Loop:
    """Calls `work` for each task, one after the other.

    work: gives what several workers must agree on, or None; what it raises fails the task.
    project: None serves all that the worker may. batch: tasks taken at once. wait_s: how long a
    request may wait for tasks on the server, and the longest that a stop may take on its account.
    """

    def __init__(
        self,
        client: Client,
        work: Callable[[Task], int | None],
        *,
        project: int | None = None,
        batch: int = 1,
        wait_s: float = 20.0,
    ) -> None:
        self._client = client
        self._work = work
        self._project = project
        self._batch = batch
        self._wait_s = wait_s
        self._stop = threading.Event()
        self._failures = 0

    def stop(self) -> None:
        """End after the task in hand; from any thread, or a signal."""
        self._stop.set()

    def run(self) -> None:
        """Work until `stop`, SIGTERM or SIGINT; signals only when run by the main thread.

        Raises Refused for credentials that the server does not know.
        """
        with self._signals():
            while not self._stop.is_set():
                self._handle(self._take())

    # -- taking -------------------------------------------------------------------------------

    def _take(self) -> list[Task]:
        """Give tasks as soon as there are some; none after a pause that had to be."""
        begun = time.monotonic()
        try:
            tasks = self._client.claim(self._project, count=self._batch, wait_s=self._wait_s)
        except RateLimited as error:
            self._stop.wait(error.delay_s)
            return []
        except Unreachable as error:
            _log.warning("the tracker does not answer: %s", error)
            self._pause()
            return []
        except Refused as error:
            if error.status in (401, 403):
                raise
            # Paused by a manager, or the project is gone for now.
            _log.warning("the tracker gives no tasks: %s", error)
            self._pause()
            return []
        if not tasks and time.monotonic() - begun < self._wait_s / 2:
            # It cannot wait for us, or is about to stop.
            self._pause()
        else:
            self._failures = 0
        return tasks

    def _pause(self) -> None:
        """Wait, longer each time in a row, and never in step with others."""
        longest = min(2.0**self._failures, LONGEST_PAUSE_S)
        self._failures += 1
        self._stop.wait(random.uniform(longest / 2, longest))  # noqa: S311 - no secret

    # -- doing --------------------------------------------------------------------------------

    def _handle(self, tasks: list[Task]) -> None:
        waiting = {task.id for task in tasks}
        for task in tasks:
            waiting.discard(task.id)
            with self._kept(task, waiting):
                release = Release(task.id, Result.BACK) if self._stop.is_set() else self._do(task)
            self._report(release)

    def _do(self, task: Task) -> Release:
        try:
            verification = self._work(task)
        except GiveBack:
            return Release(task.id, Result.BACK)
        except Exception as error:  # noqa: BLE001 - whatever the work raises is how it failed
            _log.exception("task %d failed", task.id)
            text = f"{type(error).__name__}: {error}".replace("\0", "")[:_LONGEST_ERROR]
            return Release(task.id, Result.FAILED, error=text)
        return Release(task.id, Result.DONE, verification or 0)

    def _report(self, release: Release) -> None:
        """Send a report; again when it is not answered, which harms nothing."""
        for number in range(TRIES):
            try:
                if not self._client.release(release):
                    _log.info("task %d is not closed by this", release.task_id)
            except (Unreachable, RateLimited) as error:
                _log.warning("a report on task %d waits: %s", release.task_id, error)
                time.sleep(min(0.5 * 2.0**number, 30.0))
            except Refused as error:
                _log.warning("a report on task %d is refused: %s", release.task_id, error)
                return
            else:
                return

    @contextmanager
    def _kept(self, task: Task, waiting: set[int]) -> Iterator[None]:
        """Let the time of this task, and of those that wait for it, begin anew now and then."""
        over = threading.Event()

        def keep() -> None:
            every_s = (task.assign_s or DEFAULT_ASSIGN_S) / 3
            while not over.wait(every_s):
                for task_id in (task.id, *sorted(waiting)):
                    try:
                        self._client.renew(task_id)
                    except TrackerError as error:
                        _log.warning("task %d is not renewed: %s", task_id, error)

        keeper = threading.Thread(target=keep, name="jobyard-keeper", daemon=True)
        keeper.start()
        try:
            yield
        finally:
            over.set()
            keeper.join()

    # -- signals ------------------------------------------------------------------------------

    @contextmanager
    def _signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def stop(_number: int, _frame: FrameType | None) -> None:
            self.stop()

        before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
