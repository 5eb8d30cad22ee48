"""Files of jobs and tasks, fetched and handed in."""

import re

from flask import Response, send_file
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from app.api.flamenco import schemas
from app.api.flamenco.answers import document, nothing
from app.api.flamenco.errors import Refused, WrongField
from app.api.flamenco.fields import read
from app.api.flamenco.routes.describing import tells
from app.api.flamenco.service import archives, pictures
from app.api.flamenco.service import files as service
from app.api.flamenco.service.tasks import get
from app.api.http.site import services

blueprint = Blueprint("flamenco-files", __name__, description="Files of a render farm.")
NO_FILE = "There is no such file"
_DEPENDENCIES = re.compile(r"dependencies_([0-9]{1,15})\.zip")


@blueprint.route("/tasks/file/<farm_number:job_id>")
@tells(blueprint, 404, answer=schemas.HasFile)
def get_has_file(job_id: int) -> ResponseReturnValue:
    """Tell whether a job has a zip."""
    return document({"file": service.has(services(), "job", job_id)})


@blueprint.route("/tasks/zip/<farm_number:job_id>")
@tells(blueprint, 404, content_type=service.ZIP)
def get_job_zip(job_id: int) -> ResponseReturnValue:
    """Give the zip of a job as it was handed in."""
    return _stored("job", job_id)


@blueprint.route("/tasks/zip/sup/<farm_number:job_id>")
@tells(blueprint, 404, content_type=service.ZIP)
def get_support_zip(job_id: int) -> ResponseReturnValue:
    """Give a zip of the files that compilers made for the tasks of a job."""
    return _support(job_id)


@blueprint.route("/tasks/zip/dep/<farm_number:task_id>")
@tells(blueprint, 404, content_type=service.ZIP)
def get_dependency_zip(task_id: int) -> ResponseReturnValue:
    """Give a zip of the outputs of what a task waited for."""
    return _dependencies(task_id)


@blueprint.route("/tasks/<farm_id:task_id>/output")
@tells(blueprint, 404, content_type=service.ZIP)
def get_output(task_id: int) -> ResponseReturnValue:
    """Give the zip of a task's output as it was handed in."""
    return _stored("output", get(services(), task_id).id)


@blueprint.route("/tasks/<farm_id:task_id>/thumbnail")
@tells(blueprint, 404, content_type="image/png")
def get_thumbnail(task_id: int) -> ResponseReturnValue:
    """Give the last picture of a task."""
    return _stored("thumbnail", get(services(), task_id).id)


@blueprint.route("/tasks/thumbnails", methods=["POST"])
@tells(blueprint, 400, 404, 413, body=schemas.Thumbnail, files=True, status=204)
def post_thumbnail() -> ResponseReturnValue:
    """Hand in a picture of a task."""
    given = read()
    task_id = given.integer("task_id")
    if task_id is None:
        raise WrongField("task_id", "is needed")
    file = given.files.get("file")
    if file is None:
        raise WrongField("file", "is needed")
    pictures.keep(services(), task_id, file.filename or "", file.stream)
    return nothing()


@blueprint.route("/static/storage/<farm_number:job_id>/<name>")
@tells(blueprint, 404, content_type=service.ZIP)
def get_storage(job_id: int, name: str) -> ResponseReturnValue:
    """Give a zip under the name that old workers know it by."""
    if name == f"jobfile_{job_id}.zip":
        return _stored("job", job_id)
    if name == f"jobsupportfile_{job_id}.zip":
        return _support(job_id)
    waiting = _DEPENDENCIES.fullmatch(name)
    if waiting:
        return _dependencies(int(waiting[1]))
    raise Refused(404, NO_FILE)


def _support(job_id: int) -> Response:
    found = archives.support(services(), job_id)
    if found is None:
        raise Refused(404, NO_FILE)
    return Response(found, content_type=service.ZIP)


def _dependencies(task_id: int) -> Response:
    found = archives.dependencies(services(), task_id)
    if found is None:
        raise Refused(404, NO_FILE)
    return send_file(found, mimetype=service.ZIP)


def _stored(kind: str, owner: int) -> Response:
    found = service.find(services(), kind, owner)
    if found is None:
        raise Refused(404, NO_FILE)
    contents, file = found
    answer = send_file(contents, mimetype=file.media_type)
    answer.content_length = file.size
    return answer
