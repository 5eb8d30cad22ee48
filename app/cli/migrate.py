"""`jobyard migrate`."""

import click

from app.cli.database import opened
from app.cli.options import with_settings
from app.data.schema import migrate
from config.settings import Settings


@click.command("migrate")
@with_settings
def command(settings: Settings) -> None:
    """Bring the database to the present schema.

    Makes the database file and the data directory where there are none. May be run at any time and
    from several machines at once; what is done already is left alone. There is no way back: take a
    backup before you install a new version.
    """
    with opened(settings) as (store, logs):
        done = migrate(store, logs)
    for step in done:
        click.echo(f"applied {step}")
    if not done:
        click.echo("nothing to do, the schema is up to date")
