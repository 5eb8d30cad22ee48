"""The process: APScheduler calls the duties in one thread, and only while this one leads."""

import functools
import socket
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC

import psutil
import structlog
from apscheduler.events import EVENT_SCHEDULER_START
from apscheduler.executors.debug import DebugExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.blocking import BlockingScheduler

from app.domain.clock import Instant, seconds, to_datetime
from app.domain.errors import EngineError, WorkerNotActive
from app.engine.transaction import SLOTS_TOPIC, SUBJOBS_TOPIC
from app.ticker.duties import Duty, duties
from app.ticker.leader import Leader
from app.ticker.pauses import Pauses
from app.ticker.sender import Sender
from app.wiring import VERSION, Services

log = structlog.get_logger(__name__)

HEARTBEAT_S = 30.0
SWEEP_S = 1.0
SET_BACK_S = 1.0
"""A wall clock that lost so much since the last look was set back, not slewed."""
RUNG = {SLOTS_TOPIC: "waiting", SUBJOBS_TOPIC: "subjobs"}
"""Topics for which a duty is done at once."""


class Ticker:
    """Runs duties until stopped, and shows itself among the workers as a coordinator."""

    def __init__(
        self, services: Services, sender: Sender | None = None, more: Sequence[Duty] = ()
    ) -> None:
        """Make it of its parts; more: duties beside those of the engine."""
        settings = services.settings.ticker
        self._services = services
        self._engine = services.engine
        self._leader = Leader(services.engine.leadership, lease_s=settings.lease_s)
        self._renew_s = settings.renew_s
        self._patience_s = 1.5 * services.settings.worker.renew_s
        self._pauses = Pauses(services.engine.clock.now(), patience_s=self._patience_s)
        self._led = False
        self._sender = sender
        self._duties = [*duties(services.engine, services.plugins), *more]
        self._worker_id: int | None = None
        self._stopping = threading.Event()
        # One thread: duties never overlap, and a late one is run once, not made up for.
        self._scheduler = BlockingScheduler(
            timezone=UTC,
            executors={"default": DebugExecutor()},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def run(self) -> None:
        """Work until `stop`."""
        self._every("lead", self._renew_s, self._lead)
        self._every("show", HEARTBEAT_S, self._show)
        for duty in self._duties:
            self._every(duty.name, duty.every_s, functools.partial(self._do, duty))
        for rung in RUNG.items():
            threading.Thread(target=self._listen, args=rung, name=rung[1], daemon=True).start()
        self._scheduler.add_listener(self._mind, EVENT_SCHEDULER_START)
        sending: threading.Thread | None = None
        if self._sender is not None:
            whether = (lambda: self._leader.leads, self._stopping)
            sending = threading.Thread(target=self._sender.run, args=whether, name="sender")
            sending.start()
        try:
            self._scheduler.start()
        finally:
            self._stopping.set()
            if sending is not None:
                sending.join()
            self._leave()

    def stop(self) -> None:
        """End `run` after the duty at hand; fit for a signal handler, at any moment."""
        self._stopping.set()

    def _mind(self, event: object) -> None:
        """Watch over a scheduler that has just started, from beside it.

        Ended in a signal handler it would lose its jobs while it goes through them, or wait for a
        lock that the interrupted code holds; from another thread it ends between two rounds.
        """
        del event
        threading.Thread(target=self._watch, name="mind", daemon=True).start()

    def _watch(self) -> None:
        """End the scheduler when that is wanted; wake it when the wall clock was set back.

        It keeps its times by the wall clock, and would else be silent until that has caught up.
        """
        behind = self._behind()
        while not self._stopping.wait(SWEEP_S):
            before, behind = behind, self._behind()
            if behind - before > seconds(SET_BACK_S):
                log.warning("clock-set-back", by_s=(behind - before) / 1_000_000)
                for job in self._scheduler.get_jobs():
                    self._at_once(job.id)
        self._scheduler.shutdown(wait=False)

    def _behind(self) -> Instant:
        """Tell how far the wall clock is behind the one that nobody sets."""
        return seconds(time.monotonic()) - self._engine.clock.now()

    def _at_once(self, name: str) -> bool:
        """Let a duty be done now; False when there is none of that name any more."""
        try:
            now = to_datetime(self._engine.clock.now())
            self._scheduler.modify_job(name, next_run_time=now)
        except JobLookupError:
            return False
        return True

    def _every(self, name: str, every_s: float, call: Callable[[], None]) -> None:
        now = to_datetime(self._engine.clock.now())
        self._scheduler.add_job(call, "interval", seconds=every_s, id=name, next_run_time=now)

    def _do(self, duty: Duty) -> None:
        # Those that follow look, too: they may lead in the next round.
        now = self._engine.clock.now()
        waits = duty.name == "rescue" and self._leaves_time(now)
        if not self._leader.leads or waits:
            return
        try:
            done = duty.run_once(now)
        except EngineError as error:
            log.warning("duty-failed", duty=duty.name, reason=str(error))
        except Exception:
            log.exception("duty-broke-down", duty=duty.name)
        else:
            if done:
                log.debug("duty-done", duty=duty.name, count=done)

    def _leaves_time(self, now: Instant) -> bool:
        """Whether holders may still come to renew what ran out while nobody could renew.

        They are alive and at work; else each long silence of the database, and each pause of the
        host, would end and repeat all that runs.
        """
        paused = self._pauses.look(now)
        return paused or time.monotonic() - self._leader.back_at < self._patience_s

    def _lead(self) -> None:
        leads = self._leader.renew()
        if leads is not self._led:
            log.info("ticker-leads" if leads else "ticker-follows", holder=self._leader.holder)
            self._led = leads
        if self._worker_id is None:
            self._show()

    def _show(self) -> None:
        """Show a sign of life among the workers."""
        try:
            if self._worker_id is None:
                self._worker_id = self._engine.workers.register(
                    dialect="",
                    kind="coordinator",
                    name=self._services.settings.worker.name or socket.gethostname(),
                    hostname=socket.gethostname(),
                    version=VERSION,
                ).id
            self._engine.workers.heartbeat(self._worker_id, cpu_percent=psutil.cpu_percent())
        except WorkerNotActive:
            self._worker_id = None
        except EngineError as error:
            log.warning("heartbeat-failed", reason=str(error))

    def _listen(self, topic: str, duty: str) -> None:
        """Do a duty at once when it is rung for, rather than at the next tick."""
        with self._engine.bus.subscribe(topic) as bell:
            while not self._stopping.is_set() and not bell.closed:
                if bell.wait(SWEEP_S) and not self._at_once(duty):
                    return

    def _leave(self) -> None:
        self._leader.give_up()
        if self._worker_id is not None:
            try:
                self._engine.workers.leave(self._worker_id)
            except EngineError as error:
                log.warning("leave-not-stored", reason=str(error))
