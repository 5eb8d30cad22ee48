"""Workers of a job: more or fewer of them, replaced by hand, and what they report themselves."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson

from app.api.mantis import reading, tables, watches
from app.api.mantis.errors import Invalid, Missing, Refused
from app.api.mantis.reading import Json
from app.api.mantis.service import jobs
from app.api.mantis.words import JobRow, WorkerRow, current, parse_job_id, sizes
from app.domain.errors import IllegalMove, LeaseLost, Rejected, TaskNotFound
from app.domain.records import Job, Lease
from app.domain.states import TaskState
from app.engine.transaction import retried
from app.wiring import Services

MOST_WORKERS = 1500
KINDS = ("ERROR", "WARN", "INFO", "DEBUG", "HEARTBEAT")
LONGEST_TEXT, MOST_PAYLOAD_BYTES = 1000, 64 * 1024
NOBODY = -1
STATES = ("Accepted", "Launched", "StartInitiated", "Started", "Failed", "Completed", "Noop")


def scale(services: Services, name: str, body: Json) -> None:
    """Let a stage of a job have so many workers. Raises Missing, Invalid, Refused."""
    found = jobs.active(services, name)
    given = reading.text(body, "JobId")
    if given != name:
        raise Invalid(f"JobId {reading.shown(given)} is not the one of the path", "name-differs")
    number = reading.whole(body.get("StageNumber"), "StageNumber")
    wanted = reading.whole(body.get("NumWorkers"), "NumWorkers")
    if number is None or wanted is None:
        raise Invalid("StageNumber and NumWorkers are required")
    stage = found.about["stages"].get(str(number)) if number >= 1 else None
    if stage is None:
        raise Invalid(f"Job {name} has no stage {number} that can be scaled", "no-stage")
    if not 1 <= wanted <= MOST_WORKERS:
        raise Invalid(f"NumWorkers must be 1 to {MOST_WORKERS}")
    if not stage["scalable"]:
        raise Invalid(f"stage {number} of job {name} is not scalable", "not-scalable")
    if found.started_at is None:
        raise Refused(409, f"Job {name} is not launched yet", "job-not-launched")
    user = reading.text(body, "User", "")
    reason = reading.text(body, "Reason", "")
    resize(services, found, str(number), wanted, user=user, reason=reason)


def resize(
    services: Services, found: JobRow, stage: str, wanted: int, *, user: str, reason: str
) -> None:
    """Let a stage have so many workers; joins nothing. Raises Missing where the job is over."""
    engine = services.engine
    store = engine.store

    def attempt() -> None:
        with engine.transaction() as tx:
            # In the order of all who change jobs of a cluster: it first.
            tables.lock_cluster(store, found.cluster)
            fresh = jobs.find(services, found.name)
            stages = fresh.about["stages"]
            if stages[stage]["numberOfInstances"] == wanted:
                return
            engine.changes.ask(found.job_id, {"stage": stage, "workers": wanted})
            stages = {**stages, stage: {**stages[stage], "numberOfInstances": wanted}}
            workers, cpus, memory = sizes(stages)
            tables.resize(
                store,
                found.job_id,
                workers=workers,
                cpus=cpus,
                memory=memory,
                about={**fresh.about, "stages": stages},
            )
            engine.events.note(found.job_id, scaled=True)
            tables.note(
                store,
                found.group_id,
                tx.now,
                who=user,
                action=f"scaled stage {stage} to {wanted}",
                job=found.name,
                reason=reason,
            )

    try:
        retried(store, attempt)
    except IllegalMove as over:
        raise Missing(f"Job {found.name} is not active", "job-not-active") from over


def resubmit(services: Services, name: str, body: Json) -> Json:
    """Replace a worker by hand; give the numbers of both. Raises Missing, Invalid."""
    found = jobs.active(services, name)
    number = reading.whole(body.get("workerNumber"), "workerNumber")
    user = reading.named(body, "user")
    reason = reading.text(body, "reason", "")
    if number is None or number < 1:
        raise Invalid("workerNumber is required, and 1 or more")
    fresh = replaced(services, found, number, user=user, reason=reason)
    return {"jobId": name, "workerNumber": number, "newWorkerNumber": fresh}


def replaced(services: Services, found: JobRow, number: int, *, user: str, reason: str) -> int:
    """Replace a worker and give the new one's number. Raises Missing, Invalid."""
    engine = services.engine
    worker = next((one for one in current(found) if one.number == number), None)
    if worker is None or worker.state.final:
        raise Invalid(f"{number} is no worker of job {found.name} at present", "no-worker")
    wish = {"resubmit": number, "payload": worker.payload}
    try:
        with engine.transaction() as tx:
            job: Job = engine.changes.ask(found.job_id, wish)
            tables.note(
                engine.store,
                found.group_id,
                tx.now,
                who=user,
                action=f"resubmitted worker {number}",
                job=found.name,
                reason=reason,
            )
    except IllegalMove as over:
        raise Missing(f"Job {found.name} is not active", "job-not-active") from over
    except Rejected as refused:
        raise Invalid(f"job {found.name}: {refused}", "no-worker") from refused
    return int(job.state_data["next"]) - 1


# -- what they report ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What a worker reports. state: empty where it says none. shown: as others are told of it."""

    job: str
    number: int | None
    kind: str
    state: str
    subscribers: bool | None
    shown: Json


def status(body: Json) -> Status:
    """Read a report. Raises Invalid."""
    given = reading.part(body, "status")
    if given is None:
        raise Invalid("status is required")
    kind = given.get("type")
    if kind not in KINDS:
        raise Invalid(f"type must be one of {', '.join(KINDS)}, not {reading.shown(kind)}")
    state = given.get("state")
    if state not in (None, "", *STATES):
        raise Invalid(f"state must be one of {', '.join(STATES)}, not {reading.shown(state)}")
    message, hostname, reason = (
        reading.text(given, name, "")[:LONGEST_TEXT] for name in ("message", "hostname", "reason")
    )
    stage, index, number, _ = (
        reading.whole(given.get(name), name, least=-(2**62), most=2**62)
        for name in ("stageNum", "workerIndex", "workerNumber", "timestamp")
    )
    payloads = reading.items(given, "payloads")
    return Status(
        job=_job_of(body) or _job_of(given),
        number=number,
        kind=str(kind),
        state=state or "",
        subscribers=_subscribers(payloads),
        shown={
            "stageNum": NOBODY if stage is None else stage,
            "workerIndex": NOBODY if index is None else index,
            "workerNumber": NOBODY if number is None else number,
            "type": kind,
            "message": message,
            "state": state or None,
            "hostname": hostname or None,
            "reason": reason or "Normal",
            # Every web process reads it.
            "payloads": payloads if len(orjson.dumps(payloads)) <= MOST_PAYLOAD_BYTES else [],
        },
    )


def _job_of(given: Json) -> str:
    """Give the job a report names; whatever names none is a job that is not there."""
    value = given.get("jobId")
    if value is not None and not isinstance(value, str):
        raise Invalid(f"jobId must be text, not {reading.shown(value)}")
    return value or ""


def _subscribers(payloads: list[Any]) -> bool | None:
    found = None
    for one in payloads:
        if not isinstance(one, dict):
            raise Invalid("payloads must hold objects")
        if one.get("type") == "SubscriptionState":
            found = str(one.get("data")).strip().lower() == "true"
    return found


def report(services: Services, told: Status) -> bool:
    """Take a report of a worker; False for one of no worker that is there at present."""
    place = parse_job_id(told.job)
    if place is None:
        return False
    try:
        found = jobs.find(services, told.job)
    except Missing:
        return False
    worker = next((one for one in current(found) if one.number == told.number), None)
    if worker is None or not found.active or worker.state.final:
        return False
    with suppress(LeaseLost, TaskNotFound):  # replaced at this very moment
        if told.kind == "HEARTBEAT":
            _heard(services, found, worker, told.subscribers)
        else:
            at = services.engine.clock.now() // 1000
            told_of = {"jobId": found.name, **told.shown, "timestamp": at}
            services.engine.events.note(found.job_id, status=told_of)
            _moved(services, found, worker, told)
    return True


def _heard(services: Services, found: JobRow, worker: WorkerRow, subscribers: bool | None) -> None:
    store = services.engine.store
    now = services.engine.clock.now()
    with store.transaction():
        watches.heard(store, worker.task_id, found.job_id, now)
        if subscribers is not None:
            watches.subscribed(store, found.job_id, there=subscribers, now=now)
    _started(services, worker)


def _moved(services: Services, found: JobRow, worker: WorkerRow, told: Status) -> None:
    store = services.engine.store
    if told.state == "Started":
        _started(services, worker)
    elif told.state == "StartInitiated":
        with store.transaction():
            now = services.engine.clock.now()
            watches.starting(store, worker.task_id, found.job_id, now)
    elif told.state == "Completed":
        services.engine.changes.end(worker.task_id)
    elif told.state == "Failed":
        text = told.shown["message"] or "reported as failed"
        services.engine.changes.end(worker.task_id, error=text)


def _started(services: Services, worker: WorkerRow) -> None:
    """Let a worker count as started that runs by now."""
    if worker.composite or worker.ready_at is not None or worker.state is not TaskState.RUNNING:
        return
    number = services.engine.tasks.get(worker.task_id).number
    services.engine.services.ready(Lease(worker.task_id, number), {})
