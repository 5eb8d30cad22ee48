"""Handing out tasks: of one project, or the best of all that a worker may serve."""

from collections.abc import Sequence
from contextlib import suppress

from app.api.http.lobby import Shut
from app.api.task_tracker import tables, words
from app.api.task_tracker.errors import Refused
from app.api.task_tracker.permissions import Act, allowed, held
from app.api.task_tracker.records import Project, Remote, Rights
from app.api.task_tracker.service.projects import bucket
from app.api.task_tracker.service.tasks import UNKNOWN, standing
from app.api.task_tracker.tables import Membership
from app.domain.errors import RateLimited
from app.domain.records import Json
from app.wiring import Services

NO_TASK = "No task available"
MOST = 100
"""Tasks of one request."""
MOST_WAIT_S = 60.0
MOST_PROJECTS = 200
"""Projects that one request looks at or waits for."""


def get(services: Services, worker: Remote, of: Membership | None, count: int = 1) -> list[Json]:
    """Hand up to `count` tasks of a project to a worker; none is normal.

    of: the project and what the worker may do there; None where it is none.
    Raises Refused; RateLimited; Shut when the project is paused.
    """
    if of is None:
        raise Refused(404, UNKNOWN)
    project, rights = of
    if project.assign_rate is None:
        return _claim(services, worker, project, rights, count)
    return _rated_claim(services, worker, project, rights, count)


def get_any(services: Services, worker: Remote, count: int = 1) -> list[Json]:
    """Hand a worker the best tasks there are for it: by project, then by the tasks' priority.

    Raises RateLimited when the rates of projects alone stand against it.
    """
    store = services.engine.store
    with store.session():
        found = tables.open_to(store, worker.id, ready=True, limit=MOST_PROJECTS)
    tasks: list[Json] = []
    limited: RateLimited | None = None
    for project, rights in found:
        wanted = count - len(tasks)
        if not wanted:
            break
        try:
            if project.assign_rate is None:
                tasks += _claim(services, worker, project, rights, wanted)
            else:
                tasks += _rated_claim(services, worker, project, rights, wanted)
        except RateLimited as error:
            limited = limited or error
    if limited is not None and not tasks:
        raise limited
    return tasks


def lines(services: Services, worker: Remote, project_id: int | None) -> Sequence[str]:
    """Name the queues that a worker may wait for: a project's, or those of all it may serve."""
    store = services.engine.store
    with store.session():
        if project_id is None:
            found = tables.open_to(store, worker.id, ready=False, limit=MOST_PROJECTS)
        else:
            found = [standing(services, worker, project_id)]
    return [project.queue for project, rights in found if _may_get(project, rights)]


def _may_get(project: Project, rights: Rights) -> bool:
    return Act.GET in allowed(project, held(rights))


def _rated_claim(
    services: Services, worker: Remote, project: Project, rights: Rights, count: int
) -> list[Json]:
    engine = services.engine
    name = bucket("get", project.id)
    with engine.transaction():
        engine.rates.take(name, project.assign_rate or 0.0)
        found: list[Json] = []
        # Whatever hands out nothing takes nothing of the rate.
        with suppress(Shut):
            found = _claim(services, worker, project, rights, count)
        if len(found) != 1:
            engine.rates.charge(name, len(found) - 1)
    if project.paused:
        raise Shut
    return found


def _claim(
    services: Services, worker: Remote, project: Project, rights: Rights, count: int
) -> list[Json]:
    if project.paused:
        raise Shut
    if not _may_get(project, rights):
        return []
    now = services.engine.clock.now()
    claimed = services.engine.claims.claim_lone(worker.id, project.queue, limit=count)
    return [words.task(one, worker.id, now, project) for one in claimed]
