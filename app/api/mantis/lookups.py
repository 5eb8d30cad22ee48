"""What streams look up: which jobs were launched last, and whose job an event is about."""

from collections.abc import Sequence
from typing import NamedTuple

from app.api.mantis.words import job_id
from app.data.db import Store

LAUNCHES = 20


class Launch(NamedTuple):
    """A job that was launched. job_id: the engine's. over: it has ended."""

    job_id: str
    name: str
    over: bool


class Owner(NamedTuple):
    """What a job is called, and its cluster."""

    name: str
    cluster: str


def launches(store: Store, group_id: int) -> tuple[Launch, ...]:
    """Give the jobs of a cluster that were launched last, the latest at the end."""
    rows = store.run(
        "SELECT j.id, m.cluster, m.number, j.ended_at FROM job j"
        " JOIN mantis_job m ON m.job_id = j.id"
        " WHERE j.group_id = ? AND j.started_at IS NOT NULL"
        " ORDER BY j.started_at DESC, m.number DESC LIMIT ?",
        (group_id, LAUNCHES),
    ).fetchall()
    found = [Launch(row[0], job_id(row[1], row[2]), row[3] is not None) for row in rows]
    return tuple(reversed(found))


def owners(store: Store, job_ids: Sequence[str]) -> dict[str, Owner]:
    """Give names and clusters of jobs by the engine's ids."""
    if not job_ids:
        return {}
    marks = ", ".join("?" * len(job_ids))
    rows = store.run(
        f"SELECT job_id, cluster, number FROM mantis_job WHERE job_id IN ({marks})",
        tuple(job_ids),
    ).fetchall()
    return {row[0]: Owner(job_id(row[1], row[2]), row[1]) for row in rows}
