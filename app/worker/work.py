"""One hand-out from claim to report."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import structlog

from app.domain.errors import EngineError, LeaseLost, NotFound, PluginFailed, Unavailable
from app.domain.masking import Masker
from app.domain.records import Claimed
from app.domain.sealed import SealedJson
from app.domain.states import TaskState
from app.engine import Engine
from app.hooks.manager import PluginManager
from app.hooks.types import Command, TaskView, WorkerView
from app.worker.legacy import attempt_name
from app.worker.policy import Policy
from app.worker.runtimes.base import Outcome, Runtime, Signal, StepFailed, Workspace, is_shortage
from app.worker.shipping import Shipment, Shipper
from app.worker.veil import Veil

log = structlog.get_logger(__name__)
T = TypeVar("T")

GIVEN_BACK_S = 1.0
"""How long a task waits that this machine could not run; another may take it then."""
NO_ROOM_S = 5.0
"""How long one waits that has no place here until another of its kind ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What every hand-out of a daemon works with."""

    engine: Engine
    plugins: PluginManager
    runtimes: Mapping[str, Runtime]
    shipper: Shipper
    worker: WorkerView
    policies: Mapping[str, Policy]


class Work:
    """Runs one claimed task and reports on it; also its `Watch`, as runtimes know it.

    cancelled: raised by the daemon when the lease is gone or the task is cancelled; its processes
    are then killed and the end is not reported as a result. unable: this machine could not run it.
    serves: it is a service, which never ends by itself.
    """

    def __init__(self, bench: Bench, claimed: Claimed) -> None:
        self.claimed = claimed
        self.cancelled = Signal()
        self.serves = False
        self._bench = bench
        self._leaving = False
        self._shipment: Shipment | None = None
        self._masker: Masker | None = None
        self._veils: dict[bool, Veil] = {}
        self._lock = threading.Lock()
        self.unable = False

    # -- Watch --------------------------------------------------------------------------------

    def output(self, data: bytes, *, sink: bool = False) -> None:
        """Take output of the task."""
        if self._masker is not None:
            # One for each stream: a secret may lie across pieces, with the other's in between.
            veil = self._veils.setdefault(sink, Veil(self._masker))
            data = veil.feed(data)
        if data:
            self._ship(data, sink=sink)

    def _ship(self, data: bytes, *, sink: bool) -> None:
        with self._lock:
            if self._shipment is None:
                self._shipment = self._persist(lambda: self._bench.shipper.open(self.claimed))
        if self._shipment is not None:
            self._shipment.add(data, sink=sink)

    def is_full(self) -> bool:
        """Say whether the task has to wait with its output, because the database is behind."""
        return self._shipment is not None and self._shipment.is_full()

    def progress(self, percent: float) -> None:
        """Report progress; one that cannot be stored now is not worth a retry."""
        try:
            self._bench.engine.attempts.progress(self.claimed.lease, percent)
        except EngineError as error:
            log.debug("progress-not-stored", task_id=self.claimed.task_id, reason=str(error))

    def ready(self, addresses: Mapping[str, str]) -> None:
        """Report where the service is reached."""
        if addresses:
            log.info("service-ready", addresses=dict(addresses))
        lease = self.claimed.lease
        self._persist(lambda: self._bench.engine.services.ready(lease, addresses))

    def hand_back(self) -> None:
        """End it and give the task back, because the daemon leaves."""
        self._leaving = True
        self.cancelled.set()

    # -- from claim to report -----------------------------------------------------------------

    def run(self) -> None:
        """Do all of it; never raises for what is wrong with the task."""
        with structlog.contextvars.bound_contextvars(
            task_id=self.claimed.task_id, job_id=self.claimed.job_id
        ):
            try:
                outcome = self._outcome()
                if outcome.unable:
                    log.warning("short-of-resources", reason=outcome.error)
                elif outcome.full:
                    log.info("no-room", reason=outcome.error)
                self._ship_rest()
                self._persist(lambda: self._report(outcome))
            except Exception:
                log.exception("work-broke-down")
                self._give_up()
            else:
                self.unable = outcome.unable
            finally:
                self.cancelled.close()

    def _outcome(self) -> Outcome:
        try:
            command = self._patiently(self._command)
        except EngineError as error:
            return Outcome(error=str(error))
        policy = self._bench.policies.get(self._dialect)
        if policy is not None:
            refusal = policy.refusal(command)
            if refusal is not None:
                return Outcome(error=refusal)
            command = policy.applied(command)
        self.serves = command.service is not None
        runtime = self._bench.runtimes.get(command.runtime)
        if runtime is None:
            return Outcome(error=f"runtime {command.runtime} is not known to this worker")
        try:
            missing = runtime.available()
        except StepFailed as failed:
            return Outcome(error=str(failed), unable=is_shortage(failed))
        if missing is not None:
            return Outcome(error=missing)
        space = Workspace(
            task=self.claimed.public_id or str(self.claimed.task_id),
            number=self.claimed.number,
            attempt=attempt_name(self.claimed.lease),
        )
        return runtime.run(command, space, self)

    def _command(self) -> Command:
        claimed, plugins = self.claimed, self._bench.plugins
        if claimed.job_id is None:
            raise PluginFailed("the task belongs to no job")
        engine = self._bench.engine
        if isinstance(claimed.payload, SealedJson):
            raise PluginFailed("the task is encrypted by a key that this worker has not")
        job = engine.jobs.get(claimed.job_id)
        self._masker = self._masked(plugins.secrets(job.type, job.spec, job.state_data))
        view = TaskView(
            id=claimed.task_id,
            name=claimed.name,
            payload=claimed.payload,
            state=TaskState.LEASED,
            position=claimed.position,
            number=claimed.number,
            key=claimed.public_id,
            services={} if job.unready is None else engine.services.of_job(job.id),
            spec=job.spec,
        )
        return plugins.bind(plugins.interface(job.type), view, self._bench.worker)

    def _masked(self, secrets: Sequence[str]) -> Masker | None:
        """Give what takes secrets out of the output; None where nothing is to be taken out."""
        policy = self._bench.policies.get(self._dialect)
        masker = Masker(secrets)
        return masker if masker and (policy is None or policy.masks) else None

    @property
    def _dialect(self) -> str:
        return self.claimed.queue.partition("/")[0]

    def _ship_rest(self) -> None:
        for sink, veil in self._veils.items():
            rest = veil.rest()
            if rest:
                self._ship(rest, sink=sink)
        shipment = self._shipment
        if shipment is None:
            return
        self._persist(lambda: self._bench.shipper.close(shipment))
        self._bench.shipper.drop(shipment)
        job_id = self.claimed.job_id
        if self.cancelled.is_set() and job_id is not None:
            self._persist(lambda: self._bench.engine.jobs.forget_deleted(job_id))

    def _report(self, outcome: Outcome) -> None:
        attempts, lease = self._bench.engine.attempts, self.claimed.lease
        if outcome.cancelled or self.cancelled.is_set():
            if self._leaving:
                attempts.release(lease)
            else:
                attempts.gone(lease)
        elif outcome.unable:
            attempts.release(lease, delay_s=GIVEN_BACK_S)
        elif outcome.full:
            attempts.release(lease, delay_s=NO_ROOM_S)
        elif outcome.error is None:
            attempts.complete(lease, result=outcome.result or None)
        else:
            attempts.fail(lease, outcome.error)

    def _give_up(self) -> None:
        """Fail the task for what is wrong here; where not even that works, its lease runs out."""
        try:
            self._persist(lambda: self._report(Outcome(error="internal error of the worker")))
        except Exception:
            log.exception("end-not-stored")

    def _persist(self, verb: Callable[[], T]) -> T | None:
        """Try until the database has taken it; None when the lease is gone. Raises a refusal."""
        try:
            return self._patiently(verb)
        except LeaseLost:
            with suppress(NotFound):
                self._patiently(lambda: self._bench.engine.attempts.gone(self.claimed.lease))
        except NotFound:
            pass
        return None

    def _patiently(self, verb: Callable[[], T]) -> T:
        """Try until the database answers. Raises what will not be otherwise the next time."""
        pause = 0.05
        while True:
            try:
                return verb()
            except Unavailable as error:
                log.warning("database-does-not-take-it", reason=str(error))
                time.sleep(pause)
                pause = min(pause * 2, 1.0)
