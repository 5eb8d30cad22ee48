"""The services and programs of the tests: how each is found, started, asked and stopped."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import tarfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from service_process import Failed, child_setup, free_port, run, stop, talk, wait_for

TRIES = 3
# What Tork's examples ask for by name; no registry is ever reached, so it is busybox as well.
IMAGES = (
    "localhost/busybox:latest",
    "docker.io/library/busybox:latest",
    "docker.io/library/ubuntu:mantic",
)


class Service(ABC):
    """One service in one private folder; `start` and `stop` are called at most once."""

    name: ClassVar[str]
    variable: ClassVar[str]
    packages: ClassVar[dict[str, str]]  # program -> the Debian package it comes in

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"
        self.process: subprocess.Popen[bytes] | None = None

    @classmethod
    def program(cls, name: str) -> str | None:
        """Return where a program is, or None."""
        return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")

    @classmethod
    def missing_packages(cls) -> set[str]:
        """Return the packages whose programs are not there."""
        return {package for name, package in cls.packages.items() if cls.program(name) is None}

    def start(self) -> str:
        """Start it and wait for its first answer; returns its address, raises Failed."""
        if missing := self.missing_packages():
            raise Failed(f"not installed: {', '.join(sorted(missing))}")
        self.folder.mkdir(parents=True)
        try:
            self.prepare()
            for attempt in range(1, TRIES + 1):
                try:
                    return self.launch()
                except Failed:
                    # Another program may have taken the port between the look and the start.
                    stop(self.process, signal.SIGKILL)
                    if attempt == TRIES:
                        raise
        except OSError as error:
            raise Failed(str(error)) from error
        raise AssertionError

    def prepare(self) -> None:  # noqa: B027 - most need none
        """Do what comes before the first launch."""

    @abstractmethod
    def launch(self) -> str:
        """Start the process and wait for it; returns its address."""

    @abstractmethod
    def stop(self) -> None:
        """End it, and everything it started."""

    def sweep(self) -> None:  # noqa: B027 - most leave nothing
        """End what a killed starter left behind, beyond what died with it."""

    def spawn(
        self, command: list[str], *, death_signal: int = signal.SIGTERM, **options: object
    ) -> subprocess.Popen[bytes]:
        """Start `command` in its own session, bound to our life, its output in the log."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # type: ignore[call-overload]
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,  # Ctrl-C is for the command; the services follow it
                preexec_fn=child_setup(death_signal),  # noqa: PLW1509 - there are no threads
                **options,
            )
        return self.process


class Postgres(Service):
    """PostgreSQL on loopback, durable as in earnest, sized for many small databases."""

    name = "postgres"
    variable = "JOBYARD_TEST_POSTGRES"
    packages: ClassVar[dict[str, str]] = {"initdb": "postgresql", "postgres": "postgresql"}
    settings: ClassVar[dict[str, str]] = {
        "listen_addresses": "127.0.0.1",
        "max_connections": "300",
        "shared_buffers": "128MB",
        "max_wal_size": "1GB",
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "log_min_messages": "warning",
    }

    @classmethod
    def program(cls, name: str) -> str | None:
        """Prefer the newest of Debian's versions, whose programs are not on the path."""
        found = Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
        versions = sorted(found, key=lambda path: int(path.parts[-3]))
        return str(versions[-1]) if versions else super().program(name)

    def prepare(self) -> None:
        """Make the cluster; both programs refuse root, so root's data belong to `postgres`."""
        self.identity: dict[str, object] = {}
        if os.geteuid() == 0:
            self.identity = {"user": "postgres", "group": "postgres", "extra_groups": []}
            shutil.chown(self.folder, "postgres", "postgres")
        run(
            [
                str(self.program("initdb")),
                f"--pgdata={self.folder / 'data'}",
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ],
            cwd=self.folder,
            **self.identity,
        )

    def launch(self) -> str:
        """Start the server; SIGQUIT, should we die, ends it without waiting for clients."""
        port = free_port()
        options = [word for pair in self.settings.items() for word in ("-c", "=".join(pair))]
        process = self.spawn(
            [
                str(self.program("postgres")),
                "-D",
                str(self.folder / "data"),
                "-p",
                str(port),
                "-k",
                str(self.folder),
                *options,
            ],
            death_signal=signal.SIGQUIT,
            **self.identity,
        )
        # A request for TLS is answered by one letter, but also while it still recovers:
        # the whole start-up message is what tells readiness ("R": authentication request).
        body = b"\0\x03\0\0user\0postgres\0database\0postgres\0\0"
        hello = (len(body) + 4).to_bytes(4, "big") + body
        wait_for(lambda: talk(("127.0.0.1", port), hello, b"R\0\0\0"), process, self.log)
        return f"postgresql://postgres@127.0.0.1:{port}/postgres"

    def stop(self) -> None:
        """Shut down fast: sessions are cut, data are written."""
        stop(self.process, signal.SIGINT)


class Redis(Service):
    """Redis on loopback without persistence, with a numbered database for each test process."""

    name = "redis"
    variable = "JOBYARD_TEST_REDIS"
    packages: ClassVar[dict[str, str]] = {"redis-server": "redis-server"}

    def launch(self) -> str:
        """Start the server and ping it."""
        port = free_port()
        settings = {
            "port": str(port),
            "bind": "127.0.0.1",
            "save": "",
            "appendonly": "no",
            "databases": "128",
            "dir": str(self.folder),
        }
        options = [word for name, value in settings.items() for word in (f"--{name}", value)]
        process = self.spawn([str(self.program("redis-server")), *options])
        wait_for(lambda: talk(("127.0.0.1", port), b"PING\r\n", b"+PONG"), process, self.log)
        return f"redis://127.0.0.1:{port}"

    def stop(self) -> None:
        """End it; there is nothing to keep."""
        stop(self.process, signal.SIGTERM)


class Podman(Service):
    """Podman's Docker API on a private socket and store, with one small image of our own."""

    name = "podman"
    variable = "JOBYARD_TEST_DOCKER"
    packages: ClassVar[dict[str, str]] = {
        "podman": "podman",
        "runc": "runc",
        "busybox": "busybox-static",
    }

    def prepare(self) -> None:
        """Write the configuration and import the image, then run it once."""
        (self.folder / "registries.conf").write_text(
            "unqualified-search-registries = []\n"
            '[[registry]]\nprefix = "docker.io"\nlocation = "docker.io"\nblocked = true\n'
        )
        (self.folder / "containers.conf").write_text(
            "[containers]\n"
            # Otherwise, in a restricted VM: setrlimit RLIMIT_NOFILE: Operation not permitted.
            'default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n'
            'log_driver = "k8s-file"\n'
            "[engine]\n"
            'runtime = "runc"\n'  # crun refuses hybrid cgroups
            'cgroup_manager = "cgroupfs"\n'
            'events_logger = "file"\n'
            'lock_type = "file"\n'  # shared memory would be one for the whole machine
            f'tmp_dir = "{self.folder / "tmp"}"\n'
            "[network]\n"
            f'network_config_dir = "{self.folder / "networks"}"\n'
        )
        (self.folder / "networks").mkdir()
        self.podman("import", "--change", "CMD [/bin/sh]", "-", IMAGES[0], given=image())
        for name in IMAGES[1:]:
            self.podman("tag", IMAGES[0], name)
        self.podman("run", "--rm", IMAGES[0], "true")

    def launch(self) -> str:
        """Serve the API and ask it for a sign of life."""
        socket = self.folder / "podman.sock"
        socket.unlink(missing_ok=True)
        command = self.command("system", "service", "--time=0", f"unix://{socket}")
        process = self.spawn(command, env=self.environment())
        question = b"GET /_ping HTTP/1.0\r\n\r\n"
        wait_for(lambda: talk(str(socket), question, b"200 OK"), process, self.log)
        return f"unix://{socket}"

    def stop(self) -> None:
        """Remove the containers first: they are nobody's children and would stay."""
        self.sweep()
        stop(self.process, signal.SIGTERM)

    def sweep(self) -> None:
        """Remove every container of this store, running ones too, then the tests' networks."""
        if (self.folder / "root").exists():
            try:
                self.podman("rm", "--all", "--force", "--time=0")
                self.podman("network", "prune", "--force")
            except Failed as error:
                print(f"services: containers or networks were left behind: {error}")

    def podman(self, *arguments: str, given: bytes = b"") -> bytes:
        """Run one podman command on the private store."""
        return run(self.command(*arguments), env=self.environment(), input=given)

    def command(self, *arguments: str) -> list[str]:
        """Return the command line that speaks of the private store alone."""
        store = [f"--root={self.folder / 'root'}", f"--runroot={self.folder / 'run'}"]
        return [str(self.program("podman")), *store, *arguments]

    def environment(self) -> dict[str, str]:
        """Return the environment in which podman reads our configuration, not the machine's."""
        return {
            **os.environ,
            "CONTAINERS_CONF": str(self.folder / "containers.conf"),
            "CONTAINERS_REGISTRIES_CONF": str(self.folder / "registries.conf"),
        }


def image() -> bytes:
    """Return a tar archive of a root folder in which busybox is every command."""
    busybox = shutil.which("busybox", path=f"{os.environ.get('PATH', '')}:/bin:/usr/bin")
    if busybox is None:
        raise Failed("not installed: busybox-static")
    applets = run([busybox, "--list"]).decode().split()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(Path(busybox).resolve(), arcname="bin/busybox")
        for name in applets:
            if name != "busybox":
                add(archive, f"bin/{name}", link="busybox")
        add(archive, "usr/bin/env", link="/bin/busybox")
        add(archive, "etc/passwd", text=b"root:x:0:0:root:/root:/bin/sh\n")
        add(archive, "etc/group", text=b"root:x:0:\n")
        for folder, mode in (("root", 0o700), ("tmp", 0o1777)):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            archive.addfile(entry)
    return packed.getvalue()


def add(archive: tarfile.TarFile, name: str, *, link: str = "", text: bytes = b"") -> None:
    """Add one small file, or a symbolic link."""
    entry = tarfile.TarInfo(name)
    if link:
        entry.type, entry.linkname = tarfile.SYMTYPE, link
    entry.size = len(text)
    archive.addfile(entry, io.BytesIO(text))


class Program(Service):
    """A program that the tests call by themselves: there is nothing to start but its version."""

    #: The words that make it say its version and end.
    question: ClassVar[str]

    def launch(self) -> str:
        """Call it once; returns its path."""
        path = str(self.program(self.name))
        run([path, self.question], cwd=self.folder)
        return path

    def stop(self) -> None:
        """Nothing of it runs."""


class Blender(Program):
    """Blender, which renders without a display and on the processor alone."""

    name = "blender"
    variable = "JOBYARD_TEST_BLENDER"
    packages: ClassVar[dict[str, str]] = {"blender": "blender"}
    question = "--version"


class Ffmpeg(Program):
    """ffmpeg, and ffprobe beside it in the same folder."""

    name = "ffmpeg"
    variable = "JOBYARD_TEST_FFMPEG"
    packages: ClassVar[dict[str, str]] = {"ffmpeg": "ffmpeg", "ffprobe": "ffmpeg"}
    question = "-version"


class Chromium(Program):
    """Chromium, which a test drives without a display."""

    name = "chromium"
    variable = "JOBYARD_TEST_CHROMIUM"
    packages: ClassVar[dict[str, str]] = {"chromium": "chromium"}
    question = "--version"


KINDS: tuple[type[Service], ...] = (Postgres, Redis, Podman, Blender, Ffmpeg, Chromium)
