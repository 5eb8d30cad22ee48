"""PostgreSQL: how a connection waits for the server, and the pool of them."""

import sys
import time
from typing import Any

import peewee
import psycopg
from playhouse.pool import PooledPostgresqlDatabase

PROBE_AFTER_S = 1.0


class _Connection(psycopg.Connection[Any]):
    """A connection that waits in gevent's loop itself where that has patched the process.

    psycopg then asks a patched `poll`, which costs several times what the statement does.
    """

    def wait(self, gen: Any, *args: Any, **options: Any) -> Any:
        """Drive what talks to the server; see psycopg."""
        monkey = sys.modules.get("gevent.monkey")
        if args or options or monkey is None or not monkey.is_module_patched("select"):
            return super().wait(gen, *args, **options)
        hub = sys.modules["gevent"].get_hub()
        try:
            wanted = next(gen)
            while True:
                watcher = hub.loop.io(self.pgconn.socket, wanted)
                try:
                    hub.wait(watcher)
                finally:
                    watcher.close()
                # Told of more than there is, libpq finds nothing and asks again.
                wanted = gen.send(wanted)
        except StopIteration as end:
            return end.value


class _Adapter(peewee.Psycopg3Adapter):
    def connect(self, db: Any, **params: Any) -> Any:
        return _Connection.connect(db.database, **params)


class PostgresPool(PooledPostgresqlDatabase):  # type: ignore[misc]
    """A pool that asks a connection whether it lives only when it has been idle for a while.

    The question is a journey to the server at every check-out. Of connections that were used a
    moment ago, one that has died since fails one statement, as it would have in mid-use; then all
    are asked.
    """

    psycopg3_adapter = _Adapter

    def __init__(self, *args: Any, **options: Any) -> None:
        self._used_at: dict[int, float] = {}
        super().__init__(*args, prefer_psycopg3=True, **options)

    def suspect(self) -> None:
        """Ask every connection that is in the pool by now: one of them has just failed."""
        self._used_at.clear()

    def _is_closed(self, connection: Any) -> bool:
        idle_s = time.monotonic() - self._used_at.pop(id(connection), 0.0)
        if idle_s < PROBE_AFTER_S:
            return bool(connection.closed)
        return bool(super()._is_closed(connection))

    def _can_reuse(self, connection: Any) -> bool:
        self._used_at[id(connection)] = time.monotonic()
        return bool(super()._can_reuse(connection))
