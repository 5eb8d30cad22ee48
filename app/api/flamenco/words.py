"""Between the engine's records and this dialect's documents and words; no I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import orjson

from app.api.flamenco.records import FarmTask, FarmWorker, GroupFigures
from app.domain.clock import rfc3339
from app.domain.states import TaskState
from app.hooks import Parsed

WORDS = (
    "waiting",
    "ready",
    "rendering",
    "paused",
    "completed",
    "failed",
    "aborted",
    "canceled",
)
ALIASES = {
    "running": "rendering",
    "processing": "rendering",
    "finished": "completed",
    "cancelled": "canceled",
}
OVER = ("completed", "failed", "canceled")
_OF_STATE = {
    TaskState.CREATED: "waiting",
    TaskState.QUEUED: "ready",
    TaskState.LEASED: "rendering",
    TaskState.RUNNING: "rendering",
    TaskState.HELD: "paused",
    TaskState.COMPLETED: "completed",
    TaskState.FAILED: "failed",
    TaskState.CANCELLED: "canceled",
    TaskState.SKIPPED: "canceled",
}
# The first of these that any task of a group is in is the group's.
_GROUP_ORDER = ("rendering", "ready", "paused", "failed", "waiting", "completed")
Json = dict[str, Any]


def word(state: TaskState, *, aborted: bool = False) -> str:
    """Give the word for a task's state."""
    found = _OF_STATE[state]
    return "aborted" if found == "ready" and aborted else found


def meant(given: str) -> str | None:
    """Give the canonical word of a status; None when there is none."""
    found = ALIASES.get(given, given)
    return found if found in WORDS else None


def group_word(counts: Mapping[str, int]) -> str:
    """Give how a group stands whose tasks are in so many engine states."""
    there = {_OF_STATE[TaskState(state)] for state, count in counts.items() if count}
    return next((one for one in _GROUP_ORDER if one in there), "canceled")


# -- what a status that is sent does ----------------------------------------------------------


class Act(Enum):
    """What follows from a status."""

    NOTHING = auto()  #: it is so already, and the report is a repetition
    GOES_ON = auto()  #: a report of progress
    COMPLETE = auto()
    FAIL = auto()
    ABORT = auto()
    RELEASE = auto()  #: taken from its worker, and ready
    RESTART = auto()  #: a fresh start
    UNBIND = auto()  #: waits for nothing any more
    PAUSE = auto()
    CANCEL = auto()


_REPORTS = {"completed": Act.COMPLETE, "failed": Act.FAIL, "aborted": Act.ABORT}


def act(current: str, sent: str, *, owner: bool) -> Act | None:  # noqa: PLR0911 - a table
    """Say what a status does to a task; None when the state forbids it.

    owner: whether the worker that has or ended the task says so.
    """
    if sent == "rendering":
        return Act.GOES_ON if current == "rendering" else None
    if sent in _REPORTS:
        if current == "rendering":
            return _REPORTS[sent]
        return Act.NOTHING if owner and current == sent and sent in OVER else None
    if sent == "waiting":
        return None
    if sent == current:
        return Act.NOTHING
    if sent == "ready":
        return {"rendering": Act.RELEASE, "waiting": Act.UNBIND}.get(current, Act.RESTART)
    if sent == "paused":
        return Act.PAUSE if current in ("waiting", "ready", "aborted", "rendering") else None
    return None if current in ("completed", "failed") else Act.CANCEL


# -- documents -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a task's document needs beside its record. figures: of a group."""

    figures: GroupFigures | None = None
    children: Sequence[int] = ()
    needs: Sequence[int] = ()
    log: str | None = None


def status(task: FarmTask, figures: GroupFigures | None) -> str:
    """Give a task's word, or that of a group."""
    if figures is not None:
        return group_word(figures.counts)
    return word(task.state, aborted=task.aborted)


def short(task: FarmTask, figures: GroupFigures | None = None) -> Json:
    """Give the eight keys that every task has."""
    frame = task.frame_current
    if figures is not None and task.frame_start is not None:
        frame = task.frame_end if figures.frame_current is None else figures.frame_current
    return {
        "id": task.id,
        "worker_id": None if figures is not None else task.worker_id,
        "priority": task.priority,
        "frame_start": task.frame_start,
        "frame_end": task.frame_end,
        "frame_current": frame,
        "status": status(task, figures),
        "format": task.format,
    }


def long(task: FarmTask, shown: Shown) -> Json:
    """Give all keys but `log`."""
    figures = shown.figures
    progress = task.progress if figures is None else figures.progress
    return {
        **short(task, figures),
        **({} if task.tag is None else {"tag": task.tag}),
        "task_id": task.submitter_id,
        "job_id": task.job_id,
        "name": task.name,
        "type": task.type,
        "parser": task.parser,
        "settings": task.settings,
        "child_id": task.child_id,
        "parent_id": task.parent_id,
        "is_group": task.group,
        "children": list(shown.children),
        "depends_on": list(shown.needs),
        "activity": activity(task),
        "progress": round(progress, 1),
        "eta": task.eta,
        "time_cost": task.time_cost,
        "attempts": task.attempts,
        "created_at": rfc3339(task.created_at),
        "updated_at": rfc3339(task.updated_at),
        "last_activity": None if task.touched_at is None else rfc3339(task.touched_at),
    }


_ACTIVITY: Json = {
    "process": "",
    "remaining": None,
    "current_frame": None,
    "thumbnail": None,
    "path_not_found": None,
    "saved_file": None,
}


def activity(task: FarmTask) -> Json | None:
    """Give what a task is said to be doing; None before anybody said something."""
    if task.activity is None:
        return None
    return {**_ACTIVITY, **task.activity}


FACTS = ("process", "remaining", "current_frame", "path_not_found", "saved_file")
"""Keys of an activity that the output of a program may tell."""


def facts(given: Json) -> Json:
    """Give what a reported activity says beside the output."""
    return {key: given[key] for key in FACTS if given.get(key) is not None}


def seen(activity: Json | None, said: Json, told: Json) -> Json:
    """Give an activity after a look at the output.

    said: what was reported last, which stays for what the output does not hold. told: what it does.
    """
    start = {key: _ACTIVITY[key] for key in FACTS}
    return {**_ACTIVITY, **(activity or {}), **start, **said, **told}


def over(activity: Json | None, given: Json) -> Json:
    """Give an activity with some values over it; null says nothing."""
    news = {key: value for key, value in given.items() if value is not None and key != "thumbnail"}
    return {**_ACTIVITY, **(activity or {}), **news}


def worker_status(worker: FarmWorker) -> str:
    """Give a worker's word."""
    if worker.disabled:
        return "disabled"
    if worker.busy:
        return "busy"
    return "rendering" if worker.task_id is not None else "enabled"


def worker(one: FarmWorker) -> Json:
    """Give the eleven keys of a worker."""
    return {
        "id": one.id,
        "hostname": one.hostname,
        "ip_address": one.address,
        "port": one.port,
        "system": one.system,
        "status": worker_status(one),
        "connection": "online" if one.online else "offline",
        "current_task": one.task_id,
        "activity": one.activity,
        "log": one.log,
        "time_cost": one.time_cost,
    }


def worker_info(one: FarmWorker) -> Json:
    """Give all that is known of a worker."""
    return {
        **worker(one),
        **({"tags": list(one.tags)} if one.tags else {}),
        "mac_address": one.mac,
        "update_frequent": one.frequent,
        "update_less_frequent": one.less_frequent,
        "last_activity": rfc3339(one.seen_at),
    }


def by_host(workers: Sequence[FarmWorker]) -> Json:
    """Give workers, in order of ids, under names that are each there once."""
    found: Json = {}
    plain = {one.hostname for one in workers}
    for one in workers:
        key = one.hostname
        if key in found:
            key = f"{one.hostname}:{one.port}"
            if key in found or key in plain:
                key = f"{key}#{one.id}"
        found[key] = worker(one)
    return found


# -- progress ------------------------------------------------------------------------------------


def reached(task: FarmTask, parsed: Parsed | None) -> Json:
    """Give how far a task is: what its parser says, or else the frame that it is at."""
    if parsed is not None:
        eta = None if parsed.eta_s is None else round(parsed.eta_s)
        return {"progress": parsed.progress or 0.0, "eta": eta}
    first, last, frame = task.frame_start, task.frame_end, task.frame_current
    if first is None or last is None or frame is None:
        return {"progress": 0.0, "eta": None}
    return {"progress": round(100 * (frame - first) / (last - first + 1), 1), "eta": None}


def spoken(given: Json) -> str:
    """Write an activity as a worker shows it."""
    return orjson.dumps(given).decode()
