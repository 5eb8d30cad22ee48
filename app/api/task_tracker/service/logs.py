"""What workers report of themselves."""

import logging
from enum import IntEnum

import orjson

from app.api.task_tracker import tables
from app.api.task_tracker.errors import Unreadable
from app.api.task_tracker.records import LogEntry, Remote
from app.domain.records import Json
from app.wiring import Services

LONGEST_SCOPE = 255
LONGEST_MESSAGE = 1_048_576
MOST = 10_000
_SHOWN = 500
_log = logging.getLogger("jobyard.tracker")


class Level(IntEnum):
    """How bad it is; the lower the worse."""

    FATAL = 1
    PANIC = 2
    ERROR = 3
    WARN = 4
    INFO = 5
    DEBUG = 6
    TRACE = 7


_OURS = {
    Level.ERROR: logging.ERROR,
    Level.WARN: logging.WARNING,
    Level.INFO: logging.INFO,
    Level.TRACE: logging.DEBUG,
}


def append(
    services: Services, worker: Remote, level: Level, *, scope: str, message: str, at: int
) -> None:
    """Write an entry to the server's log, and store it where its level is. Raises Unreadable.

    at: Unix seconds by the worker's clock.
    """
    if (
        not 1 <= len(scope) <= LONGEST_SCOPE
        or not message
        or len(message.encode()) > LONGEST_MESSAGE
        or "\0" in scope + message
        or at <= 0
    ):
        raise Unreadable
    _log.log(
        _OURS[level],
        "%s",
        message[:_SHOWN],
        extra={"action": "worker_log", "scope": scope, "worker": worker.id},
    )
    if level.name.lower() not in services.settings.task_tracker.stored_levels:
        return
    data = orjson.dumps({"scope": scope, "worker": worker.id}).decode()
    with services.engine.store.transaction():
        tables.insert_log(services.engine.store, LogEntry(message, at, data, level))


def find(services: Services, *, since: int, level: int, limit: int = MOST) -> list[LogEntry]:
    """Give the newest entries of a level (0: any) later than a time, oldest first."""
    with services.engine.store.session():
        return tables.logs(services.engine.store, since=since, level=level, limit=limit)


def said_by(entry: LogEntry) -> Json:
    """Give the `scope` of an entry, and the id of the `worker` that reported it."""
    said: Json = orjson.loads(entry.data)
    return said
