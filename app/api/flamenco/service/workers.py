"""Workers: they register, ask for work, and are switched on and off by operators."""

from dataclasses import dataclass, field, replace
from typing import Any

from app.api.flamenco import words
from app.api.flamenco.errors import NO_WORKER, Refused
from app.api.flamenco.records import DIALECT, QUEUE, FarmWorker
from app.api.flamenco.service import choosing
from app.api.flamenco.service.sweeping import sweep, take_back
from app.api.flamenco.tables import failures, sleep, tasks, workers
from app.domain.clock import SECOND, Instant
from app.domain.errors import WorkerNotFound
from app.domain.records import Json
from app.engine.transaction import retried
from app.wiring import Services

BEAT_S = 30
"""How often the engine hears of a worker that is heard of all the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What a worker says of itself. mac and what follows: None leaves what is known."""

    hostname: str
    address: str
    port: int
    system: str
    mac: int | str | None = None
    frequent: Json | None = None
    less_frequent: Json | None = None
    tags: list[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What a worker reports. values: columns to write."""

    status: str | None = None
    values: dict[str, Any] = field(default_factory=dict)


def register(services: Services, given: Registration) -> FarmWorker:
    """Store a new worker, or greet a known one, whose process is a new one."""
    return retried(services.engine.store, lambda: _register(services, given))


def _register(services: Services, given: Registration) -> FarmWorker:
    engine = services.engine
    store = engine.store
    values = _told(given)
    with engine.transaction() as tx:
        workers.lock_all(store)
        found = workers.same(store, given.hostname, given.port, given.address, given.mac)
        if found is None:
            made = engine.workers.register(
                dialect=DIALECT,
                kind="remote",
                name=given.hostname,
                hostname=given.hostname,
                queues={QUEUE: 1},
                port=given.port,
            )
            found = made.id
            fresh = {"hostname": given.hostname, "port": given.port, "seen_at": tx.now}
            workers.insert(store, found, {**fresh, **values})
        else:
            workers.update(store, found, {**values, "online": 1, "busy": 0, "seen_at": tx.now})
            engine.workers.heartbeat(found)
            take_back(services, found)
        worker = workers.get(store, found)
    if worker is None:
        raise Refused(404, NO_WORKER)
    return worker


def _told(given: Registration) -> dict[str, Any]:
    values: dict[str, Any] = {"address": given.address, "system": given.system}
    for name in ("mac", "frequent", "less_frequent", "tags"):
        value = getattr(given, name)
        if value is not None:
            values[name] = value
    return values


def every(services: Services) -> Json:
    """Give all workers by host."""
    sweep(services)
    with services.engine.store.session():
        return words.by_host(workers.every(services.engine.store))


def listed(services: Services) -> list[FarmWorker]:
    """Give the records of all workers by id."""
    sweep(services)
    with services.engine.store.session():
        return workers.every(services.engine.store)


def one(services: Services, worker_id: int) -> FarmWorker:
    """Give the record of a worker. Raises Refused."""
    sweep(services)
    return _get(services, worker_id)


def entry(services: Services, worker: FarmWorker) -> Json:
    """Give a worker under the name that the list has it by."""
    with services.engine.store.session():
        known = words.by_host(workers.every(services.engine.store))
    found = {key: one for key, one in known.items() if one["id"] == worker.id}
    return found or {worker.hostname: words.worker(worker)}


def info(services: Services, worker_id: int) -> Json:
    """Give all that is known of a worker. Raises Refused."""
    sweep(services)
    return words.worker_info(_get(services, worker_id))


def _get(services: Services, worker_id: int) -> FarmWorker:
    with services.engine.store.session():
        found = workers.get(services.engine.store, worker_id)
    if found is None:
        raise Refused(404, NO_WORKER)
    return found


def find(services: Services, worker_id: int) -> FarmWorker | None:
    """Give a worker; None when there is none. In a session."""
    return workers.get(services.engine.store, worker_id)


def show(services: Services, worker_id: int, values: dict[str, Any]) -> None:
    """Write what a worker said last. In a transaction."""
    workers.update(services.engine.store, worker_id, values)


def beat(services: Services, worker_id: int, news: News) -> Json:
    """Take a worker's sign of life, and hand it a task if it asks for one. Raises Refused."""
    sweep(services, alive=worker_id)
    return retried(services.engine.store, lambda: _beat(services, worker_id, news))


def _beat(services: Services, worker_id: int, news: News) -> Json:
    engine = services.engine
    with engine.transaction() as tx:
        worker = alive(services, worker_id, tx.now, news.values)
        if worker is None:
            raise Refused(404, NO_WORKER)
        if worker.disabled:
            return {"task_id": None, "status": "disabled"}
        task_id, busy = worker.task_id, worker.busy
        if news.status == "disabled":
            workers.update(engine.store, worker_id, {"disabled": 1, "busy": 0})
            take_back(services, worker_id)
            return {"task_id": None, "status": "disabled"}
        if news.status in ("available", "enabled", "busy"):
            wanted = news.status == "busy"
            if busy is not wanted:
                workers.update(engine.store, worker_id, {"busy": int(wanted)})
            busy = wanted
        if news.status == "available" and task_id is None:
            tags = news.values.get("tags", worker.tags)
            task_id = take(services, replace(worker, tags=tuple(tags)), tx.now)
    status = "busy" if busy else "enabled" if task_id is None else "rendering"
    return {"task_id": task_id, "status": status}


def alive(
    services: Services, worker_id: int, now: Instant, values: dict[str, Any] | None = None
) -> FarmWorker | None:
    """Note a sign of life, and what it tells; keep others from changing the worker meanwhile.

    Gives it as it stood before; None without such a worker. In a transaction.
    """
    store = services.engine.store
    if not workers.lock(store, worker_id):
        return None
    worker = workers.get(store, worker_id)
    if worker is None:
        return None
    workers.update(store, worker_id, {**(values or {}), "seen_at": now, "online": 1})
    if worker.seen_at // (BEAT_S * SECOND) != now // (BEAT_S * SECOND):
        services.engine.workers.heartbeat(worker_id)
    return worker


def take(services: Services, worker: FarmWorker, now: Instant) -> int | None:
    """Hand the next task to a worker that holds none and is awake.

    In a transaction that holds the worker.
    """
    if worker.asleep:
        return None
    task_id = choosing.claim(services, worker)
    if task_id is None:
        return None
    tasks.handed_out(services.engine.store, task_id, now)
    return task_id


def switch(services: Services, worker_id: int, status: str) -> Json:
    """Do what an operator wants of a worker; give what it holds then. Raises Refused."""
    sweep(services)
    return retried(services.engine.store, lambda: _switch(services, worker_id, status))


def _switch(services: Services, worker_id: int, status: str) -> Json:
    engine = services.engine
    with engine.transaction():
        if not workers.lock(engine.store, worker_id):
            raise Refused(404, NO_WORKER)
        if status == "disabled":
            workers.update(engine.store, worker_id, {"disabled": 1, "busy": 0})
            take_back(services, worker_id)
        else:
            off = {"disabled": 0} if status == "enabled" else {}
            workers.update(engine.store, worker_id, {**off, "busy": int(status == "busy")})
        return {"task_id": tasks.held_by(engine.store, worker_id)}


def forget(services: Services, worker_id: int) -> None:
    """Delete a worker; what it held is ready again. Raises Refused."""
    retried(services.engine.store, lambda: _forget(services, worker_id))


def _forget(services: Services, worker_id: int) -> None:
    engine = services.engine
    with engine.transaction():
        if not workers.delete(engine.store, worker_id):
            raise Refused(404, NO_WORKER)
        failures.forget_worker(engine.store, worker_id)
        sleep.delete(engine.store, worker_id)
        try:
            engine.workers.leave(worker_id)
        except WorkerNotFound:
            take_back(services, worker_id)


def by_address(services: Services, address: str) -> int:
    """Give the one worker that registered from an address. Raises Refused."""
    with services.engine.store.session():
        found = workers.at(services.engine.store, address)
    if not found:
        raise Refused(403, "Worker is not registered")
    if len(found) > 1:
        raise Refused(400, "Several workers are registered from this address: name worker_id")
    return found[0]
