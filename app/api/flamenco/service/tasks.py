"""Tasks: looked at, listed, deleted."""

from collections.abc import Sequence

from app.api.flamenco import words
from app.api.flamenco.errors import NO_TASK, Refused
from app.api.flamenco.records import FarmTask
from app.api.flamenco.service import failures, files, output
from app.api.flamenco.service.sweeping import sweep
from app.api.flamenco.tables import files as file_table
from app.api.flamenco.tables import tasks
from app.api.flamenco.tables.tasks import Filter
from app.api.flamenco.words import Shown
from app.domain.records import Json
from app.engine.transaction import retried
from app.wiring import Services

AT_A_TIME = 500
"""Tasks that one transaction deletes."""
OF_TASKS = ("output", "thumbnail")


def get(services: Services, task_id: int) -> FarmTask:
    """Give a task's record. Raises Refused."""
    with services.engine.store.session():
        task = tasks.get(services.engine.store, task_id)
    if task is None:
        raise Refused(404, NO_TASK)
    return task


def summary(services: Services, task: FarmTask) -> Json:
    """Give the eight keys of a task or group."""
    with services.engine.store.session():
        figures = tasks.figures(services.engine.store, task.id) if task.group else None
    return words.short(task, figures)


def info(services: Services, task_id: int) -> Json:
    """Give all of a task. Raises Refused."""
    sweep(services)
    task = get(services, task_id)
    (found,) = _documents(services, [task])
    return {**found, "log": output.text(services, task)}


def every(services: Services, wanted: Filter, *, limit: int, offset: int) -> Json:
    """Give a page of tasks, and how many match in all."""
    sweep(services)
    store = services.engine.store
    with store.session():
        found, total = tasks.page(store, wanted, limit=limit, offset=offset)
    return {"tasks": _documents(services, found), "total": total}


def _documents(services: Services, found: Sequence[FarmTask]) -> list[Json]:
    engine = services.engine
    with engine.store.session():
        needs = engine.steering.needs([one.id for one in found])
        return [words.long(one, _shown(services, one, needs.get(one.id, ()))) for one in found]


def _shown(services: Services, task: FarmTask, needs: Sequence[int]) -> Shown:
    if not task.group:
        return Shown(needs=needs)
    engine = services.engine
    return Shown(
        figures=tasks.figures(engine.store, task.id),
        children=engine.steering.members(task.id),
        needs=needs,
    )


def delete(services: Services, task_id: int) -> Json:
    """Delete a task or a group, whatever its state; give how it ended. Raises Refused."""
    task = get(services, task_id)
    shown = summary(services, task)
    if not _delete(services, task):
        raise Refused(404, NO_TASK)
    if shown["status"] not in words.OVER:
        shown.update(status="canceled", worker_id=None)
    return shown


def delete_many(services: Services, ids: Sequence[int]) -> list[int]:
    """Delete tasks; give those that were there."""
    gone: list[int] = []
    store = services.engine.store
    with store.session():
        there = tasks.known(store, list(dict.fromkeys(ids)))
    for task_id in dict.fromkeys(one for one in ids if one in there):
        with store.session():
            task = tasks.get(store, task_id)
        if task is not None and _delete(services, task):
            gone.append(task_id)
    return gone


def _delete(services: Services, task: FarmTask) -> bool:
    if task.group:
        # The group last: whoever asks again meanwhile finds what is left of it.
        while ids := services.engine.steering.members(task.id):
            for begin in range(0, len(ids), AT_A_TIME):
                _remove(services, ids[begin : begin + AT_A_TIME])
    return bool(_remove(services, [task.id]))


def _remove(services: Services, ids: Sequence[int]) -> int:
    places = retried(services.engine.store, lambda: _take(services, ids))
    if places is None:
        return 0
    files.drop(services, places)
    services.engine.logs.forget_all(ids)
    return len(ids)


def _take(services: Services, ids: Sequence[int]) -> list[str] | None:
    """Delete rows of tasks in one transaction; give where their files lie, None if all are gone."""
    engine = services.engine
    with engine.transaction():
        places = engine.steering.places(ids)
        known = tasks.known(engine.store, list(ids))
        wanted = [place for task_id, place in places.items() if task_id in known]
        if not wanted:
            return None
        gone = [place.id for place in wanted]
        engine.steering.delete(wanted)
        tasks.delete(engine.store, gone)
        failures.forget(services, gone)
        return [place for kind in OF_TASKS for place in file_table.take(engine.store, kind, gone)]
