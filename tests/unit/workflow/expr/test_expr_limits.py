"""Hostile expressions end soon, in an ExpressionError, and reach nothing of the host."""

import sys
import time

import pytest

from plugins.workflow.expr import ExpressionError, ExpressionSyntaxError, evaluate, parse, to_text
from plugins.workflow.expr.limits import MAX_CHARACTERS, MAX_NESTING

# Far above the second allowed: shows that work is bounded, not how fast the machine is.
PATIENCE_S = 90


NAMES = {"big": 10**400, "long": "a" * 1_000_000, "other": "a" * 999_999 + "b"}


def nested(opening: str, inner: str, closing: str, levels: int) -> str:
    return opening * levels + inner + closing * levels


NESTINGS = [
    ("(", "1", ")"),
    ("[", "1", "]"),
    ("{a: ", "1", "}"),
    ("1 + (", "1", ")"),
    ("1 + 1 * (", "1", ")"),
    ("max(1, ", "1", ")"),
    ("!", "true", ""),
    ("-", "1", ""),
    ("true ? 1 : ", "1", ""),
    ("[1][0 * ", "0", "]"),
    ("map(list, ", "#", ")"),
    ("sum(map([1], # + ", "1", "))"),
]


@pytest.mark.parametrize(("opening", "inner", "closing"), NESTINGS)
def test_nesting_is_bounded(opening: str, inner: str, closing: str) -> None:
    for levels in (MAX_NESTING + 1, MAX_NESTING * 8):
        text = nested(opening, inner, closing, levels)
        with pytest.raises(ExpressionSyntaxError):
            parse(text[:MAX_CHARACTERS])


@pytest.mark.parametrize(("opening", "inner", "closing"), NESTINGS[:-1])
def test_a_hundred_levels_are_allowed(opening: str, inner: str, closing: str) -> None:
    evaluate(nested(opening, inner, closing, MAX_NESTING), {"list": [1]})


def test_nesting_error_names_the_limit() -> None:
    with pytest.raises(ExpressionSyntaxError, match="nested more than 100 levels deep"):
        parse(nested("(", "1", ")", 101))


def test_little_stack_left_is_an_error_not_a_crash() -> None:
    text = nested("map(list, ", "#", ")", MAX_NESTING)
    node = parse(text)

    def deep(frames: int) -> list[type]:
        if frames:
            return deep(frames - 1)
        kinds = []
        for action in (lambda: parse(text + " " * 500), lambda: evaluate(node, {"list": [1]})):
            with pytest.raises(ExpressionError) as raised:
                action()
            kinds.append(raised.type)
        return kinds

    assert deep(sys.getrecursionlimit() - 250) == [ExpressionSyntaxError, ExpressionError]


@pytest.mark.parametrize(
    "text",
    [
        "1" + "+1" * 4_999,
        "true" + "&&true" * 1_600,
        "nil" + "??nil" * 1_900,
        "''" + "|trim()" * 1_400,
        "{a:1}" + "?.b" * 3_000,
        "[" + "1," * 4_900 + "]",
        "1" + "<2" * 4_900,
        "a" * 10_000 + "",
        " " * 9_999 + "1",
    ],
)
def test_long_flat_expression_needs_no_stack(text: str) -> None:
    try:
        evaluate(text, {})
    except ExpressionError as fault:
        assert "unknown name" in str(fault)  # noqa: PT017 - only one of the texts fails


def test_length_is_bounded() -> None:
    with pytest.raises(ExpressionSyntaxError, match="longer than 10000 characters"):
        parse(" " * MAX_CHARACTERS + "1")


@pytest.mark.parametrize(
    "text",
    [
        "1..100001",
        "0..9223372036854775807",
        "-9223372036854775807..9223372036854775807",
        "sequence(0, 100001)",
        "concat(1..60000, 1..60000)",
        "split(repeat('a', 200000), '')",
        "split(repeat('a,', 200000), ',')",
        "splitAfter(repeat('a,', 200000), ',')",
        "flatten(map(1..400, 1..400))",
        "map(1..100000, 1..100000)",
        "map(1..1000, map(1..1000, map(1..1000, #)))",
        "repeat('a', 1048577)",
        "repeat('é', 600000)",
        "repeat('a', 9223372036854775807)",
        "repeat(repeat('a', 1000000), 2)",
        "reduce(1..64, #acc + #acc, 'ab')",
        "reduce(1..100000, #acc + repeat('a', 10), '')",
        "replace(repeat('a', 100000), 'a', repeat('b', 100))",
        "replace(repeat('a', 100000), '', repeat('b', 100))",
        "join(map(1..1000, repeat('a', 10000)))",
        "map(1..100000, repeat('a', 1000000))",
        "upper(repeat('ŉ', 500000))",
        "toBase64(repeat('a', 1000000))",
        "toJSON(map(1..100000, 'aaaaaaaaaaaaa'))",
        "string(map(1..100000, 'aaaaaaaaaaaaa'))",
        "toJSON(reduce(1..60, [#acc, #acc], 1))",
        "reduce(1..60, [#acc, #acc], 1)",
        "reduce(1..60, [#acc, #acc], 1) == reduce(1..60, [#acc, #acc], 1)",
        "flatten(reduce(1..60, [#acc, #acc], [1]))",
        "reduce(1..100000, [#acc], 1)",
        "reduce(1..100000, {a: #acc}, 1)",
        "toJSON(reduce(1..100000, [#acc], 1))",
        "flatten(reduce(1..100000, [#acc], 1))",
        "reduce(1..5000, [#acc], 1) == reduce(1..5000, [#acc], 1)",
        "uniq(map(1..50000, 0..(# % 700)))",
        "uniq([reduce(1..5000, [#acc], 1), reduce(1..5000, [#acc], 1)])",
        "map([repeat('a', 1000000)], map(1..100000, #))[0] + 1",
        "sort(map(1..100000, 'a' + repeat('b', 1000)))",
        "sort(map(1..100000, long))",
        "sortBy(1..100000, long)",
        "map(1..100000, long == other)",
        "map(1..100000, other in [long, long, long, long, long, long])",
        "other in map(1..100000, long)",
        "map(1..100000, long < other)",
        "map(1..100000, long contains other)",
        "map(1..100000, upper(long))",
        "map(1..100000, replace(long, 'b', 'c'))",
        "map(1..100000, split(long, 'b'))",
        "map(1..100000, fromJSON('[1]' + long))",
        "map(1..100000, {(long): 1})",
        "map(1..100000, long[1:])",
        "groupBy(1..100000, long + string(#))",
        "any(1..100000, any(1..100000, # < 0))",
        "all(1..100000, all(1..100000, all(1..100000, # > 0)))",
        "map(1..100000, 100000 in (1..99999))",
        "map(1..1000, sort(1..100000, 'desc'))",
        "map(1..100000, lastIndexOf(repeat('a', 1000000), 'b' + repeat('a', 500000)))",
        "map(1..100000, indexOf(repeat('a', 1000000), repeat('a', 500000) + 'b'))",
        "map(1..100000, trim(repeat('a', 1000000), 'a'))",
        "fromJSON(repeat('[', 100000))",
        "fromJSON(repeat('[', 500) + repeat(']', 500))",
        "fromJSON('[' + repeat('1,', 200000) + '1]')",
        "fromJSON(repeat('9', 100000))",
        "int(repeat('9', 100000))",
        "float(repeat('9', 1000000))",
        "duration(repeat('9', 100000) + 'h')",
        "date(repeat('9', 100000))",
        "date('2023', repeat('2006', 20))",
        "'aaaa' matches repeat('a', 501)",
        "repeat('a', 40) + 'b' matches '^(a+)+$' ? 1 : repeat('x', 999999) matches '(x+x+)+y'",
        "repeat('a', 5000) matches '(?:a?){1000}a{1000}(?:a*a*a*a*)*b'",
        "repeat('x', 1000000) matches '(x+x+)+y'",
        "'a' matches '(((a{1000}){1000}){1000})'",
        "'a' matches '(?:a{1000}){1000}'",
        "'a' matches '(a{100}){101}'",
        "2 ** 100000",
        "[1][1e308]",
        "[1][-1e308:]",
        "big / 2.0",
        "(now()).METHOD()",
        "NAME",
        "NAME()",
        "9 ** 9 ** 9 ** 9",
        "9223372036854775807 * 9223372036854775807",
    ],
)
def test_hostile_expression_is_refused_in_time(text: str) -> None:
    began = time.monotonic()
    with pytest.raises(ExpressionError) as raised:
        evaluate(
            text.replace("NAME", "n" * 5000).replace("METHOD", "m" * 5000), NAMES, deadline_s=0.25
        )
    assert time.monotonic() - began < PATIENCE_S
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize(
    "text",
    [
        "inputs.__class__",
        "inputs['__class__']",
        "''.__class__",
        "[].__class__.__base__",
        "inputs.get",
        "inputs.get('x')",
        "inputs.items()",
        "'%s'.format(1)",
        "'a'.join(['b'])",
        "now().moment",
        "now().__class__",
        "now().moment()",
        "now().__class__()",
        "duration('1s').ns",
        "map([1], #.__class__)",
        "filter.__globals__",
        "upper.__globals__",
        "__import__('os')",
        "eval('1')",
        "open('/etc/passwd')",
        "__builtins__",
        "run",
        "names",
        "map([now()], .moment)",
        "(1).real",
        "true.real",
        "stranger.secret",
        "stranger['secret']",
        "stranger.secret()",
        "stranger + 1",
    ],
)
def test_host_is_out_of_reach(text: str) -> None:
    class Stranger:
        secret = "leaked"

    try:
        value = evaluate(text, {"inputs": {"x": "1"}, "stranger": Stranger()})
    except ExpressionError:
        return
    assert value == ""  # a key that a known map lacks


def test_value_of_a_stranger_is_not_shown() -> None:
    with pytest.raises(ExpressionError, match="has no text"):
        to_text(evaluate("stranger", {"stranger": object()}))


def test_deadline_is_one_second_unless_told() -> None:
    began = time.monotonic()
    with pytest.raises(ExpressionError, match="it took too long"):
        evaluate("all(1..100000, all(1..100000, # > 0))", {})
    assert time.monotonic() - began >= 1


def test_deadline_is_taken_from_the_clock_given() -> None:
    now = iter(range(10_000))
    with pytest.raises(ExpressionError, match="it took too long"):
        evaluate("map(1..100000, #)", {}, deadline_s=5, monotonic=lambda: next(now))


def test_results_are_bounded_in_size() -> None:
    with pytest.raises(ExpressionError, match="the result is too large"):
        evaluate("map(1..1000, inputs.big)", {"inputs": {"big": "x" * 100_000}})


def test_largest_allowed_values_work() -> None:
    assert evaluate("len(1..100000)", {}) == 100_000
    assert evaluate("len(repeat('a', 1048576))", {}) == 1_048_576
    assert evaluate("len(fromJSON(toJSON(1..1000)))", {}) == 1000
