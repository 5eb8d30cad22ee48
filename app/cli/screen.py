"""What commands show to people: lines, tables, colours where the output is a terminal."""

import shutil
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click

from app.domain.clock import SystemClock, to_datetime

COLOURS = {
    "COMPLETED": "green",
    "RUNNING": "blue",
    "LEASED": "blue",
    "FAILED": "red",
    "CANCELLED": "yellow",
    "HELD": "yellow",
    "WAITING": "cyan",
}
SHORT_ID = 8
_FULL_WIDTH = 10_000


def printable(text: str) -> str:
    """Give a text as one line that does nothing to a terminal."""
    return "".join(each if each.isprintable() else "\ufffd" for each in text)


def is_terminal() -> bool:
    """Tell whether a person looks at the output as it comes."""
    return sys.stdout.isatty()


def state(word: str) -> str:
    """Give a state in its colour; `click.echo` takes that out where nobody sees it."""
    return click.style(word, fg=COLOURS[word]) if word in COLOURS else word


def table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """Give aligned lines, the last column cut to the width of a terminal; no lines without rows."""
    if not rows:
        return []
    cells = [list(heads), *([printable(_text(cell)) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    most = shutil.get_terminal_size().columns if is_terminal() else _FULL_WIDTH
    lines = []
    for number, row in enumerate(cells):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        line = line.rstrip()[:most]
        for word in COLOURS if number else ():
            if word in row:
                line = line.replace(word, state(word), 1)
        lines.append(click.style(line, bold=True) if number == 0 else line)
    return lines


def job_rows(jobs: Sequence[dict[str, Any]]) -> list[Sequence[Any]]:
    """Give rows of jobs for JOB_HEADS."""
    return [
        (
            job["id"][:SHORT_ID],
            job["state"],
            f"{job['progress']:.0f}%",
            ago(job["created_at"]),
            job["dialect"],
            job["type"],
            job["name"],
        )
        for job in jobs
    ]


JOB_HEADS = ("ID", "STATE", "DONE", "AGE", "DIALECT", "TYPE", "NAME")
TASK_HEADS = ("TASK", "STATE", "DONE", "TRIES", "TOOK", "QUEUE", "NAME")


def task_rows(tasks: Sequence[dict[str, Any]]) -> list[Sequence[Any]]:
    """Give rows of tasks for TASK_HEADS."""
    return [
        (
            task["id"],
            task["state"],
            f"{task['progress']:.0f}%",
            task["attempts"],
            took(task["started_at"], task["ended_at"]),
            task["queue"],
            task["name"],
        )
        for task in tasks
    ]


def ago(at: str | None) -> str:
    """Give how long ago a time was."""
    return "" if at is None else span((_now() - _time(at)).total_seconds())


def took(begun: str | None, ended: str | None) -> str:
    """Give how long something took, or has taken so far."""
    if begun is None:
        return ""
    until = _now() if ended is None else _time(ended)
    return span((until - _time(begun)).total_seconds())


def span(length_s: float) -> str:
    """Give a length of time in its largest unit that is not 0."""
    whole = max(0, int(length_s))
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if whole >= size:
            return f"{whole // size}{unit}"
    return f"{whole}s"


def _now() -> datetime:
    return to_datetime(SystemClock().now())


def _time(at: str) -> datetime:
    return datetime.fromisoformat(at)


def _text(cell: Any) -> str:
    return "" if cell is None else str(cell)
