"""The statements of backup and restore: all rows of all tables, in a form both databases share.

What means something in one database alone is left behind here: the transaction numbers of events,
and with them the positions of readers.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import psycopg

from app.data.catalogue import Table
from app.data.db import Row, Store
from app.domain.events import parse_position
from app.domain.records import Lease
from app.domain.states import TaskState

_BEGIN = {"sqlite": "BEGIN", "postgres": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"}
# The first statement that reads fixes what the transaction sees.
_LOOK = {"sqlite": "SELECT COUNT(*) FROM sqlite_master", "postgres": "SELECT 1"}
_FETCHED = 500
_EVENTS_BEHIND = "SELECT MIN(id) FROM event WHERE tx > ? OR (tx = ? AND id > ?)"
_HELD = (
    "SELECT id, number, state, queue, job_id FROM task WHERE leased_until IS NOT NULL AND id > ?"
    " ORDER BY id LIMIT ?"
)
_RETIRE = (
    "UPDATE worker SET active = 0 WHERE id IN (SELECT id FROM worker WHERE active = 1"
    " AND kind <> 'remote' LIMIT ?) RETURNING id, dialect"
)


class Refused(ValueError):
    """The database does not take or give rows; the text says of which table, and why."""


class HeldTask(NamedTuple):
    """A task that a worker held."""

    lease: Lease
    state: TaskState
    queue: str
    job_id: str | None


class Where(NamedTuple):
    """Which rows of a table: those whose `column` is at most `most`."""

    column: str
    most: int

    @property
    def sql(self) -> str:
        """Give it as SQL; both parts are our own."""
        return f' WHERE "{self.column}" <= {self.most:d}'


# -- backup -----------------------------------------------------------------------------------


@contextmanager
def snapshot(store: Store) -> Iterator[None]:
    """Read one consistent state for the block, however many others write; nobody waits for it.

    On SQLite the write-ahead log grows until the block ends.
    """
    with store.session():
        store.run(_BEGIN[store.backend])
        try:
            store.run(_LOOK[store.backend]).fetchall()
            yield
        finally:
            store.run("ROLLBACK")


def count(store: Store, table: Table, where: Where | None = None) -> int:
    """Count rows of a table."""
    row = store.run(f'SELECT COUNT(*) FROM "{table.name}"{where.sql if where else ""}').fetchone()
    return int(row[0]) if row else 0


def rows(store: Store, table: Table, where: Where | None = None) -> Iterator[Row]:
    """Give rows of a table one by one, inside a `snapshot`; memory holds a few hundred of them.

    Raises Refused.
    """
    columns = ", ".join(f'"{column}"' for column in table.columns)
    found = _streamed(
        store, table, f'SELECT {columns} FROM "{table.name}"{where.sql if where else ""}'
    )
    if table.name in ("event", "log_part"):
        at = table.columns.index("tx")
        return ((*row[:at], 0, *row[at + 1 :]) for row in found)
    if table.name == "mark":
        at = table.columns.index("value")
        return ((*row[:at], _portable_mark(store, row[at]), *row[at + 1 :]) for row in found)
    return found


def _streamed(store: Store, table: Table, sql: str) -> Iterator[Row]:
    if store.backend == "sqlite":
        try:
            cursor = store.run(sql)
            while row := cursor.fetchone():
                yield row
        except sqlite3.Error as error:  # text that is no UTF-8, a damaged page
            raise Refused(f"table {table.name}: {error}") from error
        return
    # A cursor of its own name for each table: psycopg prepares what it runs often.
    name = f'"backup of {table.name}"'
    store.run(f"DECLARE {name} NO SCROLL CURSOR FOR {sql}")
    while found := store.run(f"FETCH {_FETCHED} FROM {name}").fetchall():
        yield from found
    store.run(f"CLOSE {name}")


def _portable_mark(store: Store, value: str) -> str:
    """Give a reader's position as it is once no event has a transaction number.

    Ids are in another order than commits. What the reader may then see twice it may see; it must
    not miss any.
    """
    try:
        transaction, number = parse_position(value)
    except ValueError:
        return value
    if transaction <= 0:
        return value
    first = store.run(_EVENTS_BEHIND, (transaction, transaction, number)).fetchone()
    if first and first[0] is not None:
        return f"0-{first[0] - 1}"
    last = store.run("SELECT MAX(id) FROM event").fetchone()
    return f"0-{max(number, int(last[0] or 0) if last else 0)}"


# -- restore ----------------------------------------------------------------------------------


def lock(store: Store, tables: Sequence[Table]) -> None:
    """Keep others from writing any of the tables until the commit."""
    if store.backend == "postgres":  # SQLite has one writer at a time, and that is this one
        names = ", ".join(f'"{table.name}"' for table in tables)
        store.run(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE")


def filled(store: Store, tables: Sequence[Table]) -> list[str]:
    """Name the tables that have rows."""
    return [
        table.name
        for table in tables
        if store.run(f'SELECT 1 FROM "{table.name}" LIMIT 1').fetchone()
    ]


def insert(store: Store, table: Table, columns: Sequence[str], values: Sequence[Row]) -> None:
    """Store rows as they are, ids included. Raises Refused."""
    names = ", ".join(f'"{column}"' for column in columns)
    marks = ", ".join("?" * len(columns))
    if store.backend == "postgres":
        truths = [
            index
            for index, column in enumerate(columns)
            if table.types[table.columns.index(column)] == "boolean"
        ]
        values = [_for_postgres(row, truths) for row in values]
    try:
        store.run_many(f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})', values)
    except (sqlite3.Error, psycopg.Error, OverflowError, TypeError) as error:
        raise Refused(f"table {table.name}: {str(error).strip().splitlines()[0]}") from error


def _for_postgres(row: Row, truths: Sequence[int]) -> Row:
    """Give a row as PostgreSQL takes it: no NUL in text, and truths that are truths."""
    if not truths and not any(isinstance(value, str) and "\0" in value for value in row):
        return row
    fit = [value.replace("\0", "\ufffd") if isinstance(value, str) else value for value in row]
    for index in truths:
        fit[index] = None if fit[index] is None else bool(fit[index])
    return tuple(fit)


def held(store: Store, *, after: int, limit: int) -> list[HeldTask]:
    """Give tasks with a lease by id, from the one behind id `after`."""
    return [
        HeldTask(Lease(row[0], row[1]), TaskState(row[2]), row[3], row[4])
        for row in store.run(_HELD, (after, limit)).fetchall()
    ]


def drop_lease(store: Store, task_id: int) -> None:
    """Forget that anybody holds a task, whatever its state."""
    store.run("UPDATE task SET leased_until = NULL WHERE id = ?", (task_id,))


def retire_workers(store: Store, limit: int) -> list[tuple[int, str]]:
    """Note that workers and tickers of ours are gone; give their ids and dialects.

    Those of kind `remote` are accounts rather than processes, and stay.
    """
    return [(row[0], row[1]) for row in store.run(_RETIRE, (limit,)).fetchall()]
