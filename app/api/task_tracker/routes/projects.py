"""`/project/…`: what projects are, and what is done to all their tasks at once."""

from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from app.api.http import sessions
from app.api.http.bodies import body
from app.api.http.site import services
from app.api.task_tracker import schemas, words
from app.api.task_tracker.documents import Fields, flag, int64, number, read, text
from app.api.task_tracker.errors import Refused
from app.api.task_tracker.records import Role
from app.api.task_tracker.routes import callers, ids
from app.api.task_tracker.routes.describing import tells
from app.api.task_tracker.service import maintenance, secrets
from app.api.task_tracker.service import projects as service

blueprint = Blueprint("tracker-projects", __name__, description="Projects.")
PROJECT: Fields = {
    "name": text(),
    "clone_url": text(),
    "git_repo": text(),
    "version": text(),
    "motd": text(),
    "priority": int64(),
    "public": flag(),
    "hidden": flag(),
    "paused": flag(),
    "chain": int64(),
    "assign_rate": number(),
    "submit_rate": number(),
}
SECRET: Fields = {"secret": text()}
WEBHOOK_SECRET: Fields = {"webhook_secret": text()}


@blueprint.route("/project/create", methods=["POST"])
@tells(blueprint, 400, 413, body=schemas.ProjectFields)
def create_project() -> ResponseReturnValue:
    """Make a project; its creator gets every role in it."""
    given = read(body(), PROJECT)
    return words.done({"id": service.create(services(), sessions.manager(), given)})


@blueprint.route("/project/get/<project_id>")
@tells(blueprint, 400, 403, 404)
def get_project(project_id: str) -> ResponseReturnValue:
    """Give a project."""
    found = service.readable(services(), sessions.manager(), ids.project(project_id))
    shown = words.project(found)
    return words.done({**shown, "project": shown})


@blueprint.route("/project/update/<project_id>", methods=["POST"])
@tells(blueprint, 400, 403, 404, 413, body=schemas.ProjectFields)
def update_project(project_id: str) -> ResponseReturnValue:
    """Replace all fields of a project."""
    wanted = ids.project(project_id)
    given = read(body(), PROJECT)
    service.update(services(), sessions.manager(), wanted, given)
    return words.done()


@blueprint.route("/project/list")
@tells(blueprint)
def list_projects() -> ResponseReturnValue:
    """List the projects that the caller may see, by name."""
    found = service.listed(services(), sessions.manager())
    return words.done({"projects": [words.project(one) for one in found]})


@blueprint.route("/project/reset_failed_tasks/<project_id>", methods=["POST"])
@tells(blueprint, 400, 403, 404)
def reset_failed(project_id: str) -> ResponseReturnValue:
    """Let failed tasks begin anew."""
    return _maintain(project_id, maintenance.reset_failed)


@blueprint.route("/project/hard_reset/<project_id>", methods=["POST"])
@tells(blueprint, 400, 403, 404)
def hard_reset(project_id: str) -> ResponseReturnValue:
    """Delete all tasks."""
    return _maintain(project_id, maintenance.clear)


@blueprint.route("/project/reclaim_assigned_tasks/<project_id>", methods=["POST"])
@tells(blueprint, 400, 403, 404)
def reclaim(project_id: str) -> ResponseReturnValue:
    """Take back all tasks that workers hold."""
    return _maintain(project_id, maintenance.reclaim)


def _maintain(project_id: str, verb: maintenance.Verb) -> ResponseReturnValue:
    wanted = ids.project(project_id)
    found = service.require(services(), sessions.manager(), wanted, Role.MAINTENANCE)
    return words.done({"affected_tasks": verb(services(), found)})


@blueprint.route("/project/secret/<project_id>")
@tells(blueprint, 400, 403, 404)
def get_secret(project_id: str) -> ResponseReturnValue:
    """Give the secret for workers, to those that may get tasks and to managers with the role."""
    wanted = ids.project(project_id)
    try:
        worker = callers.worker(403)
    except Refused:
        service.require(services(), sessions.manager(), wanted, Role.SECRET)
    else:
        secrets.require_assign(services(), worker, wanted)
    return words.done({"secret": secrets.of(services(), wanted)})


@blueprint.route("/project/secret/<project_id>", methods=["POST"])
@tells(blueprint, 400, 403, 404, 413, body=schemas.ProjectSecret)
def set_secret(project_id: str) -> ResponseReturnValue:
    """Change the secret for workers."""
    found = service.require(services(), sessions.manager(), ids.project(project_id), Role.SECRET)
    secrets.change(services(), found, read(body(), SECRET)["secret"])
    return words.done()


@blueprint.route("/project/webhook_secret/<project_id>")
@tells(blueprint, 400, 403, 404)
def get_webhook_secret(project_id: str) -> ResponseReturnValue:
    """Give the secret that push messages are signed with."""
    found = service.require(services(), sessions.manager(), ids.project(project_id), Role.SECRET)
    return words.done({"webhook_secret": secrets.of_webhook(services(), found)})


@blueprint.route("/project/webhook_secret/<project_id>", methods=["POST"])
@tells(blueprint, 400, 403, 404, 413, body=schemas.WebhookSecret)
def set_webhook_secret(project_id: str) -> ResponseReturnValue:
    """Change the secret that push messages are signed with."""
    found = service.require(services(), sessions.manager(), ids.project(project_id), Role.SECRET)
    secrets.change_webhook(services(), found, read(body(), WEBHOOK_SECRET)["webhook_secret"])
    return words.done()
