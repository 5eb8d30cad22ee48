"""`jobyard worker`: the daemon that runs tasks on this machine."""

import click

from app.cli import Failed
from app.cli.options import with_settings
from app.cli.process import die_with
from config.settings import Settings


@click.command()
@click.option("--parent", type=int, hidden=True)
@with_settings
def command(settings: Settings, parent: int | None) -> None:
    """Start the worker daemon, which runs tasks on this machine.

    Start any number, on any hosts that reach the database. SIGTERM and Ctrl-C let running tasks
    end within `worker.grace_s` and hand the rest back.
    """
    die_with(parent)
    # Before anything that opens a socket or makes a lock is imported.
    from gevent import monkey  # noqa: PLC0415

    monkey.patch_all()
    import signal  # noqa: PLC0415

    import gevent  # noqa: PLC0415

    from config import logging  # noqa: PLC0415

    logging.configure(settings.logging, part="worker")
    from app.wiring import build  # noqa: PLC0415
    from app.worker.daemon import Daemon  # noqa: PLC0415
    from app.worker.runtimes.making import make_policies, make_runtimes  # noqa: PLC0415

    services = build(settings)
    daemon = Daemon(services, lambda seat: make_runtimes(settings, seat), make_policies(settings))
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, daemon.stop)
    try:
        daemon.run()
    except OSError as error:
        raise Failed(f"cannot work on this machine: {error}") from error
    finally:
        services.close()
