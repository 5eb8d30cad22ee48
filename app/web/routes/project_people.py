"""`/ui/projects/<id>/access`: workers that may, and managers with their roles."""

from flask import Blueprint, abort, flash, redirect, request
from flask.typing import ResponseReturnValue

from app.api.http.site import services
from app.api.task_tracker.errors import UNAUTHORIZED, Refused
from app.api.task_tracker.records import Project, Role
from app.api.task_tracker.service import access, projects, workers
from app.domain.records import Manager
from app.web.doings import note
from app.web.frame import page, show
from app.web.visitors import visitor

HERE = "/ui/projects"
MOST_SHOWN = 200
ROLES = {
    Role.READ: "see it while it is hidden",
    Role.EDIT: "edit and pause it",
    Role.MANAGE_ACCESS: "decide who has access",
    Role.SECRET: "read and set its secrets",
    Role.MAINTENANCE: "care for its tasks",
}
_MOST = 2**63 - 1


def mount(blueprint: Blueprint) -> None:
    """Put the pages on a blueprint."""

    @page(blueprint, f"{HERE}/<int:project_id>/access", None)
    def project_access(project_id: int) -> ResponseReturnValue:
        return _shown(_managed(project_id))

    @page(blueprint, f"{HERE}/<int:project_id>/access/<int:worker_id>", None, method="POST")
    def decide_access(project_id: int, worker_id: int) -> ResponseReturnValue:
        found = _managed(project_id)
        verbs = {"accept": access.accept, "reject": access.reject}
        verb = verbs.get(request.form.get("decision", ""))
        if verb is None:
            abort(400)
        done = verb(services(), found, min(worker_id, _MOST))
        if done:
            note(f"access.{verb.__name__}", found.id, worker=worker_id)
        if not done:
            flash("That worker asks for nothing any more.")
        elif verb is access.accept:
            flash("The worker has access now.")
        else:
            flash("The worker has no access.")
        return redirect(f"{HERE}/{found.id}/access", 303)

    _mount_members(blueprint)


def _mount_members(blueprint: Blueprint) -> None:
    @page(blueprint, f"{HERE}/<int:project_id>/roles", None, method="POST")
    def set_project_role(project_id: int) -> ResponseReturnValue:
        found = _managed(project_id)
        who = _named(request.form.get("manager", ""))
        if who is None:
            return _shown(found, "There is no manager of that name."), 400
        role = Role(0)
        for flag in Role:
            if (flag.name or "") in request.form.getlist("role"):
                role |= flag
        access.set_role(services(), found, who.id, int(role))
        note("role.set", found.id, manager=who.username, role=int(role))
        flash(f"The roles of {who.username} are stored.")
        me = visitor().manager
        may = projects.has_role(services(), me, found.id, Role.MANAGE_ACCESS)
        return redirect(f"{HERE}/{found.id}/access" if may else f"{HERE}/{found.id}", 303)

    @page(blueprint, f"{HERE}/<int:project_id>/workers/<int:worker_id>", None, method="POST")
    def pause_project_worker(project_id: int, worker_id: int) -> ResponseReturnValue:
        me = visitor().manager
        if me is None or not me.admin:
            raise Refused(403, UNAUTHORIZED)
        paused = request.form.get("paused") == "yes"
        workers.set_paused(services(), min(worker_id, _MOST), paused=paused)
        note("worker.pause" if paused else "worker.resume", worker_id)
        flash("The worker is paused in all projects." if paused else "The worker goes on.")
        return redirect(f"{HERE}/{project_id}/access", 303)


def _managed(project_id: int) -> Project:
    who = visitor().manager
    return projects.require(services(), who, min(project_id, _MOST), Role.MANAGE_ACCESS)


def _named(name: str) -> Manager | None:
    known = services().engine.managers.listed()
    return next((one for one in known if one.username == name.strip()), None)


def _shown(project: Project, fault: str = "") -> str:
    me = visitor().manager
    found = access.listed(services(), project)
    asked = [one for one in found if one.pending]
    granted = [one for one in found if not one.pending]
    shown = [*asked[:MOST_SHOWN], *granted[:MOST_SHOWN]]
    closed = services().engine.groups.finished_by([one.worker.id for one in shown])
    return show(
        "projects/access.html",
        HERE,
        project=project,
        asked=asked[:MOST_SHOWN],
        granted=granted[:MOST_SHOWN],
        left_out=len(found) - len(shown),
        closed=closed,
        members=access.managers_of(services(), project.id),
        roles=ROLES,
        is_admin=me is not None and me.admin,
        fault=fault,
    )
