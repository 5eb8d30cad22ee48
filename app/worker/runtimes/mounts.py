"""Mounts of a task's containers: checked, and volumes made for the time of the task."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from docker.types import Mount as EngineMount

from app.hooks.types import Mount
from app.worker.runtimes.base import StepFailed
from app.worker.runtimes.engine_api import Client, told


@dataclass(frozen=True, slots=True, kw_only=True)
class BindRules:
    """Which directories of the host a task may see.

    allowed: any at all. sources: these and what lies below them; empty means every one.
    """

    allowed: bool = False
    sources: Sequence[str] = ()

    def check(self, source: str) -> None:
        """Raise StepFailed for a directory that may not be mounted.

        Links are followed first: one inside an allowed directory must not lead out of it.
        """
        if not self.allowed:
            raise StepFailed("bind mounts are not allowed")
        real = Path(os.path.realpath(source))
        if not source.startswith("/") or not (
            not self.sources
            or any(real.is_relative_to(os.path.realpath(root)) for root in self.sources)
        ):
            raise StepFailed(f"src bind mount is not allowed: {source}")


def check_mounts(mounts: Sequence[Mount], rules: BindRules, script_dir: str) -> None:
    """Raise StepFailed for mounts that cannot be, before anything is made."""
    for mount in mounts:
        if mount.type not in ("volume", "bind", "tmpfs"):
            raise StepFailed(f"unknown mount type: {mount.type}")
        if not mount.target:
            raise StepFailed(f"{mount.type} mount needs a target")
        if mount.target.rstrip("/") == script_dir:
            raise StepFailed(f"mount target is not allowed: {mount.target}")
        if mount.type == "bind":
            if not mount.source:
                raise StepFailed("bind mount needs a source")
            rules.check(mount.source)
        elif mount.source:
            raise StepFailed(f"{mount.type} mount cannot have a source")


def make_mount(client: Client, mount: Mount, labels: Mapping[str, str]) -> EngineMount:
    """Make one mount ready: a volume is created, a missing host directory too.

    A volume's name is the mount's `Source`. Raises StepFailed.
    """
    if mount.type == "volume":
        with told("creating a volume"):
            made = client.create_volume(driver_opts=dict(mount.opts) or None, labels=dict(labels))
        return EngineMount(mount.target, made["Name"], type="volume")
    if mount.type == "bind":
        try:
            Path(mount.source).mkdir(parents=True, exist_ok=True)
        except FileExistsError:  # a file may be mounted as well
            pass
        except OSError as error:
            raise StepFailed(f"cannot create {mount.source}: {error.strerror}") from error
        return EngineMount(mount.target, mount.source, type="bind")
    return EngineMount(mount.target, None, type="tmpfs")
