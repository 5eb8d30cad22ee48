"""Projects: what they are, who may see them and who may change them."""

import math
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from app.api.task_tracker import tables
from app.api.task_tracker.errors import UNAUTHORIZED, Refused
from app.api.task_tracker.permissions import Act, Holds, allowed
from app.api.task_tracker.records import ALL_ROLES, Project, Role
from app.api.task_tracker.tables import DIALECT
from app.domain.errors import AlreadyExists
from app.domain.records import Group, Manager
from app.engine.transaction import retried
from app.wiring import Services

LONGEST = {"clone_url": 1024, "git_repo": 1024, "version": 1024}
LONGEST_NAME = 255
LONGEST_MOTD = 65_536
MOST_PRIORITY = 2**31 - 1
NOT_PERMITTED = "You are not permitted to create a project with this configuration"
NEEDS_CHAIN = "Unauthorized (You need RoleEdit on the project you wish to chain tasks to)"
EMPTY = "{}"
TAKEN = "duplicate project: this name is taken"


def has_role(services: Services, manager: Manager | None, project_id: int, role: Role) -> bool:
    """Tell whether a manager may do that with a project; an admin may with any."""
    if manager is None:
        return False
    if manager.admin:
        return True
    with services.engine.store.session():
        return role in tables.role(services.engine.store, project_id, manager.id)


def require(services: Services, manager: Manager | None, project_id: int, role: Role) -> Project:
    """Give a project that a manager may do that with. Raises Refused."""
    if not has_role(services, manager, project_id, role):
        raise Refused(403, UNAUTHORIZED)
    return existing(services, project_id)


def existing(services: Services, project_id: int) -> Project:
    """Give a project. Raises Refused."""
    with services.engine.store.session():
        found = tables.project(services.engine.store, project_id)
    if found is None:
        raise Refused(404, "Project not found")
    return found


def readable(services: Services, manager: Manager | None, project_id: int) -> Project:
    """Give a project that somebody may read. Raises Refused."""
    found = existing(services, project_id)
    holds = []
    if found.hidden and has_role(services, manager, project_id, Role.READ):
        holds.append(Holds.ROLE_READ)
    if Act.READ not in allowed(found, holds):
        raise Refused(403, UNAUTHORIZED)
    return found


def listed(services: Services, manager: Manager | None) -> list[Project]:
    """Give the projects that somebody may see, by name."""
    store = services.engine.store
    with store.session():
        found = tables.projects(store)
        roles = tables.roles_of(store, manager.id) if manager else {}
    if manager is not None and manager.admin:
        return found
    return [one for one in found if not one.hidden or Role.READ in roles.get(one.id, Role(0))]


def create(services: Services, manager: Manager | None, given: Mapping[str, Any]) -> int:
    """Store a new project and give its id. Raises Refused."""
    wanted = _wanted(0, {**given, "paused": False}, "Invalid project")
    if not _may_create(services, manager, wanted) or manager is None:
        raise Refused(400, NOT_PERMITTED)
    engine = services.engine
    try:
        with engine.transaction():
            group = engine.groups.create(DIALECT, wanted.name, chain=wanted.chain or None)
            stored = replace(wanted, id=group.id)
            tables.insert_project(
                engine.store, stored, secret=EMPTY, webhook_secret=str(uuid.uuid4())
            )
            tables.set_role(engine.store, group.id, manager.id, ALL_ROLES)
    except AlreadyExists as error:
        raise Refused(400, TAKEN) from error
    return group.id


def _may_create(services: Services, manager: Manager | None, wanted: Project) -> bool:
    if manager is None or (wanted.public and not manager.admin):
        return False
    if not wanted.chain:
        return True
    with services.engine.store.session():
        there = tables.project(services.engine.store, wanted.chain) is not None
    return there and has_role(services, manager, wanted.chain, Role.EDIT)


def update(
    services: Services, manager: Manager | None, project_id: int, given: Mapping[str, Any]
) -> None:
    """Replace all fields of a project and fill both its buckets. Raises Refused."""
    wanted = _wanted(project_id, given, "Invalid request")
    if wanted.chain == project_id:
        raise Refused(400, "Invalid request")
    found = require(services, manager, project_id, Role.EDIT)
    if wanted.chain:
        if not has_role(services, manager, wanted.chain, Role.EDIT):
            raise Refused(403, NEEDS_CHAIN)
        with services.engine.store.session():
            if tables.project(services.engine.store, wanted.chain) is None:
                raise Refused(400, "Invalid request")
    if wanted.public and not found.public and not (manager and manager.admin):
        raise Refused(403, UNAUTHORIZED)
    engine = services.engine

    def change(group: Group) -> Group:
        return replace(group, name=wanted.name, paused=wanted.paused, chain=wanted.chain or None)

    def attempt() -> None:
        with engine.transaction():
            engine.groups.update(project_id, change)
            tables.update_project(engine.store, wanted)
            refill(services, project_id)

    try:
        retried(engine.store, attempt)
    except AlreadyExists as error:
        raise Refused(400, TAKEN) from error


def refill(services: Services, project_id: int) -> None:
    """Let both rates of a project begin anew."""
    for kind in ("get", "submit"):
        services.engine.rates.fill(bucket(kind, project_id))


def bucket(kind: str, project_id: int) -> str:
    """Name the bucket of a project's rate; kind: `get` or `submit`."""
    return f"{DIALECT}/{project_id}/{kind}"


def _wanted(project_id: int, given: Mapping[str, Any], refusal: str) -> Project:
    texts = ("name", "clone_url", "git_repo", "version", "motd")
    wrong = (
        not 1 <= len(given["name"]) <= LONGEST_NAME
        or any(len(given[name]) > most for name, most in LONGEST.items())
        or len(given["motd"].encode()) > LONGEST_MOTD
        or any("\0" in given[name] for name in texts)
        or not 0 <= given["priority"] <= MOST_PRIORITY
        or given["chain"] < 0
        or (given["public"] and given["hidden"])
        or not all(_is_rate(given[name]) for name in ("assign_rate", "submit_rate"))
    )
    if wrong:
        raise Refused(400, refusal)
    return Project(
        id=project_id,
        name=given["name"],
        priority=given["priority"],
        clone_url=given["clone_url"],
        git_repo=given["git_repo"],
        version=given["version"],
        motd=given["motd"],
        public=given["public"],
        hidden=given["hidden"],
        paused=given["paused"],
        chain=given["chain"],
        assign_rate=_rate(given["assign_rate"]),
        submit_rate=_rate(given["submit_rate"]),
    )


def _is_rate(value: float) -> bool:
    return math.isfinite(value) and value >= 0


def _rate(value: float) -> float | None:
    """Give a rate; the largest number there is stands for no limit, and so does 0."""
    return None if value == 0 or value > 1e15 else value
