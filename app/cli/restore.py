"""`jobyard restore FILE`."""

from pathlib import Path

import click

from app.cli import Failed
from app.cli.database import opened
from app.cli.options import with_settings
from app.domain.clock import SystemClock
from app.engine import archive
from config.settings import Settings


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@with_settings
def command(settings: Settings, file: Path) -> None:
    """Fill an empty database from a backup.

    The database must be at the present schema (`jobyard migrate`) and without a single row; nothing
    is ever overwritten. Start the server afterwards, not before. All of FILE is restored, or
    nothing when it is damaged or does not fit.

    Ids stay what they were, and none is ever given twice. Tasks that were running are queued again,
    since their workers do not know this database.
    """
    try:
        with opened(settings) as (store, logs), file.open("rb") as source:
            manifest = archive.restore(store, logs, source, now=SystemClock().now())
    except archive.ArchiveInvalid as error:
        raise Failed(f"{file}: {error}; nothing was changed") from error
    except archive.ArchiveError as error:
        raise Failed(f"{error}; nothing was changed") from error
    except OSError as error:
        raise Failed(f"{file}: {error.strerror or error}") from error
    click.echo(
        f"{manifest.rows} rows of {len(manifest.tables)} tables restored, as they were at"
        f" {manifest.created_at}"
    )
