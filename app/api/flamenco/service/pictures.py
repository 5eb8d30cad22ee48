"""Thumbnails of tasks."""

from typing import IO

from app.api.flamenco import words
from app.api.flamenco.errors import NO_TASK, Refused, WrongField
from app.api.flamenco.records import DIALECT
from app.api.flamenco.service import files
from app.api.flamenco.tables import tasks
from app.domain.events import EventKind
from app.engine.transaction import retried
from app.wiring import Services

KINDS = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}


def keep(services: Services, task_id: int, name: str, stream: IO[bytes]) -> None:
    """Store the picture of a task, in place of the one it had. Raises Refused."""
    dot = name.rfind(".")
    kind = KINDS.get(name[dot:].lower()) if dot >= 0 else None
    if kind is None:
        raise WrongField("file", f"must be called {', '.join(KINDS)}")
    store = services.engine.store
    with store.session():
        if tasks.get(store, task_id) is None:
            raise Refused(404, NO_TASK)
    with files.arriving(services, files.Arrived("file", stream, kind)) as landed:
        if landed is not None:
            retried(store, lambda: _note(services, task_id, landed))


def _note(services: Services, task_id: int, landed: files.Landed) -> None:
    engine = services.engine
    with engine.transaction() as tx:
        engine.steering.places([task_id])
        task = tasks.get(engine.store, task_id)
        if task is None:
            raise Refused(404, NO_TASK)
        files.keep(services, "thumbnail", task_id, landed)
        where = f"{services.settings.flamenco.prefix}/tasks/{task_id}/thumbnail"
        activity = {**words.over(task.activity, {}), "thumbnail": where}
        tasks.update(engine.store, task_id, {"activity": activity}, tx.now)
        tx.note(EventKind.TASK_PROGRESSED, DIALECT, task_id=task_id, progress=task.progress)
