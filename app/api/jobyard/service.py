"""Our own API in verbs of the engine."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import ValidationError

from app.api.jobyard import words
from app.api.jobyard.errors import BadRequest
from app.api.jobyard.masking import Mask
from app.api.jobyard.schemas import NewJob
from app.domain.records import JobFilter, Json
from app.domain.states import JobState
from app.domain.submission import Submission
from app.wiring import Services

DIALECT = "jobyard"
SIZE, MOST = 50, 500
_NEW_JOB = NewJob()


@dataclass(frozen=True, slots=True)
class Window:
    """Which page of a list: number from 1, and entries a page."""

    number: int
    size: int


def job_types(services: Services) -> Json:
    """Give all job types by name."""
    plugins = services.plugins
    return {
        "items": [
            {
                "name": name,
                "title": interface.title or name,
                "options": plugins.options(interface),
            }
            for name, interface in sorted(plugins.interfaces.items())
        ]
    }


def submit(services: Services, document: object) -> Json:
    """Store and start a job. Raises BadRequest, UnknownJobType, SpecInvalid."""
    if not isinstance(document, dict):
        raise BadRequest("the body must be a JSON object")
    try:
        wanted = _NEW_JOB.load(document)
    except ValidationError as error:
        said = error.messages if isinstance(error.messages, dict) else {"": error.messages}
        faults = {str(key): _flat(each) for key, each in said.items()}
        raise BadRequest("the body is not valid", **faults) from error
    plugins = services.plugins
    interface = plugins.interface(wanted["type"])
    spec = plugins.load_spec(interface, wanted.get("spec", {}))
    job = services.engine.jobs.submit(
        Submission(
            dialect=DIALECT,
            type=interface.name,
            name=wanted.get("name") or interface.title or interface.name,
            description=wanted.get("description", ""),
            tags=tuple(wanted.get("tags", ())),
            priority=wanted.get("priority", 0),
            spec=spec,
            task_count=plugins.task_count(interface, spec),
        )
    )
    return words.summary(job, Mask(services, job))


def find(services: Services, args: Mapping[str, str]) -> Json:
    """Give a page of jobs, newest first. Raises BadRequest for a query that makes no sense."""
    at = window(args)
    state = args.get("state")
    if state is not None and state not in set(JobState):
        raise BadRequest("there is no such state", state=f"one of {', '.join(JobState)}")
    wanted = JobFilter(
        dialect=_text(args, "dialect"),
        type=_text(args, "type"),
        states=(JobState(state),) if state else (),
    )
    found = services.engine.jobs.find(wanted, number=at.number, size=at.size)
    return words.page(found, [words.summary(job, Mask(services, job)) for job in found.items])


def get(services: Services, job_id: str) -> Json:
    """Give a job with its tasks. Raises JobNotFound."""
    engine = services.engine
    with engine.store.session():
        job = engine.jobs.get(_clean(job_id))
        return words.job(job, engine.jobs.tasks(job.id), Mask(services, job))


def cancel(services: Services, job_id: str) -> Json:
    """Cancel a job that is not over. Raises JobNotFound, IllegalMove."""
    job = services.engine.jobs.cancel(_clean(job_id))
    return words.summary(job, Mask(services, job))


def log(services: Services, job_id: str, args: Mapping[str, str]) -> Json:
    """Give a page of a job's output, newest part first. Raises JobNotFound, BadRequest."""
    at = window(args)
    engine = services.engine
    job = engine.jobs.get(_clean(job_id))
    found = engine.logs.of_job(job.id, number=at.number, size=at.size)
    mask = Mask(services, job)
    return words.page(found, [words.log_part(part, mask) for part in found.items])


def window(args: Mapping[str, str]) -> Window:
    """Read `page` and `size`. Raises BadRequest for what is no number from 1 on."""
    return Window(_number(args, "page", 1, 2**31), _number(args, "size", SIZE, MOST))


def _number(args: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = args.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and 1 <= int(text) <= most):
        raise BadRequest("the query is not valid", **{name: f"must be from 1 to {most}"})
    return int(text)


def _text(args: Mapping[str, str], name: str) -> str | None:
    text = args.get(name)
    return None if text is None else _clean(text)


def _clean(text: str) -> str:
    # NUL is in no stored text, and one of the databases refuses it even in a question.
    return text.replace("\0", "\ufffd")


def _flat(said: Any) -> str:
    if isinstance(said, dict):
        return "; ".join(f"{key}: {_flat(each)}" for key, each in said.items())
    return " ".join(map(str, said)) if isinstance(said, list) else str(said)
