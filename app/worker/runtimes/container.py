"""The container runtime: steps as containers of an engine that speaks the Docker API.

What Podman 4.3 does otherwise than Docker, and how that is met here:

- following the logs of a container (`logs?follow=1`) ends when the container does, megabytes
  before the end of a fast output; so a container is attached to before it is started;
- `wait` answers up to a second late; so the state is asked for when the output has ended;
- reading a file through the archive route takes 0.1 s and mounts the container's root anew; so
  the private volume of an engine on this machine is read where it lies;
- names of other containers are resolved only with a DNS plugin that may be missing; so sidecars
  are put into `/etc/hosts`;
- a pull that fails answers 200 and tells the error in its last line.
"""

import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from app.domain.clock import Clock, SystemClock
from app.hooks.types import Command, Step
from app.worker.runtimes.base import (
    Cancelled,
    Deadline,
    Outcome,
    StepFailed,
    Tail,
    Undisturbed,
    Watch,
    Workspace,
    deadline_of,
    duration,
    must_run,
    outcome_of,
    posts,
    result_text,
)
from app.worker.runtimes.containers import Container, End, Maker, gpu_requests, slug
from app.worker.runtimes.engine_api import NOT_AVAILABLE, Engine, EngineGone, told
from app.worker.runtimes.images import Images
from app.worker.runtimes.mounts import BindRules, check_mounts, make_mount
from app.worker.runtimes.probe import wait_until_healthy
from app.worker.runtimes.stage import (
    ATTEMPT_LABEL,
    SEAT_LABEL,
    TASK_LABEL,
    Debris,
    Stage,
    remove_labelled,
)

#: How long a look at the engine's health is believed, in seconds.
_BELIEVED_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerOptions:
    """Settings of the container runtime.

    base_url: address of the engine. seat: identity of this daemon, kept over its restarts; by it
    leftovers are told from containers of others. image_record: file where pulled images are noted.
    attempts: folder where attempts are noted that may have something at the engine. patience_s:
    how long an engine that went away is waited for, to be sure that a container is gone.
    config_path: the engine's own file with registry credentials. image_ttl_s: how long a pulled
    image is kept unused. verify_images: try each image that was pulled. listen: address of this
    machine at which ports of services are published.
    """

    base_url: str
    seat: str
    image_record: Path
    attempts: Path
    config_path: str | None = None
    image_ttl_s: float = 72 * 3600.0
    patience_s: float = 60.0
    verify_images: bool = False
    privileged: bool = False
    host_network: bool = False
    binds: BindRules = field(default_factory=BindRules)
    listen: str = "127.0.0.1"
    clock: Clock = field(default_factory=SystemClock)


class ContainerRuntime:
    """Runs steps as containers."""

    name = "container"

    def __init__(self, options: ContainerOptions) -> None:
        self._options = options
        self._engine = Engine(options.base_url, options.config_path)
        self._images = Images(
            self._engine,
            options.image_record,
            options.clock,
            verify=options.verify_images,
            labels={SEAT_LABEL: options.seat},
        )
        self._debris = Debris(options.attempts)
        self._inherited: frozenset[str] = frozenset()
        self._lock = threading.Lock()
        self._looked_at = -_BELIEVED_S
        self._answers = False

    def available(self) -> str | None:
        """Say `container runtime is not available` when the engine gives no answer."""
        with self._lock:
            if time.monotonic() - self._looked_at >= _BELIEVED_S:
                self._answers = self._engine.answers()
                self._looked_at = time.monotonic()
            return None if self._answers else NOT_AVAILABLE

    def clean_up(self) -> frozenset[str]:
        """Remove containers, volumes and networks of this seat.

        An engine that does not answer may have containers that run on: those of the attempts
        that the predecessor had noted.
        """
        self._inherited = self._debris.written()
        return self._settle_inherited(None)

    def settle(self) -> frozenset[str]:
        """Try again to remove what could not be; give inherited attempts that may still run."""
        if self._debris:
            with suppress(StepFailed):
                self._debris.sweep(self._engine.client())
        if self._inherited:
            self._settle_inherited(self._inherited)
        return self._inherited

    def _settle_inherited(self, among: frozenset[str] | None) -> frozenset[str]:
        with suppress(StepFailed):
            if self._engine.answers():
                left = remove_labelled(self._engine.client(), self._options.seat, among)
                for attempt in self._inherited - left:
                    self._debris.add(attempt, [])
                self._inherited = left
        return self._inherited

    def tidy(self) -> None:
        """Remove images that were not used for long."""
        self.prune_images(self._options.image_ttl_s)

    def prune_images(self, ttl_s: float) -> list[str]:
        """Remove images this daemon pulled and did not use for so long; give their names.

        Called while the daemon is idle.
        """
        try:
            return self._images.prune(ttl_s)
        except (EngineGone, OSError):
            return []

    def run(self, command: Command, workspace: Workspace, watch: Watch) -> Outcome:
        """Run pre steps, sidecars, the main step and post steps, up to the first that fails."""
        return self.serve(command, workspace, watch, {})

    def serve(
        self, command: Command, workspace: Workspace, watch: Watch, publish: Mapping[int, int]
    ) -> Outcome:
        """Run a command whose main container is reached from outside.

        publish: ports of this machine by those of the container; of an engine on this machine.
        """
        return outcome_of(
            lambda: self._run(command, workspace, watch, publish, deadline_of(command))
        )

    def _run(
        self,
        command: Command,
        workspace: Workspace,
        watch: Watch,
        publish: Mapping[int, int],
        deadline: Deadline,
    ) -> str:
        if not self._engine.answers():
            raise StepFailed(NOT_AVAILABLE)
        if publish and not self._engine.local:
            raise StepFailed("services need a container engine on this machine")
        attempt = workspace.attempt or workspace.name
        labels = {
            SEAT_LABEL: self._options.seat,
            TASK_LABEL: workspace.task,
            ATTEMPT_LABEL: attempt,
        }
        stage = Stage(self._engine.client(), labels, self._debris)
        try:
            self._debris.expect(attempt)
            run = _Run(
                self._options, self._engine, self._images, command, watch, deadline, stage, publish
            )
            return run.all(workspace)
        finally:
            stage.clear(self._options.patience_s)


@dataclass(frozen=True, slots=True)
class _Run:
    """One command being run."""

    options: ContainerOptions
    engine: Engine
    images: Images
    command: Command
    watch: Watch
    deadline: Deadline
    stage: Stage
    publish: Mapping[int, int]

    def all(self, workspace: Workspace) -> str:
        """Run everything in order; give the result of the main step."""
        command = self.command
        self._check()
        maker = Maker(
            self.stage, command, privileged=self.options.privileged, local=self.engine.local
        )
        for mount in command.mounts:
            made = make_mount(self.stage.client, mount, self.stage.labels)
            maker.mounts.append(made)
            if mount.type == "volume":
                self.stage.add("volume", made["Source"])
        maker.networks.extend(command.networks)
        if command.sidecars:
            maker.networks.append(self._private_network(workspace))
        left = posts(command)
        try:
            for number, step in enumerate(command.pre, 1):
                self.step(maker, step, f"pre-{number}")
            for number, step in enumerate(command.sidecars, 1):
                self._sidecar(maker, step, f"sidecar-{number}")
            result = self.step(maker, command.main, "main", main=True)
            while left:
                place, step = left.pop(0)
                self.step(maker, step, place)
        except EngineGone:
            raise
        except (Cancelled, StepFailed):
            self._clean_up(maker, must_run(left))
            raise
        return result

    def _clean_up(self, maker: Maker, steps: Sequence[tuple[str, Step]]) -> None:
        with closing(Undisturbed(self.watch)) as watch:
            run = replace(self, watch=watch, deadline=Deadline())
            for place, step in steps:
                with suppress(StepFailed):  # the task's own error is the one that is told
                    run.step(maker, step, place)

    def _check(self) -> None:
        command = self.command
        check_mounts(command.mounts, self.options.binds, command.script_dir)
        gpu_requests(command.gpus)
        if "host" in command.networks and not self.options.host_network:
            raise StepFailed("host networking is not allowed")
        if not command.main.image:
            raise StepFailed("an image is needed on container runtime")

    def _private_network(self, workspace: Workspace) -> str:
        name = f"jobyard-{workspace.name}-{secrets.token_hex(4)}"
        labels = dict(self.stage.labels)
        with told("creating a network"):
            self.stage.client.create_network(name, driver="bridge", labels=labels)
        return self.stage.add("network", name)

    def _image(self, step: Step, deadline: Deadline) -> str:
        image = step.image or self.command.main.image or ""
        registry = step.registry or self.command.main.registry
        cancelled = self.watch.cancelled
        self.images.ensure(image, registry, cancelled=cancelled, deadline=deadline)
        deadline.check(cancelled)
        return image

    def step(self, maker: Maker, step: Step, place: str, *, main: bool = False) -> str:
        """Run one container to its end; give its result if it is the main one."""
        name = step.name or place
        deadline = self.deadline.sooner(
            step.timeout_s, f"step {name} timed out after {duration(step.timeout_s or 0)}"
        )
        deadline.check(self.watch.cancelled)
        image = self._image(step, deadline)
        bindings = {
            inside: (self.options.listen, number) for inside, number in self.publish.items()
        }
        container = maker.make(step, image, slug(name), bindings if main else {})
        tail = Tail()
        end = self._follow(container, deadline, tail, main=main)
        if end.exit_code:
            raise tail.failure(end.exit_code, end.cause(self.command.limits.memory_bytes))
        limit = self.command.result_bytes
        result = result_text(container.read("stdout", limit), limit) if main else ""
        self.stage.drop("container", container.id)
        return result

    def _follow(self, container: Container, deadline: Deadline, tail: Tail, *, main: bool) -> End:
        def take(data: bytes) -> None:
            tail.add(data)
            self.watch.output(data)

        def take_lines(data: bytes) -> None:
            tail.add(data)
            self.watch.output(data, sink=True)

        sink = take_lines if main and self.command.sink else None
        with container.attached(take, sink) as pump:
            container.start()
            try:
                progress = self.watch.progress if main else None
                return container.follow(pump, self.watch, deadline, progress)
            except EngineGone:
                raise
            except BaseException as error:
                # Where the taker itself failed, it is given nothing more.
                pump.muted = not isinstance(error, Cancelled | StepFailed)
                container.stop(self.command.kill_after_s, pump, enough=self.watch.is_full)
                raise

    def _sidecar(self, maker: Maker, step: Step, place: str) -> None:
        name = slug(step.name or place)
        container = maker.make(step, self._image(step, self.deadline), name)
        container.start()
        state = container.inspect()
        address = container.address(state, maker.networks[-1])
        if address:
            maker.hosts[name] = address
        if step.probe:
            wait_until_healthy(
                container,
                step.probe,
                host=self.engine.host,
                cancelled=self.watch.cancelled,
                deadline=self.deadline,
            )
