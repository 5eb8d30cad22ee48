"""The frames of a render as cells of a grid; pure."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

ORDER = (
    "failed", "rendering", "aborted", "paused", "canceled", "waiting", "ready", "completed"
)  # fmt: skip
"""Words of tasks; of several in one cell the first of these is shown."""
_RANK = {word: place for place, word in enumerate(ORDER)}
STRIP = 120
"""Pieces that all frames together are shown in at most."""


class Rendered(NamedTuple):
    """A task as it is drawn. word: how it stands."""

    id: int
    word: str
    frame_start: int | None
    frame_end: int | None
    frame_current: int | None


class Cell(NamedTuple):
    """A frame. task: the one to look at. done, of: tasks that render it, tiles among them."""

    frame: int
    word: str
    task: int
    done: int
    of: int


class Stretch(NamedTuple):
    """Frames from one to another, and the word that is shown for them all."""

    first: int
    last: int
    word: str


def cells(tasks: Iterable[Rendered], first: int, last: int) -> list[Cell]:
    """Give the frames from `first` to `last` that any task renders, in order."""
    found: dict[int, Cell] = {}
    for task in tasks:
        start, end = task.frame_start, task.frame_end
        if start is None or end is None:
            continue
        for frame in range(max(start, first), min(end, last) + 1):
            new = Cell(frame, word_at(task, frame), task.id, 0, 1)
            found[frame] = _together(found.get(frame), new)
    return [found[frame] for frame in sorted(found)]


def word_at(task: Rendered, frame: int) -> str:
    """Give how a frame of a task stands: of one that is rendered, some are done."""
    at = task.frame_current
    if task.word != "rendering" or at is None or frame == at:
        return task.word
    return "completed" if frame < at else "ready"


def _together(cell: Cell | None, new: Cell) -> Cell:
    done = int(new.word == "completed")
    if cell is None:
        return new._replace(done=done)
    shown = new if _RANK[new.word] < _RANK[cell.word] else cell
    return shown._replace(done=cell.done + done, of=cell.of + 1)


def strip(tasks: Iterable[Rendered], first: int, last: int) -> Sequence[Stretch]:
    """Give all frames in a few stretches; the most urgent word of each."""
    count = min(last - first + 1, STRIP)
    length = last - first + 1
    words = [""] * count
    for task in tasks:
        start, end = task.frame_start, task.frame_end
        if start is None or end is None or end < first or start > last:
            continue
        begin = (max(start, first) - first) * count // length
        stop = (min(end, last) - first) * count // length
        for place in range(begin, stop + 1):
            if not words[place] or _RANK[task.word] < _RANK[words[place]]:
                words[place] = task.word
    edges = [first + -(-place * length // count) for place in range(count + 1)]
    return [
        Stretch(edges[place], edges[place + 1] - 1, word)
        for place, word in enumerate(words)
        if word
    ]
