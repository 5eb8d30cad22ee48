"""Backup and restore: everything that is stored, in one file that any database can be filled from.

A backup is taken beside a running server, in one read transaction. A restore fills an empty
database, or leaves it as it was. Between the two kinds of database nothing is lost.

What the processes of the old server held, nobody holds any more: see `restore`.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from itertools import groupby
from operator import itemgetter
from typing import BinaryIO

from app.data import archive, catalogue, events, leases, listing, schema
from app.data.archive import Where
from app.data.catalogue import Table
from app.data.db import Row, Store
from app.domain.clock import SECOND, Instant, rfc3339
from app.domain.events import Event, EventKind
from app.domain.states import LEASED_TASK, AttemptState
from app.engine.archive.document import (
    ArchiveError,
    ArchiveInvalid,
    Manifest,
    Reader,
    TableEntry,
    reading,
    writing,
)

__all__ = ["ArchiveError", "ArchiveInvalid", "DatabaseUnfit", "Manifest", "backup", "restore"]

RESTORED = "the server was restored from a backup"
_BATCH = 500


class DatabaseUnfit(ArchiveError):
    """The database is not one to back up, or to restore into; the text says what to do."""


def backup(store: Store, logs: Store, target: BinaryIO, *, now: Instant, version: str) -> Manifest:
    """Write all tables to a file, as they were at one instant; others go on writing meanwhile.

    version: that of this program. Memory holds a few megabytes whatever the database holds.
    Log text in a database of its own is read as it was a moment later, without the output of tasks
    that are not in the backup. Raises DatabaseUnfit, StoreUnavailable; OSError of the file.
    """
    if schema.pending(store, logs):
        raise DatabaseUnfit("the database is not at the present schema: run `jobyard migrate`")
    with ExitStack() as stack:
        chosen: list[tuple[Store, Table, Where | None]] = []
        steps: dict[str, list[str]] = {}
        newest_task = 0
        for one in dict.fromkeys((store, logs)):
            stack.enter_context(archive.snapshot(one))
            steps |= catalogue.steps(one)
            for table in _tables(one):
                if one is store and table.name == "task":
                    newest_task = catalogue.highest_id(one, table)
                where = None if one is store else Where("task_id", newest_task)
                chosen.append((one, table, where))
        manifest = Manifest(
            jobyard=version,
            created_at=rfc3339(now),
            backend=store.backend,
            steps=steps,
            tables=tuple(_entry(*each) for each in chosen),
        )
        writer = stack.enter_context(writing(target, mtime=now // SECOND))
        writer.manifest(manifest)
        try:
            for one, table, where in chosen:
                writer.table(table.name, archive.rows(one, table, where))
        except archive.Refused as error:
            raise DatabaseUnfit(f"the database cannot be read: {error}") from error
    return manifest


def restore(store: Store, logs: Store, source: BinaryIO, *, now: Instant) -> Manifest:
    """Fill an empty database of the present schema from a backup: all of it, or nothing.

    Ids stay, and no id that was ever given is given again. The processes that worked on the old
    database do not know this one, so our own workers and tickers are marked as gone, each task
    they or remote workers held is queued again (its attempt is LOST and counts as no loss), and a
    slot whose job is over is free. Remote workers stay registered, and are told of the lost lease
    at their next report.

    Raises ArchiveInvalid, DatabaseUnfit, StoreUnavailable; OSError of the file.
    """
    if schema.pending(store, logs):
        raise DatabaseUnfit("the database is not at the present schema: run `jobyard migrate`")
    try:
        with ExitStack() as stack, reading(source) as reader:
            places: dict[str, tuple[Store, Table]] = {}
            steps: dict[str, list[str]] = {}
            # The one entered last commits first. Were the process killed between the two commits,
            # the jobs would be missing rather than their logs, and nobody takes that for whole.
            for one in dict.fromkeys((store, logs)):
                stack.enter_context(one.transaction())
                tables = _tables(one)
                archive.lock(one, tables)
                if names := archive.filled(one, tables):
                    raise DatabaseUnfit(
                        f"the database is not empty, there are rows in {', '.join(names)}: give"
                        " the address of a new one and run `jobyard migrate` for it first"
                    )
                steps |= catalogue.steps(one)
                places |= {table.name: (one, table) for table in tables}
            manifest = reader.manifest()
            _compare(manifest, steps, places)
            _fill(manifest, reader, places)
            listing.rebuild(store)
            _give_back(store, now)
            return manifest
    except archive.Refused as error:
        raise DatabaseUnfit(f"the database refuses a row: {error}") from error


def _tables(store: Store) -> list[Table]:
    try:
        return catalogue.tables(store)
    except catalogue.NotPortable as error:
        raise DatabaseUnfit(str(error)) from error


def _entry(store: Store, table: Table, where: Where | None) -> TableEntry:
    return TableEntry(
        table.name,
        table.columns,
        archive.count(store, table, where),
        catalogue.highest_id(store, table) if table.counter else 0,
    )


def _compare(
    manifest: Manifest,
    steps: Mapping[str, list[str]],
    places: Mapping[str, tuple[Store, Table]],
) -> None:
    """Refuse a backup of another schema: what its columns mean is only known to its own program."""
    theirs = {name for names in manifest.steps.values() for name in names}
    ours = {name for names in steps.values() for name in names}
    if newer := theirs - ours:
        raise DatabaseUnfit(
            f"the backup is of Jobyard {manifest.jobyard}, whose schema is newer"
            f" ({', '.join(sorted(newer))}): restore it with that version"
        )
    if older := ours - theirs:
        raise DatabaseUnfit(
            f"the backup is of Jobyard {manifest.jobyard}, whose schema is older (it lacks"
            f" {', '.join(sorted(older))}): restore it with that version, then run"
            " `jobyard migrate` with this one"
        )
    for entry in manifest.tables:
        if entry.name not in places or set(entry.columns) != set(places[entry.name][1].columns):
            raise DatabaseUnfit(f"table {entry.name} of the backup is not as it is here")


def _fill(manifest: Manifest, reader: Reader, places: Mapping[str, tuple[Store, Table]]) -> None:
    entries = {entry.name: entry for entry in manifest.tables}
    found = dict.fromkeys(entries, 0)
    for name, batch in _batches(reader.rows()):
        if name not in entries:
            raise ArchiveInvalid(f"it holds rows of {name!r}, which its manifest does not name")
        columns = entries[name].columns
        if any(len(row) != len(columns) for row in batch):
            raise ArchiveInvalid(f"a row of table {name} has not the columns its manifest names")
        store, table = places[name]
        archive.insert(store, table, columns, batch)
        found[name] += len(batch)
    for name, entry in entries.items():
        if found[name] != entry.rows:
            raise ArchiveInvalid(f"table {name} has {found[name]} rows of {entry.rows}")
        store, table = places[name]
        if table.counter:
            catalogue.count_on(store, table, entry.highest_id)


def _batches(rows: Iterable[tuple[str, Row]]) -> Iterator[tuple[str, list[Row]]]:
    for name, group in groupby(rows, key=itemgetter(0)):
        batch: list[Row] = []
        for _, row in group:
            batch.append(row)
            if len(batch) >= _BATCH:
                yield name, batch
                batch = []
        if batch:
            yield name, batch


def _give_back(store: Store, now: Instant) -> None:
    """Take everything back from processes that do not know this database."""
    after = 0
    while found := archive.held(store, after=after, limit=_BATCH):
        noted: list[Event] = []
        for task in found:
            leases.end_attempt(store, task.lease, state=AttemptState.LOST, error=RESTORED, now=now)
            if task.state not in LEASED_TASK:
                archive.drop_lease(store, task.lease.task_id)
                continue
            leases.again(store, task.lease, due_at=None, now=now)
            noted += [
                Event(
                    kind=kind,
                    dialect=task.queue.partition("/")[0],
                    at=now,
                    job_id=task.job_id,
                    task_id=task.lease.task_id,
                )
                for kind in (EventKind.TASK_QUEUED, EventKind.TASK_LOST)
            ]
        if noted:
            events.insert(store, noted)
        after = found[-1].lease.task_id
    while gone := archive.retire_workers(store, _BATCH):
        events.insert(
            store,
            [
                Event(kind=EventKind.WORKER_LEFT, dialect=dialect, at=now, data={"worker": number})
                for number, dialect in gone
            ],
        )
