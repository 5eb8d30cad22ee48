"""`/tasks`: handed in, looked at, reported on, deleted."""

from flask import Response
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from app.api.flamenco import schemas, words
from app.api.flamenco.answers import document, nothing
from app.api.flamenco.errors import Refused, WrongField
from app.api.flamenco.fields import Fields, parse, read
from app.api.flamenco.paths import FarmId, FarmName, FarmNumber
from app.api.flamenco.routes.describing import tells
from app.api.flamenco.service import creation, output, reports
from app.api.flamenco.service import tasks as service
from app.api.flamenco.service.files import Arrived
from app.api.flamenco.tables.tasks import Filter
from app.api.http.documents import number_query, text_query
from app.api.http.site import services
from app.domain.records import Json

blueprint = Blueprint("flamenco-tasks", __name__, description="Tasks of a render farm.")
blueprint.record(
    lambda state: state.app.url_map.converters.update(
        farm_id=FarmId, farm_number=FarmNumber, farm_name=FarmName
    )
)
MOST_LISTED = 1000
MOST_NAME = 1000
_FILTERS = [
    text_query("status", "Only tasks that stand so."),
    text_query("type", "Only tasks of this compiler."),
    text_query("tag", "Only tasks that want a worker with this tag."),
    *(
        {"name": name, "description": about, "schema": {"type": "integer"}}
        for name, about in (
            ("job_id", "Only tasks of this job."),
            ("parent_id", "Only tasks of this group."),
            ("worker_id", "Only tasks that this worker has, or ended."),
            ("task_id", "Only tasks with this number of the submitter."),
        )
    ),
    number_query("limit", "How many at most, 1 to 1000.", MOST_LISTED),
    number_query("offset", "How many to leave out.", 0),
]


@blueprint.route("/tasks", methods=["POST"])
@tells(blueprint, 400, 413, answer=schemas.ShortTask, body=schemas.NewTask, status=202)
def post_task() -> ResponseReturnValue:
    """Hand in a task; with several frames a piece, a group of tasks."""
    given = read()
    kind = given.text("type", most=MOST_NAME)
    if kind is None:
        raise WrongField("type", "is needed")
    priority = given.integer("priority")
    wanted = creation.Wanted(
        type=kind,
        settings=given.document("settings") or {},
        priority=creation.DEFAULT_PRIORITY if priority is None else priority,
        parser=given.text("parser", most=MOST_NAME) or None,
        submitter_id=given.integer("task_id"),
        job_id=given.integer("job_id", least=1),
        name=given.text("name", most=MOST_NAME),
        child_id=given.integer("child_id"),
        depends_on=given.integers("depends_on") or (),
        tag=given.tag("tag"),
    )
    made = creation.create(services(), wanted, _file(given, "jobfile"))
    found = service.summary(services(), made)
    return document(found, 202, Location=f"{_prefix()}/tasks/{made.id}")


@blueprint.route("/tasks")
@tells(blueprint, 400, answer=schemas.Tasks, query=_FILTERS)
def get_tasks() -> ResponseReturnValue:
    """List tasks by id."""
    given = Fields({}, {})
    status = given.text("status")
    if status is not None and status not in words.WORDS:
        raise WrongField("status", f"must be one of {', '.join(words.WORDS)}")
    limit = given.integer("limit", least=1, most=MOST_LISTED)
    wanted = Filter(
        status=status,
        type=given.text("type"),
        job_id=given.integer("job_id"),
        parent_id=given.integer("parent_id"),
        worker_id=given.integer("worker_id"),
        submitter_id=given.integer("task_id"),
        tag=given.tag("tag"),
    )
    return document(
        service.every(
            services(),
            wanted,
            limit=MOST_LISTED if limit is None else limit,
            offset=given.integer("offset", least=0) or 0,
        )
    )


@blueprint.route("/tasks", methods=["DELETE"])
@tells(blueprint, 400, answer=schemas.Removed, body=schemas.Which, status=202)
def delete_tasks() -> ResponseReturnValue:
    """Delete several tasks; those that are not there are passed over."""
    ids = read().integers("tasks")
    if ids is None:
        raise WrongField("tasks", "is needed")
    return document({"tasks": service.delete_many(services(), ids)}, 202)


@blueprint.route("/tasks/<farm_id:task_id>")
@tells(blueprint, 404, answer=schemas.WholeTask)
def get_task(task_id: int) -> ResponseReturnValue:
    """Give all of a task."""
    return document(service.info(services(), task_id))


@blueprint.route("/tasks/<farm_id:task_id>", methods=["PATCH"])
@tells(blueprint, 400, 403, 404, 409, 413, body=schemas.TaskReport, status=204)
def patch_task(task_id: int) -> ResponseReturnValue:
    """Report on a task, or steer it."""
    try:
        report = _report(read())
    except Refused:
        service.get(services(), task_id)  # of a task that is not there, nothing else is said
        raise
    reports.take(services(), task_id, report)
    return nothing()


def _report(given: Fields) -> reports.Report:
    log, more = given.output("log"), given.output("log_append")
    if log is not None and more is not None:
        raise Refused(
            400,
            "log and log_append exclude each other",
            {"log_append": "log and log_append exclude each other"},
        )
    status = given.raw("status")
    if status is not None:
        status = words.meant(status) if isinstance(status, str) else None
        if status is None:
            raise WrongField("status", f"must be one of {', '.join(words.WORDS)}")
    return reports.Report(
        status=status,
        log=more if log is None else log,
        more=more is not None,
        activity=_activity(given),
        time_cost=given.integer("time_cost", least=0),
        frame_current=given.integer("frame_current"),
        priority=given.integer("priority"),
        worker_id=given.integer("worker_id"),
        taskfile=_file(given, "taskfile"),
    )


def _activity(given: Fields) -> Json | None:
    """Read what a task is doing: an object, its JSON, or a plain text."""
    value = given.raw("activity")
    if value is None or isinstance(value, dict):
        return given.document("activity")
    text = given.text("activity")
    try:
        value = parse(text or "")
    except ValueError:
        value = None
    return given.document("activity") if isinstance(value, dict) else {"process": text or ""}


@blueprint.route("/tasks/<farm_id:task_id>", methods=["DELETE"])
@tells(blueprint, 404, answer=schemas.ShortTask, status=202)
def delete_task(task_id: int) -> ResponseReturnValue:
    """Delete a task, whatever its state; its worker stops."""
    return document(service.delete(services(), task_id), 202)


@blueprint.route("/tasks/<farm_id:task_id>/log")
@tells(
    blueprint,
    400,
    404,
    query=[number_query("tail", "Only so many of the last lines.", 0)],
    content_type="text/plain",
)
def get_log(task_id: int) -> ResponseReturnValue:
    """Give a task's output as text."""
    lines = Fields({}, {}).integer("tail", least=1)
    task = service.get(services(), task_id)
    if lines is None:
        body = output.pieces(services(), task)
        return Response(body, content_type="text/plain; charset=utf-8")
    found = output.tail(services(), task, lines)
    return Response(found, content_type="text/plain; charset=utf-8")


def _file(given: Fields, name: str) -> Arrived | None:
    found = given.files.get(name)
    if found is None:
        if given.raw(name) is not None:
            raise WrongField(name, "must be a file")
        return None
    return Arrived(name, found.stream)


def _prefix() -> str:
    return services().settings.flamenco.prefix
