"""The worker daemon: claims tasks for its slots, runs them, keeps their leases, drains.

One loop a queue claims when a slot is free and the doorbell rang, or once a second. One loop
renews leases, one learns of cancelled tasks, one shows a sign of life. All of it uses threads and
their locks only, which are greenlets in the real daemon (it is monkey patched) and threads in
tests.
"""

import functools
import os
import platform
import socket
import threading
from collections.abc import Callable, Mapping

import psutil
import structlog

from app.domain.errors import EngineError, WorkerNotActive
from app.domain.records import Claimed, Lease, Worker
from app.domain.states import LEASED_TASK
from app.engine import Engine
from app.engine.transaction import queue_topic, worker_topic
from app.hooks.types import WorkerView
from app.wiring import VERSION, Services
from app.worker import seat as seats
from app.worker.legacy import Legacy
from app.worker.policy import Policy
from app.worker.runtimes import processes
from app.worker.runtimes.base import Runtime
from app.worker.shipping import Shipper
from app.worker.work import GIVEN_BACK_S, Bench, Work

log = structlog.get_logger(__name__)

SWEEP_S = 1.0
HEARTBEAT_S = 30.0
TIDY_S = 300.0
HAND_BACK_S = 10.0
"""How long tasks that are handed back may take to end."""
BREATHER_S = 5.0
"""Longest pause between two claims of a machine that is short of something."""
BATCH = 32
"""Most tasks taken by one claim."""


class Daemon:
    """A worker of ours; `run` returns after `stop` when all is handed back.

    make_runtimes: builds the runtimes that work in a seat. policies: rules by dialect.
    """

    def __init__(
        self,
        services: Services,
        make_runtimes: Callable[[seats.Seat], list[Runtime]],
        policies: Mapping[str, Policy],
    ) -> None:
        settings = services.settings.worker
        self._engine: Engine = services.engine
        self._plugins = services.plugins
        self._settings = settings
        self._make_runtimes = make_runtimes
        self._policies = policies
        self._work_dir = settings.work_dir or services.settings.server.data_dir / "work"
        self._name = settings.name or socket.gethostname()
        self._works: dict[Lease, Work] = {}
        self._claiming = 0
        self._idle = threading.Condition()
        self._stopping = threading.Event()
        self._over = threading.Event()
        self._handing_back = False
        self._breather_s = 0.0

    # -- life ---------------------------------------------------------------------------------

    def stop(self) -> None:
        """Take no more work; what runs may end within the grace time."""
        self._stopping.set()

    def run(self) -> None:
        """Work until stopped. Raises OSError when no seat can be had."""
        seat = seats.take(self._work_dir)
        processes.become_subreaper()
        processes.raise_file_limit()
        runtimes = self._make_runtimes(seat)
        legacy = Legacy(self._engine, self._make_runtimes, self._work_dir)
        self._patiently(lambda: legacy.take_over(seat, runtimes))
        worker = self._patiently(lambda: self._register(seat))
        if worker is None:
            return
        shipper = Shipper(self._engine.logs)
        bench = Bench(
            engine=self._engine,
            plugins=self._plugins,
            runtimes={runtime.name: runtime for runtime in runtimes},
            shipper=shipper,
            worker=WorkerView(
                name=self._name, hostname=socket.gethostname(), system=platform.system()
            ),
            policies=self._policies,
        )
        log.info("worker-ready", worker=worker.public_id, seat=seat.number)
        self._keep("ship", shipper.run)
        for queue, slots in self._settings.queues.items():
            if slots > 0:
                free = threading.Semaphore(slots)
                self._keep(queue, functools.partial(self._claim, bench, worker.id, queue, free))
        self._keep("renew", self._renew)
        self._keep("watch", functools.partial(self._watch, worker.id))
        self._keep("show", functools.partial(self._show, worker.id, runtimes))
        self._keep("settle", functools.partial(legacy.settle, self._over))
        self._keep("tidy", functools.partial(self._tidy, runtimes))
        self._stopping.wait()
        self._drain(worker)
        self._over.set()
        shipper.stop()
        seat.give_up()

    def _register(self, seat: seats.Seat) -> Worker:
        return self._engine.workers.register(
            dialect="",
            kind="daemon",
            name=self._name,
            hostname=socket.gethostname(),
            instance=seat.instance,
            queues=self._settings.queues,
            version=VERSION,
        )

    def _drain(self, worker: Worker) -> None:
        """Let tasks end, then hand the rest back, and leave."""
        if self._works:
            log.info("worker-drains", tasks=len(self._works), grace_s=self._settings.grace_s)
        with self._idle:
            if not self._idle.wait_for(self._is_idle, self._settings.grace_s):
                self._handing_back = True
                for work in list(self._works.values()):
                    work.cancelled.set()
                self._idle.wait_for(self._is_idle, HAND_BACK_S)
        try:
            # What could not be ended by now may still run: its lease ends by itself.
            self._engine.workers.leave(worker.id, sparing=list(self._works))
        except EngineError as error:
            log.warning("leave-not-stored", reason=str(error))

    def _is_idle(self) -> bool:
        # A claim under way may be stored already: it counts until its tasks are among the works.
        return not self._works and not self._claiming

    def _patiently(self, verb: Callable[[], Worker | None]) -> Worker | None:
        """Do it as soon as the database answers; None when stopped before."""
        while not self._stopping.is_set():
            try:
                done = verb()
            except EngineError as error:
                log.warning("waiting-for-the-database", reason=str(error))
                self._stopping.wait(SWEEP_S)
            else:
                return done
        return None

    # -- loops --------------------------------------------------------------------------------

    def _keep(self, name: str, loop: Callable[[], None]) -> None:
        """Run a loop beside the others; once more where something unexpected ended it.

        Without it the daemon would seem to be well and yet claim, renew or kill nothing.
        """

        def run() -> None:
            while not self._over.is_set():
                try:
                    loop()
                except Exception:
                    log.exception("loop-broke-down", loop=name)
                    self._over.wait(SWEEP_S)
                else:
                    return

        threading.Thread(target=run, name=name, daemon=True).start()

    def _claim(self, bench: Bench, worker_id: int, queue: str, free: threading.Semaphore) -> None:
        """Keep the slots of one queue busy."""
        with self._engine.bus.subscribe(queue_topic(queue)) as bell:
            while not self._stopping.is_set():
                self._stopping.wait(self._breather_s)
                if not free.acquire(timeout=SWEEP_S):
                    continue
                wanted = 1
                most = 1 if self._breather_s else BATCH
                while wanted < most and free.acquire(blocking=False):
                    wanted += 1
                if not self._fill(bench, worker_id, queue, wanted, free):
                    bell.wait(SWEEP_S)

    def _fill(
        self, bench: Bench, worker_id: int, queue: str, slots: int, free: threading.Semaphore
    ) -> bool:
        """Claim and start tasks for so many slots, and give back those that stay empty."""
        with self._idle:
            self._claiming += 1
        found = False
        try:
            for task in self._claim_some(worker_id, queue, slots):
                found = True
                if self._start(bench, task, free):
                    slots -= 1
        finally:
            for _ in range(slots):
                free.release()
            with self._idle:
                self._claiming -= 1
                self._idle.notify_all()
        return found

    def _claim_some(self, worker_id: int, queue: str, limit: int) -> list[Claimed]:
        if self._stopping.is_set():
            return []
        try:
            return list(self._engine.claims.claim(worker_id, queue, limit=limit, start=True))
        except EngineError as error:
            log.warning("claim-failed", queue=queue, reason=str(error))
            return []

    def _start(self, bench: Bench, task: Claimed, free: threading.Semaphore) -> bool:
        """Start a task that was claimed; one that cannot be started is given back: False."""
        try:
            work = Work(bench, task, lambda: self._handing_back)
        except OSError as error:  # no descriptor
            self._refuse(task, error)
            return False
        try:
            self._works[task.lease] = work
            if self._handing_back:
                work.cancelled.set()

            def run() -> None:
                try:
                    work.run()
                finally:
                    self._breathe(short=work.unable)
                    with self._idle:
                        self._works.pop(task.lease, None)
                        self._idle.notify_all()
                    free.release()

            threading.Thread(target=run, name=f"task-{task.task_id}", daemon=True).start()
        except RuntimeError as error:  # no thread
            # Else its lease would be renewed for ever, and nobody works on it.
            self._works.pop(task.lease, None)
            work.cancelled.close()
            self._refuse(task, error)
            return False
        return True

    def _refuse(self, task: Claimed, why: Exception) -> None:
        """Give back what this machine cannot even start."""
        log.warning("short-of-resources", task_id=task.task_id, reason=str(why))
        self._breathe(short=True)
        try:
            self._engine.attempts.release(task.lease, delay_s=GIVEN_BACK_S)
        except EngineError as error:  # its lease runs out
            log.warning("end-not-stored", reason=str(error))

    def _breathe(self, *, short: bool) -> None:
        """Claim more slowly while this machine is short of something, and one task at a time."""
        self._breather_s = min(max(2 * self._breather_s, 0.5), BREATHER_S) if short else 0.0

    def _renew(self) -> None:
        """Keep the leases of what runs; kill what lost its own."""
        pause_s = self._settings.renew_s
        while not self._over.wait(pause_s):
            pause_s = self._settings.renew_s
            running = list(self._works)
            if not running:
                continue
            try:
                for lost in self._engine.attempts.renew(running):
                    self._kill(lost, "lease-lost")
            except EngineError as error:
                log.warning("renewal-failed", reason=str(error))
                pause_s = min(pause_s, SWEEP_S)

    def _watch(self, worker_id: int) -> None:
        """Learn of tasks that were cancelled; collect processes that lost their parents."""
        with self._engine.bus.subscribe(worker_topic(worker_id)) as bell:
            while not self._over.is_set():
                bell.wait(SWEEP_S)
                processes.reap_orphans()
                running = list(self._works)
                if not running:
                    continue
                try:
                    held = self._engine.attempts.held(worker_id)
                except EngineError:
                    continue
                for lease in running:
                    if held.get(lease) not in LEASED_TASK:
                        self._kill(lease, "task-cancelled")

    def _kill(self, lease: Lease, why: str) -> None:
        work = self._works.get(lease)
        if work is not None and not work.cancelled.is_set():
            log.info(why, task_id=lease.task_id)
            work.cancelled.set()

    def _show(self, worker_id: int, runtimes: list[Runtime]) -> None:
        """Show a sign of life, soon after the start already: how it is was not known then."""
        psutil.cpu_percent()
        pause_s = SWEEP_S
        while not self._stopping.wait(pause_s):
            pause_s = HEARTBEAT_S
            status, load = self._status(runtimes), psutil.cpu_percent()
            try:
                self._engine.workers.heartbeat(worker_id, status=status, cpu_percent=load)
            except WorkerNotActive:
                # Forgotten while this machine slept; end, and the supervisor starts a new one.
                log.exception("worker-was-forgotten", pid=os.getpid())
                self._stopping.set()
            except EngineError as error:
                log.warning("heartbeat-failed", reason=str(error))

    def _status(self, runtimes: list[Runtime]) -> str:
        """Say DOWN where a runtime that the operator asked for does not answer, else UP."""
        wanted = {policy.runtime for policy in self._policies.values()}
        ill = any(one.name in wanted and one.available() is not None for one in runtimes)
        return "DOWN" if ill else "UP"

    def _tidy(self, runtimes: list[Runtime]) -> None:
        """Remove what is kept no longer, while nothing runs."""
        while not self._stopping.wait(TIDY_S):
            if not self._works:
                for runtime in runtimes:
                    runtime.tidy()
