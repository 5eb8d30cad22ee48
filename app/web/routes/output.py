"""`/ui/jobs/<id>/log`, `/ui/tasks/<id>/log`: output with follow, search and download."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from flask import Blueprint, Response, abort, request
from flask.typing import ResponseReturnValue
from werkzeug.utils import secure_filename

from app.api.http import sessions, sse
from app.api.http.follow import follow
from app.api.http.site import services, site
from app.api.jobyard.errors import BadRequest
from app.api.jobyard.query import whole
from app.api.jobyard.service import jobs, logs, tasks
from app.domain.states import FINAL_JOB, FINAL_TASK
from app.web import output
from app.web.frame import Page, page, show
from app.web.live import BEAT_S
from app.web.routes.job import head
from app.web.routes.jobs import JOBS
from app.web.routes.tasks import task_words
from app.web.visitors import visitor
from config.settings import Settings


def mount(blueprint: Blueprint, _settings: Settings) -> Sequence[Page]:
    """Put the pages on a blueprint."""

    @page(blueprint, "/ui/<any(jobs, tasks):kind>/<key>/log")
    def read_log(kind: str, key: str) -> ResponseReturnValue:
        return (_of_job if kind == "jobs" else _of_task)(_source(kind, key), key)

    @page(blueprint, "/ui/<any(jobs, tasks):kind>/<key>/log/earlier")
    def read_earlier_log(kind: str, key: str) -> ResponseReturnValue:
        words = _shown(_source(kind, key), request.args.get("before", ""))
        lines = [[line.task_id, line.text, line.before, line.hidden] for line in words["lines"]]
        return {"before": words["earlier"], "lines": lines}

    @page(blueprint, "/ui/<any(jobs, tasks):kind>/<key>/log/stream")
    def follow_log(kind: str, key: str) -> ResponseReturnValue:
        return sse.answer(_frames(_source(kind, key)))

    @page(blueprint, "/ui/<any(jobs, tasks):kind>/<key>/log/text")
    def download_log(kind: str, key: str) -> ResponseReturnValue:
        source = _source(kind, key)
        name = f"{kind[:-1]}-{secure_filename(key)}.log"
        return Response(
            logs.text(source),
            content_type="text/plain; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    return []


def _source(kind: str, key: str) -> logs.Source:
    if kind == "jobs":
        return logs.of_job(services(), key)
    number = whole(key)
    if number is None:
        abort(404)
    return logs.of_task(services(), number)


def _of_job(source: logs.Source, job_id: str) -> str:
    job = jobs.get(services(), job_id)
    return show(
        "job/log.html",
        JOBS.path,
        base=f"/ui/jobs/{job['id']}",
        over=job["state"] in FINAL_JOB,
        **head(job),
        **_shown(source, request.args.get("before", "")),
    )


def _of_task(source: logs.Source, key: str) -> str:
    task = tasks.get(services(), int(key))
    return show(
        "tasks/log.html",
        JOBS.path,
        base=f"/ui/tasks/{task['id']}",
        over=task["state"] in FINAL_TASK,
        **task_words(task),
        **_shown(source, request.args.get("before", "")),
    )


def _shown(source: logs.Source, before: str) -> dict[str, Any]:
    parts, earlier = output.tail(source, before)
    return {
        "lines": output.lines(parts),
        "earlier": earlier,
        "position": parts[-1][0] if parts else "",
        "is_end": not before,
    }


def _frames(source: logs.Source) -> Iterator[bytes]:
    """Give what comes behind where the page stands; ends with the session of who looks."""
    try:
        steps = follow(site().drain, source.output, sse.resumed_from())
    except ValueError as error:
        raise BadRequest("Last-Event-ID must be an id of this stream") from error
    stands = sessions.lasting(visitor().manager)
    frames = sse.log_frames(steps, source.output, lambda found: output.part(found, source.mask))
    return _while_standing(frames, stands)


def _while_standing(frames: Iterator[bytes], stands: Callable[[], bool]) -> Iterator[bytes]:
    asked = time.monotonic()
    for frame in frames:
        if time.monotonic() - asked >= BEAT_S:
            if not stands():
                return
            asked = time.monotonic()
        yield frame
