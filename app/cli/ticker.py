"""`jobyard ticker`: schedules, waiting lists, lost leases, clean-up."""

from typing import TYPE_CHECKING

import click

from app.cli.options import with_settings
from app.cli.process import die_with, on_stop
from config import logging
from config.settings import Settings

if TYPE_CHECKING:
    from app.domain.clock import Instant
    from app.domain.records import Delivery, Post, Schedule
    from app.wiring import Services

OWN_CRON = ("mantis",)
"""Dialects whose schedules are more than a template."""


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
    from app.ticker.duties import Duty  # noqa: PLC0415 - quick help, late imports
    from app.ticker.sender import Sender  # noqa: PLC0415
    from app.ticker.ticker import Ticker  # noqa: PLC0415
    from app.wiring import build  # noqa: PLC0415

    services = build(settings)
    chores = Duty("dialects", 1.0, _Chores(services).run_once)
    services.engine.schedules.fire_by({name: _Firing(services, name) for name in OWN_CRON})
    ticker = Ticker(services, Sender(services, _Wording(services)), [chores])
    on_stop(ticker.stop)
    try:
        ticker.run()
    finally:
        services.close()


class _Wording:
    """Has messages worded by the dialect they belong to, loaded when the first one comes."""

    def __init__(self, services: "Services") -> None:
        self._services = services

    def __call__(self, delivery: "Delivery") -> "Post | None":
        """Give the message; None when it is not to be sent. Raises ValueError."""
        from app.api import DIALECTS  # noqa: PLC0415 - most servers have nothing to send

        for dialect in DIALECTS:
            if dialect.name == delivery.dialect and dialect.post is not None:
                return dialect.post(self._services, delivery)
        raise ValueError(f"jobs of {delivery.dialect} have no webhooks")


class _Firing:
    """Has a dialect do what its schedules stand for, loaded when the first one is due."""

    def __init__(self, services: "Services", name: str) -> None:
        self._services = services
        self._name = name

    def __call__(self, schedule: "Schedule", at: "Instant") -> bool:
        """Do it; False when there is nothing to do."""
        from app.api import DIALECTS  # noqa: PLC0415 - most servers have no such schedules

        for dialect in DIALECTS:
            if dialect.name == self._name and dialect.fire is not None:
                enabled = dialect.terms(self._services.settings).enabled
                return enabled and dialect.fire(self._services, schedule, at)
        return False


class _Chores:
    """Does what dialects want done now and then.

    Loads them only where there is something that wants watching: a group, or a remote worker.
    """

    def __init__(self, services: "Services") -> None:
        self._services = services
        self._wanted = False

    def run_once(self, now: "Instant") -> int:
        """Let each dialect that is on have its turn; give how much they did."""
        engine = self._services.engine
        self._wanted = self._wanted or engine.groups.exist() or engine.workers.remote()
        if not self._wanted:
            return 0
        from app.api import DIALECTS  # noqa: PLC0415 - most servers have neither

        return sum(
            dialect.run_once(self._services, now)
            for dialect in DIALECTS
            if dialect.run_once is not None and dialect.terms(self._services.settings).enabled
        )
