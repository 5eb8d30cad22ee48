"""Texts with `{{ expression }}` parts.

A part begins at `{{`, ends at the first `}}` after it and stands on one line; white space inside
the braces is free. Braces that make no part are ordinary text. Each part is evaluated exactly
once: what a value brings in is never looked at again, so data cannot become an expression.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from plugins.workflow.expr.errors import ExpressionError, ExpressionSyntaxError
from plugins.workflow.expr.interpreter import evaluate
from plugins.workflow.expr.limits import MAX_SECONDS, MAX_STRING_BYTES
from plugins.workflow.expr.parser import parse
from plugins.workflow.expr.text import to_text

#: Seconds for all parts of one text together; each part has the limit of any expression too.
MAX_RENDER_SECONDS = 5.0


class Part(NamedTuple):
    """One `{{ }}`: where it stands, braces included, and the expression without white space."""

    start: int
    end: int
    expression: str
    offset: int


def parts(text: str) -> Iterator[Part]:
    """The parts of a text from left to right."""
    start = text.find("{{")
    while start >= 0:
        end = text.find("}}", start + 2)
        if end < 0:
            return
        inner = text[start + 2 : end]
        if "\n" in inner.strip():
            # Any opening between here and there ends at the same place; the last may be a part.
            later = text.rfind("{{", start + 2, end)
            if later >= 0:
                start = later
                inner = text[start + 2 : end]
        expression = inner.strip()
        if "\n" not in expression:
            offset = start + 2 + (len(inner) - len(inner.lstrip()) if expression else 0)
            yield Part(start, end + 2, expression, offset)
        start = text.find("{{", end + 2)


def check_template(text: str) -> None:
    """Parse every part; text without parts is fine.

    Raises ExpressionSyntaxError with the offset in the template.
    """
    for part in parts(text):
        _check(part)


def check_expression(text: str) -> None:
    """Parse the first part or, in a text without parts, the whole text.

    The rule for task `if`, `each.list` and webhook `if`. Raises ExpressionSyntaxError.
    """
    first = next(parts(text), None)
    if first is None:
        parse(text)
    else:
        _check(first)


def render(text: str, names: Mapping[str, object], **options: Any) -> str:
    """The text with each part replaced by its value's text.

    names and options: as for `evaluate`. Raises ExpressionSyntaxError, ExpressionError; the
    result may not be longer than 1 MiB unless the text has no parts.
    """
    if "{{" not in text:
        return text
    monotonic: Callable[[], float] = options.get("monotonic", time.monotonic)
    ends_at = monotonic() + MAX_RENDER_SECONDS
    limit_s = options.pop("deadline_s", MAX_SECONDS)
    pieces: list[str] = []
    position = size = 0
    for part in parts(text):
        deadline_s = min(limit_s, ends_at - monotonic())
        with _Located(part):
            value = evaluate(part.expression, names, deadline_s=deadline_s, **options)
        kept = text[position : part.start]
        shown = to_text(value)
        size += len(kept) + len(shown)
        if size > MAX_STRING_BYTES:
            raise ExpressionError("the text would be longer than 1 MiB")
        pieces += (kept, shown)
        position = part.end
    pieces.append(text[position:])
    return "".join(pieces)


def evaluate_text(text: str, names: Mapping[str, object], **options: Any) -> object:
    """The value, with its type, of the first part or, without parts, of the whole text.

    For `each.list` and webhook `if`. names, options and errors: as for `evaluate`.
    """
    first = next(parts(text), None)
    if first is None:
        return evaluate(text, names, **options)
    with _Located(first):
        return evaluate(first.expression, names, **options)


def is_wanted(text: str, names: Mapping[str, object], **options: Any) -> bool:
    """Whether a task with this `if` runs: unless the value, trimmed, is exactly `false`.

    Without parts the whole text is the expression. Names, options, errors: as for `evaluate`.
    """
    if next(parts(text), None) is None:
        shown = to_text(evaluate(text, names, **options))
    else:
        shown = render(text, names, **options)
    return shown.strip() != "false"


def _check(part: Part) -> None:
    with _Located(part):
        parse(part.expression)


class _Located:
    """Moves the offset of a syntax error from the part to the template."""

    __slots__ = ("_offset",)

    def __init__(self, part: Part) -> None:
        self._offset = part.offset

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, fault: object, trace: object) -> None:
        if isinstance(fault, ExpressionSyntaxError):
            raise ExpressionSyntaxError(fault.problem, fault.offset + self._offset) from None
