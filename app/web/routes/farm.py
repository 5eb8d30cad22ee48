"""`/ui/farm`: what the render farm renders, job by job and frame by frame."""

from collections.abc import Mapping, Sequence

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, send_file
from flask.typing import ResponseReturnValue

from app.api.flamenco import words
from app.api.flamenco.errors import Refused
from app.api.flamenco.paths import NOBODY
from app.api.flamenco.service import files, jobs, output, tasks, workers
from app.api.flamenco.service.jobs import Job, Steer
from app.api.http.fanout import Wanted
from app.api.http.site import services
from app.domain.clock import rfc3339
from app.domain.records import Scope
from app.web.doings import note
from app.web.frame import Page, page, show
from app.web.frames import Cell, Rendered, cells, strip
from app.web.live import Args, Parts, View, offer
from app.web.visitors import Visitor
from config.settings import Settings

FARM = Page("Farm", "/ui/farm", "Services")
LISTED = 25
FRAMES, ROW = 400, 50
WITH_PICTURES, PICTURE_ROW = 96, 12
NEWEST = 12
TASKS = 50
MOST_PRIORITY = 2**53
_DONE = {
    Steer.PAUSE: ("{} tasks are paused.", "There was nothing to pause."),
    Steer.START: ("{} tasks are ready again.", "Nothing was paused or canceled."),
    Steer.RETRY: ("{} failed tasks are tried again.", "No task has failed."),
    Steer.CANCEL: ("{} tasks are canceled.", "There was nothing to cancel."),
}


def mount(blueprint: Blueprint, settings: Settings) -> Sequence[Page]:
    """Put the pages on a blueprint."""
    if not settings.flamenco.enabled:
        return []

    @page(blueprint, FARM.path)
    def farm_jobs() -> ResponseReturnValue:
        given = request.args
        return show("farm/jobs.html", FARM.path, query=_query(given), **_listed(given))

    @page(blueprint, "/ui/farm/<int:number>")
    def farm_job(number: int) -> ResponseReturnValue:
        given = request.args
        return show(
            "farm/job.html", FARM.path, query=_query(given), **_drawn(_known(number), given)
        )

    _mount_actions(blueprint)
    _mount_files(blueprint)
    farm_events = Wanted(dialect="flamenco")
    offer(blueprint, "farm", View(_draw_list, lambda _args: farm_events))
    offer(blueprint, "farm-job", View(_draw_job, lambda _args: farm_events))
    return [FARM]


def _known(number: int) -> int:
    """Give a number that the database takes."""
    return min(number, NOBODY)


def _query(given: Mapping[str, str]) -> Mapping[str, str]:
    return {
        name: given[name] for name in ("status", "before", "from", "show", "after") if name in given
    }


def _whole(given: Mapping[str, str], name: str) -> int | None:
    text = given.get(name, "").strip()
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 15):
        return None
    return int(text)


# -- the list of jobs -----------------------------------------------------------------------------


def _listed(given: Mapping[str, str]) -> dict[str, object]:
    shown = given.get("status", "")
    before = _whole(given, "before")
    found = jobs.page(
        services(), shown, before=2**62 if before is None else before, limit=LISTED + 1
    )
    known = workers.listed(services())
    return {
        "jobs": found[:LISTED],
        "following": found[:LISTED][-1].id if len(found) > LISTED else None,
        "shown": shown if shown in jobs.SHOWN else "",
        "choices": list(jobs.SHOWN),
        "online": sum(one.online for one in known),
        "rendering": sum(one.task_id is not None for one in known),
        "workers": len(known),
        "time": rfc3339,
    }


def _draw_list(args: Args, _visitor: Visitor) -> Parts:
    return {"jobs": render_template("ui/farm/_jobs.html", query=_query(args), **_listed(args))}


# -- one job --------------------------------------------------------------------------------------


def _drawn(number: int, given: Mapping[str, str]) -> dict[str, object]:
    job = jobs.one(services(), number)
    after = _whole(given, "after") or 0
    entries = jobs.entries(services(), number, after=after, limit=TASKS + 1)
    names = {one.id: one.hostname for one in workers.listed(services())}
    return {
        "job": job,
        "entries": entries[:TASKS],
        "outputs": jobs.with_output(services(), [one["id"] for one in entries]),
        "following": entries[TASKS - 1]["id"] if len(entries) > TASKS else None,
        "names": names,
        "has_zip": jobs.has_zip(services(), number),
        "time": rfc3339,
        **_grid(job, given),
    }


def _grid(job: Job, given: Mapping[str, str]) -> dict[str, object]:
    pictures = {one.task_id: one for one in jobs.pictures(services(), job.id, WITH_PICTURES)}
    newest = list(pictures.values())[:NEWEST]
    if job.frames is None:
        return {"newest": newest, "rows": [], "stretches": []}
    first, last = job.frames
    shows = given.get("show") == "pictures"
    length, row = (WITH_PICTURES, PICTURE_ROW) if shows else (FRAMES, ROW)
    begin = _whole(given, "from")
    begin = first if begin is None else max(first, min(begin, last))
    pieces = [
        Rendered(
            one.id,
            words.word(one.state, aborted=one.aborted),
            one.frame_start,
            one.frame_end,
            one.frame_current,
        )
        for one in jobs.pieces(services(), job.id)
    ]
    found = cells(pieces, begin, begin + length - 1)
    end_of = {one.id: one.frame_current for one in pieces}
    return {
        "newest": newest,
        "pictures": _shown(found, pictures, end_of) if shows else {},
        "shows_pictures": shows,
        "rows": [found[at : at + row] for at in range(0, len(found), row)],
        "stretches": strip(pieces, first, last),
        "begin": begin,
        "end": min(begin + length - 1, last),
        "earlier": max(first, begin - length) if begin > first else None,
        "later": begin + length if begin + length <= last else None,
    }


def _shown(
    found: Sequence[Cell],
    pictures: Mapping[int, jobs.Picture],
    end_of: Mapping[int, int | None],
) -> dict[int, jobs.Picture]:
    """Give by frame the thumbnails of tasks, each at the frame that its task has come to."""
    return {
        cell.frame: pictures[cell.task]
        for cell in found
        if cell.task in pictures and end_of.get(cell.task) == cell.frame
    }


def _draw_job(args: Args, _visitor: Visitor) -> Parts:
    drawn = _drawn(_known(_whole(args, "number") or 0), args)
    parts = {
        name: render_template(f"ui/farm/_{name}.html", query=_query(args), **drawn)
        for name in ("figures", "strip", "newest", "tasks")
    }
    rows = drawn["rows"]
    for place, row in enumerate(rows if isinstance(rows, list) else []):
        parts[f"row-{place}"] = render_template("ui/farm/_row.html", row=row, **drawn)
    return parts


# -- what is done with it -------------------------------------------------------------------------


def _mount_actions(blueprint: Blueprint) -> None:
    @page(blueprint, "/ui/farm/<int:number>/steer", Scope.SUBMIT, method="POST")
    def steer_farm_job(number: int) -> ResponseReturnValue:
        wanted = Steer.__members__.get(request.form.get("wanted", "").upper())
        if wanted is None:
            abort(400)
        count = jobs.steer(services(), _known(number), wanted)
        done, nothing = _DONE[wanted]
        note(f"farm-job.{wanted.name.lower()}", number, tasks=count)
        flash(done.format(count) if count else nothing)
        return redirect(f"/ui/farm/{number}", 303)

    @page(blueprint, "/ui/farm/<int:number>/priority", Scope.SUBMIT, method="POST")
    def prioritise_farm_job(number: int) -> ResponseReturnValue:
        priority = _whole(request.form, "priority")
        if priority is None:
            raise Refused(400, "The priority must be a whole number.")
        jobs.prioritise(services(), _known(number), priority)
        note("farm-job.prioritise", number, priority=priority)
        flash(f"Its priority is {priority} now.")
        return redirect(f"/ui/farm/{number}", 303)

    @page(blueprint, "/ui/farm/<int:number>/delete", Scope.SUBMIT, method="POST")
    def delete_farm_job(number: int) -> ResponseReturnValue:
        jobs.delete(services(), _known(number))
        note("farm-job.delete", number)
        flash(f"Job {number} is deleted.")
        return redirect(FARM.path, 303)


# -- files ----------------------------------------------------------------------------------------


def _mount_files(blueprint: Blueprint) -> None:
    @page(blueprint, "/ui/farm/<int:number>/files.zip")
    def farm_job_files(number: int) -> ResponseReturnValue:
        return _sent("job", _known(number), f"job-{number}.zip")

    @page(blueprint, "/ui/farm/tasks/<int:task_id>/output.zip")
    def farm_output(task_id: int) -> ResponseReturnValue:
        return _sent("output", tasks.get(services(), _known(task_id)).id, f"task-{task_id}.zip")

    @page(blueprint, "/ui/farm/tasks/<int:task_id>/thumbnail")
    def farm_thumbnail(task_id: int) -> ResponseReturnValue:
        answer = _sent("thumbnail", tasks.get(services(), _known(task_id)).id, None)
        if "v" in request.args:  # another picture has another address
            answer.headers["Cache-Control"] = "private, max-age=86400"
        return answer

    @page(blueprint, "/ui/farm/tasks/<int:task_id>/log.txt")
    def farm_log(task_id: int) -> ResponseReturnValue:
        task = tasks.get(services(), _known(task_id))
        body = output.pieces(services(), task)
        return Response(body, content_type="text/plain; charset=utf-8")


def _sent(kind: str, owner: int, name: str | None) -> Response:
    found = files.find(services(), kind, owner)
    if found is None:
        abort(404)
    contents, file = found
    answer = send_file(
        contents, mimetype=file.media_type, as_attachment=name is not None, download_name=name
    )
    answer.content_length = file.size
    return answer
