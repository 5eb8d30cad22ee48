"""Watching a job until it is over."""

import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

import click
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.text import Text

from app.cli import Failed, screen
from app.cli.client import WATCHING_S, Server

LOOK_S = 2.0
"""A look is due after so long even when no event came, for the stream may just be cut."""
PAUSE_S = 0.1
TASKS_SHOWN = 500
LINES_SHOWN = 15
OVER = frozenset({"COMPLETED", "FAILED", "CANCELLED"})


class Look(NamedTuple):
    """A job as it stood, with its first tasks."""

    job: dict[str, Any]
    tasks: list[dict[str, Any]]


def looks(server: Server, job_id: str) -> Iterator[Look]:
    """Give a job as it stands and after each change, the last time when it is over."""
    server.patience_s = WATCHING_S
    changed, over = threading.Event(), threading.Event()

    def listen() -> None:
        try:
            for _ in server.stream("/events", job=job_id):
                changed.set()
                if over.is_set():
                    return
        except Failed:
            return  # the looks go on, and tell what is wrong

    threading.Thread(target=listen, daemon=True).start()
    try:
        while True:
            changed.clear()
            job = server.get(f"/jobs/{job_id}")
            yield Look(job, server.get(f"/jobs/{job_id}/tasks", size=TASKS_SHOWN)["items"])
            if job["state"] in OVER:
                return
            changed.wait(LOOK_S)
            over.wait(PAUSE_S)  # many events at a time are one change
    finally:
        over.set()


def watch(server: Server, job_id: str, *, quiet: bool = False) -> dict[str, Any]:
    """Show a job until it is over, and give it as it ended. quiet: show nothing."""
    if quiet:
        *_, last = looks(server, job_id)
    elif screen.is_terminal():
        last = _watch_live(server, job_id)
    else:
        last = _watch_lines(server, job_id)
    return last.job


def _watch_lines(server: Server, job_id: str) -> Look:
    """Write a line for each change of a state."""
    seen: dict[int | str, str] = {}
    for look in looks(server, job_id):
        for task in look.tasks:
            if seen.get(task["id"]) != task["state"]:
                seen[task["id"]] = task["state"]
                click.echo(f"task {task['id']} {screen.printable(task['name'])}: {task['state']}")
        if seen.get("job") != look.job["state"]:
            seen["job"] = look.job["state"]
            click.echo(f"job {job_id[: screen.SHORT_ID]}: {look.job['state']}")
    return look


def _watch_live(server: Server, job_id: str) -> Look:
    """Keep a progress bar and the tasks' states on the terminal."""
    with Live(console=Console(), auto_refresh=False) as live:
        for look in looks(server, job_id):
            live.update(_picture(look), refresh=True)
    return look


def _picture(look: Look) -> Group:
    job = look.job
    done = 100.0 if job["state"] == "COMPLETED" else job["progress"]
    name = screen.printable(job["name"])
    head = f"{name}  {screen.state(job['state'])}  {done:.0f}%  {_counts(job)}"
    # Those at work first, then what is to come, then what is over.
    shown = sorted(look.tasks, key=lambda task: (_rank(task["state"]), -task["id"]))[:LINES_SHOWN]
    lines = screen.table(screen.TASK_HEADS, screen.task_rows(sorted(shown, key=lambda t: t["id"])))
    bar = ProgressBar(total=100.0, completed=done, width=40)
    return Group(Text.from_ansi(head), bar, *(Text.from_ansi(line) for line in lines))


def _counts(job: dict[str, Any]) -> str:
    ended = job["tasks_total"] - job["tasks_open"]
    failed = f", {job['tasks_failed']} failed" if job["tasks_failed"] else ""
    return f"{ended} of {job['tasks_total']} tasks{failed}"


def _rank(state: str) -> int:
    return {"RUNNING": 0, "LEASED": 0, "QUEUED": 1, "FAILED": 2}.get(state, 3)
