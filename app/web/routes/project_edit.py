"""`/ui/projects/new` and `…/edit`: what a project is."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, flash, redirect, request
from flask.typing import ResponseReturnValue

from app.api.http.site import services
from app.api.task_tracker.errors import Refused
from app.api.task_tracker.records import Project, Role
from app.api.task_tracker.service import projects
from app.domain.records import Json
from app.web.doings import note
from app.web.frame import LOGIN, page, show
from app.web.visitors import visitor

HERE = "/ui/projects"
TEXTS = ("name", "clone_url", "git_repo", "version", "motd")
SHOWN = {"public": (True, False), "private": (False, False), "hidden": (False, True)}
_MOST = 2**63 - 1


def mount(blueprint: Blueprint) -> None:
    """Put the pages on a blueprint."""

    @page(blueprint, f"{HERE}/new", None)
    def new_project() -> ResponseReturnValue:
        if visitor().manager is None:
            return redirect(f"{LOGIN}?next={HERE}/new", 303)
        return _form(None, form_of(Project(id=0, name="")))

    @page(blueprint, f"{HERE}/new", None, method="POST")
    def create_project() -> ResponseReturnValue:
        try:
            made = projects.create(services(), visitor().manager, _given(request.form))
        except Refused as error:
            return _form(None, request.form, _said(error)), error.status
        note("project.create", made)
        flash("The project is there. Workers can ask for access now.")
        return redirect(f"{HERE}/{made}", 303)

    @page(blueprint, f"{HERE}/<int:project_id>/edit", None)
    def edit_project(project_id: int) -> ResponseReturnValue:
        found = _editable(project_id)
        return _form(found, form_of(found))

    @page(blueprint, f"{HERE}/<int:project_id>/edit", None, method="POST")
    def update_project(project_id: int) -> ResponseReturnValue:
        found = _editable(project_id)
        try:
            projects.update(services(), visitor().manager, found.id, _given(request.form))
        except Refused as error:
            return _form(found, request.form, _said(error)), error.status
        note("project.update", found.id)
        flash("The changes are stored, and count from now on.")
        return redirect(f"{HERE}/{found.id}", 303)


def _editable(project_id: int) -> Project:
    return projects.require(services(), visitor().manager, min(project_id, _MOST), Role.EDIT)


def _said(error: Refused) -> str:
    """Say in more words what the API says in two."""
    if str(error) in ("Invalid project", "Invalid request"):
        return (
            "Something of this cannot be: a name has 1 to 255 characters, a priority is a whole"
            " number from 0, rates are no negative numbers, and no project follows itself."
        )
    return str(error)


def _form(project: Project | None, given: Mapping[str, Any], fault: str = "") -> str:
    who = visitor().manager
    known = projects.listed(services(), who)
    return show(
        "projects/edit.html",
        HERE,
        project=project,
        given=given,
        fault=fault,
        chains=[
            one
            for one in known
            if (project is None or one.id != project.id)
            and projects.has_role(services(), who, one.id, Role.EDIT)
        ],
        may_publish=who is not None and (who.admin or (project is not None and project.public)),
    )


def fields_of(project: Project) -> Json:
    """Give a project as the API takes it."""
    return {
        **{name: getattr(project, name) for name in TEXTS},
        "priority": project.priority,
        "public": project.public,
        "hidden": project.hidden,
        "paused": project.paused,
        "chain": project.chain,
        "assign_rate": project.assign_rate or 0.0,
        "submit_rate": project.submit_rate or 0.0,
    }


def form_of(project: Project) -> Mapping[str, Any]:
    """Give a project as the form has it."""
    shown = "hidden" if project.hidden else "public" if project.public else "private"
    return {
        **{name: getattr(project, name) for name in TEXTS},
        "priority": project.priority,
        "shown": shown,
        "paused": "yes" if project.paused else "",
        "chain": project.chain,
        "assign_rate": _rate(project.assign_rate),
        "submit_rate": _rate(project.submit_rate),
    }


def _rate(rate: float | None) -> str:
    return "" if rate is None else f"{rate:g}"


def _given(form: Mapping[str, str]) -> Json:
    """Read the form as the API takes a project; what cannot be read is what it refuses."""
    public, hidden = SHOWN.get(form.get("shown", ""), (False, False))
    return {
        **{name: form.get(name, "").replace("\r\n", "\n") for name in TEXTS},
        "priority": _whole(form.get("priority", "")),
        "public": public,
        "hidden": hidden,
        "paused": bool(form.get("paused")),
        "chain": _whole(form.get("chain", "")),
        "assign_rate": _number(form.get("assign_rate", "")),
        "submit_rate": _number(form.get("submit_rate", "")),
    }


def _whole(text: str) -> int:
    digits = text.strip()
    if not digits:
        return 0
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else -1


def _number(text: str) -> float:
    try:
        return float(text.strip() or 0)
    except ValueError:
        return -1.0
