"""What dead daemons of this machine left: ended first, and only then handed out again."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from app.domain.errors import EngineError
from app.domain.records import Lease
from app.engine import Engine
from app.worker import seat as seats
from app.worker.runtimes.base import Runtime
from app.worker.seat import Seat

log = structlog.get_logger(__name__)

LOOK_S = 2.0


def attempt_name(lease: Lease) -> str:
    """Name an attempt as runtimes know it."""
    return f"{lease.task_id}-{lease.number}"


def _lease(attempt: str) -> Lease | None:
    task_id, _, number = attempt.partition("-")
    return Lease(int(task_id), int(number)) if task_id.isdigit() and number.isdigit() else None


@dataclass(slots=True)
class _Heir:
    """A runtime, and the attempts of its predecessor that may still run."""

    runtime: Runtime
    attempts: frozenset[str]


class Legacy:
    """Takes over the seats of dead daemons, and goes on with what cannot be ended at once.

    A container engine that is silent may have containers that run on. Their tasks keep their
    leases until the containers are known to be gone, or the leases end; all others are free.
    """

    def __init__(
        self, engine: Engine, make_runtimes: Callable[[Seat], Sequence[Runtime]], work_dir: Path
    ) -> None:
        self._engine = engine
        self._make_runtimes = make_runtimes
        self._work_dir = work_dir
        self._heirs: list[_Heir] = []

    def take_over(self, seat: Seat, runtimes: Sequence[Runtime]) -> None:
        """End what predecessors left and hand their tasks out. Raises EngineError.

        seat, runtimes: ours. Before the first run; may be called again after an error.
        """
        self._heirs = [_Heir(runtime, frozenset()) for runtime in runtimes]
        freed = self._take_over(seat, runtimes)
        for other in seats.deserted(self._work_dir, seat):
            freed += self._take_over(other, self._make_runtimes(other))
        if freed:
            log.warning("predecessor-left-tasks", tasks=freed)

    def _take_over(self, seat: Seat, runtimes: Sequence[Runtime]) -> int:
        sparing = []
        for runtime in runtimes:
            left = runtime.clean_up()
            if left:
                self._heirs.append(_Heir(runtime, left))
                sparing += [lease for lease in map(_lease, left) if lease]
        if sparing:
            log.warning("predecessor-may-still-run", tasks=len(sparing))
        return self._engine.workers.succeed(seat.instance, sparing=sparing)

    def settle(self, over: threading.Event) -> None:
        """Go on removing what could not be removed, until `over`."""
        while not over.wait(LOOK_S):
            for heir in self._heirs:
                left = heir.runtime.settle()
                try:
                    self._hand_out(heir, heir.attempts - left)
                except EngineError as error:
                    log.warning("waiting-for-the-database", reason=str(error))

    def _hand_out(self, heir: "_Heir", gone: frozenset[str]) -> None:
        for attempt in gone:
            lease = _lease(attempt)
            if lease and self._engine.attempts.lose(lease):
                log.warning("predecessor-left-tasks", tasks=1)
            heir.attempts -= {attempt}
