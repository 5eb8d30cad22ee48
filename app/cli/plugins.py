"""`jobyard plugins` and `jobyard plugins new NAME`."""

from pathlib import Path

import click

from app.cli import Failed
from app.cli.options import with_settings
from app.hooks.manager import PluginInfo, PluginManager
from app.hooks.skeleton import write_skeleton
from config.settings import Settings


@click.group("plugins", invoke_without_command=True)
@with_settings
@click.pass_context
def command(ctx: click.Context, settings: Settings) -> None:
    """List the installed plugins, or begin a new one.

    For each: its name, what became of it (loaded, blocked or refused), the package it came in, the
    job types it gives, and why it was not loaded. docs/plugins.md tells how one is written.
    """
    if ctx.invoked_subcommand is not None:
        return
    found = PluginManager.load(blocked=settings.plugins.blocked).found
    width = max((len(info.name) for info in found), default=0)
    for info in found:
        click.echo(f"{info.name:<{width}}  {info.status:<7}  {_package(info)}{_more(info)}")
    if not found:
        click.echo("no plugin is installed")


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


def _package(info: PluginInfo) -> str:
    return f"{info.distribution} {info.version}" if info.distribution else "of an unknown package"


def _more(info: PluginInfo) -> str:
    types = f"  job types: {', '.join(info.job_types)}" if info.job_types else ""
    return f"{types}  {info.reason}" if info.reason else types
