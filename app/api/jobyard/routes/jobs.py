"""Jobs, their tasks, and what jobs can be."""

from flask import request
from flask.typing import ResponseReturnValue

from app.api.http.documents import text_query
from app.api.http.doings import by_token, note
from app.api.http.site import services
from app.api.jobyard import bodies, schemas
from app.api.jobyard.routes.blueprint import CURSOR, route, token
from app.api.jobyard.service import jobs, tasks, types
from app.domain.records import Scope

_NEW_JOB = schemas.NewJob()
_JOBS = (
    *CURSOR,
    text_query("dialect", "Only jobs submitted through it."),
    text_query("type", "Only jobs of this type."),
    text_query("state", "Only jobs in one of these states, with commas between them."),
    text_query("q", "Only jobs with all these words in name, description or state."),
    text_query("tag", "Only jobs with this tag; given several times, with any of them."),
    text_query("id", "Only jobs whose id begins so."),
    text_query("parent", "Only jobs that a task of this job started."),
    text_query("schedule", "Only jobs of this schedule."),
    text_query("created_from", "Only jobs created then or later, as RFC 3339."),
    text_query("created_before", "Only jobs created earlier, as RFC 3339."),
)


@route("/job-types", Scope.READ, schemas.JobTypes)
def find_job_types() -> ResponseReturnValue:
    """List what jobs can be: the types of all installed plugins."""
    return types.find(services())


@route("/job-types/<name>", Scope.READ, schemas.JobType, errors=(404,))
def get_job_type(name: str) -> ResponseReturnValue:
    """Give one job type."""
    return types.get(services(), name)


@route("/jobs", Scope.READ, schemas.JobPage, errors=(400,), query=_JOBS)
def find_jobs() -> ResponseReturnValue:
    """List jobs of all dialects, newest first."""
    return jobs.find(services(), request.args)


@route(
    "/jobs",
    Scope.SUBMIT,
    schemas.JobSummary,
    method="POST",
    status=201,
    errors=(400, 409, 413),
    body={"application/json": schemas.NewJob},
)
def submit_job() -> ResponseReturnValue:
    """Submit a job of any installed type.

    With an Idempotency-Key, a second request under the same key answers 200 with the first's job.
    """
    wanted, by = bodies.loaded(_NEW_JOB), token()
    key = request.headers.get("Idempotency-Key")
    job, is_new = jobs.submit(services(), wanted, key=key, by=f"token {by.name}" if by else None)
    if is_new:
        note("job.submit", job["id"], who=by_token(by), type=job["type"])
    return job, 201 if is_new else 200


@route("/jobs/<job_id>", Scope.READ, schemas.Job, errors=(404,))
def get_job(job_id: str) -> ResponseReturnValue:
    """Give a job with its parameters."""
    return jobs.get(services(), job_id)


@route("/jobs/<job_id>/cancel", Scope.CONTROL, schemas.JobSummary, method="PUT", errors=(404, 409))
def cancel_job(job_id: str) -> ResponseReturnValue:
    """Cancel a job that is not over."""
    found = jobs.cancel(services(), job_id)
    note("job.cancel", job_id, who=by_token(token()))
    return found


@route("/jobs/<job_id>/restart", Scope.CONTROL, schemas.JobSummary, method="PUT", errors=(404, 409))
def restart_job(job_id: str) -> ResponseReturnValue:
    """Let a failed or cancelled job go on where it stopped."""
    found = jobs.restart(services(), job_id)
    note("job.restart", job_id, who=by_token(token()))
    return found


@route("/jobs/<job_id>", Scope.CONTROL, method="DELETE", status=204, errors=(404, 409))
def delete_job(job_id: str) -> ResponseReturnValue:
    """Delete a job that is over, with its tasks and logs."""
    jobs.delete(services(), job_id)
    note("job.delete", job_id, who=by_token(token()))
    return "", 204


@route("/jobs/<job_id>/tasks", Scope.READ, schemas.TaskPage, errors=(400, 404), query=CURSOR)
def find_tasks(job_id: str) -> ResponseReturnValue:
    """List a job's tasks in their order."""
    return tasks.find(services(), job_id, request.args)


@route("/tasks/<int:task_id>", Scope.READ, schemas.Task, errors=(400, 404))
def get_task(task_id: int) -> ResponseReturnValue:
    """Give a task."""
    return tasks.get(services(), task_id)
