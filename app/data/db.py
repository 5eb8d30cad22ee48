"""The database: connections, transactions and the running of SQL text.

peewee owns connections, pools, models and migrations. The statements of the hot path are stored
SQL, run on the raw connection that peewee holds for this thread or greenlet: building a query costs
ten times what SQLite needs to run it. SQL text is written once, with `?` for parameters.

SQLite's own busy wait sleeps in C and would stop every greenlet of the process, so it is off
(`timeout=0`) and `begin` waits cooperatively instead. SQLite has no queue of who waits to write:
within a process one at a time asks for the file, and the others stand in line behind it. Nothing
may do I/O inside a transaction.
"""

import random
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, Protocol
from urllib.parse import unquote, urlsplit

import peewee
import psycopg
from playhouse.pool import PooledSqliteDatabase

from app.data.postgres import PostgresPool
from app.data.vault import OPEN, Vault
from app.domain.errors import Contended, Rejected, StoreUnavailable

Backend = Literal["sqlite", "postgres"]
Row = tuple[Any, ...]
Params = Sequence[Any]

BUSY_WAIT_S = 5.0
ASK_AGAIN_S = (0.0002, 0.002)
"""Between two questions whether a SQLite file is free, drawn anew each time: no process shall lose
for having waited long, nor two keep step."""
CONNECT_TIMEOUT_S = 5
POOL_WAIT_S = 10
_RETRYABLE = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)
_BROKEN = (
    sqlite3.OperationalError,
    sqlite3.DatabaseError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.InternalError,  # a replica that takes no writes, for one
    psycopg.errors.UndefinedTable,  # nobody has migrated it yet; SQLite calls that operational
    peewee.OperationalError,
    peewee.InterfaceError,
    peewee.DatabaseError,
)
# A lone surrogate, NUL in text of PostgreSQL, a number beyond its column.
_UNFIT = (UnicodeEncodeError, OverflowError, psycopg.DataError, sqlite3.DataError)
IntegrityErrors = (sqlite3.IntegrityError, psycopg.IntegrityError, peewee.IntegrityError)


_BEGIN_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class Cursor(Protocol):
    """What both drivers give back."""

    rowcount: int

    def fetchone(self) -> Row | None:
        """Give the next row."""

    def fetchall(self) -> list[Row]:
        """Give all the rows that are left."""


class _State(threading.local):
    connection: Any = None
    sessions: int = 0
    transactions: int = 0


class _Session:
    """The block of `Store.session`: it keeps nothing, so one serves all, several times faster."""

    __slots__ = ("_store",)

    def __init__(self, store: "Store") -> None:
        self._store = store

    def __enter__(self) -> None:
        self._store.open()

    def __exit__(self, *_error: object) -> None:
        self._store.close()


class Store:
    """One database, shared by all threads and greenlets of a process.

    url: `sqlite:///relative.db`, `sqlite:////absolute.db` or `postgresql://…`.
    synchronous: SQLite only; NORMAL survives the death of any process, FULL a power cut as well.
    vault: encrypts columns that may hold secrets; by default none is.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 20,
        synchronous: str = "NORMAL",
        vault: Vault = OPEN,
    ) -> None:
        self.url = url
        self.vault = vault
        self.backend: Backend = "sqlite" if url.startswith("sqlite:") else "postgres"
        self.peewee = _open_pool(url, pool_size, synchronous)
        self._state = _State()
        self._turn = threading.Lock()
        self._translated: dict[str, str] = {}
        self._session = _Session(self)

    # -- sessions -----------------------------------------------------------------------------

    def open(self) -> None:
        """Hold a connection for this thread until the matching `close`; calls nest."""
        state = self._state
        if state.sessions == 0:
            try:
                self.peewee.connect(reuse_if_open=True)
                state.connection = self.peewee.connection()
            except (*_BROKEN, ValueError) as error:
                raise StoreUnavailable(f"the database does not answer: {_first(error)}") from error
        state.sessions += 1

    def close(self) -> None:
        """Give the connection back to the pool when the outermost session ends."""
        state = self._state
        if state.sessions == 0:
            return
        state.sessions -= 1
        if state.sessions == 0:
            state.connection = None
            self.peewee.close()

    def session(self) -> AbstractContextManager[None]:
        """Hold one connection for the block."""
        return self._session

    def release_all(self) -> None:
        """Close every pooled connection, in use or not: at the end of a process or a test."""
        self.peewee.close_all()

    # -- transactions -------------------------------------------------------------------------

    @property
    def in_transaction(self) -> bool:
        """Whether this thread is inside a transaction."""
        return self._state.transactions > 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit the block as a whole, or none of it; inner ones join the outermost."""
        state = self._state
        if state.transactions:
            state.transactions += 1
            try:
                yield
            finally:
                state.transactions -= 1
            return
        self.open()
        try:
            self._begin()
            state.transactions = 1
            try:
                yield
                self._commit()
            except BaseException:
                self._rollback()
                raise
            finally:
                state.transactions = 0
        finally:
            self.close()

    def single(self) -> AbstractContextManager[None]:
        """Commit a block that changes something by one statement alone.

        On PostgreSQL that is a transaction by itself, without the journeys of BEGIN and COMMIT.
        """
        if self.backend == "postgres" and not self._state.transactions:
            return self._session
        return self.transaction()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let all reads of the block see the same state; it holds nobody up. Not inside another."""
        self.open()
        try:
            self.run("BEGIN" if self.backend == "sqlite" else _BEGIN_SNAPSHOT)
            try:
                yield
            finally:
                self._rollback()
        finally:
            self.close()

    def _begin(self) -> None:
        if self.backend == "postgres":
            self.run("BEGIN")
            return
        deadline = time.monotonic() + BUSY_WAIT_S
        if not self._turn.acquire(timeout=BUSY_WAIT_S):
            raise StoreUnavailable("the database is busy")
        try:
            while not self._begun():
                if time.monotonic() > deadline:
                    raise StoreUnavailable("the database is busy")
                time.sleep(random.uniform(*ASK_AGAIN_S))  # noqa: S311 - no secret
        finally:
            self._turn.release()

    def _begun(self) -> bool:
        try:
            self._state.connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if not _busy(error):
                raise StoreUnavailable(_first(error)) from error
            return False
        return True

    def _commit(self) -> None:
        self.run("COMMIT")

    def _rollback(self) -> None:
        # A dead connection has rolled back by itself, and the pool drops it at check-in.
        with suppress(*_BROKEN):
            self._state.connection.execute("ROLLBACK")

    # -- statements ---------------------------------------------------------------------------

    def run(self, sql: str, params: Params = ()) -> Cursor:
        """Run one statement on this thread's connection (inside a session or transaction).

        Raises Rejected for a value that no column can hold, StoreUnavailable when the database
        does not answer, Contended when PostgreSQL broke a deadlock by undoing this transaction;
        integrity errors pass as they are.
        """
        if self.backend == "postgres":
            sql = self._translated.get(sql) or self._translate(sql)
        return self._execute(sql, params)

    def _execute(self, sql: str, params: Params) -> Cursor:
        try:
            cursor: Cursor = self._state.connection.execute(sql, params)
        except IntegrityErrors:
            raise
        except _UNFIT as error:
            raise Rejected(f"a value cannot be stored: {_first(error)}") from error
        except _RETRYABLE as error:
            raise Contended from error
        except _BROKEN as error:
            return self._retry_read(sql, params, error)
        return cursor

    def run_many(self, sql: str, rows: Sequence[Params]) -> int:
        """Run one statement for each row of parameters; give how many rows they touched in all.

        On PostgreSQL that is one journey to the server, however many there are.
        """
        if len(rows) == 1:
            return self.run(sql, rows[0]).rowcount
        return int(self._execute_many(sql, rows).rowcount) if rows else 0

    def run_returning(self, sql: str, rows: Sequence[Params]) -> list[Row | None]:
        """Run one statement for each row of parameters; give the first row that each returns."""
        if self.backend == "sqlite" or len(rows) < 2:
            return [self.run(sql, row).fetchone() for row in rows]
        cursor = self._execute_many(sql, rows, returning=True)
        found: list[Row | None] = []
        for _ in rows:
            found.append(cursor.fetchone())
            cursor.nextset()
        return found

    def _execute_many(self, sql: str, rows: Sequence[Params], **options: bool) -> Any:
        if self.backend == "postgres":
            sql = self._translated.get(sql) or self._translate(sql)
        try:
            cursor = self._state.connection.cursor()
            cursor.executemany(sql, rows, **options)
        except IntegrityErrors:
            raise
        except _UNFIT as error:
            raise Rejected(f"a value cannot be stored: {_first(error)}") from error
        except _RETRYABLE as error:
            raise Contended from error
        except _BROKEN as error:
            raise StoreUnavailable(f"the database does not answer: {_first(error)}") from error
        return cursor

    def _retry_read(self, sql: str, params: Params, error: Exception) -> Cursor:
        """Wait for a SQLite file that another process is just recovering; fail on all else."""
        pause = 0.001
        while _busy(error) and not self._state.transactions and pause < 1.0:
            time.sleep(pause)
            pause *= 2
            try:
                cursor: Cursor = self._state.connection.execute(sql, params)
            except sqlite3.OperationalError as again:
                error = again
            else:
                return cursor
        missing = isinstance(error, psycopg.errors.UndefinedTable)
        if isinstance(error, (sqlite3.ProgrammingError, psycopg.ProgrammingError)) and not missing:
            raise error
        if self.backend == "postgres":
            self.peewee.suspect()
        raise StoreUnavailable(f"the database does not answer: {_first(error)}") from error

    def _translate(self, sql: str) -> str:
        translated = self._translated[sql] = _for_psycopg(sql)
        return translated


def _for_psycopg(sql: str) -> str:
    return sql.replace("%", "%%").replace("?", "%s")


def _open_pool(url: str, pool_size: int, synchronous: str) -> Any:
    if url.startswith("sqlite:"):
        path = sqlite_path(url)
        path.parent.mkdir(parents=True, exist_ok=True)
        return PooledSqliteDatabase(
            str(path),
            max_connections=pool_size,
            timeout=POOL_WAIT_S,
            check_same_thread=False,
            returning_clause=True,
            lock_type="IMMEDIATE",
            pragmas=(
                ("busy_timeout", 5000),
                ("journal_mode", "wal"),
                ("synchronous", synchronous),
                ("foreign_keys", 0),
                ("cache_size", -32_000),
                ("wal_autocheckpoint", 2000),
                ("temp_store", "memory"),
                ("busy_timeout", 0),
            ),
        )
    return PostgresPool(
        url,
        max_connections=pool_size,
        timeout=POOL_WAIT_S,
        connect_timeout=CONNECT_TIMEOUT_S,
        # A server that vanished without a word is noticed within seconds, not hours.
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
        tcp_user_timeout=15_000,
        application_name="jobyard",
    )


def sqlite_path(url: str) -> Path:
    """Give the file that a `sqlite:` address names."""
    return Path(unquote(urlsplit(url).path.removeprefix("/")))


def _busy(error: Exception) -> bool:
    return isinstance(error, sqlite3.OperationalError) and (
        "locked" in str(error) or "busy" in str(error)
    )


def _first(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
