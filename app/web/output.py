"""Output of jobs and tasks as lines that a page can show: no escapes, no endless line.

Parts end anywhere, also within a line, and those of several tasks take turns: what continues a
line of its task is put behind it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from app.api.http.follow import JobOutput, TaskOutput
from app.api.jobyard.errors import BadRequest
from app.api.jobyard.masking import Mask
from app.api.jobyard.query import whole
from app.api.jobyard.service.logs import Source
from app.domain.records import Json, LogPart

LONGEST = 4000
"""Characters of a line that are shown."""
SHOWN_CHARS, SHOWN_LINES, SHOWN_PARTS = 128 * 1024, 1000, 400
"""How much is shown at first; it is whole parts, so the last may be a little more."""
_BATCH = 50
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours, places
    r"|\x1b[\]P^_][^\x07\x1b]*(?:\x07|\x1b\\)?"  # titles, links
    r"|\x1b[ -/]*[0-~]?"
)
_BREAKS = re.compile(r"\r+\n?")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff\ufff9-\ufffb]")


@dataclass(slots=True)
class Line:
    """A line.

    before: set where a part begins, to read what is before it. hidden: characters that are cut.
    """

    task_id: int
    text: str
    before: str = ""
    hidden: int = 0
    is_open: bool = False

    def add(self, text: str) -> None:
        """Put more behind it, up to what is shown."""
        room = max(0, LONGEST - len(self.text))
        self.text += text[:room]
        self.hidden += max(0, len(text) - room)


def clean(text: str) -> str:
    """Take out what a terminal would act on; what else cannot be seen becomes a sign."""
    text = _BREAKS.sub("\n", _ESCAPES.sub("", text))
    return _CONTROLS.sub("\ufffd", text)


def part(found: LogPart, mask: Mask) -> Json:
    """Give a part as the stream of a page sends it."""
    return {"task": found.task_id, "text": clean(mask.text(found.contents) or "")}


def lines(parts: Iterable[tuple[str, Json]]) -> list[Line]:
    """Give the lines of parts, oldest first, each with its position."""
    found: list[Line] = []
    unfinished: dict[int, Line] = {}
    for position, each in parts:
        task, text = each["task"], each["text"]
        *full, rest = text.split("\n")
        before = position
        for number, piece in enumerate([*full, rest] if rest else full):
            line = unfinished.pop(task, None) if number == 0 else None
            if line is None:
                line = Line(task, "", before)
                found.append(line)
                before = ""
            line.add(piece)
            line.is_open = number == len(full)
            if line.is_open:
                unfinished[task] = line
    return found


def tail(source: Source, before: str) -> tuple[list[tuple[str, Json]], str | None]:
    """Give the last parts of an output before a position ("" is its end), oldest first.

    Beside them the position to read what is before them, None at the beginning. Raises BadRequest.
    """
    found: list[tuple[str, Json]] = []
    chars = count = 0
    for each in _backwards(source, before):
        if chars >= SHOWN_CHARS or count >= SHOWN_LINES or len(found) >= SHOWN_PARTS:
            return found[::-1], found[-1][0]
        shown = part(each, source.mask)
        found.append((source.output.position(each), shown))
        chars, count = chars + len(shown["text"]), count + shown["text"].count("\n")
    return found[::-1], None


def _backwards(source: Source, before: str) -> Iterator[LogPart]:
    while parts := _last(source, before):
        yield from parts
        if len(parts) < _BATCH:
            return
        before = source.output.position(parts[-1])


def _last(source: Source, before: str) -> Sequence[LogPart]:
    output: Any = source.output
    if isinstance(output, JobOutput):
        try:
            return output.engine.logs.last_in_job(output.job_id, before or None, limit=_BATCH)
        except ValueError as error:
            raise BadRequest("the query is not valid", before="is no place in this log") from error
    if not isinstance(output, TaskOutput):
        raise TypeError(output)
    number = whole(before) if before else 2**31 - 1
    if number is None or number >= 2**31:
        raise BadRequest("the query is not valid", before="is no place in this log")
    return output.engine.logs.last(output.task_id, number, limit=_BATCH)
