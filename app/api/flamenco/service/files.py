"""Files: job zips, outputs and thumbnails below one folder, under names of our own.

A file is there, whole and on the disk, before the row that names it is committed, and it is never
written again: a new one gets a new name, and the old one is deleted after the commit. What no row
names when a process died in between is swept up by a duty. Web processes of several hosts need the
folder in common.
"""

import contextlib
import os
import uuid
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from app.api.flamenco.errors import WrongField
from app.api.flamenco.records import StoredFile
from app.api.flamenco.tables import files as table
from app.domain.clock import SECOND, Instant
from app.wiring import Services

PIECE = 1 << 20
ZIP = "application/zip"
UNNAMED_S = 24 * 3600
"""After so long a file that no row names was left behind by a process that died, and the zip of a
job that has no task will get none."""
SWEEP_S = 3600


@dataclass(frozen=True, slots=True)
class Arrived:
    """A file that came with a request. field: its name there."""

    field: str
    stream: IO[bytes]
    media_type: str = ZIP


@dataclass(slots=True)
class Landed:
    """A file on the disk that no row names yet. replaced: places that are free after the commit."""

    file: StoredFile
    replaced: list[str] = field(default_factory=list)


def folder(services: Services) -> Path:
    """Give the folder that all files lie below."""
    chosen = services.settings.flamenco.storage_dir
    return Path(chosen) if chosen else services.settings.server.data_dir / "flamenco"


def path_of(services: Services, place: str) -> Path:
    """Give where a place is."""
    return folder(services) / place[:2] / place


@contextlib.contextmanager
def arriving(services: Services, arrived: Arrived | None) -> Iterator[Landed | None]:
    """Write a file to the disk for the block, which notes it by `keep`; deleted if it raises.

    Raises WrongField for a zip that is none.
    """
    if arrived is None:
        yield None
        return
    landed = Landed(_written(services, arrived))
    try:
        yield landed
    except BaseException:
        drop(services, [landed.file.place])
        raise
    drop(services, landed.replaced)


def _written(services: Services, arrived: Arrived) -> StoredFile:
    place = uuid.uuid4().hex
    path = path_of(services, place)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    size = 0
    try:
        with part.open("xb") as out:
            while piece := arrived.stream.read(PIECE):
                out.write(piece)
                size += len(piece)
            out.flush()
            os.fsync(out.fileno())
        _check(arrived, part)
        part.rename(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _sync(path.parent)
    return StoredFile(place=place, media_type=arrived.media_type, size=size)


def _check(arrived: Arrived, path: Path) -> None:
    if arrived.media_type == ZIP and not is_zip(path):
        raise WrongField(arrived.field, "is not a zip file")


def _sync(where: Path) -> None:
    handle = os.open(where, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def is_zip(path: Path) -> bool:
    """Tell whether a file is a zip whose table of contents can be read."""
    try:
        with zipfile.ZipFile(path):
            return True
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, EOFError):
        return False


def keep(services: Services, kind: str, owner: int, landed: Landed) -> None:
    """Note a file that has landed, in place of the one there was; in a transaction."""
    engine = services.engine
    with engine.transaction() as tx:
        before = table.put(engine.store, kind, owner, landed.file, tx.now)
        if before is not None:
            landed.replaced.append(before)


def find(services: Services, kind: str, owner: int) -> tuple[IO[bytes], StoredFile] | None:
    """Open the file of a job or a task; None without one."""
    missed: StoredFile | None = None
    while True:
        with services.engine.store.session():
            file = table.get(services.engine.store, kind, owner)
        if file is None or file == missed:
            return None
        try:
            return path_of(services, file.place).open("rb"), file
        except FileNotFoundError:
            missed = file  # most likely replaced at this moment: then the row names the new one


def has(services: Services, kind: str, owner: int) -> bool:
    """Tell whether there is a file of a job or a task."""
    found = find(services, kind, owner)
    if found is not None:
        found[0].close()
    return found is not None


def drop(services: Services, places: list[str]) -> None:
    """Delete files that no row names any more."""
    for place in places:
        path_of(services, place).unlink(missing_ok=True)


def sweep_up(services: Services, now: Instant) -> int:
    """Delete files of jobs without tasks, and what a process that died left behind; how many."""
    store = services.engine.store
    with store.transaction():
        unused = table.forget_jobs(store, now - UNNAMED_S * SECOND)
    drop(services, unused)
    count = len(unused)
    for path in folder(services).glob("*/*"):
        try:
            old = path.stat().st_mtime < now / SECOND - UNNAMED_S
            if old and not _named(services, path.stem):
                path.unlink()
                count += 1
        except FileNotFoundError:
            continue
    return count


def _named(services: Services, place: str) -> bool:
    with services.engine.store.session():
        return table.has(services.engine.store, place)
