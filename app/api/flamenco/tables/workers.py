"""Rows of `flamenco_worker`."""

from collections.abc import Mapping
from typing import Any

from app.api.flamenco.records import FarmWorker
from app.api.flamenco.tables import numbers
from app.data.codec import dumps, loads
from app.data.db import Row, Store
from app.domain.clock import Instant

_OWN = (
    "w.worker_id, w.hostname, w.address, w.port, w.mac, w.system, w.disabled, w.busy, w.online,"
    " w.activity, w.log, w.time_cost, w.frequent, w.less_frequent, w.seen_at, w.tags"
)
_HOLDS = (
    "LEFT JOIN task t ON t.worker_id = w.worker_id AND t.leased_until IS NOT NULL"
    " AND t.state IN ('LEASED', 'RUNNING')"
)
_SLEEPS = "LEFT JOIN flamenco_sleep s ON s.worker_id = w.worker_id"
_WORKERS = f"SELECT {_OWN}, t.id, s.asleep FROM flamenco_worker w {_HOLDS} {_SLEEPS}"
MOST_LOG = 1024
"""Characters of a worker's last log that are kept."""


def _record(row: Row) -> FarmWorker:
    return FarmWorker(
        id=row[0],
        hostname=row[1],
        address=row[2],
        port=row[3],
        mac=None if row[4] is None else loads(row[4]),
        system=row[5],
        disabled=bool(row[6]),
        busy=bool(row[7]),
        online=bool(row[8]),
        activity=row[9],
        log=row[10],
        time_cost=row[11],
        frequent=loads(row[12]),
        less_frequent=loads(row[13]),
        seen_at=row[14],
        tags=tuple(loads(row[15])),
        task_id=row[16],
        asleep=bool(row[17]),
    )


def get(store: Store, worker_id: int) -> FarmWorker | None:
    """Give a worker; None when there is none."""
    row = store.run(f"{_WORKERS} WHERE w.worker_id = ?", (worker_id,)).fetchone()
    return None if row is None else _record(row)


def every(store: Store) -> list[FarmWorker]:
    """Give all workers by id."""
    return [_record(row) for row in store.run(f"{_WORKERS} ORDER BY w.worker_id").fetchall()]


def lock_all(store: Store) -> None:
    """Keep others from registering meanwhile: two at once may be the same worker."""
    numbers.lock(store, "worker")


def lock(store: Store, worker_id: int) -> bool:
    """Keep others from changing a worker until the transaction ends; False without one."""
    return (
        store.run(
            "UPDATE flamenco_worker SET busy = busy WHERE worker_id = ?", (worker_id,)
        ).rowcount
        == 1
    )


def same(store: Store, hostname: str, port: int, address: str, mac: int | str | None) -> int | None:
    """Give the worker that this one is: by its mac address first, then by its network address."""
    rows = store.run(
        "SELECT worker_id, address, mac FROM flamenco_worker WHERE hostname = ? AND port = ?"
        " ORDER BY worker_id",
        (hostname, port),
    ).fetchall()
    if mac is not None:
        written = dumps(mac)
        for row in rows:
            if row[2] == written:
                return int(row[0])
    for row in rows:
        if row[1] == address:
            return int(row[0])
    return None


def at(store: Store, address: str) -> list[int]:
    """Give up to two workers that registered from an address."""
    rows = store.run(
        "SELECT worker_id FROM flamenco_worker WHERE address = ? ORDER BY worker_id LIMIT 2",
        (address,),
    )
    return [row[0] for row in rows.fetchall()]


def insert(store: Store, worker_id: int, values: Mapping[str, Any]) -> None:
    """Store what the engine's row of a new worker does not hold."""
    names = ["worker_id", *values]
    marks = ", ".join("?" * len(names))
    store.run(
        f"INSERT INTO flamenco_worker ({', '.join(names)}) VALUES ({marks})",
        (worker_id, *_written(values)),
    )


def update(store: Store, worker_id: int, values: Mapping[str, Any]) -> bool:
    """Write some columns; False when there is no such worker."""
    cursor = store.run(
        f"UPDATE flamenco_worker SET {', '.join(f'{name} = ?' for name in values)}"
        " WHERE worker_id = ?",
        (*_written(values), worker_id),
    )
    return cursor.rowcount == 1


def _written(values: Mapping[str, Any]) -> list[Any]:
    objects = ("mac", "frequent", "less_frequent", "tags")
    return [
        dumps(one) if name in objects and one is not None else one for name, one in values.items()
    ]


def silent(store: Store, since: Instant, alive: int | None) -> list[int]:
    """Give workers that count as online and were last heard of before then, but one."""
    rows = store.run(
        "SELECT worker_id FROM flamenco_worker WHERE online = 1 AND seen_at < ?"
        " AND worker_id <> ? ORDER BY worker_id",
        (since, alive or 0),
    )
    return [row[0] for row in rows.fetchall()]


def gone_offline(store: Store, worker_id: int, since: Instant) -> bool:
    """Note that a worker fell silent; False when it was heard of meanwhile."""
    cursor = store.run(
        "UPDATE flamenco_worker SET online = 0, busy = 0"
        " WHERE worker_id = ? AND online = 1 AND seen_at < ?",
        (worker_id, since),
    )
    return cursor.rowcount == 1


def delete(store: Store, worker_id: int) -> bool:
    """Delete a worker's row; False when there was none."""
    cursor = store.run("DELETE FROM flamenco_worker WHERE worker_id = ?", (worker_id,))
    return cursor.rowcount == 1
