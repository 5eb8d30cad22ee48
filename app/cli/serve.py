"""`jobyard serve`: everything on one machine, supervised."""

import socket
import subprocess
import sys

import click

from app.cli import Failed
from app.cli.options import with_settings
from app.cli.process import die_with
from app.cli.supervisor import Part, Supervisor
from app.cli.web import environment
from config import logging
from config.rules import refusals
from config.settings import Settings
from config.sources import SettingsError

BACKLOG = 2048
_MARGIN_S = 15.0


@click.command()
@click.option(
    "--part",
    "chosen",
    multiple=True,
    type=click.Choice(["web", "ticker", "worker"]),
    help="Start only this part; may be repeated (else serve.parts, by default all three).",
)
@click.option("--parent", type=int, hidden=True)
@with_settings
def command(settings: Settings, chosen: tuple[str, ...], parent: int | None) -> None:
    """Start everything on one machine: web, ticker and worker, kept alive.

    Brings the database to the present schema first. A part that dies is started again. SIGTERM
    and Ctrl-C let running work end and then end all parts.
    """
    die_with(parent)
    logging.configure(settings.logging, part="serve")
    names = list(chosen or settings.serve.parts)
    if not chosen and not settings.worker.enabled:
        names = [name for name in names if name != "worker"]
    for line in refusals(settings) if "web" in names else ():
        raise Failed(line)
    given = environment(settings)
    migrate = [sys.executable, "-m", "app.cli", "migrate"]
    if subprocess.run(migrate, env=given, check=False).returncode:  # noqa: S603
        raise Failed("the database could not be brought to the present schema")
    parts = []
    if "web" in names:
        listener = _listen(settings)
        parts.append(Part("web", ["web", "--fd", str(listener.fileno())], [listener.fileno()]))
        host, port = listener.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        click.echo(f"Jobyard serves http://{shown}:{port}/, data in {settings.server.data_dir}")
    parts += [Part(name, [name]) for name in ("ticker", "worker") if name in names]
    patience = max(settings.worker.grace_s, settings.web.drain_s) + _MARGIN_S
    supervisor = Supervisor(parts, given, stop_within_s=patience)
    supervisor.run()
    if supervisor.refused:
        # What is wrong the part itself has said, a line above.
        raise SettingsError([f"{supervisor.refused} cannot work with these settings"])


def _listen(settings: Settings) -> socket.socket:
    host, port = settings.server.host, settings.server.port
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        raise Failed(
            f"cannot listen on {settings.server.bind}: {error.strerror or error}"
        ) from error
    return listener
