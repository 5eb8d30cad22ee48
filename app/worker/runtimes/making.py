"""Making the runtimes of a seat, and the rules of this machine, from the settings."""

import hashlib
import os
from pathlib import Path

from app.domain.durations import parse_duration
from app.hooks.types import Limits
from app.worker.policy import Policy, host_environment
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
            work_dir=work_dir,
            cmd=tork.shell_command,
            path=os.environ.get("PATH") or os.defpath,
            home=os.environ.get("HOME") or "/",
            uid=tork.shell_uid,
            gid=tork.shell_gid,
        ),
        ContainerRuntime(
            ContainerOptions(
                base_url=settings.worker.docker_host or engine_address(),
                seat=seat.instance,
                image_record=seat.folder / "images.json",
                attempts=seat.folder / "containers",
                config_path=None if tork.docker_config is None else str(tork.docker_config),
                image_ttl_s=tork.image_ttl_s,
                verify_images=tork.image_verify,
                privileged=tork.podman_privileged if podman else tork.docker_privileged,
                host_network=podman and tork.podman_host_network,
                binds=BindRules(allowed=tork.bind_allowed, sources=tork.bind_sources),
            )
        ),
    ]


def make_policies(settings: Settings) -> dict[str, Policy]:
    """Read the operator's rules for each dialect that has some."""
    tork = settings.tork
    runtime = {"auto": None, "shell": "shell"}.get(tork.runtime, "container")
    cpus = float(tork.limit_cpus) if tork.limit_cpus else None
    memory = _memory_bytes(tork.limit_memory) if tork.limit_memory else None
    timeout_s = parse_duration(tork.limit_timeout) if tork.limit_timeout else 0.0
    return {
        "tork": Policy(
            runtime=runtime,
            limits=Limits(cpus=cpus, memory_bytes=memory),
            timeout_s=timeout_s or None,
            timeout_text=tork.limit_timeout,
            environment=host_environment(tork.hostenv_vars, os.environ),
            # What is stored is encrypted then, and output has to be searched.
            masks=tork.redact_enabled or bool(settings.encryption_key),
        )
    }


def _memory_bytes(text: str) -> int:
    """Read what the setting's own check has let through, such as `512m` or `1.5GiB`."""
    number = text.rstrip("kmgtpibKMGTPIB ")
    unit = text[len(number) :].strip().lower()[:1]
    return int(float(number) * 1024 ** ("kmgtp".index(unit) + 1 if unit in "kmgtp" and unit else 0))


def engine_address() -> str:
    """Name the first of the usual sockets of Docker and Podman that is there."""
    usual = [
        Path("/var/run/docker.sock"),
        Path(os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")) / "podman/podman.sock",
        Path("/run/podman/podman.sock"),
    ]
    found = next((path for path in usual if path.is_socket()), usual[0])
    return f"unix://{found}"
