"""`jobyard farm-worker`: the bundled worker of the render farm."""

from pathlib import Path

import click

from app.cli.remote import DEFAULT_SERVER


@click.command("farm-worker")
@click.option(
    "--manager",
    metavar="URL",
    envvar="JOBYARD_SERVER",
    default=DEFAULT_SERVER,
    help=f"Address of the farm's manager (JOBYARD_SERVER; else {DEFAULT_SERVER}).",
)
@click.option(
    "--token",
    metavar="TOKEN",
    envvar="JOBYARD_TOKEN",
    help="API token, where the manager wants one (JOBYARD_TOKEN).",
)
@click.option(
    "--folder",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="For files of jobs and tasks (else one in the temporary folder).",
)
@click.option("--hostname", metavar="NAME", help="What it is called (else what the machine is).")
@click.option(
    "--port",
    default=5000,
    show_default=True,
    type=click.IntRange(1, 65535),
    help="Tells the workers of one machine apart; nothing listens there.",
)
@click.option(
    "--poll",
    default=5.0,
    show_default=True,
    type=click.FloatRange(0.1, 3600),
    help="Seconds between two questions for work.",
)
@click.option("--once", is_flag=True, help="End when there is nothing to do.")
def command(
    *,
    manager: str,
    token: str | None,
    folder: Path | None,
    hostname: str | None,
    port: int,
    poll: float,
    once: bool,
) -> int:
    """Render on this machine what a farm's manager hands out.

    SIGTERM and Ctrl-C stop the task in hand, which goes back to the farm; SIGUSR1 makes the
    machine busy, or available again. The same worker is a file of its own that needs nothing but
    Python: see docs/render.md.
    """
    import logging  # noqa: PLC0415

    from clients.farm_worker.jobyard_farm_worker.command import serve  # noqa: PLC0415
    from clients.farm_worker.jobyard_farm_worker.options import (  # noqa: PLC0415
        Options,
        default_hostname,
    )

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    return serve(
        Options(
            manager=manager,
            token=token,
            folder=folder,
            hostname=hostname or default_hostname(),
            port=port,
            poll_s=poll,
            once=once,
        )
    )
