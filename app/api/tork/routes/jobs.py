"""`/jobs`."""

from flask import request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from app.api.http.bodies import body
from app.api.http.callers import caller
from app.api.http.documents import described, number_query, text_query
from app.api.http.site import services, site
from app.api.tork import query, schemas
from app.api.tork.service import jobs as service
from app.api.tork.service import tasks as task_service
from app.api.tork.service.submission import read

SIZE, MOST = 10, 20
LOG_SIZE, LOG_MOST = 25, 100
PAGE = number_query("page", "Which page, from 1.", 1)
LOG_QUERY = (
    PAGE,
    number_query("size", f"Parts a page, at most {LOG_MOST}.", LOG_SIZE),
    text_query("q", "Words that must all stand in a part."),
)

blueprint = Blueprint("tork-jobs", __name__, description="Jobs.")


@blueprint.route("/jobs")
@described(
    blueprint,
    schemas.JobPage,
    errors=(404, 405),
    error=schemas.Error,
    query=(
        PAGE,
        number_query("size", f"Jobs a page, at most {MOST}.", SIZE),
        text_query("q", "`tag:x`, `tags:x,y`, and words of name, description or state."),
    ),
)
def find_jobs() -> ResponseReturnValue:
    """List jobs, newest first."""
    window = query.window(request.args, size=SIZE, most=MOST)
    return service.find(services(), caller(), query.search(request.args.get("q")), window)


@blueprint.route("/jobs", methods=["POST"])
@described(
    blueprint,
    schemas.JobSummary,
    errors=(400, 404, 405, 408, 413, 500),
    error=schemas.Error,
    body={"application/json": schemas.JobDefinition, "text/yaml": schemas.JobDefinition},
)
def submit_job() -> ResponseReturnValue:
    """Submit a job; one with `wait` is answered in full when it has ended."""
    document = read(body(), request.headers.get("Content-Type"))
    return dict(service.submit(services(), caller(), document, site().drain))


@blueprint.route("/jobs/<job_id>")
@described(blueprint, schemas.Job, errors=(404, 405), error=schemas.Error)
def get_job(job_id: str) -> ResponseReturnValue:
    """Give a job with all its tasks."""
    return dict(service.get(services(), caller(), job_id))


@blueprint.route("/jobs/<job_id>/cancel", methods=["PUT"])
@described(blueprint, schemas.Status, errors=(400, 404, 405), error=schemas.Error)
def cancel_job(job_id: str) -> ResponseReturnValue:
    """Cancel a job that is not over."""
    return service.cancel(services(), caller(), job_id)


@blueprint.route("/jobs/<job_id>/restart", methods=["PUT"])
@described(blueprint, schemas.Status, errors=(400, 404, 405), error=schemas.Error)
def restart_job(job_id: str) -> ResponseReturnValue:
    """Let a failed or cancelled job begin again at its current task."""
    return service.restart(services(), caller(), job_id)


@blueprint.route("/jobs/<job_id>/log")
@described(blueprint, schemas.TaskLogPage, errors=(404, 405), error=schemas.Error, query=LOG_QUERY)
def get_job_log(job_id: str) -> ResponseReturnValue:
    """List the output of all tasks of a job, newest part first."""
    window = query.window(request.args, size=LOG_SIZE, most=LOG_MOST)
    wanted = query.text_words(request.args.get("q"))
    return task_service.job_log(services(), caller(), job_id, window, wanted)
