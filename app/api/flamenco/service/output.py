"""The output of tasks: stored in parts, and read by the task's parser as it comes.

The parser sees every line once. Beside its own state we keep the line that is not finished; facts
are those of all lines and that one, so they never depend on where a report was cut.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from app.api.flamenco.records import FarmTask
from app.domain.errors import PluginFailed
from app.domain.records import Json, LogPart
from app.engine.logs import PART_BYTES
from app.hooks.farm import OutputParser
from app.hooks.types import TaskView
from app.wiring import Services

MOST_LINE = 64 * 1024
"""Characters of a line that a parser sees; the rest of a longer one is nothing to it."""
PIECE = 256 * 1024
"""Characters that one call of a parser is given at most, about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What was made of the output so far. number: of the newest part. facts: None where there is no
    parser.
    """

    log_from: int
    number: int
    state: Json | None
    facts: Json | None


def store(services: Services, task: FarmTask, text: str, *, whole: bool) -> tuple[int, int]:
    """Store output behind what there is; give the numbers of its first and last part."""
    logs = services.engine.logs
    size = PART_BYTES // 4  # of characters, whatever they take
    texts = [text[start : start + size] for start in range(0, len(text), size)]
    if not texts:
        if not whole:
            last = logs.last_number(task.id)
            return last + 1, last
        texts = [""]
    last = logs.append(
        task_id=task.id,
        job_id=None,
        position=0,
        task_created_at=task.created_at,
        texts=texts,
    )
    return last - len(texts) + 1, last


def read(services: Services, task: FarmTask, *, first: int | None, last: int) -> Read:
    """Let the parser read what it has not seen; up to a part that was just stored.

    first: where the output begins anew, None where it goes on.
    """
    fresh = first is not None
    log_from = first if first is not None else task.log_from
    number = log_from - 1 if fresh else max(task.log_read, log_from - 1)
    parser = services.plugins.parsers.get(task.parser or "")
    if parser is None:
        return Read(log_from=log_from, number=last, state=None, facts=None)
    state = {} if fresh or task.parser_state is None else task.parser_state
    reading = _Reading(services, parser, task, state)
    for part in _parts(services, task.id, after=number):
        reading.take(part.contents)
        number = part.number
    return Read(
        log_from=log_from,
        number=number,
        state=reading.kept(),
        facts=reading.facts(),
    )


def _parts(services: Services, task_id: int, *, after: int) -> Iterator[LogPart]:
    while parts := services.engine.logs.after(task_id, after):
        yield from parts
        after = parts[-1].number


class _Reading:
    """A parser at work on the output of one task."""

    def __init__(
        self, services: Services, parser: OutputParser, task: FarmTask, kept: Json
    ) -> None:
        self._plugins = services.plugins
        self._parser = parser
        self._view = TaskView(
            id=task.id,
            name=task.name,
            payload={"frame_start": task.frame_start, "frame_end": task.frame_end},
            state=task.state,
        )
        self._state: Json = kept.get("state", {})
        self._tail: str = kept.get("tail", "")
        self._facts: Json = kept.get("facts", {})

    def take(self, text: str) -> None:
        """Read some more."""
        for start in range(0, len(text), PIECE):
            self._piece(text[start : start + PIECE])

    def _piece(self, text: str) -> None:
        *lines, rest = text.split("\n")
        if lines:
            lines[0] = self._tail + lines[0]
            self._tail = ""
            self._state, self._facts = self._ask([_line(one) for one in lines])
        self._tail = (self._tail + rest)[:MOST_LINE]

    def _ask(self, lines: Sequence[str]) -> tuple[Json, Json]:
        try:
            parsed = self._plugins.parse(self._parser, self._view, lines, self._state)
        except PluginFailed:  # whatever it is, the worker's report is none the worse
            return self._state, self._facts
        if parsed is None:
            return self._state, self._facts
        return parsed.state, parsed.facts

    def kept(self) -> dict[str, Any]:
        """Give what the next report goes on with."""
        return {"state": self._state, "tail": self._tail, "facts": self._facts}

    def facts(self) -> Json:
        """Give what the output tells; an unfinished line counts as it stands."""
        return self._ask([_line(self._tail)])[1] if self._tail else self._facts


def _line(text: str) -> str:
    return text[:MOST_LINE].removesuffix("\r")


def text(services: Services, task: FarmTask) -> str | None:
    """Give the whole output; None when there never was any."""
    found = list(pieces(services, task))
    return "".join(found) if found else None


def pieces(services: Services, task: FarmTask) -> Iterator[str]:
    """Give the whole output piece by piece, without holding a connection."""
    for part in _parts(services, task.id, after=task.log_from - 1):
        yield part.contents


def tail(services: Services, task: FarmTask, lines: int) -> str:
    """Give the last lines of the output."""
    logs = services.engine.logs
    found: list[str] = []
    count = 0
    page = 1
    while count <= lines:
        some = [
            part
            for part in logs.of_task(task.id, number=page, size=20).items
            if part.number >= task.log_from
        ]
        if not some:
            break
        for part in some:
            found.append(part.contents)
            count += part.contents.count("\n")
            if count > lines:
                break
        page += 1
    whole = "".join(reversed(found))
    return "".join(whole.splitlines(keepends=True)[-lines:]) if whole else ""
