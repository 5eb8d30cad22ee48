"""Schedules of every dialect."""

from flask import request
from flask.typing import ResponseReturnValue

from app.api.http.documents import number_query, text_query
from app.api.http.doings import by_token, note
from app.api.http.site import services
from app.api.jobyard import schemas
from app.api.jobyard.routes.blueprint import SIZE, route, token
from app.api.jobyard.service import schedules
from app.domain.records import Scope

_LIST = (
    number_query("page", "Which page, from 1.", 1),
    SIZE,
    text_query("dialect", "Only schedules made through it."),
)


@route("/schedules", Scope.READ, schemas.SchedulePage, errors=(400,), query=_LIST)
def find_schedules() -> ResponseReturnValue:
    """List schedules, newest first."""
    return schedules.find(services(), request.args)


@route("/schedules/<schedule_id>", Scope.READ, schemas.Schedule, errors=(404,))
def get_schedule(schedule_id: str) -> ResponseReturnValue:
    """Give a schedule."""
    return schedules.get(services(), schedule_id)


@route(
    "/schedules/<schedule_id>/pause",
    Scope.CONTROL,
    schemas.Schedule,
    method="PUT",
    errors=(404, 409),
)
def pause_schedule(schedule_id: str) -> ResponseReturnValue:
    """Keep a schedule from firing."""
    found = schedules.pause(services(), schedule_id)
    note("schedule.pause", schedule_id, who=by_token(token()))
    return found


@route(
    "/schedules/<schedule_id>/resume",
    Scope.CONTROL,
    schemas.Schedule,
    method="PUT",
    errors=(404, 409),
)
def resume_schedule(schedule_id: str) -> ResponseReturnValue:
    """Let a schedule fire again, from now on."""
    found = schedules.resume(services(), schedule_id)
    note("schedule.resume", schedule_id, who=by_token(token()))
    return found


@route("/schedules/<schedule_id>", Scope.CONTROL, method="DELETE", status=204, errors=(404,))
def delete_schedule(schedule_id: str) -> ResponseReturnValue:
    """Delete a schedule; the jobs it made stay."""
    schedules.delete(services(), schedule_id)
    note("schedule.delete", schedule_id, who=by_token(token()))
    return "", 204
