"""Templates and expressions of the workflow language, with the error texts its users know."""

from collections.abc import Mapping
from typing import Any

from plugins.workflow import expr
from plugins.workflow.expr import ExpressionError, ExpressionSyntaxError
from plugins.workflow.expr.template import parts

Names = Mapping[str, Any]


class Unusable(ValueError):
    """A value of the definition cannot be used; the text is the task's error."""


def rendered(text: str, names: Names) -> str:
    """Replace every braced part by the text of its value. Raises Unusable.

    NUL is dropped: no process, file name or database text can hold it.
    """
    try:
        return expr.render(text, names).replace("\0", "")
    except ExpressionError as fault:
        raise _unusable(fault) from fault


def value(text: str, names: Names) -> object:
    """Evaluate a text that is one expression, in braces or without; keeps its type.

    Raises Unusable.
    """
    try:
        return expr.evaluate_text(text, names)
    except ExpressionError as fault:
        raise _unusable(fault) from fault


def condition(text: str, names: Names) -> str:
    """Evaluate an `if` to its trimmed text, where `false` skips the task. Raises Unusable.

    A text without braces is an expression as a whole.
    """
    if next(parts(text), None) is None:
        return as_text(value(text, names)).strip()
    return rendered(text, names).strip()


def as_text(given: object) -> str:
    """Give a value as templates show it. Raises Unusable when it is too long."""
    try:
        return expr.to_text(given).replace("\0", "")
    except ExpressionError as fault:
        raise _unusable(fault) from fault


def check(kind: str, text: str) -> None:
    """Check the syntax of a text without evaluating it. Raises ValueError.

    kind: `template` and `output`: every braced part must parse, text without braces is text.
    `condition` and `list`: one expression; with braces, it is enough that the first part parses.
    """
    try:
        if kind in ("template", "output"):
            expr.check_template(text)
        elif kind in ("condition", "list"):
            expr.check_expression(text)
        else:
            raise ValueError(f"there is no kind {kind!r}: template, output, condition, list")
    except ExpressionError as fault:
        raise ValueError(str(fault)) from fault


def evaluate(kind: str, text: str, names: Names) -> object:
    """Evaluate a text of one of the kinds that `check` knows. Raises ValueError."""
    if kind in ("template", "output"):
        return rendered(text, names)
    if kind in ("condition", "list"):
        return value(text, names)
    raise ValueError(f"there is no kind {kind!r}: template, output, condition, list")


def _unusable(fault: ExpressionError) -> Unusable:
    stage = "compiling" if isinstance(fault, ExpressionSyntaxError) else "evaluating"
    return Unusable(f"error {stage} expression: {fault}")
