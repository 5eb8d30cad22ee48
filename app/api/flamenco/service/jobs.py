"""Jobs: what was handed in under one number, looked at and steered as a whole."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial

from app.api.flamenco import words
from app.api.flamenco.errors import Refused
from app.api.flamenco.service import files, reports
from app.api.flamenco.service import tasks as single
from app.api.flamenco.service.sweeping import sweep
from app.api.flamenco.tables import files as file_table
from app.api.flamenco.tables import jobs as table
from app.api.flamenco.tables import tasks
from app.api.flamenco.tables.jobs import Piece, Tally
from app.domain.clock import Instant
from app.domain.records import Json
from app.domain.states import TaskState
from app.engine.transaction import retried
from app.wiring import Services

NO_JOB = "There is no such job"
AT_A_TIME = 200
"""Tasks that one transaction steers."""
ALL = 2**62


class Steer(Enum):
    """What is wanted of a job: the status that tasks are sent, and which of them."""

    PAUSE = ("paused", (TaskState.CREATED, TaskState.QUEUED, TaskState.LEASED, TaskState.RUNNING))
    START = ("ready", (TaskState.HELD, TaskState.CANCELLED))
    RETRY = ("ready", (TaskState.FAILED,))
    CANCEL = (
        "canceled",
        (*PAUSE[1], TaskState.HELD),
    )


SHOWN: Mapping[str, tuple[TaskState, ...]] = {
    "rendering": (TaskState.LEASED, TaskState.RUNNING),
    "ready": (TaskState.QUEUED,),
    "failed": (TaskState.FAILED,),
}
"""What jobs can be looked for by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as a list shows it. counts: tasks by word. frames: the first and last one.

    is_more: it has more tasks than are looked at, and the counts are of the first of them.
    """

    id: int
    name: str
    type: str
    status: str
    priority: int
    created_at: Instant
    updated_at: Instant
    counts: Mapping[str, int]
    total: int
    progress: float
    frames: tuple[int, int] | None
    is_more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A thumbnail. place: different for each that is handed in."""

    task_id: int
    frame: int | None
    place: str
    at: Instant


def page(services: Services, shown: str, *, before: int, limit: int) -> list[Job]:
    """Give jobs, the highest number first. shown: of `SHOWN`, "" for all."""
    sweep(services)
    store = services.engine.store
    jobs: list[Job] = []
    looked_at = 0
    with store.session():
        if shown in SHOWN:
            found = table.numbers_in(store, SHOWN[shown], before=before, limit=limit)
        else:
            found = table.numbers(store, before=before, limit=limit)
        for job_id in found:
            job = _job(services, job_id)
            if job is not None:
                jobs.append(job)
                looked_at += job.total
            if looked_at >= table.MOST:
                break
    return jobs


def one(services: Services, job_id: int) -> Job:
    """Give a job. Raises Refused."""
    sweep(services)
    with services.engine.store.session():
        found = _job(services, job_id)
    if found is None:
        raise Refused(404, NO_JOB)
    return found


def _job(services: Services, job_id: int) -> Job | None:
    store = services.engine.store
    tallies = table.tally(store, job_id)
    first = min((one.first for one in tallies if one.first is not None), default=None)
    top = None if first is None else tasks.get(store, first)
    if top is None:
        return None
    work = [one for one in tallies if one.kind == "work"]
    total = sum(one.tasks for one in work)
    counts: dict[str, int] = {}
    for each in work:
        word = words.word(each.state)
        counts[word] = counts.get(word, 0) + each.tasks
    return Job(
        id=job_id,
        name=top.name,
        type=top.type,
        status=words.group_word({one.state: one.tasks for one in work}),
        priority=max(one.priority for one in tallies),
        created_at=top.created_at,
        updated_at=max(one.updated_at for one in tallies),
        counts=counts,
        total=total,
        progress=sum(one.progress for one in work) / total if total else 0.0,
        frames=_span(tallies),
        is_more=sum(one.tasks for one in tallies) >= table.MOST,
    )


def _span(tallies: Sequence[Tally]) -> tuple[int, int] | None:
    starts = [one.frame_start for one in tallies if one.frame_start is not None]
    ends = [one.frame_end for one in tallies if one.frame_end is not None]
    return (min(starts), max(ends)) if starts and ends else None


def pieces(services: Services, job_id: int) -> list[Piece]:
    """Give the tasks of a job that render frames, without its groups."""
    with services.engine.store.session():
        return table.pieces(services.engine.store, job_id)


def entries(services: Services, job_id: int, *, after: int, limit: int) -> list[Json]:
    """Give tasks and groups of a job by id: their long forms, without what they wait for."""
    store = services.engine.store
    with store.session():
        found = tasks.of_job(store, job_id, after=after, limit=limit)
        figures = {one.id: tasks.figures(store, one.id) for one in found if one.group}
    return [words.long(one, words.Shown(figures=figures.get(one.id))) for one in found]


def pictures(services: Services, job_id: int, limit: int) -> list[Picture]:
    """Give the newest thumbnails of a job, the newest first."""
    with services.engine.store.session():
        found = table.pictures(services.engine.store, job_id, limit)
    return [
        Picture(task_id=task_id, place=place, frame=frame, at=at)
        for task_id, place, frame, at in found
    ]


def with_output(services: Services, ids: Sequence[int]) -> set[int]:
    """Give those of some tasks whose output was handed in."""
    with services.engine.store.session():
        return {owner for owner, _ in file_table.some(services.engine.store, "output", ids)}


def has_zip(services: Services, job_id: int) -> bool:
    """Tell whether the job came with files."""
    return files.has(services, "job", job_id)


# -- steering ------------------------------------------------------------------------------------


def steer(services: Services, job_id: int, wanted: Steer) -> int:
    """Do what is wanted with a job's tasks, and give how many these are. Raises Refused."""
    one(services, job_id)
    status, states = wanted.value
    store, after, count = services.engine.store, 0, 0

    def some(ids: Sequence[int]) -> None:
        with services.engine.transaction() as tx:
            services.engine.steering.places(ids)
            for task_id in ids:
                task = tasks.get(store, task_id)
                if task is not None and task.state in states:
                    reports.steer_member(services, tx, task, status)

    while True:
        with store.session():
            ids = table.ids(store, job_id, states, after=after, limit=AT_A_TIME)
        if not ids:
            return count
        retried(store, partial(some, ids))
        after, count = ids[-1], count + len(ids)


def prioritise(services: Services, job_id: int, priority: int) -> None:
    """Give all tasks of a job a priority. Raises Refused."""
    one(services, job_id)
    engine = services.engine
    for ids in _all(services, job_id):
        with engine.transaction():
            engine.steering.places(ids)
            engine.steering.prioritise(ids, priority)


def _all(services: Services, job_id: int) -> Iterator[list[int]]:
    store, after = services.engine.store, 0
    while True:
        with store.session():
            ids = table.all_ids(store, job_id, after=after, limit=AT_A_TIME)
        if not ids:
            return
        yield ids
        after = ids[-1]


def delete(services: Services, job_id: int) -> None:
    """Delete all tasks of a job; their workers stop. Raises Refused."""
    one(services, job_id)
    store = services.engine.store
    while True:
        with store.session():
            ids = table.tops(store, job_id, limit=AT_A_TIME)
        if not ids or not single.delete_many(services, ids):
            return
