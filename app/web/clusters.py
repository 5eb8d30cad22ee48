"""What the pages of job clusters show."""

from typing import Any

from app.api.jobyard import query, words
from app.api.jobyard.masking import Mask
from app.api.mantis.service import clusters as service
from app.api.mantis.service import jobs
from app.api.mantis.tables import Cluster
from app.api.mantis.words import (
    JOB_STATES,
    JobRow,
    cluster_view,
    current,
    stage_views,
    worker_state,
)
from app.domain.clock import rfc3339
from app.domain.cron import CronInvalid
from app.domain.errors import EngineError
from app.domain.records import JobFilter, Json, Schedule, Scope
from app.web import addresses
from app.web.visitors import Visitor
from app.wiring import Services

SIZE = 100
OPEN = 20
WORKERS = 50
LATEST = 10
NOTED = 30
FIRES = 5


def listed(services: Services, args: Any) -> dict[str, Any]:
    """Give a page of clusters by name."""
    after, part = query.clean(args.get("after", "")), query.clean(args.get("q", ""))
    found = service.behind(services, after, part, SIZE + 1)
    more = found[SIZE - 1][0].name if len(found) > SIZE else None
    return {
        "clusters": [
            {
                **cluster_view(one),
                "user": one.user,
                "address": addresses.path(one.name),
                "open": opened,
                "launched": launched,
            }
            for one, opened, launched in found[:SIZE]
        ],
        "part": part,
        "more": more and addresses.query(q=part, after=more),
        "query": addresses.query(q=part, after=after),
    }


def shown(services: Services, name: str, who: Visitor) -> dict[str, Any]:
    """Give a cluster with its jobs, cron and history. Raises Missing."""
    engine = services.engine
    with engine.store.session():
        one = service.get(services, name)
        rows = jobs.latest_open(services, one.group_id, OPEN + 1)
        latest = engine.jobs.behind(JobFilter(group_id=one.group_id), limit=LATEST)
        return {
            "cluster": {**cluster_view(one), "user": one.user},
            "address": addresses.path(one.name),
            "sla": sla_in_words(one, rows),
            "cron": _cron(services, one),
            "jobs": [_job(row) for row in rows[:OPEN]],
            "hidden": len(rows) > OPEN,
            "latest": [words.summary(job, Mask.of_job(services, job)) for job in latest],
            "history": [
                {**entry, "at": rfc3339(entry["at"] * 1000)}
                for entry in service.history(services, name, before=None, limit=NOTED)
            ],
            "uploads": [
                {**jar, "uploadedAt": rfc3339(jar["uploadedAt"] * 1000)}
                for jar in reversed(one.jars)
            ],
            "may": who.may(Scope.CONTROL),
            "may_submit": who.may(Scope.SUBMIT) and not one.disabled,
        }


def sla_in_words(one: Cluster, open_jobs: list[JobRow]) -> str:
    """Say what an SLA means for the jobs that there are."""
    least, most, there = one.sla.min, one.sla.max, len(open_jobs)
    if one.disabled:
        return "The cluster is disabled: it has no jobs, and takes none."
    if not least and not most:
        return "Any number of jobs may run; none is started by itself."
    said = []
    if least:
        said.append(f"at least {_jobs(least)} run{'s' if least == 1 else ''}")
    if most:
        said.append(f"of more than {most} the oldest are ended")
    wanted = "; ".join(said)
    missing = f" {_jobs(least - there)} to be started." if there < least else ""
    return f"{wanted[0].upper()}{wanted[1:]}.{missing}"


def _jobs(count: int) -> str:
    return f"{count} job{'' if count == 1 else 's'}"


def _cron(services: Services, one: Cluster) -> dict[str, Any] | None:
    """Give when jobs are submitted by the clock; None where they are not."""
    if one.sla.cron is None:
        return None
    found: dict[str, Any] = {"text": one.sla.cron, "policy": one.sla.policy, "next": []}
    if one.schedule_id is None:
        return found
    schedules = services.engine.schedules
    try:
        schedule: Schedule = schedules.get(one.schedule_id)
        found |= {"id": schedule.id, "state": schedule.state, "zone": schedule.zone}
        found["words"] = schedules.in_words(schedule)
        found["next"] = [rfc3339(at) for at in schedules.next_fires(schedule, FIRES)]
    except (CronInvalid, EngineError):
        pass  # it was deleted by somebody, or means nothing to this version
    return found


def _job(row: JobRow) -> Json:
    """Give an open job with its stages, and the workers of each."""
    workers: dict[int, list[Json]] = {}
    for worker in current(row):
        workers.setdefault(worker.stage, []).append(
            {
                "number": worker.number,
                "index": worker.index,
                "task_id": worker.task_id,
                "state": worker_state(row, worker),
                "host": worker.node[1] if worker.node else None,
                "resubmits": worker.payload.get("times", 0),
            }
        )
    return {
        "id": row.job_id,
        "name": row.name,
        "user": row.user,
        "version": row.version,
        "state": JOB_STATES[row.state],
        "submitted_at": rfc3339(row.submitted_at),
        "stages": [
            {
                "number": stage["stageNum"],
                "wanted": stage["numWorkers"],
                "scalable": stage["scalable"] and stage["stageNum"] > 0,
                "workers": workers.get(stage["stageNum"], [])[:WORKERS],
                "started": sum(
                    worker["state"] == "Started" for worker in workers.get(stage["stageNum"], ())
                ),
                "address": addresses.query(job=row.name, stage=stage["stageNum"]),
            }
            for stage in stage_views(row)
        ],
    }
