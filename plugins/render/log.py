"""The parser `blender_render`: what Blender prints, from 2.7x to 5.x, becomes facts.

It goes line by line and remembers little, so that a log of any length costs its length once. No
pattern here looks at a character more than a few times, whatever the text.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from app.hooks import Json, Parsed
from plugins.render.ranges import Ranges

_CLOCK = r"(?:(\d{1,6}):)?(\d{1,6}):(\d{1,6}\.\d{1,9})"
_PREFIX = re.compile(r"(?:\d+:)?\d+:\d+\.\d+[ \t]+\S+[ \t]+\| ")
_FRAME = re.compile(r"Fra:[ \t]*(-?\d{1,15})(?!\d)")
_BEGUN = re.compile(r"Rendering frame (-?\d{1,15})(?!\d)")
_REMAINING = re.compile(rf"Remaining:[ \t]*{_CLOCK}")
_TIME = re.compile(rf"[ \t]*Time:[ \t]*{_CLOCK}")
# The file name ends at the quote behind which the line ends or the time stands.
_QUOTED = re.compile(r"'.*?'(?=[ \t]*(?:$|Time:))")
_PART = re.compile(
    r"\b(?:Sample|Rendered|Rendering|Tile|Part)[ \t]+(\d{1,15})(?:[ ]*/[ ]*|-)(\d{1,15})"
)
_MISSING, _NOT_FOUND = "Warning: Path '", "' not found"
# A line without any of these tells nothing: most of what add-ons print.
_TELLING = re.compile(r"Fra:|Saved: |Time:|Rendering frame |Remaining:|Warning: Path '")


@dataclass(slots=True)
class Facts:
    """What the text so far holds.

    frame: the last one begun; begun: the last one of the task's own. saved: of these, those that
    a file was saved of. unclocked: whether the last line saved a file and did not say how long the
    frame took. clocked_s, clocked: sum and number of the times of frames.
    """

    frame: int | None = None
    begun: int | None = None
    process: str | None = None
    remaining: int | None = None
    saved_file: str | None = None
    missing: bool = False
    saved: list[list[int]] = field(default_factory=list)
    unclocked: bool = False
    clocked_s: float = 0.0
    clocked: int = 0


def parse(payload: Json, lines: Sequence[str], state: Json) -> Parsed:
    """Read further lines of a task's output; none: tell the progress anew.

    payload: `frame_start`, `frame_end`, `frame_current` and `activity` of the task, each perhaps
    None. state: of the last call. The facts given are those that the output holds.
    """
    facts = Facts(**state)
    first, last = payload.get("frame_start"), payload.get("frame_end")
    span = range(first, last + 1) if first is not None and last is not None else range(0)
    reader = Reader(facts, span)
    for line in lines:
        reader.read(line)
    facts.saved = reader.saved.pairs
    current = facts.begun if lines and facts.begun is not None else payload.get("frame_current")
    progress, eta_s = 0.0, None
    if span:
        reported = (payload.get("activity") or {}).get("process")
        process = facts.process if facts.process is not None else reported
        progress, eta_s = reached(facts, reader.saved, span, current, process)
    known = {
        "process": facts.process,
        "remaining": facts.remaining,
        "current_frame": facts.frame,
        "path_not_found": facts.missing or None,
        "saved_file": facts.saved_file,
    }
    return Parsed(
        state=asdict(facts),
        progress=progress,
        eta_s=eta_s,
        item=facts.saved_file,
        frame=facts.begun,
        facts={name: value for name, value in known.items() if value is not None},
    )


def reached(
    facts: Facts, saved: Ranges, span: range, current: int | None, process: object
) -> tuple[float, float | None]:
    """Tell how many per cent are done, and how many seconds the rest may take, None: unknown."""
    total = span.stop - span.start
    done = saved.count
    part = 0.0
    if current is not None and current in span:
        done = max(done, current - span.start)  # those before it must be through
        if current not in saved and isinstance(process, str):
            part = part_of(process)
    progress = min(round(100 * (done + part) / total, 1), 100.0)
    if not facts.clocked:
        return progress, None
    return progress, float(round(facts.clocked_s / facts.clocked * (total - done)))


def part_of(process: str) -> float:
    """Tell how much of the frame is there, from 0 to 1: `Sample 64/128` is a half."""
    match = _PART.search(process)
    if match is None or not int(match[2]):
        return 0.0
    return min(int(match[1]) / int(match[2]), 1.0)


class Reader:
    """Takes line after line and changes the facts."""

    def __init__(self, facts: Facts, span: range) -> None:
        self.facts = facts
        self.saved = Ranges(facts.saved)
        self._span = span
        self._telling: Callable[[str], Any] = _TELLING.search

    def read(self, line: str) -> None:
        """Take one line."""
        unclocked, self.facts.unclocked = self.facts.unclocked, False
        if self._telling(line) is None:
            return
        if (prefix := _PREFIX.match(line)) is not None:
            line = line[prefix.end() :]
        if (match := _FRAME.search(line)) is not None:
            self._frame(int(match[1]))
            self._process(line)
        elif (match := _BEGUN.match(line)) is not None:
            self._frame(int(match[1]))
        if "Remaining:" in line:
            for match in _REMAINING.finditer(line):
                self.facts.remaining = int(seconds(match))
        start = line.lstrip(" \t")
        if start.startswith("Saved: "):
            self._save(start.removeprefix("Saved: "))
        elif unclocked and (match := _TIME.match(line)) is not None:
            self._clock(match)
        at = line.find(_MISSING)
        if at >= 0 and line.find(_NOT_FOUND, at + len(_MISSING) + 1) >= 0:
            self.facts.missing = True

    def _frame(self, frame: int) -> None:
        self.facts.frame = frame
        if frame in self._span:
            self.facts.begun = frame

    def _process(self, line: str) -> None:
        _, bar, text = line.rpartition(" | ")
        text = text.strip()
        if bar and text != "Finished":
            self.facts.process = text

    def _save(self, rest: str) -> None:
        if rest.startswith("'"):
            match = _QUOTED.match(rest)
            end = match.end() - 1 if match is not None else rest.find("'", 1)
            if end < 0:
                return
            name, rest = rest[1:end], rest[end + 1 :]
        else:
            at = rest.find(" Time:")
            name, rest = (rest, "") if at < 0 else (rest[:at], rest[at:])
        self.facts.saved_file = name
        frame = self.facts.frame
        if frame is not None and frame in self._span:
            self.saved.add(frame)
        if (time := _TIME.match(rest)) is not None:
            self._clock(time)
        else:
            self.facts.unclocked = True

    def _clock(self, match: re.Match[str]) -> None:
        self.facts.clocked_s += seconds(match)
        self.facts.clocked += 1


def seconds(clock: re.Match[str]) -> float:
    """Give the seconds of a matched `[HH:]MM:SS.cc`."""
    hours, minutes, rest = clock.groups()
    return int(hours or 0) * 3600 + int(minutes) * 60 + float(rest)
