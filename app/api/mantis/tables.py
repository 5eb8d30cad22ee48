"""Rows of the tables that only this dialect has."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from app.api.mantis.definitions import Sla
from app.api.mantis.reading import Json
from app.data.codec import dumps, loads
from app.data.db import Row, Store
from app.domain.clock import Instant
from app.domain.states import JobState

DIALECT = "mantis"
TYPE = "stage"
POOL = "default"
QUEUE = f"{DIALECT}/default"
OPEN = "('PENDING', 'WAITING', 'SCHEDULED', 'RUNNING')"
"""States of jobs that are not over; named where an index is by state."""
MOST_POOLS, LONGEST_POOL = 1000, 255
_CLUSTER = (
    "group_id, name, version, holder, disabled, job_master, sla_min, sla_max, headroom, cron,"
    " cron_policy, cron_active, schedule_id, latest_version, last_number, jars, about"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A job cluster.

    version: rises with every change. jars: oldest first. about: what is only shown and copied:
    `parameters`, `labels`, `migration`, `owner`, `principal`, `status_uri`.
    """

    group_id: int
    name: str
    user: str
    jars: list[Json]
    about: Json
    sla: Sla
    version: int = 1
    disabled: bool = False
    job_master: bool = False
    headroom: int = 3
    cron_active: bool = False
    schedule_id: str | None = None
    last_number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A row of `mantis_job` to be; about: `sla`, `parameters`, `labels`, `migration`, `stages`."""

    job_id: str
    group_id: int
    cluster: str
    number: int
    submitted_at: Instant
    user: str
    url: str
    version: str
    duration: str
    unique_type: str
    stages: int
    workers: int
    cpus: float
    memory: float
    heartbeat_s: int
    timeout_s: int
    subscription_s: int
    about: Json


class Open(NamedTuple):
    """An open job of a cluster. runs: it is launched."""

    job_id: str
    number: int
    runs: bool
    submitted_at: Instant


def _cluster(store: Store, row: Row) -> Cluster:
    return Cluster(
        group_id=row[0],
        name=row[1],
        version=row[2],
        user=row[3],
        disabled=bool(row[4]),
        job_master=bool(row[5]),
        sla=Sla(min=row[6], max=row[7], cron=row[9], policy=row[10]),
        headroom=row[8],
        cron_active=bool(row[11]),
        schedule_id=row[12],
        last_number=row[14],
        jars=loads(row[15]),
        about=store.vault.loads(row[16]),
    )


def _values(store: Store, one: Cluster) -> tuple[object, ...]:
    return (
        one.user,
        int(one.disabled),
        int(one.job_master),
        one.sla.min,
        one.sla.max,
        one.headroom,
        one.sla.cron,
        one.sla.policy,
        int(one.cron_active),
        one.schedule_id,
        one.jars[-1]["version"],
        dumps(one.jars),
        store.vault.dumps(one.about),
    )


# -- clusters --------------------------------------------------------------------------------------


def insert_cluster(store: Store, one: Cluster) -> None:
    """Store a new cluster; its group is there."""
    store.run(
        "INSERT INTO mantis_cluster (holder, disabled, job_master, sla_min, sla_max, headroom,"
        " cron, cron_policy, cron_active, schedule_id, latest_version, jars, about, group_id, name)"
        " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        (*_values(store, one), one.group_id, one.name),
    )


def cluster(store: Store, name: str) -> Cluster | None:
    """Give a cluster by name."""
    row = store.run(f"SELECT {_CLUSTER} FROM mantis_cluster WHERE name = ?", (name,)).fetchone()
    return None if row is None else _cluster(store, row)


def clusters(store: Store, group_ids: Sequence[int]) -> list[Cluster]:
    """Give clusters in the order of these ids; those that are gone are left out."""
    if not group_ids:
        return []
    marks = ", ".join("?" * len(group_ids))
    rows = store.run(
        f"SELECT {_CLUSTER} FROM mantis_cluster WHERE group_id IN ({marks})", tuple(group_ids)
    ).fetchall()
    found = {row[0]: _cluster(store, row) for row in rows}
    return [found[group_id] for group_id in group_ids if group_id in found]


def lock_cluster(store: Store, name: str) -> Cluster | None:
    """Keep others from changing a cluster until the commit, and give it."""
    row = store.run(
        f"UPDATE mantis_cluster SET version = version WHERE name = ? RETURNING {_CLUSTER}", (name,)
    ).fetchone()
    return None if row is None else _cluster(store, row)


def write_cluster(store: Store, one: Cluster) -> Cluster:
    """Write a cluster that is locked; give it with its new version."""
    store.run(
        "UPDATE mantis_cluster SET version = version + 1, holder = ?, disabled = ?, job_master = ?,"
        " sla_min = ?, sla_max = ?, headroom = ?, cron = ?, cron_policy = ?, cron_active = ?,"
        " schedule_id = ?, latest_version = ?, jars = ?, about = ? WHERE group_id = ?",
        (*_values(store, one), one.group_id),
    )
    return replace(one, version=one.version + 1)


def next_number(store: Store, group_id: int) -> int:
    """Give out the number of the next job of a cluster that is locked."""
    row = store.run(
        "UPDATE mantis_cluster SET last_number = last_number + 1 WHERE group_id = ?"
        " RETURNING last_number",
        (group_id,),
    ).fetchone()
    return int(row[0]) if row else 0


def delete_cluster(store: Store, group_id: int) -> None:
    """Delete a cluster; its jobs are left to `gone`."""
    store.run("DELETE FROM mantis_cluster WHERE group_id = ?", (group_id,))
    store.run("INSERT INTO mantis_gone (group_id) VALUES (?) ON CONFLICT DO NOTHING", (group_id,))


def gone(store: Store) -> list[int]:
    """Give the groups of deleted clusters whose jobs are still there."""
    return [row[0] for row in store.run("SELECT group_id FROM mantis_gone LIMIT 100").fetchall()]


def forget_gone(store: Store, group_id: int) -> None:
    """Note that nothing is left of a deleted cluster."""
    store.run("DELETE FROM mantis_audit WHERE group_id = ?", (group_id,))
    store.run("DELETE FROM mantis_gone WHERE group_id = ?", (group_id,))


def of_group(store: Store, group_id: int, limit: int) -> list[str]:
    """Give so many jobs of a cluster, deleted ones of the engine included."""
    rows = store.run(
        "SELECT job_id FROM mantis_job WHERE group_id = ? ORDER BY number LIMIT ?",
        (group_id, limit),
    ).fetchall()
    return [row[0] for row in rows]


# -- jobs ------------------------------------------------------------------------------------------


def insert_job(store: Store, one: NewJob) -> None:
    """Store what only this dialect knows of a job."""
    store.run(
        "INSERT INTO mantis_job (job_id, group_id, cluster, number, submitted_at, submitter,"
        " jar_url, version, duration_type, unique_type, stages, workers, cpus, memory, heartbeat_s,"
        " timeout_s, subscription_s, about) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        (
            one.job_id,
            one.group_id,
            one.cluster,
            one.number,
            one.submitted_at,
            one.user,
            one.url,
            one.version,
            one.duration,
            one.unique_type,
            one.stages,
            one.workers,
            one.cpus,
            one.memory,
            one.heartbeat_s,
            one.timeout_s,
            one.subscription_s,
            store.vault.dumps(one.about),
        ),
    )
    labels = [(one.job_id, each["name"], each["value"]) for each in one.about["labels"]]
    store.run_many("INSERT INTO mantis_label (job_id, name, value) VALUES (?, ?, ?)", labels)


def job_id_of(store: Store, cluster_name: str, number: int) -> str | None:
    """Give the engine's id of a job."""
    row = store.run(
        "SELECT m.job_id FROM mantis_cluster c JOIN mantis_job m ON m.group_id = c.group_id"
        " WHERE c.name = ? AND m.number = ?",
        (cluster_name, number),
    ).fetchone()
    return None if row is None else str(row[0])


def newest(store: Store, group_id: int) -> str | None:
    """Give the newest job of a cluster; None without any."""
    row = store.run(
        "SELECT m.job_id FROM mantis_job m JOIN job j ON j.id = m.job_id WHERE m.group_id = ?"
        " ORDER BY m.number DESC LIMIT 1",
        (group_id,),
    ).fetchone()
    return None if row is None else str(row[0])


def newest_launched(store: Store, group_id: int) -> str | None:
    """Give the open job of a cluster that was launched last; None without any."""
    row = store.run(
        "SELECT id FROM job WHERE group_id = ? AND ended_at IS NULL AND state = 'RUNNING'"
        " ORDER BY started_at DESC LIMIT 1",
        (group_id,),
    ).fetchone()
    return None if row is None else str(row[0])


def open_jobs(store: Store, group_id: int) -> list[Open]:
    """Give the open jobs of a cluster, the newest first."""
    rows = store.run(
        "SELECT m.job_id, m.number, j.state, m.submitted_at FROM job j"
        " JOIN mantis_job m ON m.job_id = j.id"
        f" WHERE j.group_id = ? AND j.ended_at IS NULL AND j.state IN {OPEN}"
        " ORDER BY m.number DESC",
        (group_id,),
    ).fetchall()
    return [Open(row[0], row[1], row[2] == JobState.RUNNING, row[3]) for row in rows]


def open_of_type(store: Store, group_id: int, unique_type: str) -> str | None:
    """Give the open job of a cluster that was submitted with this very type; None without one."""
    row = store.run(
        "SELECT m.job_id FROM job j JOIN mantis_job m ON m.job_id = j.id"
        f" WHERE j.group_id = ? AND j.ended_at IS NULL AND j.state IN {OPEN}"
        " AND m.unique_type = ?"
        " ORDER BY m.number LIMIT 1",
        (group_id, unique_type),
    ).fetchone()
    return None if row is None else str(row[0])


def resize(
    store: Store, job_id: str, *, workers: int, cpus: float, memory: float, about: Json
) -> None:
    """Write how many workers a job has by now."""
    store.run(
        "UPDATE mantis_job SET workers = ?, cpus = ?, memory = ?, about = ? WHERE job_id = ?",
        (workers, cpus, memory, store.vault.dumps(about), job_id),
    )


def delete_jobs(store: Store, job_ids: Sequence[str]) -> None:
    """Delete what only this dialect knows of jobs."""
    if not job_ids:
        return
    marks = ", ".join("?" * len(job_ids))
    for table in ("mantis_label", "mantis_worker", "mantis_watch", "mantis_job"):
        store.run(f"DELETE FROM {table} WHERE job_id IN ({marks})", tuple(job_ids))


def ended_before(store: Store, before: Instant, limit: int) -> list[str]:
    """Give jobs that ended before then."""
    rows = store.run(
        "SELECT j.id FROM job j JOIN mantis_job m ON m.job_id = j.id"
        " WHERE j.ended_at IS NOT NULL AND j.ended_at < ? ORDER BY j.ended_at LIMIT ?",
        (before, limit),
    ).fetchall()
    return [row[0] for row in rows]


# -- who did what ----------------------------------------------------------------------------------


def note(
    store: Store,
    group_id: int,
    now: Instant,
    *,
    who: str,
    action: str,
    job: str | None = None,
    reason: str = "",
) -> None:
    """Note who did what to a cluster."""
    store.run(
        "INSERT INTO mantis_audit (group_id, at, who, action, job, reason)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (group_id, now, who[:255], action, job, reason[:1000]),
    )


def noted(store: Store, group_id: int, *, before: int, limit: int) -> list[Row]:
    """Give what was done to a cluster, the latest first: id, at, who, action, job, reason."""
    return store.run(
        "SELECT id, at, who, action, job, reason FROM mantis_audit WHERE group_id = ? AND id < ?"
        " ORDER BY id DESC LIMIT ?",
        (group_id, before, limit),
    ).fetchall()


# -- pools -----------------------------------------------------------------------------------------


def active_pools(store: Store) -> list[str]:
    """Give the names of the active pools; none named means all."""
    rows = store.run("SELECT name FROM mantis_pool ORDER BY place").fetchall()
    return [row[0] for row in rows]


def set_active_pools(store: Store, names: Iterable[str]) -> None:
    """Write the names of the active pools."""
    store.run("DELETE FROM mantis_pool")
    store.run_many(
        "INSERT INTO mantis_pool (name, place) VALUES (?, ?)",
        [(name, place) for place, name in enumerate(names)],
    )
