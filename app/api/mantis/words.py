"""What this dialect calls things: records to documents, states to words."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from app.api.mantis.reading import Json
from app.api.mantis.tables import POOL, Cluster
from app.domain.clock import Instant
from app.domain.sla import HEADROOM
from app.domain.states import JobState, TaskState

ACCEPTED, LAUNCHED, COMPLETED, FAILED = "Accepted", "Launched", "Completed", "Failed"
JOB_STATES = {
    JobState.PENDING: ACCEPTED,
    JobState.WAITING: ACCEPTED,
    JobState.SCHEDULED: ACCEPTED,
    JobState.RUNNING: LAUNCHED,
    JobState.COMPLETED: COMPLETED,
    JobState.CANCELLED: COMPLETED,
    JobState.FAILED: FAILED,
}
EXTRA_PORTS = 4
"""Ports of a worker beside those it asks for."""
PLACEHOLDER = ("placeholder", "localhost")
"""Id and address of the machine of a worker that is nowhere."""
_JOB_ID = re.compile(r"(.+)-([1-9][0-9]{0,17})", re.DOTALL)


def millis(at: Instant | None, absent: int = -1) -> int:
    """Give an instant in milliseconds."""
    return absent if at is None else at // 1000


def job_id(cluster: str, number: int) -> str:
    """Name a job."""
    return f"{cluster}-{number}"


def parse_job_id(text: str) -> tuple[str, int] | None:
    """Take the name of a job apart, at the last hyphen; None for what is none."""
    match = _JOB_ID.fullmatch(text)
    return None if match is None or not match[2].isascii() else (match[1], int(match[2]))


def worker_id(job: str, index: int, number: int) -> str:
    """Name a worker."""
    return f"{job}-worker-{index}-{number}"


def cluster_view(one: Cluster) -> Json:
    """Show a cluster."""
    cron = one.sla.cron
    view: Json = {
        "name": one.name,
        "jars": one.jars,
        "sla": {
            "min": one.sla.min,
            "max": one.sla.max,
            "cronSpec": cron,
            "cronPolicy": None if cron is None else one.sla.policy,
        },
        "parameters": one.about["parameters"],
        "owner": one.about["owner"],
        "lastJobCount": one.last_number,
        "disabled": one.disabled,
        "isReadyForJobMaster": one.job_master,
        "migrationConfig": one.about["migration"],
        "labels": one.about["labels"],
        "cronActive": one.cron_active,
        "latestVersion": one.jars[-1]["version"],
    }
    if one.headroom != HEADROOM:
        view["slaHeadroom"] = one.headroom
    if one.about["principal"] is not None:
        view["jobPrincipal"] = one.about["principal"]
    return view


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRow:
    """A worker as it is stored. ready: it has started. node: who runs it, by name and address."""

    task_id: int
    number: int
    place: str
    state: TaskState
    composite: bool
    payload: Json
    accepted_at: Instant
    launched_at: Instant | None
    starting_at: Instant | None
    ready_at: Instant | None
    ended_at: Instant | None
    error: str | None
    node: tuple[str, str] | None

    @property
    def stage(self) -> int:
        """Number of its stage."""
        return int(self.place.partition("/")[0])

    @property
    def index(self) -> int:
        """Its place in the stage."""
        return int(self.place.partition("/")[2] or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """A job as it is stored. reason: why it was ended. workers: all there ever were, by number."""

    job_id: str
    group_id: int
    cluster: str
    number: int
    submitted_at: Instant
    user: str
    url: str
    version: str
    duration: str
    stages: int
    worker_count: int
    cpus: float
    memory: float
    heartbeat_s: int
    timeout_s: int
    subscription_s: int
    about: Json
    state: JobState
    started_at: Instant | None
    ended_at: Instant | None
    tasks_total: int
    reason: str | None
    workers: Sequence[WorkerRow] = ()

    @property
    def name(self) -> str:
        """Its name for users."""
        return job_id(self.cluster, self.number)

    @property
    def active(self) -> bool:
        """Whether it is not over."""
        return self.ended_at is None


def current(job: JobRow) -> list[WorkerRow]:
    """Give the workers that hold their places: not replaced, not scaled away; by number."""
    latest: dict[str, WorkerRow] = {}
    for worker in job.workers:
        latest[worker.place] = worker
    found = [worker for worker in latest.values() if not _scaled_away(job, worker)]
    return sorted(found, key=lambda worker: worker.number)


def archived(job: JobRow) -> list[WorkerRow]:
    """Give the workers that are over: replaced, scaled away, or ended with their job."""
    if not job.active:
        return list(job.workers)
    held = {worker.number for worker in current(job)}
    return [worker for worker in job.workers if worker.number not in held]


def _scaled_away(job: JobRow, worker: WorkerRow) -> bool:
    """Tell whether a worker was taken away while its job went on."""
    if worker.state is not TaskState.CANCELLED:
        return False
    return job.ended_at is None or (worker.ended_at or 0) < job.ended_at


def worker_state(job: JobRow, worker: WorkerRow) -> str:
    """Name the state of a worker."""
    state = worker.state
    if state is TaskState.FAILED:
        return "Failed"
    # A job that is over has no worker that is not, though its processes may take a moment to end.
    if state.final or not job.active:
        return "Completed"
    if state is TaskState.RUNNING:
        if worker.composite or worker.ready_at is not None:
            return "Started"
        return "Launched" if worker.starting_at is None else "StartInitiated"
    return "Launched" if state is TaskState.LEASED else "Accepted"


def _reason(job: JobRow, worker: WorkerRow, held: bool) -> str:
    if worker.state is TaskState.FAILED:
        return "Error" if held and not job.active else "Relaunched"
    if worker.state is TaskState.CANCELLED or (not job.active and not worker.state.final):
        return "Normal" if worker.composite and job.state is JobState.COMPLETED else "Killed"
    return "Normal"


def worker_view(job: JobRow, worker: WorkerRow, *, held: bool) -> Json:
    """Show a worker; held: whether it holds its place."""
    stage = job.about["stages"].get(str(worker.stage), {})
    ports = stage.get("machineDefinition", {}).get("numPorts", 1)
    node = PLACEHOLDER if worker.composite else worker.node
    started_at = worker.launched_at if worker.composite else worker.ready_at
    ended_at = worker.ended_at if worker.ended_at is not None else job.ended_at
    return {
        "workerIndex": worker.index,
        "workerNumber": worker.number,
        "jobId": job.name,
        "stageNum": worker.stage,
        "numberOfPorts": ports + EXTRA_PORTS,
        "metricsPort": -1,
        "consolePort": -1,
        "debugPort": -1,
        "customPort": -1,
        "ports": [],
        "state": worker_state(job, worker),
        "slave": None if node is None else node[1],
        "slaveID": None if node is None else node[0],
        "cluster": None if node is None else POOL,
        "acceptedAt": millis(worker.accepted_at),
        "launchedAt": millis(worker.launched_at),
        "startingAt": millis(worker.starting_at),
        "startedAt": millis(started_at),
        "completedAt": millis(ended_at),
        "reason": _reason(job, worker, held),
        "resubmitOf": worker.payload.get("replaces", 0),
        "totalResubmitCount": worker.payload.get("times", 0),
    }


def current_views(job: JobRow) -> list[Json]:
    """Show the workers that hold their places."""
    return [worker_view(job, worker, held=True) for worker in current(job)]


def archived_views(job: JobRow) -> list[Json]:
    """Show the workers that are over, with why the last of them were."""
    held = {worker.number for worker in current(job)}
    views = []
    for worker in archived(job):
        view = worker_view(job, worker, held=worker.number in held)
        if worker.error:
            view["error"] = worker.error
        views.append(view)
    return views


def stage_views(job: JobRow) -> list[Json]:
    """Show the stages of a job, in order."""
    stages = job.about["stages"]
    return [
        {
            "jobId": job.name,
            "stageNum": int(number),
            "numStages": len(stages),
            "machineDefinition": stage["machineDefinition"],
            "numWorkers": stage["numberOfInstances"],
            "hardConstraints": stage["hardConstraints"],
            "softConstraints": stage["softConstraints"],
            "scalingPolicy": stage["scalingPolicy"],
            "scalable": stage["scalable"],
        }
        for number, stage in sorted(stages.items(), key=lambda one: int(one[0]))
    ]


def metadata(job: JobRow) -> Json:
    """Show what a job is."""
    about = job.about
    return {
        "jobId": job.name,
        "name": job.cluster,
        "user": job.user,
        "submittedAt": millis(job.submitted_at),
        "startedAt": millis(job.started_at, 0),
        "jarUrl": job.url,
        "numStages": job.stages,
        "sla": about["sla"],
        "state": JOB_STATES[job.state],
        "workerTimeoutSecs": job.timeout_s,
        "heartbeatIntervalSecs": job.heartbeat_s,
        "subscriptionTimeoutSecs": job.subscription_s,
        "parameters": about["parameters"],
        "nextWorkerNumberToUse": job.tasks_total + 1,
        "migrationConfig": about["migration"],
        "labels": about["labels"],
        "costs": None,
    }


def job_view(job: JobRow) -> Json:
    """Show a job with its stages and the workers that hold their places."""
    return {
        "jobMetadata": metadata(job),
        "stageMetadataList": stage_views(job),
        "workerMetadataList": current_views(job),
        "terminatedAt": millis(job.ended_at),
        "version": job.version,
    }


def compact_view(job: JobRow) -> Json:
    """Show a job in one flat record."""
    summary: dict[str, int] = {}
    for worker in current(job):
        state = worker_state(job, worker)
        summary[state] = summary.get(state, 0) + 1
    return {
        "jobId": job.name,
        "jarUrl": job.url,
        "submittedAt": millis(job.submitted_at),
        "terminatedAt": millis(job.ended_at),
        "user": job.user,
        "state": JOB_STATES[job.state],
        "type": job.duration,
        "numStages": job.stages,
        "numWorkers": job.worker_count,
        "totCPUs": plain(job.cpus),
        "totMemory": plain(job.memory),
        "statesSummary": summary,
        "labels": job.about["labels"],
    }


def plain(number: float) -> float | int:
    """Give a number without a fraction that is none."""
    return int(number) if number == int(number) else number


def sizes(stages: Json) -> tuple[int, float, float]:
    """Sum up stages: workers, cores and megabytes."""
    workers, cpus, memory = 0, 0.0, 0.0
    for stage in stages.values():
        count = stage["numberOfInstances"]
        workers += count
        cpus += count * stage["machineDefinition"]["cpuCores"]
        memory += count * stage["machineDefinition"]["memoryMB"]
    return workers, cpus, memory


def sorted_by(views: Iterable[Json], name: str, *, ascending: bool) -> list[Json]:
    """Sort documents by a value they have; none comes first."""

    def key(view: Json) -> tuple[bool, Any]:
        value = view.get(name)
        return (value is not None, 0 if value is None else value)

    return sorted(views, key=key, reverse=not ascending)
