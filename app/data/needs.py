"""What tasks wait for: the ends of other tasks, and services that are ready."""

from collections.abc import Mapping, Sequence

from app.data.codec import dumps, loads
from app.data.db import Store
from app.domain.clock import Instant

_NEED = "INSERT INTO task_need (task_id, needs_id, ready) VALUES (?, ?, ?)"
# What waited for a service to be ready waits for its end no more.
_UNMET = "(ready IS NULL OR ready = 0)"
_MET = (
    "UPDATE task SET needs = needs - (SELECT COUNT(*) FROM task_need n WHERE n.task_id = task.id"
    f" AND n.needs_id IN ({{0}}) AND {_UNMET}) WHERE id IN (SELECT task_id FROM task_need"
    f" WHERE needs_id IN ({{0}}) AND {_UNMET}) RETURNING id, needs"
)
_TURN = "UPDATE task_need SET ready = ? WHERE needs_id = ? AND ready = ? RETURNING task_id"

Need = tuple[int, int, int | None]
"""Who waits for whom: for its end (None), or for a service that is (1) or is not (0) ready."""


def insert(store: Store, needs: Sequence[Need]) -> None:
    """Note which tasks wait for which others."""
    store.run_many(_NEED, needs)


def met(store: Store, ended: Sequence[int]) -> list[int]:
    """Tell the tasks that waited for these that they have come; give those that wait no longer."""
    marks = ",".join("?" * len(ended))
    rows = store.run(_MET.format(marks), (*ended, *ended)).fetchall()
    return [row[0] for row in rows if row[1] <= 0]


def service_ready(store: Store, task_id: int, addresses: Mapping[str, str], now: Instant) -> bool:
    """Write down where a held service is reached; False when it was ready already."""
    found = store.run("SELECT addresses FROM task WHERE id = ?", (task_id,)).fetchone()
    store.run(
        "UPDATE task SET addresses = ?, ready_at = COALESCE(ready_at, ?) WHERE id = ?",
        (dumps(dict(addresses)), now, task_id),
    )
    return found == ("",)


def turn(store: Store, service_id: int, *, ready: bool) -> list[int]:
    """Turn the needs for a service; give the tasks that wait for it no more, or wait again."""
    turned = store.run(_TURN, (int(ready), service_id, int(not ready))).fetchall()
    step = -1 if ready else 1
    store.run_many(
        "UPDATE task SET needs = needs + ? WHERE id = ?", [(step, row[0]) for row in turned]
    )
    return sorted(row[0] for row in turned)


def wait_again(store: Store, task_id: int) -> bool:
    """Let a ready task wait again; False when it is not ready."""
    sql = "UPDATE task SET state = 'CREATED', queued_at = NULL WHERE id = ? AND state = 'QUEUED'"
    return store.run(sql, (task_id,)).rowcount == 1


def addresses(store: Store, job_id: str) -> dict[str, dict[str, str]]:
    """Give where the services of a job that are ready are reached, by task and port."""
    rows = store.run(
        "SELECT name, addresses FROM task WHERE job_id = ? AND addresses IS NOT NULL"
        " AND addresses <> '' AND state = 'RUNNING' ORDER BY id",
        (job_id,),
    ).fetchall()
    return {row[0]: loads(row[1]) for row in rows}
