"""What may need a person, in words and with the page that tells more."""

from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import quote, urlencode

from app.domain.clock import rfc3339
from app.engine.concerns import COUNTED, Concern, Kind

_GROUPS = {"mantis": ("cluster", "/ui/clusters"), "task_tracker": ("project", "/ui/projects")}
_QUEUES = {"task_tracker": "/ui/projects", "flamenco": "/ui/farm"}


class Matter(NamedTuple):
    """A line: what it is about, in a link, and what is the matter.

    since: RFC 3339; goes behind the text.
    """

    subject: str
    text: str
    href: str
    since: str | None
    grave: bool


class _Told(NamedTuple):
    subject: str
    text: str
    href: str


def told(concern: Concern) -> Matter:
    """Put a concern in words."""
    since = None if concern.since is None else rfc3339(concern.since)
    return Matter(*_WORDS[concern.kind](concern), since, concern.kind not in _CALM)


def _no_ticker(_: Concern) -> _Told:
    text = "None acts: nothing is scheduled, taken back or sent. Start one."
    return _Told("Tickers", text, "/ui/workers")


def _failing_jobs(one: Concern) -> _Told:
    words = {"dialect": one.dialect, "type": one.subject, "state": "FAILED"}
    text = f"of {one.dialect}: {_several(one.count, 'job')} failed in the last hour, the latest"
    return _Told(one.subject, text, f"/ui/jobs?{urlencode(words)}")


def _failing_tasks(one: Concern) -> _Told:
    text = f"{_several(one.count, 'task')} failed in the last hour."
    return _Told(one.subject, text, _QUEUES.get(one.dialect, "/ui/queues"))


def _untaken(one: Concern) -> _Told:
    text = f"{_several(one.count, 'task')} ready, and nobody takes any since"
    return _Told(one.subject, text, "/ui/queues")


def _long(one: Concern) -> _Told:
    text = f"of {one.subject} runs much longer than others of its queue, since"
    return _Told(f"Task {one.task_id}", text, f"/ui/tasks/{one.task_id}")


def _silent(one: Concern) -> _Told:
    text = "is a worker that has not been heard of since"
    return _Told(one.subject or "unnamed", text, f"/ui/workers/{one.worker_id}")


def _line(one: Concern) -> _Told:
    text = f"{_several(one.count, 'job')} on its waiting list, the first since"
    return _Told(one.subject, text, "/ui/waiting")


def _unsent(one: Concern) -> _Told:
    text = f"takes no messages; what {_several(one.count, 'job')} would tell it is tried again."
    return _Told(one.subject, text, "/ui/jobs")


def _paused_schedules(one: Concern) -> _Told:
    return _Told(_several(one.count, "schedule"), "paused by a person.", "/ui/schedules")


def _paused_jobs(one: Concern) -> _Told:
    href = f"/ui/jobs/{quote(one.job_id or '')}" if one.count == 1 else "/ui/jobs"
    return _Told(_several(one.count, "job"), "paused by a person.", href)


def _paused_groups(one: Concern) -> _Told:
    noun, href = _GROUPS.get(one.dialect, ("group", "/ui/queues"))
    return _Told(_several(one.count, noun), "paused by a person.", href)


def _several(count: int, noun: str) -> str:
    if count == 1:
        return f"1 {noun}"
    return f"{count:,}{' or more' if count >= COUNTED else ''} {noun}s"


_CALM = {Kind.PAUSED_SCHEDULES, Kind.PAUSED_JOBS, Kind.PAUSED_GROUPS}
_WORDS: Mapping[Kind, Callable[[Concern], _Told]] = {
    Kind.NO_TICKER: _no_ticker,
    Kind.FAILING_JOBS: _failing_jobs,
    Kind.FAILING_TASKS: _failing_tasks,
    Kind.UNTAKEN: _untaken,
    Kind.LONG: _long,
    Kind.SILENT: _silent,
    Kind.LINE: _line,
    Kind.UNSENT: _unsent,
    Kind.PAUSED_SCHEDULES: _paused_schedules,
    Kind.PAUSED_JOBS: _paused_jobs,
    Kind.PAUSED_GROUPS: _paused_groups,
}
