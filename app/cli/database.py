"""The database as commands use it that need no more of the server."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.cli import Failed
from app.data.db import Store
from app.wiring import stores
from config.settings import Settings


@contextmanager
def opened(settings: Settings) -> Iterator[tuple[Store, Store]]:
    """Give the database and the one for log text, and close them at the end.

    Raises Failed when the data directory cannot be made.
    """
    folder = settings.server.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        store, logs = stores(settings)
    except OSError as error:
        raise Failed(f"{error.filename or folder}: {error.strerror or error}") from error
    try:
        yield store, logs
    finally:
        for one in dict.fromkeys((store, logs)):
            one.release_all()
