"""Engine records as Tork's documents, and state words. Pure: what a document needs is passed in."""

import hashlib
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from app.api.tork.people import NOBODY_KNOWN, People
from app.domain.clock import Instant, rfc3339, seconds
from app.domain.records import Job, Json, LogPart, Page, Queue, Schedule, Task, Worker
from app.domain.states import JobState, TaskKind, TaskState

DIALECT: Final = "tork"
QUEUE_PREFIX: Final = "tork/"
SILENT_S: Final = 60.0
"""A node that has been silent for longer is OFFLINE."""

_JOB_WORDS: Final = {JobState.WAITING: "PENDING"}
_DONE: Final = (TaskState.COMPLETED, TaskState.SKIPPED)
_TASK_WORDS: Final = {
    TaskState.HELD: "PENDING",
    TaskState.QUEUED: "SCHEDULED",
    TaskState.LEASED: "SCHEDULED",
}
# Counters of the planner that no client submitted.
_PLAN: Final = "plan"
_SUMMARY_KEEPS: Final = frozenset({"position"})


@dataclass(frozen=True, slots=True)
class Around:
    """What a job's document says of other rows.

    parent: task that started it. cron: its rule's. people: those it names.
    """

    parent: str = ""
    cron: str = ""
    people: People = NOBODY_KNOWN


@dataclass(frozen=True, slots=True)
class Family:
    """What a task's document says of other rows.

    node: of its worker. parent: of the composite it is in. children: how many of its own are in
    each state, every try of one counted.
    """

    node: str = ""
    parent: str = ""
    children: Mapping[str, int] = field(default_factory=dict)


TASK_SUMMARY: Final = (
    "id", "jobId", "position", "progress", "name", "description", "state", "createdAt",
    "scheduledAt", "startedAt", "completedAt", "error", "result", "var", "tags",
)  # fmt: skip
NOTHING_AROUND: Final = Around()


def job_state(state: JobState) -> str:
    """Give Tork's word for a job's state."""
    return _JOB_WORDS.get(state, str(state))


def task_state(state: TaskState) -> str:
    """Give Tork's word for a task's state."""
    return _TASK_WORDS.get(state, str(state))


def summary(job: Job, around: Around = NOTHING_AROUND) -> Json:
    """Give a JobSummary, secrets and all: redaction comes after it."""
    document = {
        "id": job.id,
        "createdBy": around.people.user(job.created_by),
        "parentId": around.parent,
        "inputs": job.spec.get("inputs"),
        # The column holds a name without secrets, fit to be searched.
        "name": job.spec.get("name") or job.name,
        "description": job.description,
        "tags": list(job.tags),
        "state": job_state(job.state),
        "createdAt": rfc3339(job.created_at),
        "startedAt": _time(job.scheduled_at),
        "completedAt": _time(job.ended_at) if job.state is JobState.COMPLETED else None,
        "failedAt": _time(job.ended_at) if job.state is JobState.FAILED else None,
        "position": job.position,
        "taskCount": job.task_count,
        "result": job.result,
        "error": job.error,
        "progress": round(job.progress, 2),
        "schedule": _schedule_of(job, around),
    }
    return filled(document, keep=_SUMMARY_KEEPS)


def job(found: Job, execution: Sequence[Json], around: Around = NOTHING_AROUND) -> Json:
    """Give a Job in full. execution: the documents of its tasks, in order."""
    spec = found.spec
    return {
        **summary(found, around),
        "tasks": spec.get("tasks") or [],
        "execution": list(execution),
        "context": filled(
            {
                "job": {"id": found.id, "name": found.spec.get("name") or found.name},
                "inputs": spec.get("inputs"),
                "secrets": spec.get("secrets"),
                "tasks": found.state_data.get("tasks"),
            }
        ),
        **filled({**_as_submitted(spec, around.people), "deleteAt": _time(found.delete_at)}),
    }


def task(found: Task, family: Family) -> Json:
    """Give a Task: its definition with templates evaluated, and what became of it."""
    definition = {key: value for key, value in found.payload.items() if key != _PLAN}
    works = found.kind is TaskKind.WORK
    done = found.state in _DONE
    for key in ("parallel", "each"):
        if definition.get(key):
            definition[key] = _counted(definition[key], family.children)
    if found.starts_job_id and definition.get("subjob"):
        definition["subjob"] = {**definition["subjob"], "id": found.starts_job_id}
    return filled(
        {
            **definition,
            "id": found.public_id,
            "jobId": found.job_id,
            "parentId": family.parent,
            "position": found.position,
            "name": definition.get("name") or found.name,
            "state": task_state(found.state),
            "createdAt": rfc3339(found.created_at),
            "scheduledAt": _time(found.queued_at),
            "startedAt": _time(found.started_at),
            "completedAt": _time(found.ended_at) if done else None,
            "failedAt": _time(found.ended_at) if found.state is TaskState.FAILED else None,
            "queue": found.queue.removeprefix(QUEUE_PREFIX) if works else None,
            "nodeId": family.node,
            "result": found.result,
            "error": found.error,
            "progress": round(found.progress, 2),
            "redelivered": found.losses,
        }
    )


def task_summary(found: Task) -> Json:
    """Give a TaskSummary, what webhooks are told of a task."""
    told = task(found, Family())
    return filled({key: told[key] for key in TASK_SUMMARY if key in told}, keep=_SUMMARY_KEEPS)


def _counted(composite: Json, children: Mapping[str, int]) -> Json:
    """Add how many children are done and, of a list, how many were let go; a retry is no child."""
    done = sum(children.get(state, 0) for state in _DONE)
    figures = {"completions": done}
    if "size" in composite:
        released = sum(children.values()) - children.get(TaskState.CREATED, 0)
        figures["index"] = min(released, composite["size"])
    return filled({**composite, **figures})


def tasks(found: Sequence[Task], nodes: Mapping[int, str]) -> list[Json]:
    """Give all tasks of one job. nodes: public ids of workers."""
    parents = {each.id: each.public_id or "" for each in found}
    children: dict[int, Counter[str]] = {}
    for each in found:
        if each.parent_id is not None:
            children.setdefault(each.parent_id, Counter())[each.state] += 1
    return [
        task(
            each,
            Family(
                node=nodes.get(each.worker_id or 0, ""),
                parent=parents.get(each.parent_id or 0, ""),
                children=children.get(each.id, {}),
            ),
        )
        for each in found
    ]


def log_part(part: LogPart, task_id: str) -> Json:
    """Give a TaskLogPart. task_id: the public one."""
    return filled(
        {
            "id": _part_id(task_id, part.number),
            "number": part.number,
            "taskId": task_id,
            "contents": part.contents,
            "createdAt": rfc3339(part.at),
        }
    )


def _part_id(task_id: str, number: int) -> str:
    """Make a part's id, a UUID4 in form, from what tells it from all others: it has none stored."""
    digest = hashlib.blake2b(f"{task_id}/{number}".encode(), digest_size=16).digest()
    return uuid.UUID(bytes=digest, version=4).hex


def schedule_summary(schedule: Schedule, people: People = NOBODY_KNOWN) -> Json:
    """Give a ScheduledJobSummary."""
    template = schedule.template
    return filled(
        {
            "id": schedule.id,
            "createdBy": people.user(schedule.created_by),
            "inputs": template["spec"].get("inputs"),
            "state": schedule.state,
            "name": template["spec"].get("name") or schedule.name,
            "description": template.get("description"),
            "tags": list(template.get("tags") or ()),
            "createdAt": rfc3339(schedule.created_at),
            "cron": schedule.cron,
        }
    )


def schedule_in_full(schedule: Schedule, people: People = NOBODY_KNOWN) -> Json:
    """Give a ScheduledJob."""
    spec = schedule.template["spec"]
    return {
        **schedule_summary(schedule, people),
        "tasks": spec.get("tasks") or [],
        **filled(_as_submitted(spec, people)),
    }


def node(worker: Worker, name: str, *, now: Instant, version: str) -> Json:
    """Give a Node."""
    silent = now - worker.heartbeat_at > seconds(SILENT_S)
    status = "OFFLINE" if silent and worker.status == "UP" else worker.status
    return filled(
        {
            "id": worker.public_id,
            "name": name,
            "startedAt": rfc3339(worker.started_at),
            "lastHeartbeatAt": rfc3339(worker.heartbeat_at),
            "cpuPercent": worker.cpu_percent,
            "queue": own_queue(worker) if worker.kind == "daemon" else None,
            "status": status,
            "hostname": worker.hostname,
            "port": worker.port,
            "taskCount": worker.tasks_running,
            "version": worker.version or version,
        },
        keep=frozenset({"cpuPercent", "taskCount", "version"}),
    )


def own_queue(worker: Worker) -> str:
    """Name the queue that is a node's alone."""
    return f"x-{worker.public_id}"


def queue(found: Queue) -> Json:
    """Give a Queue; the engine's prefix is ours alone."""
    return {
        "name": found.name.removeprefix(QUEUE_PREFIX),
        "size": found.size,
        "subscribers": found.subscribers,
        "unacked": found.unacked,
    }


def page(found: Page[Any], items: Iterable[Mapping[str, Any]]) -> Json:
    """Give a page. `size` is how many entries it holds, not how many were asked for."""
    listed = list(items)
    return {
        "items": listed,
        "number": found.number,
        "size": len(listed),
        "totalPages": found.pages,
        "totalItems": found.total,
    }


def filled(document: Mapping[str, Any], *, keep: frozenset[str] = frozenset()) -> Json:
    """Leave out what is unset, empty, 0 or false, except the keys to keep."""
    return {key: value for key, value in document.items() if value or key in keep}


def _as_submitted(spec: Json, people: People) -> Json:
    keys = ("output", "defaults", "webhooks", "autoDelete", "secrets")
    permissions = [people.permission(each) for each in spec.get("permissions") or ()]
    return {**{key: spec.get(key) for key in keys}, "permissions": permissions}


def _time(at: Instant | None) -> str | None:
    return None if at is None else rfc3339(at)


def _schedule_of(found: Job, around: Around) -> Json | None:
    if found.schedule_id is None:
        return None
    return filled({"id": found.schedule_id, "cron": around.cron})
