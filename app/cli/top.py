"""`jobyard top`."""

import time
from typing import Any

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

from app.cli import screen
from app.cli.client import WATCHING_S, Server
from app.cli.remote import AS_JSON, with_server, write_json

OPEN = "PENDING,WAITING,SCHEDULED,RUNNING"
JOBS_SHOWN = 20


@click.command("top")
@click.option("--once", is_flag=True, help="Write it once and end; so it is without a terminal.")
@click.option(
    "--every",
    default=2.0,
    show_default=True,
    type=click.FloatRange(0.2, 3600),
    help="Seconds between two looks.",
)
@AS_JSON
@with_server
def command(server: Server, once: bool, every: float, as_json: bool) -> None:
    """Show the jobs that are not over, the workers and the queues, as they change.

    Ctrl-C ends it.
    """
    if as_json:
        write_json(_look(server))
        return
    if once or not screen.is_terminal():
        for line in _lines(_look(server)):
            click.echo(line)
        return
    with Live(console=Console(), auto_refresh=False, screen=True) as live:
        try:
            while True:
                text = "\n".join(_lines(_look(server)))
                live.update(Text.from_ansi(text), refresh=True)
                server.patience_s = WATCHING_S
                time.sleep(every)
        except KeyboardInterrupt:
            return


def _look(server: Server) -> dict[str, Any]:
    return {
        "server": server.get("/server"),
        "jobs": server.get("/jobs", state=OPEN, size=JOBS_SHOWN)["items"],
        "workers": server.get("/workers")["items"],
        "queues": server.get("/queues")["items"],
    }


def _lines(found: dict[str, Any]) -> list[str]:
    running = sum(worker["tasks_running"] for worker in found["workers"])
    waiting = sum(queue["size"] for queue in found["queues"])
    head = f"jobyard {found['server']['version']}: {running} tasks running, {waiting} ready"
    workers = [
        (
            each["name"],
            each["kind"],
            each["status"],
            each["tasks_running"],
            sum(each["queues"].values()),
            f"{each['cpu_percent']:.0f}%",
            screen.ago(each["heartbeat_at"]),
        )
        for each in found["workers"]
    ]
    queues = [
        (each["size"], each["unacked"], each["subscribers"], each["name"])
        for each in found["queues"]
    ]
    blocks = (
        screen.table(("WORKER", "KIND", "STATUS", "TASKS", "SLOTS", "CPU", "SEEN"), workers),
        screen.table(("READY", "IN HAND", "SLOTS", "QUEUE"), queues),
        screen.table(screen.JOB_HEADS, screen.job_rows(found["jobs"])),
    )
    return [head, *(line for block in blocks if block for line in ("", *block))]
