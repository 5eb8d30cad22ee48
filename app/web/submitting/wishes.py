"""What somebody wants submitted: read, checked as a whole, and stored by services of the APIs."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from marshmallow import ValidationError

from app.api.http.callers import Caller
from app.api.http.site import site
from app.api.jobyard.errors import BadRequest
from app.api.jobyard.masking import Mask
from app.api.jobyard.schemas import NewJob
from app.api.jobyard.service import jobs
from app.api.tork.errors import Refused
from app.api.tork.faults import Invalid
from app.api.tork.service import jobs as workflows
from app.api.tork.service import schedules
from app.api.tork.words import DIALECT as TORK
from app.domain.errors import SpecInvalid
from app.domain.records import Json
from app.hooks import JobInterface
from app.web.submitting import texts
from app.web.submitting.texts import TYPE_ANEW
from app.wiring import Services
from config.redaction import MASK

WORKFLOW = "workflow"
MOST_FAULTS = 200
_INSIDE = ("inherited_secrets",)
"""What a workflow that another one started remembers, and nobody can ask for."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A job as somebody asks for it: its parameters, and what the API takes besides."""

    spec: Json
    around: Json = field(default_factory=dict)


def again(services: Services, job_id: str) -> tuple[str, Wish]:
    """Give the type of an earlier job, and the wish for one more; secrets in it are masked.

    Raises JobNotFound.
    """
    job = services.engine.jobs.get(job_id.replace("\0", "\ufffd"))
    mask = Mask.of_job(services, job)
    spec = mask.spec()
    if job.type == WORKFLOW:
        secrets = job.spec.get("secrets")
        if isinstance(secrets, dict):
            spec["secrets"] = dict.fromkeys(secrets, MASK)
        spec = {key: each for key, each in spec.items() if key not in _INSIDE}
    tags = [mask.text(tag) for tag in job.tags]
    around = {"name": mask.text(job.name), "description": mask.text(job.description)}
    # The workflows' own way in knows no priority of a whole job.
    own = {} if job.dialect == TORK else {"priority": min(job.priority, 100)}
    found = {**around, "tags": tags, **own}
    return job.type, Wish(spec, {key: each for key, each in found.items() if each})


def as_workflow(wish: Wish) -> str:
    """Write a wish for a workflow as its definition."""
    around = {key: each for key, each in wish.around.items() if key != "priority"}
    return texts.written({**around, **wish.spec})


def faults_of_spec(services: Services, interface: JobInterface, spec: Json) -> dict[str, str]:
    """Give what is wrong with parameters, by path."""
    masked = dict.fromkeys(texts.masks(spec), TYPE_ANEW)
    try:
        services.plugins.load_spec(interface, spec)
    except SpecInvalid as error:
        given: dict[str, str] = error.facts["faults"]  # type: ignore[assignment]
        return {**given, **masked}
    return masked


def faults_around(around: Json) -> dict[str, str]:
    """Give what is wrong with the rest, by path."""
    try:
        _SCHEMA.load({"type": "any", **around})
    except ValidationError as error:
        return {path: " ".join(map(str, said)) for path, said in _flat(error.messages, "")}
    return {}


def faults_of_text(services: Services, interface: JobInterface, text: str) -> list[texts.Fault]:
    """Give what is wrong with a text of parameters, by line."""
    try:
        spec = texts.read_object(text)
    except Invalid as error:
        return texts.placed(text, error.faults)
    found = faults_of_spec(services, interface, spec)
    told = [f"{path or 'body'}: {said}" for path, said in found.items()]
    return texts.placed(text, told[:MOST_FAULTS])


def faults_of_workflow(services: Services, text: str) -> list[texts.Fault]:
    """Give what is wrong with a definition, by line."""
    try:
        given = texts.document(text)
        masked = [f"{path}: {TYPE_ANEW}" for path in texts.masks(texts.read_object(text))]
    except Invalid as error:
        return texts.placed(text, error.faults)
    try:
        check = schedules.validate if "schedule" in given else workflows.validate
        check(services, given)
    except Invalid as error:
        return texts.placed(text, [*error.faults, *masked])[:MOST_FAULTS]
    return texts.placed(text, masked)


def submit(services: Services, name: str, wish: Wish, *, key: str, by: str | None) -> Json:
    """Store a job of any type. key: two wishes alike under one key are one. Raises BadRequest."""
    wanted: Mapping[str, Any] = _SCHEMA.load({"type": name, "spec": wish.spec, **wish.around})
    told = hashlib.sha256(f"{key}\n{name}\n{json.dumps(wanted)}".encode()).hexdigest()
    job, _ = jobs.submit(services, wanted, key=f"page/{told}" if key else None, by=by)
    return job


def submit_workflow(
    services: Services, text: str, *, key: str, by: str | None
) -> tuple[Json, bool]:
    """Store a workflow, or its schedule; say whether it is the latter. Raises BadRequest.

    A page never waits for a job: its `wait` block has no effect.
    """
    given, caller = texts.document(text), Caller(name=by)
    try:
        if "schedule" in given:
            return dict(schedules.create(services, caller, given)), True
        given = {name: each for name, each in given.items() if name != "wait"}
        told = hashlib.sha256(f"{key}\n{text}".encode()).hexdigest() if key else None
        return dict(workflows.submit(services, caller, given, site().drain, key=told)), False
    except (Invalid, Refused) as error:
        raise BadRequest(str(error)) from error


def _flat(said: Any, path: str) -> list[tuple[str, list[Any]]]:
    if not isinstance(said, dict):
        return [(path, said if isinstance(said, list) else [said])]
    found = []
    for key, below in said.items():
        step = f"[{key}]" if isinstance(key, int) else f".{key}"
        found += _flat(below, f"{path}{step}".lstrip("."))
    return found


_SCHEMA = NewJob()
