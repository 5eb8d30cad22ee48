"""The expression language of workflows: parser, interpreter, templates, durations.

A documented subset of expr 1.17 (docs/expressions.md), evaluated by walking its own tree: no
host evaluator, attribute, module or file can be reached, and length, nesting, sizes and time are
bounded.
"""

from plugins.workflow.expr.durations import (
    Duration,
    DurationInvalid,
    parse_microseconds,
    parse_nanoseconds,
    parse_seconds,
)
from plugins.workflow.expr.errors import ExpressionError, ExpressionSyntaxError
from plugins.workflow.expr.interpreter import evaluate
from plugins.workflow.expr.nodes import Node
from plugins.workflow.expr.parser import parse
from plugins.workflow.expr.template import (
    check_expression,
    check_template,
    evaluate_text,
    is_wanted,
    render,
)
from plugins.workflow.expr.text import to_text

__all__ = [
    "Duration",
    "DurationInvalid",
    "ExpressionError",
    "ExpressionSyntaxError",
    "Node",
    "check_expression",
    "check_template",
    "evaluate",
    "evaluate_text",
    "is_wanted",
    "parse",
    "parse_microseconds",
    "parse_nanoseconds",
    "parse_seconds",
    "render",
    "to_text",
]
