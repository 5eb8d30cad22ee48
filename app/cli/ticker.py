"""`jobyard ticker`: schedules, waiting lists, lost leases, clean-up."""

import click

from app.cli.options import with_settings
from app.cli.process import die_with, on_stop
from config import logging
from config.settings import Settings


@click.command()
@click.option("--parent", type=int, hidden=True)
@with_settings
def command(settings: Settings, parent: int | None) -> None:
    """Start the ticker: schedules, waiting lists, lost leases and clean-up.

    Start any number, on any hosts that reach the database: one leads, another takes over within
    10 s of its death. SIGTERM and Ctrl-C end it.
    """
    die_with(parent)
    logging.configure(settings.logging, part="ticker")
    from app.ticker.ticker import Ticker  # noqa: PLC0415 - quick help, late imports
    from app.wiring import build  # noqa: PLC0415

    services = build(settings)
    ticker = Ticker(services)
    on_stop(ticker.stop)
    try:
        ticker.run()
    finally:
        services.close()
