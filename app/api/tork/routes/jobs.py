"""`/jobs`."""

from flask import request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from app.api.http.bodies import body
from app.api.http.callers import caller
from app.api.http.documents import described, number_query, text_query
from app.api.http.site import services, site
from app.api.tork import query, schemas
from app.api.tork.routes import output
from app.api.tork.service import jobs as service
from app.api.tork.service import logs
from app.api.tork.service.submission import read

SIZE, MOST = 10, 20
PAGE = number_query("page", "Which page, from 1.", 1)
DRY_RUN = text_query("validate", "`true` only says what is wrong, and creates nothing.")

blueprint = Blueprint("tork-jobs", __name__, description="Jobs.")


@blueprint.route("/jobs")
@described(
    blueprint,
    schemas.JobPage,
    errors=(400, 404, 405),
    error=schemas.Error,
    query=(
        PAGE,
        number_query("size", f"Jobs a page, at most {MOST}.", SIZE),
        text_query("q", "`tag:x`, `tags:x,y`, and words of name, description or state."),
        text_query("archived", "`true` lists archived jobs as well."),
    ),
)
def find_jobs() -> ResponseReturnValue:
    """List jobs, newest first."""
    window = query.window(request.args, size=SIZE, most=MOST)
    wanted = query.search(request.args.get("q"))
    archived = query.flag(request.args, "archived")
    return service.find(services(), caller(), wanted, window, archived=archived)


@blueprint.route("/jobs", methods=["POST"])
@described(
    blueprint,
    schemas.JobSummary,
    errors=(400, 404, 405, 408, 413, 500),
    error=schemas.Error,
    query=(DRY_RUN,),
    headers=(
        text_query("Idempotency-Key", "A second job under it is not made; the first is answered."),
    ),
    body={"application/json": schemas.JobDefinition, "text/yaml": schemas.JobDefinition},
)
def submit_job() -> ResponseReturnValue:
    """Submit a job; one with `wait` is answered in full when it has ended."""
    document = read(body(), request.headers.get("Content-Type"))
    if query.flag(request.args, "validate"):
        return service.validate(services(), document)
    key = request.headers.get("Idempotency-Key")
    return dict(service.submit(services(), caller(), document, site().drain, key=key))


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


@blueprint.route("/jobs/<job_id>/pause", methods=["PUT"])
@described(blueprint, schemas.Status, errors=(400, 404, 405), error=schemas.Error)
def pause_job(job_id: str) -> ResponseReturnValue:
    """Let what runs of a job end, and hold the rest."""
    return service.pause(services(), caller(), job_id)


@blueprint.route("/jobs/<job_id>/resume", methods=["PUT"])
@described(blueprint, schemas.Status, errors=(400, 404, 405), error=schemas.Error)
def resume_job(job_id: str) -> ResponseReturnValue:
    """Go on with a paused job."""
    return service.resume(services(), caller(), job_id)


@blueprint.route("/jobs/<job_id>/archive", methods=["PUT"])
@described(blueprint, schemas.Status, errors=(400, 404, 405), error=schemas.Error)
def archive_job(job_id: str) -> ResponseReturnValue:
    """Leave a job that is over out of lists."""
    return service.archive(services(), caller(), job_id, archived=True)


@blueprint.route("/jobs/<job_id>/unarchive", methods=["PUT"])
@described(blueprint, schemas.Status, errors=(400, 404, 405), error=schemas.Error)
def unarchive_job(job_id: str) -> ResponseReturnValue:
    """Show a job in lists again."""
    return service.archive(services(), caller(), job_id, archived=False)


@blueprint.route("/jobs/<job_id>", methods=["DELETE"])
@described(blueprint, schemas.Status, errors=(400, 404, 405), error=schemas.Error)
def delete_job(job_id: str) -> ResponseReturnValue:
    """Delete a job that is over, with its tasks and their output."""
    return service.delete(services(), caller(), job_id)


@blueprint.route("/jobs/<job_id>/log")
@output.described_pages(blueprint)
def get_job_log(job_id: str) -> ResponseReturnValue:
    """List the output of all tasks of a job, newest part first, or give all of it as text."""
    return output.pages(logs.of_job(services(), caller(), job_id))


@blueprint.route("/jobs/<job_id>/log/stream")
@output.described_stream(blueprint)
def stream_job_log(job_id: str) -> ResponseReturnValue:
    """Stream the output of all tasks of a job as it comes."""
    return output.stream(logs.of_job(services(), caller(), job_id))
