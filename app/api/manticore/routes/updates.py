"""What a passcode opens besides the websocket: updates, signs of use, output."""

from flask import Response, request
from flask.globals import request_ctx
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from app.api.http import sse
from app.api.http.documents import described, number_query, text_query
from app.api.http.site import services, site
from app.api.manticore import schemas
from app.api.manticore.service import logs, requests, updates
from app.api.manticore.watch import Watch

_QUERY = (
    number_query("wait", "Seconds to wait for something new, at most 60.", 0),
    text_query("since", "The tag of the last answer."),
)
_FOLLOW = (text_query("follow", "1 goes on until no more output will come."),)


def made(watch: Watch) -> Blueprint:
    """Make the blueprint. watch: the watcher of this process."""
    blueprint = Blueprint("manticore-updates", __name__, description="Live updates without one.")

    @blueprint.route("/api/v2/job/<passcode>/events")
    @described(
        blueprint, schemas.Updates, errors=(400, 404, 405), error=schemas.Error, query=_QUERY
    )
    def get_events(passcode: str) -> ResponseReturnValue:
        """Tell what is new: as a stream of events to who accepts one, else in one answer."""
        found = site()
        streamed = sse.EVENT_STREAM in {kind for kind, _ in request.accept_mimetypes}
        since = sse.resumed_from() or request.args.get("since", "")
        job_id = updates.environment(found.services, passcode, since)
        words = (found.services, found.drain, watch, job_id)
        if streamed:
            return sse.answer(updates.stream(*words, since))
        wait_s = updates.seconds_given(request.args.get("wait", "0"))
        return updates.poll(*words, since=since, wait_s=wait_s), {"Cache-Control": "no-store"}

    @blueprint.route("/api/v2/job/<passcode>/activity", methods=["POST"])
    @described(blueprint, schemas.Activity, errors=(404, 405, 413), error=schemas.Error)
    def post_activity(passcode: str) -> ResponseReturnValue:
        """Say that the environment is still used."""
        return {"counted": requests.touch(services(), passcode)}

    @blueprint.route("/api/v2/job/<passcode>/logs")
    @described(
        blueprint, errors=(404, 405), error=schemas.Error, query=_FOLLOW, content_type="text/plain"
    )
    def get_logs(passcode: str) -> ResponseReturnValue:
        """Give what the services of the environment have written."""
        found = site()
        job_id = updates.environment(found.services, passcode, "")
        if request.args.get("follow", "") in ("", "0", "false"):
            lines = logs.text(found.services, job_id)
        else:
            lines = logs.followed(found.services, found.drain, job_id, request_ctx.request)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return Response(lines, content_type="text/plain; charset=utf-8", headers=headers)

    return blueprint
