"""Which task a worker gets: the next one, or the next of those that it may have.

A task that wants a tag is in a queue of its own, so that workers without it never look at it.
"""

from collections.abc import Sequence

from app.api.flamenco.records import QUEUE, FarmWorker, queue_of
from app.api.flamenco.tables import failures
from app.wiring import Services

TRIES = 5
CHOICES = 20
_Choice = tuple[int, int, str]


def claim(services: Services, worker: FarmWorker) -> int | None:
    """Hand a task to a worker; None when there is none for it. In a transaction."""
    engine = services.engine
    barred = failures.barred(engine.store, worker.id)
    if not barred and not worker.tags:
        claimed = engine.claims.claim(worker.id, QUEUE, start=True)
        return claimed[0].task_id if claimed else None
    queues = [QUEUE, *map(queue_of, worker.tags)]
    for _ in range(TRIES):
        choices = _choices(services, worker.id, queues, barred=barred)
        for _priority, task_id, queue in choices:
            # Another worker may be faster with any of them.
            if engine.claims.claim(worker.id, queue, start=True, only=task_id):
                return task_id
        if not choices:
            return None
    return None


def _choices(
    services: Services, worker_id: int, queues: Sequence[str], *, barred: bool
) -> list[_Choice]:
    store = services.engine.store
    found: list[_Choice] = []
    for queue in queues:
        if barred:
            some = failures.fit(store, worker_id, queue, CHOICES)
        else:
            head = failures.first(store, queue)
            some = [] if head is None else [head]
        found += [(priority, task_id, queue) for priority, task_id in some]
    return sorted(found, key=lambda one: (-one[0], one[1]))
