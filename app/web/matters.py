"""What may need a person, in words and with the page that tells more."""

from typing import NamedTuple
from urllib.parse import quote, urlencode

from app.api.http.fields import rfc3339
from app.engine.concerns import COUNTED, Concern, Kind

GROUPS = {"mantis": ("cluster", "/ui/clusters"), "task_tracker": ("project", "/ui/projects")}


class Matter(NamedTuple):
    """A line: what it is about, in a link, and what is the matter.

    since: RFC 3339; how its time is told: `when`. grave: whether something is failing or standing.
    """

    subject: str
    text: str
    href: str
    since: str | None = None
    when: str = "since"
    grave: bool = True


def told(concern: Concern) -> Matter:
    """Put a concern in words."""
    count, dialect, subject = concern.count, concern.dialect, concern.subject
    since = None if concern.since is None else rfc3339(concern.since)
    match concern.kind:
        case Kind.NO_TICKER:
            text = "None acts: nothing is scheduled, taken back or sent. Start one."
            return Matter("Tickers", text, "/ui/workers")
        case Kind.FAILING_JOBS:
            words = {"dialect": dialect, "type": subject, "state": "FAILED"}
            text = f"of {dialect}: {_several(count, 'job')} failed in the last hour, the latest"
            return Matter(subject, text, f"/ui/jobs?{urlencode(words)}", since, "")
        case Kind.FAILING_TASKS:
            text = f"{_several(count, 'task')} failed in the last hour."
            return Matter(subject, text, _of_queue(dialect))
        case Kind.UNTAKEN:
            text = f"{_several(count, 'task')} ready, and nobody takes them"
            return Matter(subject, text, "/ui/queues", since)
        case Kind.LONG:
            text = f"of {subject} runs much longer than others of its queue"
            return Matter(f"Task {concern.task_id}", text, f"/ui/tasks/{concern.task_id}", since)
        case Kind.SILENT:
            text = "is a worker of ours that has not been heard of"
            return Matter(subject or "unnamed", text, f"/ui/workers/{concern.worker_id}", since)
        case Kind.LINE:
            text = f"{_several(count, 'job')} wait, the first"
            return Matter(subject, text, "/ui/waiting", since)
        case Kind.UNSENT:
            text = f"takes no messages; those about {_several(count, 'job')} wait and are tried again."
            return Matter(subject, text, "/ui/jobs")
        case Kind.PAUSED_SCHEDULES:
            return _paused(_several(count, "schedule"), "/ui/schedules")
        case Kind.PAUSED_JOBS:
            href = f"/ui/jobs/{quote(concern.job_id or '')}" if count == 1 else "/ui/jobs"
            return _paused(_several(count, "job"), href)
        case _:
            noun, href = GROUPS.get(dialect, ("group", "/ui/queues"))
            return _paused(_several(count, noun), href)


def _paused(subject: str, href: str) -> Matter:
    return Matter(subject, "paused by a person.", href, grave=False)


def _of_queue(dialect: str) -> str:
    return {"task_tracker": "/ui/projects", "flamenco": "/ui/farm"}.get(dialect, "/ui/queues")


def _several(count: int, noun: str) -> str:
    if count == 1:
        return f"1 {noun}"
    return f"{count:,}{' or more' if count >= COUNTED else ''} {noun}s"
