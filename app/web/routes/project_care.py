"""`/ui/projects/<id>/failed` and `…/secrets`: caring for tasks, and what nobody else may know."""

import secrets as random
from collections.abc import Callable, Mapping

from flask import Blueprint, abort, flash, redirect, request
from flask.typing import ResponseReturnValue

from app.api.http.site import services
from app.api.task_tracker.errors import Refused
from app.api.task_tracker.records import Project, Role
from app.api.task_tracker.service import failures, maintenance, projects, secrets
from app.domain.clock import SECOND, rfc3339
from app.web.doings import note
from app.web.frame import page, show
from app.web.visitors import visitor

HERE = "/ui/projects"
LISTED = 20
SHOWN = 4000
"""Characters of a recipe or an error that a page shows."""
_MOST = 2**63 - 1
_VERBS: Mapping[str, tuple[maintenance.Verb, str]] = {
    "reset": (maintenance.reset_failed, "{} failed tasks begin anew."),
    "reclaim": (maintenance.reclaim, "{} tasks are taken back from their workers."),
    "clear": (maintenance.clear, "{} tasks are deleted."),
}


def mount(blueprint: Blueprint) -> None:
    """Put the pages on a blueprint."""

    @page(blueprint, f"{HERE}/<int:project_id>/failed", None)
    def failed_tasks(project_id: int) -> ResponseReturnValue:
        found = _required(project_id, Role.MAINTENANCE)
        after = request.args.get("after", "")
        begin = int(after) if after.isascii() and after.isdigit() and len(after) < 19 else 0
        tasks = failures.page(services(), found, after=begin, limit=LISTED + 1)
        return show(
            "projects/failed.html",
            HERE,
            project=found,
            tasks=tasks[:LISTED],
            following=tasks[LISTED - 1]["id"] if len(tasks) > LISTED else None,
            most=SHOWN,
            time=lambda at: rfc3339(at * SECOND),
        )

    @page(blueprint, f"{HERE}/<int:project_id>/failed/<int:task_id>", None, method="POST")
    def decide_failed_task(project_id: int, task_id: int) -> ResponseReturnValue:
        found = _required(project_id, Role.MAINTENANCE)
        verbs: Mapping[str, Callable[..., bool]] = {
            "reset": failures.reset,
            "drop": failures.drop,
        }
        verb = verbs.get(request.form.get("decision", ""))
        if verb is None:
            abort(400)
        if not verb(services(), found, min(task_id, _MOST)):
            raise Refused(404, "That task is not among the failed ones any more.")
        note("task.reset" if verb is failures.reset else "task.drop", task_id, project=found.id)
        done = "begins anew" if verb is failures.reset else "is deleted"
        flash(f"Task {task_id} {done}.")
        return redirect(f"{HERE}/{found.id}/failed", 303)

    @page(blueprint, f"{HERE}/<int:project_id>/care", None, method="POST")
    def care_for_project(project_id: int) -> ResponseReturnValue:
        found = _required(project_id, Role.MAINTENANCE)
        wanted = _VERBS.get(request.form.get("wanted", ""))
        if wanted is None:
            abort(400)
        verb, said = wanted
        count = verb(services(), found)
        note(f"project.{request.form['wanted']}", found.id, tasks=count)
        flash(said.format(count))
        return redirect(f"{HERE}/{found.id}", 303)

    _mount_secrets(blueprint)


def _mount_secrets(blueprint: Blueprint) -> None:
    @page(blueprint, f"{HERE}/<int:project_id>/secrets", None)
    def project_secrets(project_id: int) -> ResponseReturnValue:
        return _secrets(_required(project_id, Role.SECRET))

    @page(blueprint, f"{HERE}/<int:project_id>/secrets/workers", None, method="POST")
    def set_project_secret(project_id: int) -> ResponseReturnValue:
        found = _required(project_id, Role.SECRET)
        secrets.change(services(), found, request.form.get("secret", ""))
        note("project.secret", found.id)
        flash("Workers get the new secret from now on.")
        return redirect(f"{HERE}/{found.id}/secrets", 303)

    @page(blueprint, f"{HERE}/<int:project_id>/secrets/webhook", None, method="POST")
    def set_webhook_secret(project_id: int) -> ResponseReturnValue:
        found = _required(project_id, Role.SECRET)
        given = request.form.get("secret", "")
        made = "" if given else random.token_urlsafe(32)
        secrets.change_webhook(services(), found, given or made)
        note("project.webhook-secret", found.id)
        if made:
            # Shown in this answer alone: it would not be safe in the cookie that sentences go by.
            return _secrets(found, made)
        flash("Push messages must be signed with the new secret from now on.")
        return redirect(f"{HERE}/{found.id}/secrets", 303)


def _required(project_id: int, role: Role) -> Project:
    return projects.require(services(), visitor().manager, min(project_id, _MOST), role)


def _secrets(project: Project, made: str = "") -> str:
    return show(
        "projects/secrets.html",
        HERE,
        project=project,
        made=made,
        length=len(secrets.of(services(), project.id)),
        is_signed=bool(secrets.of_webhook(services(), project)),
    )
