"""Making the runtimes of a seat from the settings."""

import hashlib
import os
from pathlib import Path

from app.worker.runtimes.base import Runtime
from app.worker.runtimes.container import ContainerOptions, ContainerRuntime
from app.worker.runtimes.mounts import BindRules
from app.worker.runtimes.shell import ShellRuntime
from app.worker.seat import Seat
from config.settings import Settings


def make_runtimes(settings: Settings, seat: Seat) -> list[Runtime]:
    """Make every runtime this machine may have; whether one works it tells itself."""
    tork = settings.tork
    work_dir = seat.tasks
    if tork.temp_dir is not None:
        name = hashlib.sha256(seat.instance.encode()).hexdigest()[:16]
        work_dir = tork.temp_dir / f"jobyard-{name}"
    work_dir.mkdir(parents=True, exist_ok=True, mode=0o711)
    podman = tork.runtime == "podman"
    return [
        ShellRuntime(
            work_dir=work_dir, cmd=tork.shell_command, uid=tork.shell_uid, gid=tork.shell_gid
        ),
        ContainerRuntime(
            ContainerOptions(
                base_url=settings.worker.docker_host or engine_address(),
                seat=seat.instance,
                image_record=seat.folder / "images.json",
                config_path=None if tork.docker_config is None else str(tork.docker_config),
                privileged=tork.podman_privileged if podman else tork.docker_privileged,
                host_network=podman and tork.podman_host_network,
                binds=BindRules(allowed=tork.bind_allowed, sources=tork.bind_sources),
            )
        ),
    ]


def engine_address() -> str:
    """Name the first of the usual sockets of Docker and Podman that is there."""
    usual = [
        Path("/var/run/docker.sock"),
        Path(os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")) / "podman/podman.sock",
        Path("/run/podman/podman.sock"),
    ]
    found = next((path for path in usual if path.is_socket()), usual[0])
    return f"unix://{found}"
