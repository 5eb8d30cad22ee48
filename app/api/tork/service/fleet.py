"""Nodes, queues and counters."""

from collections.abc import Sequence

from app.api.tork import words
from app.api.tork.errors import Refused
from app.api.tork.words import DIALECT, QUEUE_PREFIX, SILENT_S
from app.domain.clock import seconds
from app.domain.records import Json, Queue, Worker
from app.wiring import VERSION, Services

INTERNAL = (
    "completed",
    "error",
    "heartbeat",
    "jobs",
    "logs",
    "pending",
    "progress",
    "redeliveries",
    "started",
)
"""Queues of the original between coordinator and workers; shown, though nothing goes through."""
DEFAULT = "default"


def nodes(services: Services) -> list[Json]:
    """Give the nodes heard from in the last five minutes, by name."""
    now = services.engine.clock.now()
    listed = [
        words.node(worker, _name(services, worker), now=now, version=VERSION)
        for worker in _workers(services)
    ]
    return sorted(listed, key=lambda node: (node["name"], node["startedAt"], node["id"]))


def queues(services: Services) -> list[Json]:
    """Give every queue by name: internal ones, those of single nodes, and those of tasks."""
    return [words.queue(each) for each in sorted(_all(services), key=lambda queue: queue.name)]


def queue(services: Services, name: str) -> Json:
    """Give one queue. Raises Refused with 404."""
    for each in _all(services):
        if each.name == name:
            return words.queue(each)
    raise Refused(404, f"queue {name} not found")


def delete_queue(services: Services, name: str) -> None:
    """Fail what waits in a queue of tasks; what runs is left. Raises Refused."""
    if name in INTERNAL or name.startswith("x-"):
        raise Refused(400, f"queue {name} is not a task queue")
    queue(services, name)
    services.engine.queues.drop(QUEUE_PREFIX + name, f"queue {name} was deleted")


def metrics(services: Services) -> Json:
    """Give the counters of the dialect."""
    engine = services.engine
    with engine.store.session():
        jobs = engine.jobs.running(DIALECT)
        tasks = engine.tasks.running(QUEUE_PREFIX)
        here = _workers(services)
    load = sum(worker.cpu_percent for worker in here) / len(here) if here else 0.0
    return {
        "jobs": {"running": jobs},
        "tasks": {"running": tasks},
        "nodes": {"online": len(here), "cpuPercent": load},
    }


def _workers(services: Services) -> list[Worker]:
    """Give the coordinators, and our daemons that serve a queue of this dialect."""
    return [
        worker
        for worker in services.engine.workers.listed()
        if worker.kind == "coordinator" or _serves(worker)
    ]


def _serves(worker: Worker) -> bool:
    return worker.kind == "daemon" and any(name.startswith(QUEUE_PREFIX) for name in worker.queues)


def _name(services: Services, worker: Worker) -> str:
    tork = services.settings.tork
    return tork.coordinator_name if worker.kind == "coordinator" else tork.worker_name


def _all(services: Services) -> Sequence[Queue]:
    engine = services.engine
    subscribers = services.settings.tork.coordinator_queues
    alive_since = engine.clock.now() - seconds(SILENT_S)
    with engine.store.session():
        figures = engine.queues.figures(QUEUE_PREFIX)
        workers = _workers(services)
    found = [Queue(name=name, subscribers=subscribers.get(name, 1)) for name in INTERNAL]
    found += [
        Queue(name=words.own_queue(worker), subscribers=1)
        for worker in workers
        if worker.kind == "daemon" and worker.heartbeat_at >= alive_since
    ]
    of_tasks = {each.name.removeprefix(QUEUE_PREFIX): each for each in figures}
    of_tasks.setdefault(DEFAULT, Queue(name=DEFAULT))
    found += [
        Queue(name=name, size=each.size, subscribers=each.subscribers, unacked=each.unacked)
        for name, each in of_tasks.items()
        if name == DEFAULT or each.size or each.subscribers
    ]
    return found
