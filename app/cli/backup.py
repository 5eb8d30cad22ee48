"""`jobyard backup FILE`."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import click

from app.cli import Failed
from app.cli.database import opened
from app.cli.options import with_settings
from app.domain.clock import SystemClock
from app.engine import archive
from app.wiring import VERSION
from config.settings import Settings


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@with_settings
def command(settings: Settings, file: Path) -> None:
    """Write the whole database to FILE while the server goes on.

    FILE is a gzipped tar archive of JSON lines, the same for SQLite and PostgreSQL, so that it also
    moves a server from one to the other. It holds everything that is stored, secrets included, and
    only you can read it. A FILE that is there already is replaced once the new one is whole.

    Uploads and other files of the data directory are not in it.
    """
    try:
        with opened(settings) as (store, logs), replaced(file) as target:
            manifest = archive.backup(store, logs, target, now=SystemClock().now(), version=VERSION)
    except archive.ArchiveError as error:
        raise Failed(str(error)) from error
    except OSError as error:
        raise Failed(f"{file}: {error.strerror or error}") from error
    size = file.stat().st_size
    click.echo(f"{file}: {manifest.rows} rows of {len(manifest.tables)} tables, {size} bytes")


@contextmanager
def replaced(path: Path) -> Iterator[BinaryIO]:
    """Write a file that appears under its name when the block has ended well, on disk and whole."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as target:
            yield target
            target.flush()
            os.fsync(target.fileno())
        beside.replace(path)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
