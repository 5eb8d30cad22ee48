"""Rules of the job language that no single kind of field can hold."""

import posixpath
import re
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.api.tork.faults import key_path
from app.api.tork.kinds import Checks, Reading
from app.domain.clock import parse_rfc3339

INTERNAL_QUEUES: Final = (
    "pending",
    "started",
    "completed",
    "error",
    "heartbeat",
    "jobs",
    "logs",
    "progress",
    "redeliveries",
)
"""Queues between coordinator and workers: listed, but no task may be sent there."""

EXCLUSIVE_PREFIX: Final = "x-"
"""Begins the name of a queue that belongs to one worker."""

OVERLAPS: Final = {"allow": "allow", "skip": "keep", "queue": "queue"}
"""What becomes of a run while another one is not over, in the engine's words."""

COMPOSITE_KEYS: Final[tuple[str, ...]] = ("parallel", "each", "subjob")
_REGULAR_KEYS: Final[tuple[str, ...]] = (
    "image",
    "cmd",
    "entrypoint",
    "run",
    "env",
    "files",
    "queue",
    "pre",
    "post",
    "sidecars",
    "mounts",
    "networks",
    "retry",
    "limits",
    "timeout",
    "gpus",
    "workdir",
    "registry",
)
_MOUNT_PATH: Final = re.compile(r"[A-Za-z0-9\-/._= ]*")
_OWN_MOUNT: Final = "/tork"


def check_expression(text: str, checks: Checks) -> None:
    """Raise ValueError unless `text` parses as a condition or list."""
    checks.expressions.check_expression(text)


def check_output(text: str, checks: Checks) -> None:
    """Raise ValueError unless `text` parses as a job's output."""
    checks.expressions.check_output(text)


def check_cron(text: str, checks: Checks) -> None:
    """Raise ValueError unless `text` is a cron expression."""
    checks.cron(text)


def check_zone(text: str, _checks: Checks) -> None:
    """Raise ValueError unless `text` names a time zone."""
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("is not the name of a time zone, such as Europe/Vienna") from None


def check_overlap(text: str, _checks: Checks) -> None:
    """Raise ValueError unless `text` says what becomes of a run while another one is not over."""
    if text not in OVERLAPS:
        raise ValueError(f"must be one of {', '.join(OVERLAPS)}")


def check_time(text: str, _checks: Checks) -> None:
    """Raise ValueError unless `text` is a time that names its zone."""
    parse_rfc3339(text)


def check_start(job: dict[str, Any], at: str, reading: Reading) -> None:
    """A job has one time to start at."""
    if "startAt" in job and "delay" in job:
        reading.faults.add(key_path(at, "delay"), "must not be set together with startAt")


def check_queue(text: str, _checks: Checks) -> None:
    """Raise ValueError if tasks may not be sent to the queue `text`."""
    if text.startswith(EXCLUSIVE_PREFIX):
        raise ValueError(f"must not start with {EXCLUSIVE_PREFIX}")
    if text in INTERNAL_QUEUES:
        raise ValueError("is the name of an internal queue")


def check_file_name(name: str) -> None:
    """Raise ValueError unless `name` is a file below the directory it is put in."""
    if name.startswith("/"):
        raise ValueError("must be a relative path")
    parts = name.split("/")
    if ".." in parts:
        raise ValueError("must not have .. in its path")
    if parts[-1] in {"", "."}:
        raise ValueError("must name a file")


def check_composite(task: dict[str, Any], at: str, reading: Reading) -> None:
    """A task is one kind of composite or none, and a composite one runs nothing itself."""
    composites = [key for key in COMPOSITE_KEYS if key in task]
    for key in composites[1:]:
        reading.faults.add(key_path(at, key), f"must not be set together with {composites[0]}")
    if composites:
        for key in _REGULAR_KEYS:
            if key in task:
                reading.faults.add(
                    key_path(at, key), f"must not be set on a task with {composites[0]}"
                )


def check_mount(mount: dict[str, Any], at: str, reading: Reading) -> None:
    """A volume has no source but a target, a bind has a source; paths are of safe characters."""
    kind = mount.get("type")
    if kind == "volume":
        if "source" in mount:
            reading.faults.add(key_path(at, "source"), "must not be set on a volume")
        if "target" not in mount:
            reading.faults.add(key_path(at, "target"), "is required for a volume")
    elif kind == "bind" and "source" not in mount:
        reading.faults.add(key_path(at, "source"), "is required for a bind mount")
    for key in ("source", "target"):
        if not _MOUNT_PATH.fullmatch(mount.get(key, "")):
            reading.faults.add(
                key_path(at, key), "may hold only letters, digits, space and - / . _ ="
            )
    target = mount.get("target", "")
    if target.startswith("/") and posixpath.normpath("/" + target.strip("/")) == _OWN_MOUNT:
        reading.faults.add(key_path(at, "target"), f"must not be {_OWN_MOUNT}")


def check_permission(permission: dict[str, Any], at: str, reading: Reading) -> None:
    """A permission names one user or one role that exists."""
    if len(permission) != 1:
        reading.faults.add(at, "must have exactly one of user and role")
        return
    for key, name in permission.items():
        if name and not reading.checks.permission_exists(key, name):
            reading.faults.add(key_path(at, key), "does not exist")
