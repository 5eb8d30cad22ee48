"""`/jobs/cancel` and its like: one verb on all jobs that `q` finds."""

from collections.abc import Callable
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from app.api.http.callers import caller
from app.api.http.documents import described, text_query
from app.api.http.site import services
from app.api.tork import query, schemas
from app.api.tork.query import Search
from app.api.tork.service import bulk

blueprint = Blueprint("tork-bulk", __name__, description="Many jobs at once.")
_Q = text_query("q", "Which jobs, as for the list of jobs; it must say something.")
_ARCHIVED = text_query("archived", "`true` means archived jobs as well.")


def _described(*more: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return described(
        blueprint, schemas.Done, errors=(400, 404, 405), error=schemas.Error, query=(_Q, *more)
    )


def _wanted() -> Search:
    return query.search(request.args.get("q"))


@blueprint.route("/jobs/cancel", methods=["PUT"])
@_described()
def cancel_jobs() -> ResponseReturnValue:
    """Cancel jobs that are not over, at most 100 of them, newest first."""
    return bulk.cancel(services(), caller(), _wanted())


@blueprint.route("/jobs/restart", methods=["PUT"])
@_described()
def restart_jobs() -> ResponseReturnValue:
    """Let failed and cancelled jobs begin again, at most 100 of them, newest first."""
    return bulk.restart(services(), caller(), _wanted())


@blueprint.route("/jobs/archive", methods=["PUT"])
@_described()
def archive_jobs() -> ResponseReturnValue:
    """Leave jobs that are over out of lists, at most 100 of them, newest first."""
    return bulk.archive(services(), caller(), _wanted())


@blueprint.route("/jobs/delete", methods=["PUT"])
@_described(_ARCHIVED)
def delete_jobs() -> ResponseReturnValue:
    """Delete jobs that are over, at most 100 of them, newest first."""
    archived = query.flag(request.args, "archived")
    return bulk.delete(services(), caller(), _wanted(), archived=archived)
