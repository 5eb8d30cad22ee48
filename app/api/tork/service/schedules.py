"""Jobs that cron submits."""

from collections.abc import Mapping
from dataclasses import replace

from app.api.http.callers import Caller
from app.api.tork import paths, words
from app.api.tork.errors import Refused
from app.api.tork.query import Window
from app.api.tork.scalars import Value
from app.api.tork.service.directory import people_of
from app.api.tork.service.masking import redactor
from app.api.tork.service.submission import scheduled_definition, submission
from app.api.tork.words import DIALECT
from app.domain.errors import IllegalMove, JobNotFound, ScheduleNotFound
from app.domain.records import JobFilter, Json, Schedule
from app.engine import Engine
from app.wiring import Services

_RUNS_AT_ONCE = 100


def create(services: Services, caller: Caller, document: dict[str, Value]) -> Mapping[str, object]:
    """Store a scheduled job. Raises Invalid."""
    definition = scheduled_definition(services, document)
    # Every run gets an id of its own.
    template = replace(submission(definition, caller), id="")
    created = services.engine.schedules.create(template, cron=definition["schedule"]["cron"])
    people = people_of(services, [created.created_by])
    return _masked(services, words.schedule_summary(created, people), created)


def find(services: Services, caller: Caller, window: Window) -> Json:
    """Give a page of the scheduled jobs that the caller may see, newest first."""
    found = services.engine.schedules.find(
        DIALECT, viewer=caller.sees, number=window.number, size=window.size
    )
    people = people_of(services, (each.created_by for each in found.items))
    items = [_masked(services, words.schedule_summary(each, people), each) for each in found.items]
    return words.page(found, items)


def get(services: Services, caller: Caller, schedule_id: str) -> Mapping[str, object]:
    """Give a scheduled job in full. Raises ScheduleNotFound."""
    found = _own(services.engine, caller, schedule_id)
    named = found.template["spec"].get("permissions") or ()
    people = people_of(services, [found.created_by], named)
    return _masked(services, words.schedule_in_full(found, people), found)


def pause(services: Services, caller: Caller, schedule_id: str) -> Json:
    """Stop firing. Raises ScheduleNotFound; Refused when it is paused."""
    engine = services.engine
    with engine.store.session():
        _own(engine, caller, schedule_id)
        try:
            engine.schedules.pause(schedule_id)
        except IllegalMove as error:
            raise Refused(400, "scheduled job is not active") from error
    return {"status": "OK"}


def resume(services: Services, caller: Caller, schedule_id: str) -> Json:
    """Fire again. Raises ScheduleNotFound; Refused when it is active."""
    engine = services.engine
    with engine.store.session():
        _own(engine, caller, schedule_id)
        try:
            engine.schedules.resume(schedule_id)
        except IllegalMove as error:
            raise Refused(400, "scheduled job is not paused") from error
    return {"status": "OK"}


def delete(services: Services, caller: Caller, schedule_id: str) -> Json:
    """Delete a scheduled job and all its runs; active ones are cancelled. Raises ScheduleNotFound.

    The schedule goes first, so that no further run comes while the others go.
    """
    engine = services.engine
    with engine.store.session():
        _own(engine, caller, schedule_id)
        engine.schedules.delete(schedule_id)
        runs = JobFilter(dialect=DIALECT, schedule_id=schedule_id)
        while found := engine.jobs.find(runs, size=_RUNS_AT_ONCE).items:
            for job in found:
                _remove(engine, job.id)
    return {"status": "OK"}


def _remove(engine: Engine, job_id: str) -> None:
    try:
        engine.jobs.cancel(job_id)
    except IllegalMove:
        pass  # it is over
    except JobNotFound:
        return
    try:
        engine.jobs.delete(job_id)
    except JobNotFound:
        return  # somebody else was faster


def _own(engine: Engine, caller: Caller, schedule_id: str) -> Schedule:
    if not paths.is_id(schedule_id):
        raise ScheduleNotFound(schedule_id=schedule_id)
    found = engine.schedules.get(schedule_id)
    if found.dialect != DIALECT or not engine.audience.sees(found, caller.sees):
        raise ScheduleNotFound(schedule_id=schedule_id)
    return found


def _masked(services: Services, document: Json, schedule: Schedule) -> Mapping[str, object]:
    template = schedule.template
    secrets = services.plugins.secrets(template["type"], template["spec"], {})
    return redactor(services).document(document, secrets)
