"""What follows from a failure: another worker tries, and one that fails much gets no more.

All of it is off unless the settings `tries` and `block_after` say otherwise.
"""

from collections.abc import Sequence

from app.api.flamenco.records import FarmTask
from app.api.flamenco.tables import failures as table
from app.api.flamenco.tables import tasks
from app.domain.clock import Instant, rfc3339, seconds
from app.domain.records import Json
from app.domain.states import TaskState
from app.engine.transaction import Transaction
from app.wiring import Services

TOO_LONG = "the task rendered for longer than tasks may"
MOST_SHOWN = 1000
AT_A_TIME = 100


def fail(services: Services, tx: Transaction, task: FarmTask, error: str) -> None:
    """Let a task fail, or be tried by another worker. In a transaction that holds it."""
    engine = services.engine
    flamenco = services.settings.flamenco
    worker_id = task.worker_id
    if worker_id is None or (flamenco.tries <= 1 and not flamenco.block_after):
        engine.attempts.fail(task.lease, error, retry=False)
        return
    table.note(engine.store, task.id, worker_id, tx.now)
    again = _block(services, tx, task, worker_id)
    others = table.has_other(engine.store, task.id, worker_id, task.job_id, task.type)
    if others and task.id in again:
        # It counts against the worker alone.
        engine.attempts.release(task.lease)
    else:
        engine.attempts.fail(task.lease, error, retry=others)
    for task_id in again:
        if task_id != task.id and others:
            _again(services, task_id)


def _block(services: Services, tx: Transaction, task: FarmTask, worker_id: int) -> Sequence[int]:
    """Bar a worker that failed too much of a job; give what it failed, when it was not before."""
    limit = services.settings.flamenco.block_after
    store = services.engine.store
    if not limit:
        return ()
    failed = table.failed_of(store, worker_id, task.job_id, task.type)
    if len(failed) < limit or not table.block(store, worker_id, task.job_id, task.type, tx.now):
        return ()
    return failed


def _again(services: Services, task_id: int) -> None:
    """Try a task anew that failed for good on a worker which is barred by now."""
    engine = services.engine
    place = engine.steering.place(task_id)
    if place.state is TaskState.FAILED:
        engine.steering.restart(place)


def forget(services: Services, ids: Sequence[int]) -> None:
    """Forget who failed some tasks: they begin afresh, or are gone. In a transaction."""
    table.forget(services.engine.store, ids)


# -- what takes too long -------------------------------------------------------------------------


def overlong(services: Services, now: Instant) -> list[int]:
    """Give tasks that render for longer than they may; in a session."""
    limit_s = services.settings.flamenco.max_run_s
    if not limit_s:
        return []
    return table.overlong(services.engine.store, now - seconds(limit_s), AT_A_TIME)


def overrun(services: Services, task_id: int) -> None:
    """Let a task fail that takes too long, unless it has just ended."""
    engine = services.engine
    with engine.transaction() as tx:
        engine.steering.places([task_id])
        task = tasks.get(engine.store, task_id)
        if task is not None and task.held and task_id in overlong(services, tx.now):
            fail(services, tx, task, TOO_LONG)


# -- the list of blocks --------------------------------------------------------------------------


def blocks(services: Services) -> Json:
    """Give who is barred from what, newest first."""
    store = services.engine.store
    with store.session():
        found = table.blocks(store, MOST_SHOWN)
    return {"blocks": [{**one._asdict(), "at": rfc3339(one.at)} for one in found]}


def lift(services: Services, worker_id: int | None, job_id: int | None) -> Json:
    """Lift blocks; give how many."""
    store = services.engine.store
    with store.transaction():
        return {"lifted": table.lift(store, worker_id, job_id)}
