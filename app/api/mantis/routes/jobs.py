"""`/api/v1/jobs`, and the jobs of a cluster."""

from flask import Response, request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from app.api.http.bodies import body
from app.api.http.documents import number_query, text_query
from app.api.http.site import services, site
from app.api.mantis import queries, reading, schemas
from app.api.mantis.definitions import Wanted, quick, wanted
from app.api.mantis.errors import Invalid, no_job
from app.api.mantis.routes.describing import (
    FIELDS,
    JOB_FILTERS,
    PAGING,
    empty,
    mounted,
    page,
    shown,
)
from app.api.mantis.rows import COMPACT_ORDERS, JOB_ORDERS
from app.api.mantis.service import jobs as service
from app.api.mantis.service import logs, readiness, rehearsals, sla, submits, workers
from app.api.mantis.words import job_view, sorted_by

JOBS = "/api/v1/jobs"
OF_CLUSTER = "/api/v1/jobClusters/<cluster>/jobs"
WORKER_FIELDS = (
    "workerIndex", "workerNumber", "jobId", "stageNum", "numberOfPorts", "metricsPort",
    "consolePort", "debugPort", "customPort", "state", "slave", "slaveID", "cluster", "acceptedAt",
    "launchedAt", "startingAt", "startedAt", "completedAt", "reason", "resubmitOf",
    "totalResubmitCount",
)  # fmt: skip
ARCHIVED = text_query("archived", "`true` for jobs that are over, too.")
FROM = text_query("fromObj", "Member of the job that `fields` are of.")
WAITED_S = 60
LONGEST_NUMBER = 18
SUBMITTING = (
    text_query("dryRun", "`true` to be told what would run, and store nothing."),
    text_query("wait", "`launched` for an answer once all workers have started."),
    number_query("timeoutSecs", "How long to wait for that, up to 300.", WAITED_S),
)
blueprint = Blueprint("mantis-jobs", __name__, description="Jobs of clusters.")


def _listed(cluster: str | None) -> Response:
    args = request.args
    compact = queries.flag(args, "compact")
    part, fields = queries.part_of(args), queries.fields_of(args)
    chunks, total = service.listed(
        services(),
        queries.jobs_wanted(args),
        queries.order_of(args, COMPACT_ORDERS if compact else JOB_ORDERS),
        part,
        compact=compact,
        cluster=cluster,
        matching=None if cluster is not None else queries.matching_of(args),
        older=args.get("startJobIdExclusive") or None,
    )
    return page(part, total, chunks, fields)


@mounted(
    blueprint,
    JOBS,
    "GET",
    400,
    answer=schemas.Listed,
    query=(*PAGING, *JOB_FILTERS, text_query("matching", "Pattern that cluster names match.")),
)
def list_jobs() -> ResponseReturnValue:
    """List the jobs of all clusters."""
    return _listed(None)


@mounted(
    blueprint, OF_CLUSTER, "GET", 400, 404, answer=schemas.Listed, query=(*PAGING, *JOB_FILTERS)
)
def list_jobs_of_cluster(cluster: str) -> ResponseReturnValue:
    """List the jobs of a cluster."""
    return _listed(cluster)


def _get(job: str, cluster: str | None = None) -> Response:
    fields = queries.fields_of(request.args)
    archived = queries.flag(request.args, "archived")
    return shown(fields.of(service.get(services(), job, archived=archived, cluster=cluster)))


@mounted(
    blueprint,
    f"{JOBS}/<job>",
    "GET",
    400,
    404,
    answer=schemas.Document,
    query=(ARCHIVED, FIELDS, FROM),
)
def get_job(job: str) -> ResponseReturnValue:
    """Give a job."""
    return _get(job)


@mounted(
    blueprint,
    f"{OF_CLUSTER}/<job>",
    "GET",
    400,
    404,
    answer=schemas.Document,
    query=(ARCHIVED, FIELDS, FROM),
)
def get_job_of_cluster(cluster: str, job: str) -> ResponseReturnValue:
    """Give a job of a cluster."""
    return _get(job, cluster)


def _submitted(given: Wanted) -> Response:
    args = request.args
    if queries.flag(args, "dryRun"):
        return shown(rehearsals.submit(services(), given))
    waits = queries.word(args, "wait", ("launched",)) is not None
    timeout_s = min(queries.whole(args, "timeoutSecs") or WAITED_S, readiness.LONGEST_S)
    done = submits.submit(services(), given, request.headers.get("Idempotency-Key"))
    sla.enforce(services(), given.name)
    if not waits:
        return shown(service.shown(services(), done.job_id), status=201)
    found = readiness.launched(services(), site().drain, done.job_id, timeout_s)
    if found is None:
        raise no_job(done.name)
    blocking = list(readiness.unready(found))
    ready = found.started_at is not None
    view = job_view(found) if ready else {**job_view(found), "blockingWorkers": blocking}
    return shown(view, status=201 if ready else 200)


@mounted(
    blueprint,
    JOBS,
    "POST",
    400,
    404,
    answer=schemas.Document,
    body=schemas.SubmitBody,
    query=SUBMITTING,
    status=201,
)
def submit_job() -> ResponseReturnValue:
    """Submit a job to the cluster that the body names."""
    return _submitted(wanted(reading.document(body())))


@mounted(
    blueprint,
    OF_CLUSTER,
    "POST",
    400,
    404,
    answer=schemas.Document,
    body=schemas.SubmitBody,
    query=SUBMITTING,
    status=201,
)
def submit_job_to_cluster(cluster: str) -> ResponseReturnValue:
    """Submit a job to a cluster."""
    given = wanted(reading.document(body()))
    if given.name != cluster:
        raise Invalid(f"name {given.name!r} is not the one of the path", "name-differs")
    return _submitted(given)


@mounted(
    blueprint,
    f"{JOBS}/actions/quickSubmit",
    "POST",
    400,
    404,
    answer=schemas.Document,
    body=schemas.QuickBody,
    query=SUBMITTING,
    status=201,
)
def quick_submit() -> ResponseReturnValue:
    """Submit a job like the latest one of its cluster, with the latest artifact."""
    return _submitted(quick(reading.document(body())))


@mounted(
    blueprint,
    f"{JOBS}/<job>",
    "DELETE",
    400,
    404,
    query=(text_query("user", "Who kills it."), text_query("reason", "Why.")),
    status=202,
)
def kill_job(job: str) -> ResponseReturnValue:
    """Kill a job."""
    user, reason = request.args.get("user", ""), request.args.get("reason", "")
    if not user.strip() or not reason.strip():
        raise Invalid("user and reason are required")
    reading.clean(user + reason, "user and reason")
    service.kill(services(), job, user, reason)
    return empty(202)


@mounted(
    blueprint,
    f"{JOBS}/<job>/archivedWorkers",
    "GET",
    400,
    404,
    answer=schemas.Listed,
    query=PAGING,
)
def list_archived_workers(job: str) -> ResponseReturnValue:
    """List the workers of a job that are over."""
    part, fields = queries.part_of(request.args), queries.fields_of(request.args)
    order = queries.order_of(request.args, WORKER_FIELDS)
    found = service.archived_workers(services(), job)
    found = sorted_by(found, order.name or "workerNumber", ascending=order.ascending)
    total = part.total(len(found))
    begin, count = part.bounds(total)
    return page(part, total, [found[begin : begin + count]], fields)


@mounted(
    blueprint,
    f"{JOBS}/actions/postJobStatus",
    "POST",
    400,
    body=schemas.StatusBody,
    status=204,
)
def post_status() -> ResponseReturnValue:
    """Take what a worker reports of itself."""
    workers.report(services(), workers.status(reading.document(body())))
    return empty(204)


@mounted(
    blueprint,
    f"{JOBS}/<job>/actions/scaleStage",
    "POST",
    400,
    404,
    409,
    body=schemas.ScaleBody,
    status=204,
)
def scale_stage(job: str) -> ResponseReturnValue:
    """Let a stage have so many workers."""
    workers.scale(services(), job, reading.document(body()))
    return empty(204)


@mounted(
    blueprint,
    f"{JOBS}/<job>/actions/resubmitWorker",
    "POST",
    400,
    404,
    answer=schemas.Document,
    body=schemas.ResubmitBody,
)
def resubmit_worker(job: str) -> ResponseReturnValue:
    """Replace a worker."""
    return shown(workers.resubmit(services(), job, reading.document(body())))


@mounted(
    blueprint,
    f"{JOBS}/<job>/workers/<number>/log",
    "GET",
    400,
    404,
    query=(
        number_query("tail", "So many of the last lines alone.", 0),
        text_query("follow", "`true` for what comes, until the worker is over."),
    ),
)
def get_log(job: str, number: str) -> ResponseReturnValue:
    """Give what a worker wrote, its standard error included, as text."""
    if not number.isascii() or not number.isdigit() or len(number) > LONGEST_NUMBER:
        raise no_job(f"{job} worker {number}")
    tail = queries.whole(request.args, "tail")
    follows = queries.flag(request.args, "follow")
    source = logs.output(services(), job, int(number))
    lines = None if tail is None else min(tail, logs.MOST_LINES)
    text = logs.written(services(), site().drain, source, tail=lines, follows=follows)
    return Response(text, mimetype="text/plain", headers={"X-Accel-Buffering": "no"})
