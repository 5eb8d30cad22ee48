"""Lists of clusters, jobs and workers as SQL: ids in order first, then what is shown of them.

Ids are cheap, so a list is filtered, sorted and counted over them alone; rows are read for the part
that is shown.
"""

from collections.abc import Sequence

from app.api.mantis.queries import JobsWanted, Order
from app.api.mantis.tables import DIALECT, OPEN
from app.api.mantis.words import PLACEHOLDER, JobRow, WorkerRow
from app.data.db import Row, Store
from app.domain.clock import Instant
from app.domain.states import JobState, TaskKind, TaskState

CLUSTER_ORDERS = {
    "name": "name",
    "lastJobCount": "last_number",
    "disabled": "disabled",
    "isReadyForJobMaster": "job_master",
    "cronActive": "cron_active",
    "latestVersion": "latest_version",
}
_STATE = (
    "CASE j.state WHEN 'RUNNING' THEN 'Launched' WHEN 'COMPLETED' THEN 'Completed'"
    " WHEN 'CANCELLED' THEN 'Completed' WHEN 'FAILED' THEN 'Failed' ELSE 'Accepted' END"
)
_BOTH = {
    "jobId": "m.cluster, m.number",
    "user": "m.submitter",
    "submittedAt": "m.submitted_at",
    "jarUrl": "m.jar_url",
    "numStages": "m.stages",
    "state": _STATE,
    "terminatedAt": "COALESCE(j.ended_at, -1)",
}
_METADATA = {
    "name": "m.cluster",
    "startedAt": "COALESCE(j.started_at, 0)",
    "workerTimeoutSecs": "m.timeout_s",
    "heartbeatIntervalSecs": "m.heartbeat_s",
    "subscriptionTimeoutSecs": "m.subscription_s",
    "nextWorkerNumberToUse": "j.tasks_total",
    "costs": "m.submitted_at",
}
JOB_ORDERS = {
    **_BOTH,
    **_METADATA,
    **{
        f"jobMetadata.{name}": sql
        for name, sql in {**_BOTH, **_METADATA}.items()
        if name != "terminatedAt"
    },
    "version": "m.version",
}
COMPACT_ORDERS = {
    **_BOTH,
    "type": "m.duration_type",
    "numWorkers": "m.workers",
    "totCPUs": "m.cpus",
    "totMemory": "m.memory",
}
_JOB = (
    "m.job_id, m.group_id, m.cluster, m.number, m.submitted_at, m.submitter, m.jar_url, m.version,"
    " m.duration_type, m.stages, m.workers, m.cpus, m.memory, m.heartbeat_s, m.timeout_s,"
    " m.subscription_s, m.about, j.state, j.started_at, j.ended_at, j.tasks_total, j.error"
)
_TASK = (
    "t.job_id, t.id, t.position, t.name, t.state, t.kind, t.payload, t.created_at, t.started_at,"
    " t.ready_at, t.ended_at, t.error, t.worker_id, w.starting_at"
)
# A worker that holds its place: the last one there, and not one taken away while the job went on.
_CURRENT = (
    "NOT EXISTS (SELECT 1 FROM task u WHERE u.job_id = t.job_id AND u.name = t.name"
    " AND u.position > t.position)"
    " AND NOT (t.state = 'CANCELLED' AND (j.ended_at IS NULL OR t.ended_at < j.ended_at))"
)
# A worker of a job that is over counts as over, too.
_WORKER_ACTIVE = (
    "(t.state IN ('CREATED', 'HELD', 'QUEUED', 'LEASED', 'RUNNING') AND j.ended_at IS NULL)"
)
CHUNK = 500


# -- clusters --------------------------------------------------------------------------------------


def cluster_ids(store: Store, order: Order) -> list[tuple[int, str]]:
    """Give id and name of all clusters in order."""
    way = "" if order.ascending else " DESC"
    wanted = CLUSTER_ORDERS.get(order.name)
    by = f"name{way}" if wanted is None else f"{wanted}{way}, name"
    rows = store.run(f"SELECT group_id, name FROM mantis_cluster ORDER BY {by}").fetchall()
    return [(row[0], row[1]) for row in rows]


def cluster_page(store: Store, order: Order, *, limit: int, offset: int) -> tuple[list[int], int]:
    """Give the ids of a part of all clusters, and how many there are."""
    way = "" if order.ascending else " DESC"
    wanted = CLUSTER_ORDERS.get(order.name)
    by = f"name{way}" if wanted is None else f"{wanted}{way}, name"
    count = store.run("SELECT COUNT(*) FROM mantis_cluster").fetchone()
    rows = store.run(
        f"SELECT group_id FROM mantis_cluster ORDER BY {by} LIMIT ? OFFSET ?", (limit, offset)
    ).fetchall()
    return [row[0] for row in rows], int(count[0]) if count else 0


def clusters_behind(store: Store, name: str, part: str, limit: int) -> list[int]:
    """Give the ids of clusters behind a name, by name; part: of their names, in small letters."""
    rows = store.run(
        "SELECT group_id FROM mantis_cluster WHERE name > ?"
        " AND LOWER(name) LIKE ? ESCAPE '!' ORDER BY name LIMIT ?",
        (name, "%" + "".join(f"!{sign}" if sign in "!%_" else sign for sign in part) + "%", limit),
    ).fetchall()
    return [row[0] for row in rows]


def open_counts(store: Store, group_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Give how many jobs of clusters are open, and how many of these are launched."""
    if not group_ids:
        return {}
    marks = ", ".join("?" * len(group_ids))
    rows = store.run(
        "SELECT group_id, COUNT(*), SUM(CASE WHEN state = 'RUNNING' THEN 1 ELSE 0 END) FROM job"
        f" WHERE group_id IN ({marks}) AND ended_at IS NULL AND state IN {OPEN} GROUP BY group_id",
        tuple(group_ids),
    ).fetchall()
    return {row[0]: (int(row[1]), int(row[2])) for row in rows}


# -- jobs ------------------------------------------------------------------------------------------


class JobsQuery:
    """A list of jobs. group_id: of one cluster. orders: what it may be sorted by.

    older: only those submitted before this instant and number.
    """

    def __init__(
        self,
        wanted: JobsWanted,
        order: Order,
        orders: dict[str, str],
        *,
        group_id: int | None = None,
        older: tuple[Instant, int] | None = None,
    ) -> None:
        conditions, params = [], list[object]()
        if group_id is not None:
            conditions.append("m.group_id = ? AND j.group_id = ?")
            params += [group_id, group_id]
        else:
            conditions.append("m.group_id NOT IN (SELECT group_id FROM mantis_gone)")
        if not wanted.terminal:
            # By state, of which there is an index, or all jobs that are over would be read.
            conditions.append(f"j.state IN {OPEN} AND j.dialect = ?")
            params.append(DIALECT)
        elif not wanted.active:
            conditions.append("j.ended_at IS NOT NULL")
        for condition, value in _plain(wanted):
            conditions.append(condition)
            params.append(value)
        if wanted.labels:
            join = " AND " if wanted.all_labels else " OR "
            conditions.append(f"({join.join(_label(value) for _, value in wanted.labels)})")
            for name, value in wanted.labels:
                params += [name] if value is None else [name, value]
        if wanted.narrows:
            condition, more = _with_worker(wanted)
            conditions.append(condition)
            params += more
        if older is not None:
            conditions.append("(m.submitted_at, m.number) < (?, ?)")
            params += older
        self._from = (
            f"FROM mantis_job m JOIN job j ON j.id = m.job_id WHERE {' AND '.join(conditions)}"
        )
        self._params = tuple(params)
        self._order, self._orders = order, orders

    def count(self, store: Store) -> int:
        """Count them."""
        row = store.run(f"SELECT COUNT(*) {self._from}", self._params).fetchone()
        return int(row[0]) if row else 0

    def ids(
        self, store: Store, *, limit: int | None = None, offset: int = 0
    ) -> list[tuple[str, int]]:
        """Give ids of jobs and of their clusters, in order."""
        sql = f"SELECT m.job_id, m.group_id {self._from} ORDER BY {self._by(store)}"
        params = self._params
        if limit is not None:
            sql, params = f"{sql} LIMIT ? OFFSET ?", (*params, limit, offset)
        return [(row[0], row[1]) for row in store.run(sql, params).fetchall()]

    def _by(self, store: Store) -> str:
        way = "" if self._order.ascending else " DESC"
        name = self._order.name
        own = (
            ""
            if not name
            else ", ".join(f"{each}{way}" for each in _parts(self._orders[name], store))
        )
        rest = (
            "m.submitted_at, m.number, m.job_id"
            if name
            else (f"m.submitted_at{way}, m.number{way}, m.job_id{way}")
        )
        return f"{own}, {rest}" if own else rest


def _parts(sql: str, store: Store) -> list[str]:
    """Give what a column is sorted by: text by its bytes on either database."""
    if sql in (_STATE, "m.duration_type"):
        return [f'({sql}) COLLATE "C"' if store.backend == "postgres" else sql]
    return sql.split(", ") if "(" not in sql else [sql]


def _plain(wanted: JobsWanted) -> list[tuple[str, object]]:
    """Give the conditions that compare a column with one value."""
    found: list[tuple[str, object]] = [
        (f"{column} > ?", min(after * 1000 + 999, 2**62))
        for column, after in (
            ("m.submitted_at", wanted.submitted_after),
            ("j.ended_at", wanted.ended_after),
        )
        if after is not None
    ]
    pairs = (("m.submitter", wanted.user), ("m.version", wanted.version))
    return found + [(f"{column} = ?", word) for column, word in pairs if word is not None]


def _label(value: str | None) -> str:
    own = "" if value is None else " AND l.value = ?"
    return f"EXISTS (SELECT 1 FROM mantis_label l WHERE l.job_id = m.job_id AND l.name = ?{own})"


def _with_worker(wanted: JobsWanted) -> tuple[str, list[object]]:
    """Give the condition that a job has a worker of those wanted."""
    parts, params = [_CURRENT], list[object]()
    if wanted.numbers:
        parts.append(f"t.position IN ({', '.join('?' * len(wanted.numbers))})")
        params += wanted.numbers
    for numbers, pattern in ((wanted.stages, "{}/%"), (wanted.indices, "%/{}")):
        if numbers:
            parts.append(f"({' OR '.join(['t.name LIKE ?'] * len(numbers))})")
            params += [pattern.format(number) for number in numbers]
    states = set(wanted.states) if wanted.given else set()
    if states:
        active, terminal = "Started" in states, "Failed" in states
        if not (active and terminal):
            parts.append(_WORKER_ACTIVE if active else f"NOT {_WORKER_ACTIVE}")
    elif not wanted.given:
        # Of a job that is open only workers that are, too; of one that is over its last ones.
        parts.append(f"(j.ended_at IS NOT NULL OR {_WORKER_ACTIVE})")
    return f"EXISTS (SELECT 1 FROM task t WHERE t.job_id = m.job_id AND {' AND '.join(parts)})", (
        params
    )


def jobs(store: Store, job_ids: Sequence[str]) -> list[JobRow]:
    """Give jobs with their workers, in the order of these ids; deleted ones are left out."""
    found: dict[str, JobRow] = {}
    for begin in range(0, len(job_ids), CHUNK):
        some = tuple(job_ids[begin : begin + CHUNK])
        marks = ", ".join("?" * len(some))
        workers = _workers(store, some, marks)
        for row in store.run(
            f"SELECT {_JOB} FROM mantis_job m JOIN job j ON j.id = m.job_id"
            f" WHERE m.job_id IN ({marks})",
            some,
        ).fetchall():
            found[row[0]] = _job(store, row, workers.get(row[0], ()))
    return [found[job_id] for job_id in job_ids if job_id in found]


def job(store: Store, job_id: str) -> JobRow | None:
    """Give one job."""
    return next(iter(jobs(store, [job_id])), None)


def _job(store: Store, row: Row, workers: Sequence[WorkerRow]) -> JobRow:
    return JobRow(
        job_id=row[0],
        group_id=row[1],
        cluster=row[2],
        number=row[3],
        submitted_at=row[4],
        user=row[5],
        url=row[6],
        version=row[7],
        duration=row[8],
        stages=row[9],
        worker_count=row[10],
        cpus=row[11],
        memory=row[12],
        heartbeat_s=row[13],
        timeout_s=row[14],
        subscription_s=row[15],
        about=store.vault.loads(row[16]),
        state=JobState(row[17]),
        started_at=row[18],
        ended_at=row[19],
        tasks_total=row[20],
        reason=store.vault.read(row[21]),
        workers=workers,
    )


def _workers(store: Store, job_ids: Sequence[str], marks: str) -> dict[str, list[WorkerRow]]:
    rows = store.run(
        f"SELECT {_TASK} FROM task t LEFT JOIN mantis_worker w ON w.task_id = t.id"
        f" WHERE t.job_id IN ({marks}) ORDER BY t.job_id, t.position, t.id",
        tuple(job_ids),
    ).fetchall()
    nodes = _nodes(store, {row[12] for row in rows if row[12] is not None})
    found: dict[str, list[WorkerRow]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(
            WorkerRow(
                task_id=row[1],
                number=row[2],
                place=row[3],
                state=TaskState(row[4]),
                composite=row[5] != TaskKind.WORK,
                payload=store.vault.loads(row[6]),
                accepted_at=row[7],
                launched_at=row[8],
                starting_at=row[13],
                ready_at=row[9],
                ended_at=row[10],
                error=store.vault.read(row[11]),
                node=nodes.get(row[12]),
            )
        )
    return found


def _nodes(store: Store, worker_ids: set[int]) -> dict[int, tuple[str, str]]:
    """Give id and address of the machines that run workers."""
    if not worker_ids:
        return {}
    marks = ", ".join("?" * len(worker_ids))
    rows = store.run(
        f"SELECT id, public_id, hostname FROM worker WHERE id IN ({marks})", tuple(worker_ids)
    ).fetchall()
    return {row[0]: (row[1], row[2]) for row in rows}


def off_sla(store: Store) -> list[str]:
    """Give the clusters that may have fewer or more jobs than their SLA wants."""
    rows = store.run(
        "SELECT name FROM (SELECT c.name, c.sla_min, c.sla_max, (SELECT COUNT(*) FROM job j"
        f" WHERE j.group_id = c.group_id AND j.ended_at IS NULL AND j.state IN {OPEN}) AS there"
        " FROM mantis_cluster c"
        " WHERE c.disabled = 0 AND (c.sla_min > 0 OR c.sla_max > 0)) x"
        " WHERE there < sla_min OR (sla_max > 0 AND there > sla_max) ORDER BY name"
    ).fetchall()
    return [row[0] for row in rows]


def running_workers(store: Store, limit: int) -> list[tuple[str, str, int, str, int]]:
    """Give the workers that run: machine, cluster, number of the job, place, number."""
    found = store.run(
        "SELECT COALESCE(w.hostname, ?), m.cluster, m.number, t.name, t.position FROM job j"
        " JOIN mantis_job m ON m.job_id = j.id JOIN task t ON t.job_id = j.id"
        f" LEFT JOIN worker w ON w.id = t.worker_id WHERE j.state IN {OPEN} AND j.dialect = ?"
        " AND t.state = 'RUNNING' ORDER BY 1, m.cluster, m.number, t.position LIMIT ?",
        (PLACEHOLDER[1], DIALECT, limit),
    ).fetchall()
    return [(row[0], row[1], row[2], row[3], row[4]) for row in found]
