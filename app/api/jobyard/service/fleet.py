"""Workers, queues and the server itself."""

from app.api.jobyard import words
from app.domain.records import Json
from app.wiring import VERSION, Services


def server(dialects: list[Json]) -> Json:
    """Tell what answers here, and where each dialect is mounted."""
    return {"version": VERSION, "dialects": dialects}


def workers(services: Services) -> Json:
    """Give the workers that are here or were a moment ago, by name."""
    return {"items": [words.worker(each) for each in services.engine.workers.listed()]}


def worker(services: Services, worker_id: int) -> Json:
    """Give a worker, one that has left included. Raises WorkerNotFound."""
    return words.worker(services.engine.workers.get(worker_id))


def queues(services: Services) -> Json:
    """Give the figures of all queues, by name."""
    return {"items": [words.queue(each) for each in services.engine.queues.figures("")]}
