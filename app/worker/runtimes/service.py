"""The service runtime: a process or a container that is kept alive and reached by ports.

What runs is left to the two other runtimes. Beside it somebody asks the ports until all of them
answer, reports the addresses then, and ends what does not answer in time.
"""

import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol, Self

from app.domain.services import ServiceEnd
from app.hooks.types import Command, Port, Service
from app.worker.runtimes.base import (
    Outcome,
    Runtime,
    Signal,
    StepFailed,
    Tail,
    Watch,
    Workspace,
    duration,
    is_shortage,
)
from app.worker.runtimes.health import answers, wait_for
from app.worker.runtimes.ports import Ports

_EVERYWHERE = frozenset({"0.0.0.0", "::", ""})  # noqa: S104  compared, not bound
NO_ROOM = "no free port"


class ContainerEngine(Protocol):
    """The container runtime, as far as a service needs it."""

    def available(self) -> str | None:
        """Say why it cannot be used now."""

    def serve(
        self, command: Command, workspace: Workspace, watch: Watch, publish: Mapping[int, int]
    ) -> Outcome:
        """Run a command; publish: ports of this machine by those of the main container."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRuntime:
    """Keeps services alive.

    listen: address that they listen on. host: name or address under which others reach it.
    """

    shell: Runtime
    container: ContainerEngine
    ports: Ports
    listen: str = "127.0.0.1"
    host: str = "127.0.0.1"
    name: str = "service"

    def available(self) -> str | None:
        """Say nothing: what is needed depends on the command."""
        return None

    def clean_up(self) -> frozenset[str]:
        """Do nothing: what a predecessor left, the other runtimes end; its ports are free."""
        return frozenset()

    def settle(self) -> frozenset[str]:
        """Do nothing, for the same reason."""
        return frozenset()

    def tidy(self) -> None:
        """Keep nothing between tasks."""

    def run(self, command: Command, workspace: Workspace, watch: Watch) -> Outcome:
        """Run a service until it is cancelled, ends, or does not answer in time."""
        service = command.service or Service()
        in_container = command.main.image is not None
        refusal = self._refusal(service, in_container=in_container)
        if refusal is not None:
            return refusal
        try:
            taken = self.ports.take(len(service.ports))
        except OSError as error:
            return Outcome(error=f"cannot take ports: {error.strerror}", unable=is_shortage(error))
        if taken is None:
            return Outcome(error=NO_ROOM, full=True)
        try:
            numbers = dict(zip(service.ports, taken.numbers, strict=True))
            told = self._told(command, numbers, in_container=in_container)
            with _Guard(service, numbers, self.listen, self.host, watch) as guard:
                if in_container:
                    publish = {port.inside or 0: number for port, number in numbers.items()}
                    outcome = self.container.serve(told, workspace, guard, publish)
                else:
                    outcome = self.shell.run(told, workspace, guard)
            return guard.verdict(outcome)
        finally:
            taken.give_back()

    def _refusal(self, service: Service, *, in_container: bool) -> Outcome | None:
        try:
            missing = self.container.available() if in_container else self.shell.available()
        except StepFailed as failed:
            return Outcome(error=str(failed), unable=is_shortage(failed))
        if missing is None and in_container:
            for port in service.ports:
                if port.inside is None:
                    missing = f"port {port.name} names no port of the container"
        return Outcome(error=ServiceEnd.START_FAILED.text(missing)) if missing else None

    def _told(
        self, command: Command, numbers: Mapping[Port, int], *, in_container: bool
    ) -> Command:
        """Give the command with what its main step is told of its ports."""
        env = {"JOBYARD_LISTEN": "0.0.0.0" if in_container else self.listen}  # noqa: S104  inside
        for port, number in numbers.items():
            name = re.sub(r"[^A-Z0-9]", "_", port.name.upper())
            env[f"JOBYARD_PORT_{name}"] = str(port.inside if in_container else number)
        return replace(command, main=replace(command.main, env={**command.main.env, **env}))


class _Guard:
    """The watch of the runtime below, and whoever asks the ports meanwhile.

    cancelled: raised for what is cancelled from outside and for what does not answer in time.
    """

    def __init__(
        self, service: Service, numbers: Mapping[Port, int], listen: str, host: str, watch: Watch
    ) -> None:
        self._service = service
        self._numbers = numbers
        self._reached = "127.0.0.1" if listen in _EVERYWHERE else listen
        self._host = f"[{host}]" if ":" in host else host
        self._watch = watch
        self._tail = Tail()
        self._over = Signal()
        self._ready = False
        self._silent: str | None = None
        self._broken: BaseException | None = None
        self.cancelled = Signal()
        self._thread = threading.Thread(target=self._guard, daemon=True)

    def __enter__(self) -> Self:
        try:
            self._thread.start()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()
        self._close()

    def _close(self) -> None:
        self._over.close()
        self.cancelled.close()

    # -- Watch --------------------------------------------------------------------------------

    def output(self, data: bytes, *, sink: bool = False) -> None:
        """Hand output on, and remember its end."""
        self._tail.add(data)
        self._watch.output(data, sink=sink)

    def is_full(self) -> bool:
        """Ask whoever takes the output."""
        return self._watch.is_full()

    def progress(self, percent: float) -> None:
        """Hand progress on."""
        self._watch.progress(percent)

    def ready(self, addresses: Mapping[str, str]) -> None:
        """Hand addresses on."""
        self._watch.ready(addresses)

    # -- beside what runs ---------------------------------------------------------------------

    def _guard(self) -> None:
        try:
            if self._all_answer():
                self._ready = True
                self.ready(
                    {port.name: f"{self._host}:{number}" for port, number in self._numbers.items()}
                )
                # Its end is learned of from below, so only a cancellation is waited for.
                while not wait_for(3600.0, self._watch.cancelled, self._over):
                    pass
        except BaseException as error:  # noqa: BLE001  handed to the waiting caller
            self._broken = error
        if not self._over.is_set():
            self.cancelled.set()

    def _all_answer(self) -> bool:
        """Ask until all ports answer; False when it is over, cancelled or too late before."""
        service = self._service
        deadline = time.monotonic() + service.start_s
        for port, number in self._numbers.items():
            while not answers(port, self._reached, number, max(service.probe_s, 1.0)):
                if time.monotonic() >= deadline:
                    after = duration(service.start_s)
                    # What it printed until now; when it is ended, that adds nothing.
                    self._silent = self._tail.told(
                        f"port {port.name} did not answer within {after}"
                    )
                    return False
                if wait_for(service.probe_s, self._watch.cancelled, self._over):
                    return False
        return not wait_for(0, self._watch.cancelled, self._over)

    def verdict(self, outcome: Outcome) -> Outcome:
        """Say how the service ended, from how what ran below did."""
        if self._broken is not None:
            raise self._broken
        if self._watch.cancelled.is_set():
            return replace(outcome, cancelled=True)
        if outcome.unable:
            return outcome
        if self._silent is not None:
            return Outcome(error=ServiceEnd.START_FAILED.text(self._silent))
        end = ServiceEnd.EXITED if self._ready else ServiceEnd.START_FAILED
        text = outcome.error or self._tail.told("exit code 0")
        return Outcome(error=end.text(text), exit_code=outcome.exit_code)
