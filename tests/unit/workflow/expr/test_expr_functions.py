"""Every function of the language: what it gives, and what it refuses."""

import random
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from plugins.workflow.expr import ExpressionError, evaluate, to_text
from plugins.workflow.expr.functions import FUNCTIONS
from plugins.workflow.expr.functions.time import DURATION_METHODS, INSTANT_METHODS
from plugins.workflow.expr.grammar import PREDICATE_FUNCTIONS

CASES = {
    "trim": [("trim('  a b ')", "a b"), ("trim('__a_', '_')", "a"), ("trim('', 'x')", "")],
    "upper": [("upper('aé')", "AÉ")],
    "lower": [("lower('AB')", "ab")],
    "split": [
        ("split('a,b,c', ',')", ["a", "b", "c"]),
        ("split('a,b,c', ',', 2)", ["a", "b,c"]),
        ("split('a,b', ',', 0)", []),
        ("split('a,b', ',', -1)", ["a", "b"]),
        ("split('abc', '')", ["a", "b", "c"]),
        ("split('abc', '', 2)", ["a", "bc"]),
        ("split('', ',')", [""]),
    ],
    "splitAfter": [
        ("splitAfter('a,b,c', ',')", ["a,", "b,", "c"]),
        ("splitAfter('a,b,c', ',', 2)", ["a,", "b,c"]),
    ],
    "replace": [
        ("replace('aXbX', 'X', '-')", "a-b-"),
        ("replace('aXbX', 'X', '', 1)", "abX"),
    ],
    "repeat": [("repeat('ab', 3)", "ababab"), ("repeat('a', 0)", "")],
    "indexOf": [("indexOf('apple pie', 'pie')", 6), ("indexOf('a', 'b')", -1)],
    "lastIndexOf": [("lastIndexOf('aXbX', 'X')", 3), ("lastIndexOf('a', 'b')", -1)],
    "hasPrefix": [("hasPrefix('abc', 'ab')", True)],
    "hasSuffix": [("hasSuffix('abc', 'ab')", False)],
    "trimPrefix": [("trimPrefix('abc', 'ab')", "c"), ("trimPrefix('abc', 'x')", "abc")],
    "trimSuffix": [("trimSuffix('abc', 'bc')", "a")],
    "join": [("join(['a', 'b'], ', ')", "a, b"), ("join(['a', 'b'])", "ab"), ("join([])", "")],
    "max": [("max(1, 3, 2)", 3), ("max([1, 2.5])", 2.5)],
    "min": [("min(2, 1)", 1), ("min([4, 3], 5)", 3)],
    "mean": [("mean([1, 2, 3])", 2.0), ("mean([])", 0.0)],
    "median": [("median([3, 1, 2])", 2.0), ("median(1, 2)", 1.5), ("median([])", 0.0)],
    "abs": [("abs(-5)", 5), ("abs(-0.5)", 0.5)],
    "ceil": [("ceil(1.2)", 2.0), ("ceil(-1.2)", -1.0)],
    "floor": [("floor(1.8)", 1.0), ("floor(-1.2)", -2.0)],
    "round": [("round(2.5)", 3.0), ("round(-2.5)", -3.0), ("round(0.49999999999999994)", 0.0)],
    "randomInt": [("randomInt(1)", 0), ("randomInt(10) in 0..9", True), ("randomInt() >= 0", True)],
    "sequence": [("sequence(1, 4)", [1, 2, 3]), ("sequence(4, 1)", []), ("sequence(1, 1)", [])],
    "len": [("len('aé')", 2), ("len([1])", 1), ("len({a: 1})", 1)],
    "first": [("first([1, 2])", 1), ("first([])", None)],
    "last": [("last([1, 2])", 2), ("last([])", None)],
    "take": [("take([1, 2, 3], 2)", [1, 2]), ("take([1], 5)", [1])],
    "concat": [("concat([1], [2, 3], [])", [1, 2, 3])],
    "flatten": [("flatten([1, [2, [3, []]]])", [1, 2, 3])],
    "uniq": [("uniq([1, 1.0, true, '1', [1], [1.0], nil, nil])", [1, True, "1", [1], None])],
    "reverse": [("reverse([1, 2])", [2, 1])],
    "sort": [
        ("sort([3, 1.5, 2])", [1.5, 2, 3]),
        ("sort(['b', 'a'], 'desc')", ["b", "a"]),
        ("sort([])", []),
    ],
    "all": [("all([1, 2], # > 0)", True), ("all([], false)", True)],
    "any": [("any([1, 2], # > 1)", True), ("any([], true)", False)],
    "none": [("none([1, 2], # > 2)", True)],
    "one": [("one([1, 2], # > 1)", True), ("one([1, 2], # > 0)", False)],
    "count": [("count([1, 2, 3], # > 1)", 2), ("count([true, false])", 1)],
    "filter": [("filter(0..5, # % 2 == 0)", [0, 2, 4])],
    "map": [("map(1..3, # * 2)", [2, 4, 6])],
    "find": [("find([1, 2, 3], # > 1)", 2), ("find([1], # > 1)", None)],
    "findIndex": [("findIndex([1, 2, 3], # > 1)", 1), ("findIndex([1], # > 1)", -1)],
    "findLast": [("findLast([1, 2, 3], # < 3)", 2)],
    "findLastIndex": [("findLastIndex([1, 2, 3], # < 3)", 1)],
    "groupBy": [("groupBy(1..4, # % 2 == 0)", {"false": [1, 3], "true": [2, 4]})],
    "sortBy": [
        ("sortBy([{a: 2}, {a: 1}], .a)", [{"a": 1}, {"a": 2}]),
        ("sortBy(['bb', 'a'], len(#), 'desc')", ["bb", "a"]),
    ],
    "reduce": [
        ("reduce(1..4, #acc + #)", 10),
        ("reduce([], #acc + #, 7)", 7),
        ("reduce(['a', 'b'], #acc + # + string(#index), '')", "a0b1"),
        ("reduce([1, 2], #acc + reduce([10, 20], #acc + #), 0)", 60),
    ],
    "sum": [
        ("sum([1, 2.5])", 3.5),
        ("sum([])", 0),
        ("sum([{a: 1}, {a: 2}], .a)", 3),
        ("sum([duration('1m'), duration('30s')]) == duration('90s')", True),
    ],
    "keys": [("keys({b: 1, a: 2})", ["b", "a"])],
    "values": [("values({b: 1, a: 2})", [1, 2])],
    "toPairs": [("toPairs({a: 1})", [["a", 1]])],
    "fromPairs": [("fromPairs([['a', 1], [2, 3]])", {"a": 1, "2": 3})],
    "get": [
        ("get({a: 1}, 'a')", 1),
        ("get({a: 1}, 'b')", None),
        ("get([1, 2], -1)", 2),
        ("get([1, 2], 5)", None),
        ("get(nil, 'a')", None),
    ],
    "int": [("int('5')", 5), ("int(-1.9)", -1), ("int('-007')", -7), ("int(3)", 3)],
    "float": [("float('1.5e1')", 15.0), ("float(2)", 2.0)],
    "string": [("string(4/2)", "2"), ("string([1, 'a'])", '[1,"a"]'), ("string(nil)", "")],
    "type": [
        ("type(nil)", "nil"),
        ("type(true)", "bool"),
        ("type(1)", "int"),
        ("type(1.0)", "float"),
        ("type('')", "string"),
        ("type([])", "array"),
        ("type({})", "map"),
        ("type(now())", "time.Time"),
        ("type(duration('1s'))", "time.Duration"),
    ],
    "toJSON": [
        ("toJSON({b: [1, 2.0], a: nil})", '{\n  "a": null,\n  "b": [\n    1,\n    2\n  ]\n}'),
        ("toJSON('é\"')", '"é\\""'),
        ("toJSON([])", "[]"),
    ],
    "fromJSON": [
        ("fromJSON('{\"a\": [1, 2.5, null, true]}')", {"a": [1, 2.5, None, True]}),
        ("fromJSON('[1, 2]')[1]", 2),
        ("fromJSON('18446744073709551616')", 18446744073709551616.0),
        (r"""fromJSON('"\\ud800"')""", "\ufffd"),
    ],
    "toBase64": [("toBase64('hé')", "aMOp")],
    "fromBase64": [("fromBase64('aMOp')", "hé"), ("fromBase64('/w==')", "\ufffd")],
    "now": [("now() == date('2024-02-29T12:30:00Z')", True), ("now().Year()", 2024)],
    "date": [
        ("string(date('2023-08-14'))", "2023-08-14T00:00:00Z"),
        ("string(date('2023-08-14 10:00:00'))", "2023-08-14T10:00:00Z"),
        ("string(date('2023-08-14T10:00:00.250+02:00'))", "2023-08-14T10:00:00.25+02:00"),
        ("string(date('2023-08-14T10:00:00.123456789Z'))", "2023-08-14T10:00:00.123456Z"),
        ("string(date('Mon, 14 Aug 2023 10:00:00 GMT'))", "2023-08-14T10:00:00Z"),
        ("string(date('14.08.23', '02.01.06'))", "2023-08-14T00:00:00Z"),
        (
            "string(date('2023-08-14 00:00:00', '2006-01-02 15:04:05', 'Europe/Zurich'))",
            "2023-08-14T00:00:00+02:00",
        ),
        ("date('2024-01-02') - date('2024-01-01') == duration('24h')", True),
        ("date('2024-01-02') - duration('24h') == date('2024-01-01')", True),
        ("duration('24h') + date('2024-01-01') == date('2024-01-02')", True),
        ("date('2024-01-02') > date('2024-01-01')", True),
        ("sort([date('2024-01-02'), date('2024-01-01')])[0].Day()", 1),
    ],
    "duration": [
        ("string(duration('90m'))", "1h30m0s"),
        ("duration('1h') > duration('59m')", True),
        ("duration('1h') - duration('1m') == duration('59m')", True),
        ("duration('1h') + duration('1m') == duration('61m')", True),
        ("duration('1m') * 2 == 2 * duration('1m')", True),
        ("-duration('1s') < duration('0s')", True),
        ("duration('90s').Minutes()", 1.5),
    ],
}
NOW = datetime(2024, 2, 29, 12, 30, tzinfo=UTC)
DOCUMENT = Path(__file__).parents[4] / "docs" / "expressions.md"


def value_of(text: str) -> object:
    return evaluate(text, {}, clock=lambda: NOW, random=random.Random(5))


@pytest.mark.parametrize(("text", "value"), [case for cases in CASES.values() for case in cases])
def test_function_gives_value_and_type(text: str, value: object) -> None:
    result = value_of(text)
    assert result == value
    assert type(result) is type(value)


def test_every_function_is_tested() -> None:
    assert set(CASES) == set(FUNCTIONS)
    for name, cases in CASES.items():
        assert all(f"{name}(" in text for text, _ in cases)


def test_every_predicate_of_the_grammar_is_a_function() -> None:
    assert set(FUNCTIONS) >= PREDICATE_FUNCTIONS


def test_every_function_and_method_is_documented() -> None:
    page = DOCUMENT.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)\(.*\|$", page, re.MULTILINE)
    assert sorted(rows) == sorted(FUNCTIONS)
    for method in (*INSTANT_METHODS, *DURATION_METHODS):
        assert f"{method}()" in page


def test_documented_signatures_match_the_argument_counts() -> None:
    page = DOCUMENT.read_text(encoding="utf-8")
    for name, signatures in re.findall(r"^\| (?=`(\w+)\()(.*?) \|", page, re.MULTILINE):
        counts = [
            len([part for part in inside.split(",") if part.strip()])
            for inside in re.findall(r"\w+\((.*?)\)", signatures)
        ]
        if "..." in signatures:
            assert FUNCTIONS[name].most is None
        else:
            assert (FUNCTIONS[name].least, FUNCTIONS[name].most) == (min(counts), max(counts))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("upper(1)", "upper: expected a string, got int"),
        ("len(5)", "len: expected a string, list or map, got int"),
        ("len(nil)", "got nil"),
        ("split('a', 1)", "split: expected a string"),
        ("split('a', ',', 'x')", "split: expected an int"),
        ("repeat('a', -1)", "repeat: the count is negative"),
        ("repeat('a', 1.5)", "repeat: expected an int, got float"),
        ("join([1])", "join: expected a string, got int"),
        ("join('a')", "join: expected a list, got string"),
        ("max([])", "max: no numbers given"),
        ("max('a')", "max: expected a number, got string"),
        ("min(true)", "min: expected a number, got bool"),
        ("abs('a')", "abs: expected a number"),
        ("randomInt(0)", "randomInt: the bound must be above 0"),
        ("sequence('1', 2)", "sequence: expected an int, got string"),
        ("first('abc')", "first: expected a list, got string"),
        ("take([1], -1)", "take: the count is negative"),
        ("sort([1, 'a'])", "sort: cannot compare number with string"),
        ("sort([[1]])", "sort: cannot compare array"),
        ("sort([1], 'up')", "sort: the order must be asc or desc"),
        ("filter([1], #)", "filter: the predicate gave int, not a bool"),
        ("filter({a: 1}, true)", "filter: expected a list, got map"),
        ("count([1])", "count: the predicate gave int"),
        ("sum(['a'])", "sum: expected numbers, got string"),
        ("sum([true])", "sum: expected numbers, got bool"),
        ("reduce([], #acc)", "reduce: the list is empty"),
        ("groupBy([1], [#])", "cannot be a map key"),
        ("keys([1])", "keys: expected a map, got array"),
        ("fromPairs([[1]])", "fromPairs: each element must be a list of a key and a value"),
        ("get(5, 'a')", "get: expected a map, got int"),
        ("int('5.5')", "int: invalid number '5.5'"),
        ("int(' 5')", "int: invalid number"),
        ("int('1_0')", "int: invalid number"),
        ("int('99999999999999999999')", "64 bits"),
        ("int(1e30)", "64 bits"),
        ("float('x')", "float: invalid number 'x'"),
        ("float('1e999')", "out of range"),
        ("fromJSON('{')", "fromJSON: "),
        ("fromJSON('NaN')", "fromJSON: NaN is no JSON"),
        ("fromJSON('1e999')", "out of range"),
        (r"""fromJSON('"\\u0000"')""", "fromJSON: the text holds a NUL character"),
        ("fromBase64('?')", "fromBase64: invalid base64"),
        ("fromBase64('é')", "fromBase64: invalid base64"),
        ("fromBase64('AA==')", "fromBase64: the text holds a NUL character"),
        ("date('soon')", "invalid date 'soon'"),
        ("date('2023-02-30')", "invalid date"),
        ("date('2023', '2006 2006')", "invalid date"),
        ("date('2023-08-14', '2006-01-02', '../etc/passwd')", "unknown time zone"),
        ("date('2023-08-14', '2006-01-02', 'Europe')", "unknown time zone"),
        ("date('9999-12-31') + duration('48h')", "a time is out of range"),
        ("duration('5')", "duration: missing unit"),
        ("duration('1h').Nope()", "time.Duration has no method Nope"),
        ("now().Year(1)", "Year: expected no arguments, got 1"),
        ("now() < duration('1s')", "invalid operation: time.Time < time.Duration"),
    ],
)
def test_function_error_names_the_cause(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        value_of(text)
    assert message in str(raised.value)


def test_random_numbers_come_from_the_given_source() -> None:
    numbers = [value_of("randomInt(1000)") for _ in range(2)]
    assert numbers == [random.Random(5).randrange(1000)] * 2


def test_times_have_text() -> None:
    assert to_text(value_of("now()")) == "2024-02-29T12:30:00Z"
    assert to_text(value_of("[now(), duration('1s')]")) == '["2024-02-29T12:30:00Z","1s"]'
