"""Which task a worker gets: the next one, or the next of those that it may have."""

from app.api.flamenco.records import QUEUE
from app.api.flamenco.tables import failures
from app.wiring import Services

TRIES = 5
CHOICES = 20


def claim(services: Services, worker_id: int) -> int | None:
    """Hand a task to a worker; None when there is none for it. In a transaction."""
    engine = services.engine
    if not failures.barred(engine.store, worker_id):
        claimed = engine.claims.claim(worker_id, QUEUE, start=True)
        return claimed[0].task_id if claimed else None
    for _ in range(TRIES):
        choices = failures.fit(engine.store, worker_id, CHOICES)
        for task_id in choices:
            # Another worker may be faster with any of them.
            if engine.claims.claim(worker_id, QUEUE, start=True, only=task_id):
                return task_id
        if len(choices) < CHOICES:
            return None
    return None
