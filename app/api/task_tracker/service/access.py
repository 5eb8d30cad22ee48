"""Requests of workers for access, and roles of managers."""

from collections.abc import Callable

from app.api.task_tracker import tables
from app.api.task_tracker.errors import Refused
from app.api.task_tracker.records import Access, Project, Remote, Role
from app.domain.errors import ManagerNotFound
from app.domain.records import Manager
from app.wiring import Services

Verb = Callable[[Services, Project, int], bool]
NOT_NEEDED = (
    "Project is public, you already have an active request or you already have"
    " access to this project"
)
NO_ACCESS = "Worker did not have access to this project"


def ask(services: Services, worker: Remote, project_id: int, *, assign: bool, submit: bool) -> None:
    """Note that a worker wants access. Raises Refused."""
    store = services.engine.store
    with store.transaction():
        there = tables.project(store, project_id) is not None
        if not there or not tables.ask(store, worker.id, project_id, assign=assign, submit=submit):
            raise Refused(400, NOT_NEEDED)


def listed(services: Services, project: Project) -> list[Access]:
    """Give the requests of a project, granted ones first, then by alias."""
    with services.engine.store.session():
        return tables.accesses(services.engine.store, project.id)


def accept(services: Services, project: Project, worker_id: int) -> bool:
    """Grant what a worker asked for; False when it asked for nothing."""
    with services.engine.store.transaction():
        return tables.accept(services.engine.store, project.id, worker_id)


def reject(services: Services, project: Project, worker_id: int) -> bool:
    """Refuse what a worker asked for, or take it away; False when there is nothing."""
    with services.engine.store.transaction():
        return tables.reject(services.engine.store, project.id, worker_id)


def managers_of(services: Services, project_id: int) -> list[tuple[Manager, Role]]:
    """Give the managers that have a role in a project, by id."""
    engine = services.engine
    with engine.store.session():
        roles = tables.roles_in(engine.store, project_id)
        known = {one.id: one for one in engine.managers.listed()}
    return [(known[manager_id], role) for manager_id, role in roles if manager_id in known]


def set_role(services: Services, project: Project, manager_id: int, role: int) -> None:
    """Replace what a manager may do with a project. Raises Refused."""
    if not 0 <= role <= 31:
        raise Refused(400, "Invalid request")
    engine = services.engine
    with engine.transaction():
        try:
            engine.managers.get(manager_id)
        except ManagerNotFound as error:
            raise Refused(400, "Invalid manager") from error
        tables.set_role(engine.store, project.id, manager_id, Role(role))


def roles_of(services: Services, manager_id: int) -> list[tuple[Project, Role]]:
    """Give what a manager may do with which projects, by their names."""
    store = services.engine.store
    with store.session():
        held = tables.roles_of(store, manager_id)
        found = tables.projects(store)
    return [(one, held[one.id]) for one in found if held.get(one.id)]
