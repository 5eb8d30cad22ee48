"""Watching tasks of the render farm until they are over."""

import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from app.cli import Failed, screen
from app.cli.client import WATCHING_S, Server
from clients.farm_worker.jobyard_farm_worker.archives import BadArchive, unpack

LOOK_S = 1.0
CHUNKS_READ = 1000
CHUNKS_SHOWN = 20
MOST_BYTES = 64 << 30
OVER = frozenset({"completed", "failed", "canceled"})
COLOURS = {
    "completed": "green",
    "rendering": "blue",
    "failed": "red",
    "canceled": "yellow",
    "paused": "yellow",
}


class Look(NamedTuple):
    """A task as it stood, and its chunks; a task that was not cut is its own chunk."""

    task: dict[str, Any]
    chunks: list[dict[str, Any]]


def looks(server: Server, path: str, number: int) -> Iterator[Look]:
    """Give a task as it stands, once a second, the last time when it is over.

    path: of the tasks.
    """
    server.patience_s = WATCHING_S
    headers = server.authorization()
    pause = threading.Event()
    while True:
        task = server.read(f"{path}/{number}", headers)
        chunks = [task]
        if task["is_group"]:
            query = f"{path}?parent_id={number}&limit={CHUNKS_READ}"
            chunks = server.read(query, headers)["tasks"]
        yield Look(task, chunks)
        if task["status"] in OVER:
            return
        pause.wait(LOOK_S)


def watch(server: Server, path: str, number: int, *, quiet: bool = False) -> dict[str, Any]:
    """Show a task until it is over, and give it as it ended. quiet: show nothing."""
    if quiet:
        *_, last = looks(server, path, number)
    elif screen.is_terminal():
        last = _watch_live(server, path, number)
    else:
        last = _watch_lines(server, path, number)
    return last.task


def save(server: Server, path: str, task: dict[str, Any], folder: Path) -> None:
    """Write the output of a task, or of all that was rendered of a group, into a folder.

    Raises Failed. A file of the same name is replaced.
    """
    headers = server.authorization()
    chunks = task["children"] or [task["id"]]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number in chunks:
            chunk = task if number == task["id"] else server.read(f"{path}/{number}", headers)
            if chunk["status"] == "completed":
                packed = server.request("GET", f"{path}/{number}/output", headers=headers).body
                _unpack(packed, folder)
    except (OSError, BadArchive) as error:
        raise Failed(f"{folder}: {error}") from error


def _unpack(packed: bytes, folder: Path) -> None:
    with tempfile.NamedTemporaryFile(suffix=".zip") as archive:
        archive.write(packed)
        archive.flush()
        unpack(Path(archive.name), folder, most_bytes=MOST_BYTES)


def _watch_lines(server: Server, path: str, number: int) -> Look:
    """Write a line for each change of a state."""
    seen: dict[int, str] = {}
    for look in looks(server, path, number):
        for task in [*look.chunks, look.task]:
            if seen.get(task["id"]) != task["status"]:
                seen[task["id"]] = task["status"]
                name = screen.printable(task["name"])
                click.echo(f"{task['id']} {name}: {task['status']} {task['progress']:.0f}%")
    return look


def _watch_live(server: Server, path: str, number: int) -> Look:
    """Keep a bar for each chunk on the terminal."""
    with Live(console=Console(), auto_refresh=False) as live:
        for look in looks(server, path, number):
            live.update(picture(look), refresh=True)
    return look


def picture(look: Look) -> Group:
    """Give what the terminal shows: all of it in one line, then those at work and to come."""
    done = sum(chunk["status"] == "completed" for chunk in look.chunks)
    name = screen.printable(look.task["name"])
    head = f"{name}  {look.task['progress']:.0f}%  {done} of {len(look.chunks)}"
    ranked = sorted(look.chunks, key=lambda chunk: (_rank(chunk["status"]), chunk["id"]))
    table = Table.grid(padding=(0, 2))
    for chunk in sorted(ranked[:CHUNKS_SHOWN], key=lambda chunk: int(chunk["id"])):
        eta = chunk["eta"]
        table.add_row(
            screen.printable(chunk["name"]),
            ProgressBar(total=100.0, completed=chunk["progress"], width=30),
            Text(chunk["status"], style=COLOURS.get(chunk["status"], "")),
            f"{eta} s" if eta and chunk["status"] == "rendering" else "",
        )
    return Group(Text(head, style="bold"), table)


def _rank(status: str) -> int:
    return {"rendering": 0, "failed": 1, "ready": 2, "aborted": 2, "completed": 4}.get(status, 3)
