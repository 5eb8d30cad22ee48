"""`jobyard plugin new NAME`."""

from pathlib import Path

import click

from app.cli import Failed
from app.hooks.skeleton import write_skeleton


@click.group("plugin")
def command() -> None:
    """Begin a plugin of your own.

    docs/plugins.md tells how one is written.
    """


@command.command("new")
@click.argument("name")
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path),
    help="New or empty directory to write into (else jobyard-NAME).",
)
def new(name: str, directory: Path | None) -> None:
    """Write the beginnings of a plugin package for the job type NAME.

    The package installs, loads and passes its tests as it is.
    """
    target = directory or Path(f"jobyard-{name}")
    try:
        written = write_skeleton(name, target)
    except OSError as error:
        raise Failed(f"{error.filename or target}: {error.strerror or error}") from error
    for path in written:
        click.echo(str(path))
