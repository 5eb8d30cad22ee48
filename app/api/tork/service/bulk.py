"""One verb on many jobs, those that `q` finds."""

from collections.abc import Callable
from contextlib import suppress

from app.api.http.callers import Caller
from app.api.tork.errors import Refused
from app.api.tork.query import Search
from app.api.tork.service import jobs
from app.api.tork.words import DIALECT
from app.domain.errors import JobNotFound
from app.domain.records import JobFilter, Json
from app.domain.states import JobState
from app.wiring import Services

MOST = 100
"""Jobs of one request: each is a transaction or more, and somebody waits for the answer."""
_OVER = tuple(state for state in JobState if state.final)
_OPEN = tuple(state for state in JobState if not state.final)


def cancel(services: Services, caller: Caller, wanted: Search) -> Json:
    """Cancel those that are not over, with what they started. Raises Refused."""
    return _each(services, caller, wanted, _OPEN, jobs.cancel)


def restart(services: Services, caller: Caller, wanted: Search) -> Json:
    """Let those that failed or were cancelled begin again. Raises Refused."""
    return _each(services, caller, wanted, (JobState.FAILED, JobState.CANCELLED), jobs.restart)


def archive(services: Services, caller: Caller, wanted: Search) -> Json:
    """Leave those that are over out of lists. Raises Refused."""

    def put_away(services: Services, caller: Caller, job_id: str) -> Json:
        return jobs.archive(services, caller, job_id, archived=True)

    return _each(services, caller, wanted, _OVER, put_away)


def delete(services: Services, caller: Caller, wanted: Search, *, archived: bool) -> Json:
    """Delete those that are over. archived: archived ones as well. Raises Refused."""
    return _each(services, caller, wanted, _OVER, jobs.delete, archived=archived)


def _each(
    services: Services,
    caller: Caller,
    wanted: Search,
    states: tuple[JobState, ...],
    verb: Callable[[Services, Caller, str], Json],
    *,
    archived: bool = False,
) -> Json:
    """Do it to the newest that the caller may see; tell how many that were, and how many are left.

    One that has changed meanwhile is passed over.
    """
    if not wanted.words and not wanted.tags:
        raise Refused(400, "q: must say which jobs")
    chosen = JobFilter(
        dialect=DIALECT,
        states=states,
        tags=wanted.tags,
        words=wanted.words,
        viewer=caller.sees,
        archived=archived,
    )
    engine = services.engine
    with engine.store.session():
        found = engine.jobs.find(chosen, size=MOST)
    done = 0
    for job in found.items:
        with suppress(Refused, JobNotFound):
            verb(services, caller, job.id)
            done += 1
    return {"status": "OK", "done": done, "left": found.total - len(found.items)}
