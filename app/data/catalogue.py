"""What a database consists of: its tables, their columns, and the counters that give ids.

Read from the database itself, so that a table somebody adds is known here at once.
"""

from dataclasses import dataclass

from app.data.db import Row, Store

#: Tables that describe the database, or the processes at work on it, rather than the work itself.
STEPS = "schema_step"
OF_THE_MOMENT = frozenset({"leader", "bucket"})
#: Tables whose rows follow from those of others, and are written anew by whoever needs them.
DERIVED = ("job_words", "job_tally", "job_index")

_SQLITE_TABLES = (
    "SELECT name, sql LIKE '%AUTOINCREMENT%' FROM sqlite_master"
    " WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY name"
)
_SQLITE_COLUMNS = "SELECT name, type, pk FROM pragma_table_info(?) ORDER BY cid"
_POSTGRES_COLUMNS = """
SELECT c.table_name, c.column_name, c.data_type,
  pg_get_serial_sequence(quote_ident(c.table_schema) || '.' || quote_ident(c.table_name),
                         c.column_name)
FROM information_schema.columns c JOIN information_schema.tables t
  ON t.table_schema = c.table_schema AND t.table_name = c.table_name
WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE'
ORDER BY c.table_name, c.ordinal_position
"""
#: Types whose values both databases and both drivers give and take alike.
_PORTABLE = frozenset(
    {
        "bigint",
        "boolean",
        "bytea",
        "character varying",
        "double precision",
        "integer",
        "smallint",
        "text",
    }
)


class NotPortable(ValueError):
    """A column has a type whose values mean something to one kind of database alone."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table.

    types: by column, as the database calls them. counter: the column whose values are counted up,
    empty without one; sequence: where PostgreSQL counts them.
    """

    name: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    counter: str = ""
    sequence: str = ""


def tables(store: Store) -> list[Table]:
    """Give every table that holds work, by name. Raises NotPortable."""
    found = [
        table
        for table in _all(store)
        if not table.name.startswith((STEPS, *DERIVED)) and table.name not in OF_THE_MOMENT
    ]
    if store.backend == "postgres":
        for table in found:
            for column, kind in zip(table.columns, table.types, strict=True):
                if kind not in _PORTABLE:
                    raise NotPortable(f"column {column} of table {table.name} is of type {kind}")
    return found


def steps(store: Store) -> dict[str, list[str]]:
    """Give the names of the schema steps that were applied, by the table that notes them."""
    return {
        table.name: [
            row[0] for row in store.run(f'SELECT name FROM "{table.name}" ORDER BY name').fetchall()
        ]
        for table in _all(store)
        if table.name.startswith(STEPS)
    }


def highest_id(store: Store, table: Table) -> int:
    """Give the highest id that a table's counter ever gave; 0 without any."""
    if store.backend == "sqlite":
        row = store.run("SELECT seq FROM sqlite_sequence WHERE name = ?", (table.name,)).fetchone()
        return int(row[0] or 0) if row else 0
    row = store.run(f"SELECT last_value, is_called FROM {table.sequence}").fetchone()
    return int(row[0]) if row and row[1] else 0


def count_on(store: Store, table: Table, value: int) -> None:
    """Let a table's counter go on behind `value`, or behind its highest row where that is more.

    A counter never goes back. PostgreSQL keeps it forward even where the transaction is undone.
    """
    row = store.run(f'SELECT MAX("{table.counter}") FROM "{table.name}"').fetchone()
    value = max(value, highest_id(store, table), int(row[0] or 0) if row else 0)
    if value <= 0:
        return
    if store.backend == "postgres":
        store.run("SELECT setval(?::regclass, ?::bigint)", (table.sequence, value))
        return
    changed = store.run("UPDATE sqlite_sequence SET seq = ? WHERE name = ?", (value, table.name))
    if changed.rowcount == 0:
        store.run("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table.name, value))


def _all(store: Store) -> list[Table]:
    return _of_sqlite(store) if store.backend == "sqlite" else _of_postgres(store)


def _of_sqlite(store: Store) -> list[Table]:
    found = []
    for name, counts in store.run(_SQLITE_TABLES).fetchall():
        columns = store.run(_SQLITE_COLUMNS, (name,)).fetchall()
        names, types, keys = zip(*columns, strict=True)
        counter = names[keys.index(1)] if counts else ""
        found.append(Table(name, names, types, counter=counter))
    return found


def _of_postgres(store: Store) -> list[Table]:
    by_name: dict[str, list[Row]] = {}
    for name, *column in store.run(_POSTGRES_COLUMNS).fetchall():
        by_name.setdefault(name, []).append(tuple(column))
    found = []
    for name, columns in by_name.items():
        names, types, sequences = zip(*columns, strict=True)
        sequence = next(filter(None, sequences), "")
        counter = names[sequences.index(sequence)] if sequence else ""
        found.append(Table(name, names, types, counter=counter, sequence=sequence))
    return found
