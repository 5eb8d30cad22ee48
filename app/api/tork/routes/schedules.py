"""`/scheduled-jobs`."""

from flask import request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from app.api.http.bodies import body
from app.api.http.callers import caller
from app.api.http.documents import described, number_query
from app.api.http.site import services
from app.api.tork import query, schemas
from app.api.tork.routes.jobs import DRY_RUN, MOST, PAGE, SIZE
from app.api.tork.service import schedules as service
from app.api.tork.service.submission import read

DEFINITION = {
    "application/json": schemas.ScheduledJobDefinition,
    "text/yaml": schemas.ScheduledJobDefinition,
}

blueprint = Blueprint("tork-scheduled-jobs", __name__, description="Jobs that cron submits.")


@blueprint.route("/scheduled-jobs")
@described(
    blueprint,
    schemas.ScheduledJobPage,
    errors=(404, 405),
    error=schemas.Error,
    query=(PAGE, number_query("size", f"Entries a page, at most {MOST}.", SIZE)),
)
def find_schedules() -> ResponseReturnValue:
    """List scheduled jobs, newest first."""
    return service.find(services(), caller(), query.window(request.args, size=SIZE, most=MOST))


@blueprint.route("/scheduled-jobs", methods=["POST"])
@described(
    blueprint,
    schemas.ScheduledJobSummary,
    errors=(400, 405, 413),
    error=schemas.Error,
    query=(DRY_RUN,),
    body=DEFINITION,
)
def create_schedule() -> ResponseReturnValue:
    """Create a scheduled job."""
    document = read(body(), request.headers.get("Content-Type"))
    if query.flag(request.args, "validate"):
        return service.validate(services(), document)
    return dict(service.create(services(), caller(), document))


@blueprint.route("/scheduled-jobs/<schedule_id>")
@described(blueprint, schemas.ScheduledJob, errors=(404, 405), error=schemas.Error)
def get_schedule(schedule_id: str) -> ResponseReturnValue:
    """Give a scheduled job in full."""
    return dict(service.get(services(), caller(), schedule_id))


@blueprint.route("/scheduled-jobs/<schedule_id>", methods=["PUT"])
@described(
    blueprint,
    schemas.ScheduledJobSummary,
    errors=(400, 404, 405, 413),
    error=schemas.Error,
    body=DEFINITION,
)
def change_schedule(schedule_id: str) -> ResponseReturnValue:
    """Give a scheduled job another definition; earlier runs keep theirs."""
    kind = request.headers.get("Content-Type")
    return dict(service.change(services(), caller(), schedule_id, lambda: read(body(), kind)))


@blueprint.route("/scheduled-jobs/<schedule_id>/run", methods=["POST"])
@described(blueprint, schemas.JobSummary, errors=(400, 404, 405), error=schemas.Error)
def run_schedule(schedule_id: str) -> ResponseReturnValue:
    """Run a scheduled job now, paused or not."""
    return dict(service.run(services(), caller(), schedule_id))


@blueprint.route("/scheduled-jobs/<schedule_id>/pause", methods=["PUT"])
@described(blueprint, schemas.Status, errors=(400, 404, 405), error=schemas.Error)
def pause_schedule(schedule_id: str) -> ResponseReturnValue:
    """Stop firing."""
    return service.pause(services(), caller(), schedule_id)


@blueprint.route("/scheduled-jobs/<schedule_id>/resume", methods=["PUT"])
@described(blueprint, schemas.Status, errors=(400, 404, 405), error=schemas.Error)
def resume_schedule(schedule_id: str) -> ResponseReturnValue:
    """Fire again."""
    return service.resume(services(), caller(), schedule_id)


@blueprint.route("/scheduled-jobs/<schedule_id>", methods=["DELETE"])
@described(blueprint, schemas.Status, errors=(404, 405), error=schemas.Error)
def delete_schedule(schedule_id: str) -> ResponseReturnValue:
    """Delete a scheduled job and all its runs."""
    return service.delete(services(), caller(), schedule_id)
