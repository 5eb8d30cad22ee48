"""What lists are asked for: paging, sorting, filters and fields; pure rules over the query."""

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import regex
from werkzeug.datastructures import MultiDict

from app.api.mantis.errors import Invalid
from app.api.mantis.reading import Json
from app.engine.busy import in_a_real_thread

LONGEST_PATTERN = 512
MATCH_S = 2.0
"""How long matching may take for a whole list."""
MOST = 2**53
_WHOLE = re.compile(r"[0-9]{1,16}")
_FLAGS = {"true": True, "1": True, "false": False, "0": False}
_MEMBERS = ("jobMetadata", "stageMetadataList", "workerMetadataList")


Args = MultiDict[str, str]


# -- single values ---------------------------------------------------------------------------------


def whole(args: Args, name: str) -> int | None:
    """Read a whole number that is not negative; None where it is absent. Raises Invalid."""
    text = args.get(name, "").strip()
    if not text:
        return None
    if not _WHOLE.fullmatch(text) or int(text) > MOST:
        raise Invalid(f"{name} must be a whole number of 0 or more, not {text[:80]!r}")
    return int(text)


def wholes(args: Args, name: str) -> tuple[int, ...]:
    """Read all values of a number that may repeat. Raises Invalid."""
    found = []
    for text in args.getlist(name):
        if not text.strip():
            continue
        if not _WHOLE.fullmatch(text.strip()):
            raise Invalid(f"{name} must be a whole number, not {text[:80]!r}")
        found.append(min(int(text), MOST))
    return tuple(found)


def flag(args: Args, name: str, *, default: bool = False) -> bool:
    """Read a boolean. Raises Invalid."""
    text = args.get(name, "").strip().lower()
    if not text:
        return default
    if text not in _FLAGS:
        raise Invalid(f"{name} must be true or false, not {text[:80]!r}")
    return _FLAGS[text]


def word(args: Args, name: str, words: Sequence[str]) -> str | None:
    """Read one of some words; None where it is absent. Raises Invalid."""
    text = args.get(name, "")
    if not text:
        return None
    if text not in words:
        raise Invalid(f"{name} must be one of {', '.join(words)}, not {text[:80]!r}")
    return text


# -- paging ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Which part of a list. size: 0 is all of it. limit: of the whole list, 0 for none."""

    size: int = 0
    offset: int = 0
    limit: int = 0

    def total(self, found: int) -> int:
        """Give how long the list counts as."""
        return min(found, self.limit) if self.limit else found

    def bounds(self, total: int) -> tuple[int, int]:
        """Give where the part begins and how long it is."""
        begin = min(self.offset, total)
        return begin, min(self.size or total, total - begin)


def part_of(args: Args) -> Slice:
    """Read which part of a list is wanted. Raises Invalid."""
    return Slice(
        size=whole(args, "pageSize") or 0,
        offset=whole(args, "offset") or 0,
        limit=whole(args, "limit") or 0,
    )


def envelope(
    part: Slice, total: int, path: str, query: Iterable[tuple[str, str]]
) -> dict[str, Any]:
    """Give all of a list's answer but the list: links to its other pages, and how long it is."""
    before = after = None
    if part.size:
        pairs = list(query)
        if part.offset > 0:
            before = _link(path, pairs, max(0, part.offset - part.size))
        if part.offset + part.size < total:
            after = _link(path, pairs, part.offset + part.size)
    return {"prev": before, "next": after, "total": total}


def _link(path: str, query: Sequence[tuple[str, str]], offset: int) -> str:
    found, placed = [], False
    for name, value in query:
        if name != "offset":
            found.append((name, value))
        elif not placed:
            found.append((name, str(offset)))
            placed = True
    if not placed:
        found.append(("offset", str(offset)))
    written = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in found)
    return f"{quote(path, safe='/:;=+@,~')}?{written}"


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="replace")


# -- sorting ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Order:
    """By what a list is sorted; an empty name is the list's own order."""

    name: str = ""
    ascending: bool = True


def order_of(args: Args, names: Iterable[str]) -> Order:
    """Read the order of a list; names: those it may be sorted by. Raises Invalid."""
    wanted = args.get("sortBy", "").strip()
    if wanted and wanted not in names:
        raise Invalid(f"the list cannot be sorted by {wanted[:80]!r}", "invalid-sort")
    return Order(wanted, flag(args, "ascending", default=True))


# -- fields ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fields:
    """What of each record is wanted. names: None is all; member: where they are looked for."""

    names: tuple[str, ...] | None = None
    member: str | None = None

    def of(self, record: Json) -> Json:
        """Give what is wanted of a record."""
        if self.member is not None:
            found = record.get(self.member)
            if self.names is None or found is None:
                return {} if found is None else {self.member: found}
            if isinstance(found, list):
                return {self.member: [_picked(one, self.names) for one in found]}
            return {self.member: _picked(found, self.names)}
        return record if self.names is None else _picked(record, self.names)


def fields_of(args: Args) -> Fields:
    """Read which fields are wanted. Raises Invalid."""
    text = args.get("fields", "")
    names = tuple(name for one in text.split(",") if (name := one.strip()))
    return Fields(names or None, word(args, "fromObj", _MEMBERS))


def _picked(record: Json, names: Iterable[str]) -> Json:
    found: Json = {}
    for name in names:
        if name in record:
            found[name] = record[name]
            continue
        head, dot, rest = name.partition(".")
        if not dot or head not in record:
            continue
        inner = record[head]
        if isinstance(inner, list):
            below: Any = [_picked(one, (rest,)) for one in inner if isinstance(one, dict)]
            known = found.get(head)
            if isinstance(known, list) and len(known) == len(below):
                below = [{**one, **more} for one, more in zip(known, below, strict=True)]
            found[head] = below
        elif isinstance(inner, dict) and (picked := _picked(inner, (rest,))):
            known = found.get(head, {})
            found[head] = {**known, **picked} if isinstance(known, dict) else picked
    return found


# -- matching --------------------------------------------------------------------------------------


class Matching:
    """A pattern that names are to match somewhere, whatever their case. Raises Invalid."""

    def __init__(self, pattern: str) -> None:
        if len(pattern) > LONGEST_PATTERN:
            raise Invalid(f"matching is longer than {LONGEST_PATTERN} characters", "invalid-regex")
        try:
            self._pattern = regex.compile(pattern, regex.IGNORECASE)
        except (regex.error, RecursionError, OverflowError, ValueError) as fault:
            raise Invalid(f"matching: {fault}", "invalid-regex") from fault

    def those(self, named: Iterable[tuple[int, str]]) -> list[int]:
        """Give the ids of those whose names match. Raises Invalid when that takes too long."""
        return in_a_real_thread(lambda: self._those(named))

    def _those(self, named: Iterable[tuple[int, str]]) -> list[int]:
        left = MATCH_S
        found = []
        for key, name in named:
            began = time.monotonic()
            try:
                if self._pattern.search(name, timeout=max(left, 0.001), concurrent=True):
                    found.append(key)
            except TimeoutError as late:
                raise Invalid("matching takes too long", "invalid-regex") from late
            left -= time.monotonic() - began
        return found


def matching_of(args: Args) -> Matching | None:
    """Read the pattern that names are to match; None without one. Raises Invalid."""
    text = args.get("matching", "")
    return Matching(text) if text else None


# -- filters of jobs -------------------------------------------------------------------------------

ACTIVE_WORKER = ("Accepted", "Launched", "StartInitiated", "Started")
TERMINAL_WORKER = ("Failed", "Completed")
_WORKER_STATES = {"Active": ACTIVE_WORKER, "Terminal": TERMINAL_WORKER, "Noop": ()}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsWanted:
    """Which jobs. active, terminal: whether those are. labels: (name, value or None for any).

    stages, indices, numbers, states: what a worker must have one of each of; empty for anything.
    given: whether a state of workers was asked for. submitted_after, ended_after: milliseconds.
    user, version: exactly these.
    """

    active: bool = True
    terminal: bool = False
    labels: tuple[tuple[str, str | None], ...] = ()
    all_labels: bool = False
    stages: tuple[int, ...] = ()
    indices: tuple[int, ...] = ()
    numbers: tuple[int, ...] = ()
    states: frozenset[str] = frozenset()
    given: bool = False
    submitted_after: int | None = None
    ended_after: int | None = None
    user: str | None = None
    version: str | None = None

    @property
    def narrows(self) -> bool:
        """Whether a job may be left out for its workers."""
        return bool(self.stages or self.indices or self.numbers or (self.given and self.states))

    def holds(self, worker: Mapping[str, Any], *, job_active: bool) -> bool:
        """Tell whether a worker is one of those wanted."""
        judged = self.given or job_active
        return (
            (not self.stages or worker["stageNum"] in self.stages)
            and (not self.indices or worker["workerIndex"] in self.indices)
            and (not self.numbers or worker["workerNumber"] in self.numbers)
            and (not judged or not self.states or worker["state"] in self.states)
        )


def jobs_wanted(args: Args) -> JobsWanted:
    """Read the filters of a list of jobs. Raises Invalid."""
    state = word(args, "jobState", ("Active", "Terminal"))
    active_only = flag(args, "activeOnly", default=True)
    operator = word(args, "labels.op", ("or", "and"))
    given = [one for one in args.getlist("workerState") if one]
    states: set[str] = set(ACTIVE_WORKER) if not given else set()
    for one in given:
        if one not in _WORKER_STATES:
            raise Invalid(f"workerState must be Noop, Active or Terminal, not {one[:80]!r}")
        states.update(_WORKER_STATES[one])
    if "Noop" in given:
        states = set()
    return JobsWanted(
        active=state != "Terminal",
        terminal=state == "Terminal" or (state is None and not active_only),
        labels=tuple(_labels(args.getlist("labels"))),
        all_labels=operator == "and",
        stages=wholes(args, "stageNumber"),
        indices=wholes(args, "workerIndex"),
        numbers=wholes(args, "workerNumber"),
        states=frozenset(states),
        given=bool(given),
        submitted_after=whole(args, "submittedAfter"),
        ended_after=whole(args, "terminatedAfter"),
        user=args.get("user") or None,
        version=args.get("version") or None,
    )


def _labels(texts: Iterable[str]) -> Iterable[tuple[str, str | None]]:
    for text in texts:
        for one in text.split(","):
            name, equals, value = one.partition("=")
            if name.strip():
                yield name.strip(), value.strip() if equals else None
