"""Tasks: submitting them, and taking back what became of them."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, TypeVar

import siphashc

from app.api.task_tracker import tables
from app.api.task_tracker.documents import Field, Fields, hash64, int16, int64, pick, text, whole
from app.api.task_tracker.errors import DUPLICATE, Refused, Unreadable
from app.api.task_tracker.permissions import Act, allowed, held
from app.api.task_tracker.records import Project, Remote, Rights
from app.api.task_tracker.service.projects import bucket
from app.domain.clock import SECOND, Instant
from app.domain.errors import DuplicateTask, LeaseLost
from app.domain.records import Json
from app.engine.reports import Outcome, Report
from app.engine.tasks import NewWork
from app.wiring import Services

T = TypeVar("T")
LONGEST_RECIPE = 1_048_576
LONGEST_KEY = 65_536
MOST_ASSIGN_TIME = 2**31 - 1
LATEST = 2**32 - 1
"""The last Unix second that a task can be put off to."""
MOST_ITEMS = 10_000
AT_ONCE = 200
"""Items that are read without a break."""
FOR_EVER = 2**31 - 1
"""A lost assignment never counts against a task."""
MOST_RELEASES = 100
"""Reports of one request, as many as tasks are handed out by one."""
LONGEST_ERROR = 65_536
FAILED = "the worker failed"
NOT_HELD = "Task is not assigned to you"
NOT_CLOSED = "Task was not marked as closed"
INVALID = "Invalid task"
UNKNOWN = "Project not found"
# SipHash-2-4 under the key that all trackers share, so that the same text always has one hash.
_KEY = (1).to_bytes(8, "little") + (2).to_bytes(8, "little")

SUBMIT: Fields = {
    "project": int64(),
    "recipe": text(),
    "priority": int16(),
    "max_retries": int16(),
    "max_assign_time": int64(),
    "hash64": hash64("hash_u64"),
    "unique_string": text("unique_str"),
    "verification_count": int16(),
    "not_before": int64(),
    "expires_in": int64(),
}
RELEASE: Fields = {
    "task_id": int64(),
    "result": int64(),
    "verification": Field(whole(-(2**63), 2**63 - 1), 0),
    "error": text(),
}
RENEWAL: Fields = {"task_id": int64()}


class Result(IntEnum):
    """What a worker says of a task."""

    OK = 0
    FAIL = 1
    SKIP = 2


_OUTCOMES: Mapping[int, Outcome] = {
    Result.OK: Outcome.DONE,
    Result.FAIL: Outcome.FAILED,
    Result.SKIP: Outcome.BACK,
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A task to be stored: the project it is for, and the work."""

    project: int
    given: Mapping[str, Any]


def read(document: Any) -> Wanted:
    """Read one submission. Raises Unreadable; Refused for one that breaks a rule."""
    given = pick(document, SUBMIT)
    recipe = given["recipe"]
    unique = given["unique_string"]
    if (
        not given["project"]
        or not recipe
        or len(recipe) > LONGEST_RECIPE
        or (not recipe.isascii() and len(recipe.encode()) > LONGEST_RECIPE)
        or "\0" in recipe
        or given["max_retries"] < 0
        or not 0 <= given["max_assign_time"] <= MOST_ASSIGN_TIME
        or given["verification_count"] < 0
        or not 0 <= given["not_before"] <= LATEST
        or not 0 <= given["expires_in"] <= MOST_ASSIGN_TIME
        or (unique and given["hash64"])
        or (unique and (len(unique.encode()) > LONGEST_KEY or "\0" in unique))
    ):
        raise Refused(400, INVALID)
    return Wanted(given["project"], given)


def read_release(document: Any) -> Mapping[str, Any]:
    """Read what a worker says of a task. Raises Unreadable; Refused for one that breaks a rule."""
    given = pick(document, RELEASE)
    error = given["error"]
    if given["task_id"] == 0 or len(error.encode()) > LONGEST_ERROR or "\0" in error:
        raise Refused(400, "Invalid request")
    return given


def unique_key(given: Mapping[str, Any]) -> str | None:
    """Give what no second task of the project may have: a signed number of 64 bits, as text."""
    unique = given["unique_string"]
    if unique:
        value = siphashc.siphash(_KEY, unique.encode())
        return str(value - 2**64 if value >= 2**63 else value)
    return str(given["hash64"]) if given["hash64"] else None


def work_of(project: Project, given: Mapping[str, Any], default_s: float, now: Instant) -> NewWork:
    """Give the engine's work of a submission. default_s: assignment time of one that names 0."""
    assign_s = given["max_assign_time"]
    payload: Json = {"recipe": given["recipe"]}
    if assign_s:
        payload["max_assign_time"] = assign_s
    return NewWork(
        queue=project.queue,
        name="task",
        payload=payload,
        group_id=project.id,
        priority=given["priority"],
        max_attempts=given["max_retries"],
        max_losses=FOR_EVER,
        verifications=max(given["verification_count"], 1),
        unique_key=unique_key(given),
        lease_s=float(assign_s) if assign_s else default_s,
        delay_s=given["not_before"] - now / SECOND if given["not_before"] else 0.0,
        expires_s=float(given["expires_in"]) if given["expires_in"] else None,
    )


def standing(services: Services, worker: Remote, project_id: int) -> tuple[Project, Rights]:
    """Give a project and what a worker may do there. Raises Refused."""
    with services.engine.store.session():
        found = tables.membership(services.engine.store, worker.id, project_id)
    if found is None:
        raise Refused(404, UNKNOWN)
    return found


def submit(services: Services, worker: Remote, wanted: Wanted) -> None:
    """Store one task. Raises Refused; RateLimited."""
    project, rights = standing(services, worker, wanted.project)
    engine = services.engine
    work = work_of(project, wanted.given, _default_s(services), engine.clock.now())
    try:
        if project.submit_rate is None:
            _require_submit(project, rights)
            engine.tasks.add([work])
            return
        # Whatever is refused in here takes nothing of the rate.
        with engine.transaction():
            engine.rates.take(bucket("submit", project.id), project.submit_rate)
            _require_submit(project, rights)
            engine.tasks.add([work])
    except DuplicateTask as error:
        raise Refused(400, DUPLICATE) from error


def _require_submit(project: Project, rights: Rights) -> None:
    if Act.SUBMIT not in allowed(project, held(rights)):
        raise Refused(400, "unauthorized task submit")


def submit_many(services: Services, worker: Remote, items: Sequence[Any]) -> Sequence[int]:
    """Store tasks of one project, and give the places of those left out as duplicates.

    Raises Refused, and nothing is stored; RateLimited.
    """
    if len(items) > MOST_ITEMS:
        raise Refused(400, "Invalid request")
    wanted = _read_all(items)
    project, rights = standing(services, worker, wanted[0].project)
    engine = services.engine
    limited = project.submit_rate is not None
    name = bucket("submit", project.id)
    if project.submit_rate is not None:
        engine.rates.take(name, project.submit_rate)
    left_out: Sequence[int] = range(len(wanted))
    try:
        _require_submit(project, rights)
        default_s = _default_s(services)
        now = engine.clock.now()
        works = [work_of(project, one.given, default_s, now) for one in _in_turns(wanted)]
        left_out = engine.tasks.add_many(works)
    finally:
        if limited:
            # One was taken; each task takes one, and what stored nothing takes none.
            engine.rates.charge(name, len(wanted) - len(left_out) - 1)
    return left_out


def _read_all(items: Sequence[Any]) -> list[Wanted]:
    try:
        wanted = [read(item) for item in _in_turns(items)]
    except Unreadable:
        raise
    except Refused as error:
        raise Refused(400, "Invalid request") from error
    if any(one.project != wanted[0].project for one in wanted):
        raise Refused(400, "All the tasks in a bulk submit must be of the same project")
    return wanted


def release(services: Services, worker: Remote, given: Mapping[str, Any]) -> bool:
    """Take what a worker says of a task; False when that closed or changed nothing."""
    attempts = services.engine.attempts
    try:
        if given["result"] == Result.OK:
            return services.engine.reports.complete(
                worker.id, given["task_id"], verification=given["verification"]
            )
        lease = attempts.lease_of(worker.id, given["task_id"])
        if given["result"] == Result.FAIL:
            attempts.fail(lease, given["error"] or FAILED)
        elif given["result"] == Result.SKIP:
            attempts.release(lease)
        else:
            return False
    except LeaseLost:
        return False
    return True


def _in_turns(items: Sequence[T]) -> Iterator[T]:
    """Give items, and other requests of this process their turn now and then."""
    for place, item in enumerate(items):
        yield item
        if place % AT_ONCE == AT_ONCE - 1:
            time.sleep(0)


def renew(services: Services, worker: Remote, task_id: int) -> bool:
    """Let a worker's time for a task begin anew; False when it does not hold it."""
    attempts = services.engine.attempts
    try:
        lost = attempts.renew([attempts.lease_of(worker.id, task_id)])
    except LeaseLost:
        return False
    return not lost


def read_releases(items: Sequence[Any]) -> list[Mapping[str, Any]]:
    """Read what a worker says of several tasks. Raises Refused."""
    if len(items) > MOST_RELEASES:
        raise Refused(400, "Invalid request")
    given = [read_release(item) for item in items]
    if any(one["result"] not in _OUTCOMES for one in given):
        raise Refused(400, "Invalid request")
    return given


def release_many(
    services: Services, worker: Remote, given: Sequence[Mapping[str, Any]]
) -> list[bool]:
    """Take what a worker says of several tasks; for each whether that closed or changed it."""
    reports = [
        Report(
            task_id=one["task_id"],
            outcome=_OUTCOMES[one["result"]],
            verification=one["verification"],
            error=one["error"] or FAILED,
        )
        for one in given
    ]
    return services.engine.reports.take(worker.id, reports)


def _default_s(services: Services) -> float:
    return services.settings.task_tracker.default_max_assign_time_s
