"""Turns: of those in one process who decide for the same job, one after another.

Who decides on a snapshot that another has moved meanwhile must decide again. That is right however
many processes there are, but where the tasks of one job end by the dozen in one process, nearly
all of them would decide in vain, again and again. Here they wait instead.
"""

import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from app.data.db import Store

LANES = 64
"""Jobs that share a lane wait for each other in vain, which costs little."""


class Turns:
    """The lanes of one process."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lanes = tuple(threading.Lock() for _ in range(LANES))

    @contextmanager
    def of(self, job_id: str) -> Iterator[None]:
        """Wait until nobody else of this process decides for the job.

        Inside a transaction nobody is waited for: the one before might wait for its rows. Whoever
        waits here has its connection already, so that the one before need not wait for one.
        """
        if self._store.in_transaction:
            yield
            return
        with self._lanes[zlib.crc32(job_id.encode()) % LANES]:
            yield
