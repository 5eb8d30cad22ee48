"""`jobyard plugins`."""

import click

from app.cli.options import with_settings
from app.hooks.manager import PluginInfo, PluginManager
from config.settings import Settings


@click.command("plugins")
@with_settings
def command(settings: Settings) -> None:
    """List the installed plugins.

    For each: its name, what became of it (loaded, blocked or refused), the package it came in, the
    job types it gives, and why it was not loaded. `jobyard plugin new` begins one of your own.
    """
    found = PluginManager.load(
        blocked=settings.plugins.blocked, settings=settings.plugins.settings
    ).found
    width = max((len(info.name) for info in found), default=0)
    for info in found:
        click.echo(f"{info.name:<{width}}  {info.status:<7}  {_package(info)}{_more(info)}")
    if not found:
        click.echo("no plugin is installed")


def _package(info: PluginInfo) -> str:
    return f"{info.distribution} {info.version}" if info.distribution else "of an unknown package"


def _more(info: PluginInfo) -> str:
    types = f"  job types: {', '.join(info.job_types)}" if info.job_types else ""
    return f"{types}  {info.reason}" if info.reason else types
