"""Schedules of every dialect."""

from collections.abc import Mapping

from app.api.jobyard import query, words
from app.api.jobyard.masking import Mask
from app.domain.records import Json, Schedule
from app.domain.submission import Submission
from app.wiring import Services


def find(services: Services, args: Mapping[str, str]) -> Json:
    """Give a page of schedules, newest first. Raises BadRequest."""
    at = query.window(args)
    found = services.engine.schedules.find(
        query.text(args, "dialect"), number=at.number, size=at.size
    )
    items = [_shown(services, each) for each in found.items]
    return {"items": items, "page": found.number, "pages": found.pages, "total": found.total}


def get(services: Services, schedule_id: str) -> Json:
    """Give a schedule. Raises ScheduleNotFound."""
    return _shown(services, services.engine.schedules.get(query.clean(schedule_id)))


def pause(services: Services, schedule_id: str) -> Json:
    """Keep a schedule from firing. Raises ScheduleNotFound, IllegalMove when it is paused."""
    services.engine.schedules.pause(query.clean(schedule_id))
    return get(services, schedule_id)


def resume(services: Services, schedule_id: str) -> Json:
    """Let a schedule fire again. Raises ScheduleNotFound, IllegalMove when it does."""
    services.engine.schedules.resume(query.clean(schedule_id))
    return get(services, schedule_id)


def delete(services: Services, schedule_id: str) -> None:
    """Delete a schedule; the jobs it made stay. Raises ScheduleNotFound."""
    services.engine.schedules.delete(query.clean(schedule_id))


def _shown(services: Services, schedule: Schedule) -> Json:
    template = Submission.from_json(schedule.template)
    return words.schedule(schedule, template, Mask.of_template(services, template))
