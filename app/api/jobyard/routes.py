"""Views of our own API."""

import orjson
from flask import request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from app.api.http.bodies import body
from app.api.http.documents import described, number_query, text_query
from app.api.http.site import services
from app.api.jobyard import schemas, service
from app.api.jobyard.errors import BadRequest
from config.settings import Settings

_PAGE = (
    number_query("page", "Which page, from 1.", 1),
    number_query("size", f"Entries a page, at most {service.MOST}.", service.SIZE),
)

blueprint = Blueprint(
    "jobyard", __name__, url_prefix="/api/jobyard/v1", description="Jobs of every dialect."
)


def blueprints(settings: Settings) -> list[Blueprint]:
    """Give what is to be mounted."""
    del settings
    return [blueprint]


@blueprint.route("/job-types")
@described(blueprint, schemas.JobTypes, errors=(405,), error=schemas.Error)
def find_job_types() -> ResponseReturnValue:
    """List what jobs can be: the types of all installed plugins."""
    return service.job_types(services())


@blueprint.route("/jobs")
@described(
    blueprint,
    schemas.JobPage,
    errors=(400, 405),
    error=schemas.Error,
    query=(
        *_PAGE,
        text_query("dialect", "Only jobs submitted through it."),
        text_query("type", "Only jobs of this type."),
        text_query("state", "Only jobs in this state."),
    ),
)
def find_jobs() -> ResponseReturnValue:
    """List jobs of all dialects, newest first."""
    return service.find(services(), request.args)


@blueprint.route("/jobs", methods=["POST"])
@described(
    blueprint,
    schemas.JobSummary,
    status=201,
    errors=(400, 405, 413),
    error=schemas.Error,
    body={"application/json": schemas.NewJob},
)
def submit_job() -> ResponseReturnValue:
    """Submit a job of any installed type."""
    if request.mimetype != "application/json":
        raise BadRequest("the Content-Type must be application/json")
    try:
        document = orjson.loads(body())
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"the body is not JSON: {error.msg}") from error
    return service.submit(services(), document), 201


@blueprint.route("/jobs/<job_id>")
@described(blueprint, schemas.Job, errors=(404, 405), error=schemas.Error)
def get_job(job_id: str) -> ResponseReturnValue:
    """Give a job with its tasks."""
    return service.get(services(), job_id)


@blueprint.route("/jobs/<job_id>/cancel", methods=["PUT"])
@described(blueprint, schemas.JobSummary, errors=(404, 405, 409), error=schemas.Error)
def cancel_job(job_id: str) -> ResponseReturnValue:
    """Cancel a job that is not over."""
    return service.cancel(services(), job_id)


@blueprint.route("/jobs/<job_id>/log")
@described(blueprint, schemas.LogPage, errors=(400, 404, 405), error=schemas.Error, query=_PAGE)
def get_job_log(job_id: str) -> ResponseReturnValue:
    """List a job's output, newest part first."""
    return service.log(services(), job_id, request.args)
