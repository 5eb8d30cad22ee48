"""Evaluation of a parsed expression by walking its nodes.

Each kind of node and of step has one small function in a table. Python's stack grows with the
nesting of the text only, which the parser bounds; loops over data live in the functions called.
"""

import random as random_module
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from plugins.workflow.expr.calls import Builtin, Run, Scope
from plugins.workflow.expr.errors import ExpressionError
from plugins.workflow.expr.functions import FUNCTIONS
from plugins.workflow.expr.functions.time import call_method
from plugins.workflow.expr.limits import MAX_SECONDS, Meter
from plugins.workflow.expr.nodes import (
    Apply,
    Call,
    Closure,
    Compare,
    Conditional,
    Field,
    Fold,
    Item,
    Lazy,
    ListOf,
    Literal,
    MapOf,
    Method,
    Name,
    Node,
    Path,
    Pipe,
    Piped,
    Pointer,
    Slice,
    Unary,
)
from plugins.workflow.expr.operators import OPERATORS, unary
from plugins.workflow.expr.parser import parse
from plugins.workflow.expr.text import key_text
from plugins.workflow.expr.values import check_result, ordered, position, type_name

_random = random_module.SystemRandom()


def wall_clock() -> datetime:
    """The present, for callers that have no clock of their own."""
    return datetime.now(UTC)  # noqa: TID251 - the one default for the clock that is passed in


def evaluate(
    expression: Node | str,
    names: Mapping[str, object],
    *,
    deadline_s: float = MAX_SECONDS,
    clock: Callable[[], datetime] = wall_clock,
    monotonic: Callable[[], float] = time.monotonic,
    random: random_module.Random = _random,
) -> object:
    """The value of an expression.

    names: the top-level names; a key that a map among them lacks reads as the empty string, a key
    that any other map lacks as nil. deadline_s: at most this many seconds. clock: what `now()`
    gives, aware. random: where `randomInt` draws from.
    Raises ExpressionSyntaxError for a text that does not parse, ExpressionError for all else.
    """
    node = parse(expression) if isinstance(expression, str) else expression
    meter = Meter(monotonic, deadline_s)
    run = Run(names, meter, clock, random)
    try:
        return check_result(_HANDLERS[type(node)](run, node), meter)
    except RecursionError:  # the caller had used up most of the stack
        raise ExpressionError("nested too deeply") from None
    except OverflowError:  # a number among the names that no expression could have made
        raise ExpressionError("a number is out of range") from None
    except MemoryError:
        raise ExpressionError("it needs too much memory") from None


def _literal(run: Run, node: Literal) -> object:  # noqa: ARG001 - one signature for all
    return node.value


def _name(run: Run, node: Name) -> object:
    try:
        return run.names[node.name]
    except KeyError:
        raise ExpressionError(f"unknown name {node.name[:40]}") from None


def _list(run: Run, node: ListOf) -> object:
    items = []
    for item in node.items:
        items.append(_HANDLERS[type(item)](run, item))  # noqa: PERF401 - costs no stack frame
    run.meter.items(len(items))
    return items


def _map(run: Run, node: MapOf) -> object:
    pairs: dict[str, object] = {}
    for key, value in node.pairs:
        name = key_text(_HANDLERS[type(key)](run, key))
        pairs[name] = _HANDLERS[type(value)](run, value)
    run.meter.items(len(pairs))
    return pairs


def _unary(run: Run, node: Unary) -> object:
    return unary(node.operator, _HANDLERS[type(node.operand)](run, node.operand))


def _conditional(run: Run, node: Conditional) -> object:
    test = _HANDLERS[type(node.test)](run, node.test)
    if _boolean("?:", test):
        return test if node.yes is None else _HANDLERS[type(node.yes)](run, node.yes)
    return _HANDLERS[type(node.no)](run, node.no)


def _call(run: Run, node: Call) -> object:
    builtin = FUNCTIONS.get(node.name)
    if builtin is None:
        raise ExpressionError(f"unknown function {node.name[:40]}")
    _check_count(node.name, builtin, len(node.arguments))
    arguments = []
    for argument in node.arguments:
        arguments.append(_HANDLERS[type(argument)](run, argument))  # noqa: PERF401 - as above
    return builtin.call(run, *arguments)


def _check_count(name: str, builtin: Builtin, given: int) -> None:
    if given < builtin.least or (builtin.most is not None and given > builtin.most):
        wanted = str(builtin.least)
        if builtin.most is None:
            wanted += " or more"
        elif builtin.most != builtin.least:
            wanted += f" to {builtin.most}"
        raise ExpressionError(f"{name}: expected {wanted} arguments, got {given}")


def _closure(run: Run, node: Closure) -> object:
    body = node.body
    handler = _HANDLERS[type(body)]
    size = node.size
    tick = run.meter.tick

    def called(element: object, index: int, *acc: object) -> object:
        tick(size)
        outer = run.scope
        run.scope = Scope(element, index, acc)
        try:
            return handler(run, body)
        finally:
            run.scope = outer

    return called


def _pointer(run: Run, node: Pointer) -> object:
    scope = run.scope
    if scope is None:
        raise ExpressionError("# is known inside a predicate only")
    if not node.name:
        return scope.element
    if node.name == "index":
        return scope.index
    if not scope.acc:
        raise ExpressionError("#acc is known inside reduce only")
    return scope.acc[0]


def _piped(run: Run, node: Piped) -> object:  # noqa: ARG001 - one signature for all
    return run.piped


def _fold(run: Run, node: Fold) -> object:  # noqa: C901 - a function per step costs a stack frame
    value = _HANDLERS[type(node.first)](run, node.first)
    for step in node.steps:
        if type(step) is Apply:
            right = _HANDLERS[type(step.right)](run, step.right)
            value = OPERATORS[step.operator](run.meter, value, right)
            if step.negate:
                value = not value
        elif type(step) is Lazy:
            if step.operator == "??":
                if value is None:
                    value = _HANDLERS[type(step.right)](run, step.right)
            elif _boolean(step.operator, value) is (step.operator == "and"):
                right = _HANDLERS[type(step.right)](run, step.right)
                value = _boolean(step.operator, right)
        elif type(step) is Compare:
            left = value
            for operator, operand in step.links:
                right = _HANDLERS[type(operand)](run, operand)
                value = ordered(run.meter, operator, left, right)
                if not value:
                    break
                left = right
        elif type(step) is Pipe:
            run.piped = value
            value = _HANDLERS[type(step.call)](run, step.call)
    return value


def _boolean(what: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise ExpressionError(f"{what}: expected a bool, got {type_name(value)}")


def _path(run: Run, node: Path) -> object:
    value = _HANDLERS[type(node.first)](run, node.first)
    for step in node.steps:
        if value is None and step.optional:
            return None
        if type(step) is Field:
            value = run.field(value, step.name)
        elif type(step) is Item:
            value = run.fetch(value, _HANDLERS[type(step.index)](run, step.index))
        elif type(step) is Slice:
            value = _slice(run, value, step)
        elif type(step) is Method:
            arguments = []
            for argument in step.arguments:
                arguments.append(_HANDLERS[type(argument)](run, argument))  # noqa: PERF401
            value = call_method(value, step.name, arguments)
    return value


def _slice(run: Run, value: object, step: Slice) -> object:
    if not isinstance(value, str | list | tuple):
        raise ExpressionError(f"cannot slice {type_name(value)}")
    low = high = None
    if step.low is not None:
        low = position(_HANDLERS[type(step.low)](run, step.low))
    if step.high is not None:
        high = position(_HANDLERS[type(step.high)](run, step.high))
    part = value[low:high]
    if isinstance(part, str):
        return run.meter.text(part)
    run.meter.items(len(part))
    return list(part)


_HANDLERS: dict[type, Callable[[Run, Any], object]] = {
    Literal: _literal,
    Name: _name,
    ListOf: _list,
    MapOf: _map,
    Unary: _unary,
    Conditional: _conditional,
    Call: _call,
    Closure: _closure,
    Pointer: _pointer,
    Piped: _piped,
    Fold: _fold,
    Path: _path,
}
