"""One container from creation to its exit code."""

import csv
import math
import os
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from docker.errors import APIError
from docker.types import DeviceRequest
from docker.types import Mount as EngineMount

from app.hooks.types import Command, Json, Step
from app.worker.runtimes.base import (
    PROGRESS_S,
    Deadline,
    Signal,
    StepFailed,
    Watch,
    percent,
    relative_parts,
)
from app.worker.runtimes.engine_api import Client, has_path, read_file, told, write_archive
from app.worker.runtimes.folders import read_plain
from app.worker.runtimes.output import Frames, Pump
from app.worker.runtimes.stage import Stage

#: How often the state of a container is asked for once its output has ended, at most.
_ASK_S = 1.0
_ASK_FIRST_S = 0.02
_NANO = 1_000_000_000
_KILLED = 128 + 9
Binding = tuple[str, int | None]
"""Address and port of the engine's machine; None lets the engine choose."""
_NOTHING: Mapping[int, Binding] = MappingProxyType({})
#: How often an upload is tried.
_UPLOADS = 3


class End(NamedTuple):
    """How a container ended. starved: the engine saw the kernel end one of its processes."""

    exit_code: int
    starved: bool = False

    def cause(self, memory_bytes: int | None) -> str:
        """Say that the memory limit was the cause, as far as can be told; nothing otherwise.

        Under cgroup v2 Podman notes it only where it is faster than the container's end, and
        under both it says nothing of the code, which is that of any kill.
        """
        if not memory_bytes or not self.exit_code:
            return ""
        limit = f"limits.memory is {memory_bytes / (1 << 20):g} MiB"
        if self.starved:
            return f"out of memory, {limit}"
        return f"killed, perhaps for want of memory: {limit}" if self.exit_code == _KILLED else ""


@dataclass(frozen=True, slots=True)
class Container:
    """A container that was created.

    script_dir: where its private volume is.
    """

    client: Client
    id: str
    script_dir: str
    local: bool

    def start(self) -> None:
        """Start it. Raises StepFailed."""
        with told("starting a container"):
            self.client.start(self.id)

    def stop(self, kill_after_s: float, pump: Pump, *, enough: Callable[[], bool]) -> None:
        """End it: a termination signal, then a kill. Silent: the container is removed anyway.

        Its output is read on meanwhile: Podman takes five seconds more to end what cannot write.
        enough: says when what is read is no longer handed on.
        """
        done = Signal()

        def stop() -> None:
            with suppress(StepFailed), told("stopping a container"):
                self.client.stop(self.id, timeout=math.ceil(kill_after_s))
            done.set()

        threading.Thread(target=stop, daemon=True).start()
        try:
            while not done.is_set():
                pump.muted = pump.muted or enough()
                if pump.open:
                    pump.wait(_ASK_S, done.fileno())
                else:
                    done.wait()
            pump.drain()
        finally:
            done.wait()
            done.close()

    def inspect(self) -> Json:
        """Give what the engine knows of it. Raises StepFailed."""
        with told("looking at a container"):
            state: Json = self.client.inspect_container(self.id)
        return state

    @contextmanager
    def attached(
        self, take: Callable[[bytes], None], sink: Callable[[bytes], None] | None = None
    ) -> Iterator[Pump]:
        """Hand both streams on from the very start; for a container not started yet.

        sink: takes the standard output, which is kept apart then.
        """
        with told("starting a container"):  # Podman prepares it now, and may fail at that
            socket = self.client.attach_socket(
                self.id, params={"stdout": 1, "stderr": 1, "stream": 1}
            )
        try:
            os.set_blocking(socket.fileno(), False)
            yield Pump({socket.fileno(): Frames(take, sink)}, _reader(socket))
        finally:
            # The whole answer, not the socket object alone: the SDK hangs it there, and leaves
            # the connection below to the garbage collector.
            getattr(socket, "_response", socket).close()

    def follow(
        self,
        pump: Pump,
        watch: Watch,
        deadline: Deadline,
        progress: Callable[[float], None] | None,
    ) -> End:
        """Wait for its end, hand on output and progress; give how it ended.

        Raises StepFailed when time is over, and Cancelled; it then still runs.
        """
        look = _Look(self, progress) if progress else None
        ask_s = 0.0
        while True:
            left_s = deadline.check(watch.cancelled)
            if look:
                left_s = min(left_s, look.next_s())
            if pump.open:
                pump.wait(left_s, watch.cancelled.fileno(), hold=watch.is_full())
                continue
            # The output has ended; usually because the container has, but it may have closed it.
            state = self.inspect()["State"]
            if state["Status"] not in ("created", "running", "paused", "restarting", "stopping"):
                if look:
                    look.read()
                return End(int(state["ExitCode"]), starved=bool(state.get("OOMKilled")))
            watch.cancelled.wait(min(left_s, ask_s))
            ask_s = min(max(ask_s * 1.5, _ASK_FIRST_S), _ASK_S)

    def read(self, name: str, limit_bytes: int) -> bytes:
        """Give at most `limit_bytes` + 1 of a file of its private volume; missing is empty.

        Raises StepFailed for what is not a plain file.
        """
        place = self._place_here() if self.local else None
        if place is None:
            return read_file(self.client, self.id, f"{self.script_dir}/{name}", limit_bytes)
        try:
            return read_plain(name, limit_bytes, dir_fd=place)
        finally:
            os.close(place)

    def _place_here(self) -> int | None:
        """Open the private volume's own directory; None when this process cannot see it."""
        for mount in self.inspect().get("Mounts") or []:
            if mount["Destination"] == self.script_dir and mount.get("Source"):
                with suppress(OSError):
                    return os.open(mount["Source"], os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        return None

    def address(self, state: Json, network: str) -> str | None:
        """Give its address in a network, from what `inspect` gave."""
        networks = state["NetworkSettings"].get("Networks") or {}
        return networks.get(network, {}).get("IPAddress") or None

    def published(self, state: Json, port: int) -> int | None:
        """Give the host's port where a port of it is published, from what `inspect` gave."""
        for one in (state["NetworkSettings"].get("Ports") or {}).get(f"{port}/tcp") or []:
            return int(one["HostPort"])
        return None


class _Look:
    """Reads the progress file every two seconds and tells what has changed."""

    def __init__(self, container: Container, tell: Callable[[float], None]) -> None:
        self._container = container
        self._tell = tell
        self._last: float | None = None
        self._next = time.monotonic() + PROGRESS_S

    def next_s(self) -> float:
        """Read if it is time to; give the seconds until the next look."""
        if time.monotonic() >= self._next:
            self.read()
            self._next = time.monotonic() + PROGRESS_S
        return self._next - time.monotonic()

    def read(self) -> None:
        """Read now."""
        try:
            value = percent(self._container.read("progress", 64))
        except (StepFailed, OSError):  # not a file any more: no progress, no harm
            return
        if value is not None and value != self._last:
            self._last = value
            self._tell(value)


@dataclass(slots=True)
class Maker:
    """Makes the containers of one command, with what they share."""

    stage: Stage
    command: Command
    privileged: bool
    local: bool
    mounts: list[EngineMount] = field(default_factory=list)
    networks: list[str] = field(default_factory=list)
    hosts: dict[str, str] = field(default_factory=dict)

    def make(
        self, step: Step, image: str, alias: str, publish: Mapping[int, Binding] = _NOTHING
    ) -> Container:
        """Create a container with script, files and networks, not yet started.

        publish: where its ports are reached, beside that of its probe.
        Raises StepFailed.
        """
        files = _Files(step, self.command)
        bindings = {**publish, **self._probe_binding(step)}
        client = self.stage.client
        with told("creating a container"):
            made = client.create_container(
                image,
                entrypoint=list(step.entrypoint) or (["sh", "-c"] if step.run else None),
                command=list(step.cmd) or ([files.script] if step.run else None),
                environment=self._environment(step),
                labels=dict(self.stage.labels),
                working_dir=files.folder,
                volumes=[self.command.script_dir],
                ports=list(bindings) or None,
                host_config=self._host_config(bindings),
                networking_config=self._first_network(alias),
            )
        self.stage.add("container", made["Id"])
        for network in self.networks[1:]:
            with told("joining a network"):
                client.connect_container_to_network(made["Id"], network, aliases=[alias])
        container = Container(client, made["Id"], self.command.script_dir, self.local)
        files.put(container, [mount["Target"] for mount in self.mounts])
        return container

    def _environment(self, step: Step) -> dict[str, str]:
        command = self.command
        return {
            **step.env,
            command.output_env: f"{command.script_dir}/stdout",
            command.progress_env: f"{command.script_dir}/progress",
        }

    def _probe_binding(self, step: Step) -> dict[int, Binding]:
        address = "127.0.0.1" if self.local else "0.0.0.0"  # noqa: S104  a remote engine's own
        return {step.probe.port: (address, None)} if step.probe else {}

    def _host_config(self, bindings: Mapping[int, Binding]) -> Any:
        limits = self.command.limits
        return self.stage.client.create_host_config(
            mounts=self.mounts,
            privileged=self.privileged,
            nano_cpus=round(limits.cpus * _NANO) if limits.cpus else None,
            mem_limit=limits.memory_bytes or None,
            device_requests=gpu_requests(self.command.gpus) or None,
            network_mode=self.networks[0] if self.networks else None,
            extra_hosts=self.hosts or None,
            port_bindings=dict(bindings) or None,
        )

    def _first_network(self, alias: str) -> Any:
        if not self.networks or self.networks[0] == "host":
            return None
        client = self.stage.client
        endpoint = client.create_endpoint_config(aliases=[alias])
        return client.create_networking_config({self.networks[0]: endpoint})


class _Files:
    """Script, result, progress and other files of a step, and where they go."""

    def __init__(self, step: Step, command: Command) -> None:
        self._step = step
        self._root = command.script_dir
        self.script = f"{command.script_dir}/entrypoint"
        self.folder = step.workdir or (f"{command.script_dir}/workdir" if step.files else None)

    def put(self, container: Container, targets: list[str]) -> None:
        """Write everything into a created container. Raises StepFailed."""
        script = (self._step.run or "").encode("utf-8", "surrogatepass")
        # Anybody may write result and progress: an image may have a user of its own.
        private: dict[str, tuple[int, bytes | None]] = {
            "entrypoint": (0o555, script),
            "stdout": (0o666, b""),
            "progress": (0o666, b""),
        }
        self._upload(container, self._root, private)
        if not self._step.files or self.folder is None:
            return
        # The engine unpacks into the container's root, below any volume mounted there; so it is
        # told to unpack into the mounted directory itself.
        folder = Path(self.folder)
        if not folder.is_absolute() or ".." in folder.parts:
            raise StepFailed(f"not a usable workdir: {self.folder}")
        bases = [base for base in (*targets, self._root) if folder.is_relative_to(base)]
        base = max(bases, key=len, default="/")
        entries: dict[str, tuple[int, bytes | None]] = {}
        parents = [Path(base, *folder.relative_to(base).parts[: n + 1]) for n in range(20)]
        for parent in dict.fromkeys(parents):
            # Only missing ones: unpacking would change the mode of one that is there.
            if parent != Path(base) and not has_path(container.client, container.id, str(parent)):
                entries[str(parent.relative_to(base))] = (0o755, None)
        for name, text in self._step.files.items():
            parts = relative_parts(name)
            for depth in range(1, len(parts)):
                path = folder.joinpath(*parts[:depth]).relative_to(base)
                entries.setdefault(str(path), (0o755, None))
            data = text.encode("utf-8", "surrogatepass")
            entries[str(folder.joinpath(*parts).relative_to(base))] = (0o444, data)
        self._upload(container, base, entries)

    def _upload(
        self, container: Container, base: str, entries: dict[str, tuple[int, bytes | None]]
    ) -> None:
        archive = write_archive(entries)
        with told("copying files into a container"):
            for more in range(_UPLOADS - 1, -1, -1):
                try:
                    container.client.put_archive(container.id, base, archive)
                except APIError as error:
                    # Podman's unpacker ends at the archive's end mark; where it was faster than
                    # the blank rest behind that is written, Podman takes it for a failure.
                    if not more or "broken pipe" not in str(error):
                        raise
                else:
                    return


def slug(name: str) -> str:
    """Give a name as it can stand in a network: lower case letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63] or "task"


def gpu_requests(gpus: str) -> list[DeviceRequest]:
    """Give the device request of an engine's `--gpus` option; none for an empty one.

    `all`, a number, or comma-separated `count=`, `device=`, `driver=`, `capabilities=`, a value
    with commas in double quotes. Raises StepFailed for anything else.
    """
    if not gpus.strip():
        return []
    count, devices, driver, capabilities = 0, list[str](), "", ["gpu"]
    for word in next(csv.reader([gpus])):
        key, equals, value = word.strip().partition("=")
        key, value = (key, value) if equals else ("count", key)
        if key == "count" and (value == "all" or value.isdigit()):
            count = -1 if value == "all" else int(value)
        elif key == "device" and value:
            devices = value.split(",")
        elif key == "driver" and value:
            driver = value
        elif key == "capabilities" and value:
            capabilities = ["gpu", *value.split(",")]
        else:
            raise StepFailed(f"not a usable value of gpus: {gpus}")
    if not count and not devices:
        count = -1
    request = DeviceRequest(
        count=count, device_ids=devices, driver=driver, capabilities=[capabilities]
    )
    return [request]


def _reader(socket: Any) -> Callable[[int, int], bytes]:
    """Give how to read from what was attached to: TLS holds bytes that no poll sees."""
    if not hasattr(socket, "pending"):
        return os.read

    def read(_fd: int, size: int) -> bytes:
        try:
            data: bytes = socket.recv(size)
            while socket.pending():
                data += socket.recv(socket.pending())
        except ssl.SSLWantReadError as error:
            raise BlockingIOError from error
        except ssl.SSLError:  # ended without a proper goodbye
            return b""
        return data

    return read
