"""The output of tasks: stored in parts, and read by the task's parser as it comes.

The parser sees every line once, and what it remembers does not grow with the text.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from app.api.flamenco.records import FarmTask
from app.api.flamenco.service import settings
from app.domain.errors import PluginFailed
from app.domain.records import Json, LogPart
from app.engine.logs import PART_BYTES
from app.hooks import Compiler, Parsed, TaskView
from app.wiring import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What was made of the output so far.

    number: of the newest part. memory: for the parser's next look. parsed: None without a parser.
    """

    log_from: int
    number: int
    memory: Json | None = None
    parsed: Parsed | None = None


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
    parser = settings.parsers(services).get(task.parser or "")
    if parser is None:
        return Read(log_from=log_from, number=last)
    memory: Json = {} if fresh else (task.parser_state or {}).get("memory", {})
    parsed = None
    for part in _parts(services, task.id, after=number):
        memory, told = _ask(services, parser, task, part.contents, memory)
        parsed = told or parsed
        number = part.number
    return Read(log_from=log_from, number=number, memory=memory, parsed=parsed)


def _parts(services: Services, task_id: int, *, after: int) -> Iterator[LogPart]:
    while parts := services.engine.logs.after(task_id, after):
        yield from parts
        after = parts[-1].number


def _view(task: FarmTask) -> TaskView:
    return TaskView(
        id=task.id,
        name=task.name,
        payload={
            "settings": task.settings,
            "frame_start": task.frame_start,
            "frame_end": task.frame_end,
            "frame_current": task.frame_current,
            "activity": task.activity,
        },
        state=task.state,
    )


def anew(services: Services, task: FarmTask, memory: Json) -> Parsed | None:
    """Ask the parser how far a task is that says more of itself than its output does."""
    parser = settings.parsers(services).get(task.parser or "")
    return None if parser is None else _ask(services, parser, task, "", memory)[1]


def _ask(
    services: Services, parser: Compiler, task: FarmTask, text: str, memory: Json
) -> tuple[Json, Parsed | None]:
    try:
        reading = services.plugins.read(parser, _view(task), text, memory)
    except PluginFailed:  # whatever it is, the worker's report is none the worse
        return memory, None
    return reading.memory, reading.parsed


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
