"""`jobyard web`: gunicorn with our configuration."""

import os
import sys

import click

from app.cli.options import with_settings
from app.cli.process import die_with
from config.settings import Settings


@click.command()
@click.option("--parent", type=int, hidden=True)
@click.option("--fd", type=int, hidden=True)
@with_settings
def command(settings: Settings, parent: int | None, fd: int | None) -> None:
    """Start the web part: the job APIs, the streams and the pages.

    The same as `gunicorn -c config/gunicorn.py wsgi:app`. SIGTERM and Ctrl-C let requests end
    within `web.drain_s`.
    """
    die_with(parent)
    words = [sys.executable, "-m", "gunicorn", "-c", "python:config.gunicorn"]
    if fd is not None:
        words += ["--bind", f"fd://{fd}"]
    os.execve(sys.executable, [*words, "wsgi:app"], environment(settings))  # noqa: S606


def environment(settings: Settings) -> dict[str, str]:
    """Give the environment in which another process of ours finds the same settings."""
    given = {
        "JOBYARD_BIND": settings.server.bind,
        "JOBYARD_DATA_DIR": str(settings.server.data_dir),
    }
    if settings.server.config is not None:
        given["JOBYARD_CONFIG"] = str(settings.server.config)
    return {**os.environ, **given}
