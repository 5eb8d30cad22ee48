"""When which task was tried, and how that went: a row a task, a bar an attempt."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from app.domain.clock import SECOND, Instant, rfc3339
from app.domain.records import Attempt, Json
from app.web.spans import instant, span

MOST = 60
"""Rows of a timeline."""
NAMES, WIDTH, ROW, HEAD = 190.0, 960.0, 22.0, 24.0
_LEAST, _ROOM = 3.0, 64.0
_TICKS = 6
_STEPS = (
    *(0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600),
    *(7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 2_592_000),
)


@dataclass(frozen=True, slots=True)
class Bar:
    """An attempt. told: what is read of it."""

    x: float
    width: float
    state: str
    told: str


@dataclass(frozen=True, slots=True)
class Row:
    """A task with its attempts."""

    task_id: int
    name: str
    y: float
    bars: Sequence[Bar]


class Tick(NamedTuple):
    """A time on the axis."""

    x: float
    at: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """Rows in a space of that height; tasks that nobody has tried have none."""

    rows: Sequence[Row]
    ticks: Sequence[Tick]
    height: float


def draw(
    tasks: Sequence[Json], attempts: Sequence[Attempt], workers: dict[int, str], now: Instant
) -> Timeline | None:
    """Draw the attempts of tasks; None without any. workers: names by id."""
    tried: dict[int, list[Attempt]] = {}
    for attempt in attempts:
        tried.setdefault(attempt.task_id, []).append(attempt)
    shown = [task for task in tasks if task["id"] in tried][:MOST]
    ends = {task["id"]: instant(task["ended_at"]) for task in shown}
    if not shown:
        return None
    spans = {
        (one.task_id, one.number): (one.leased_at, one.ended_at or ends[one.task_id] or now)
        for task in shown
        for one in tried[task["id"]]
    }
    begin = min(start for start, _ in spans.values())
    end = max(begin + SECOND // 10, *(over for _, over in spans.values()))
    scale = (WIDTH - NAMES - _ROOM) / (end - begin)
    rows = [
        Row(
            task["id"],
            task["name"] or f"task {task['id']}",
            HEAD + number * ROW,
            [
                _named(_bar(one, spans[one.task_id, one.number], begin, scale), one, workers)
                for one in tried[task["id"]]
            ],
        )
        for number, task in enumerate(shown)
    ]
    return Timeline(rows, list(_ticks(begin, end, scale)), HEAD + len(rows) * ROW + 6)


def _bar(one: Attempt, span_of: tuple[Instant, Instant], begin: Instant, scale: float) -> Bar:
    start, over = span_of
    return Bar(
        round(NAMES + (start - begin) * scale, 1),
        round(max(_LEAST, (over - start) * scale), 1),
        one.state,
        f"Attempt {one.number}: {one.state.lower()}, {span(over - start)}",
    )


def _named(bar: Bar, one: Attempt, workers: dict[int, str]) -> Bar:
    by = workers.get(one.worker_id, f"worker {one.worker_id}")
    return replace(bar, told=f"{bar.told}, by {by}")


def _ticks(begin: Instant, end: Instant, scale: float) -> list[Tick]:
    length = (end - begin) / SECOND
    step_s = next((step for step in _STEPS if length / step <= _TICKS), _STEPS[-1])
    step = round(step_s * SECOND)
    first = -(-begin // step) * step
    return [
        Tick(round(NAMES + (at - begin) * scale, 1), rfc3339(at))
        for at in range(first, end + 1, step)
    ][: _TICKS * 4]
