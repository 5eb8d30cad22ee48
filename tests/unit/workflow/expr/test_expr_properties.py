"""No text crashes, hangs or escapes: it gives a value of the language or an ExpressionError."""

from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from plugins.workflow.expr import ExpressionError, check_template, evaluate, parse, render, to_text
from plugins.workflow.expr.functions import FUNCTIONS
from plugins.workflow.expr.grammar import BINARY, PREDICATE_FUNCTIONS
from plugins.workflow.expr.values import type_name
from tests.fuzzing import examples

NAMES = {"inputs": {"x": "5", "l": "[1]"}, "tasks": {}, "item": {"index": "0", "value": [1, {}]}}
BOUNDED = examples(200, suppress_health_check=[HealthCheck.too_slow])

LEAVES = st.sampled_from(
    [
        "1",
        "0",
        "-3",
        "2.5",
        "1e3",
        "'a'",
        "''",
        "'a,b'",
        "true",
        "false",
        "nil",
        "inputs.x",
        "inputs.nope",
        "item.value",
        "[1, 2]",
        "['b', 'a']",
        "{a: 1}",
        "1..3",
        "now()",
        "duration('1m')",
        "date('0001-01-01')",
        "date('9999-12-31')",
        "nope",
        "'[1]'",
        "'%Y'",
        "9223372036854775807",
        "1e308",
        "'(a+)+$'",
        "'2006-01-02'",
        "'Europe/Berlin'",
    ]
)


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    def call(name: str, arguments: list[str]) -> str:
        if name in PREDICATE_FUNCTIONS and len(arguments) > 1:
            arguments[1] = f"{{{arguments[1]} == # or #index > 0 ? # : #acc}}"
        return f"{name}({', '.join(arguments)})"

    return st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(sorted(BINARY)), inner),
        st.builds("({} not in {})".format, inner, inner),
        st.builds("({} < {} <= {})".format, inner, inner, inner),
        st.builds("({} ? {} : {})".format, inner, inner, inner),
        st.builds("{}({})".format, st.sampled_from(["not ", "-", "+", "!"]), inner),
        st.builds("({})[{}]".format, inner, inner),
        st.builds("({})?.[{}:{}]".format, inner, inner, inner),
        st.builds("({}).a".format, inner),
        st.builds("({})?.a".format, inner),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("{{({}): {}}}".format, inner, inner),
        st.builds(call, st.sampled_from(sorted(FUNCTIONS)), st.lists(inner, max_size=3)),
        st.builds("map({}, {})".format, inner, inner),
        st.builds("filter({}, {{# == {}}})".format, inner, inner),
        st.builds("reduce({}, [#acc, #, {}])".format, inner, inner),
    )


EXPRESSIONS = st.recursive(LEAVES, grown, max_leaves=12)
FRAGMENTS = st.lists(
    st.sampled_from(
        [
            *"()[]{}.,:?#|+-*/%^!<>='\"`\\ ab1",
            "{{",
            "}}",
            "..",
            "?.",
            "??",
            "not",
            "in",
            "map(",
            "\n",
            "é",
            "\u2028",
            "0x",
            "1e",
            "/*",
            "//",
            "\\u",
            "&&",
            "==",
        ]
    ),
    max_size=40,
).map("".join)


def settles(text: str) -> None:
    """The text gives a value of the language, which has a text, or an ExpressionError."""
    try:
        value = evaluate(text, NAMES)
        assert type_name(value) != "unknown"
        assert isinstance(to_text(value), str)
    except ExpressionError as fault:
        assert 0 < len(str(fault)) < 300  # noqa: PT017 - either outcome is right


@BOUNDED
@given(EXPRESSIONS)
def test_expression_of_the_grammar_settles(text: str) -> None:
    settles(text)


@BOUNDED
@given(st.text(max_size=80))
def test_any_text_settles(text: str) -> None:
    settles(text)


@BOUNDED
@given(FRAGMENTS)
def test_any_fragments_settle(text: str) -> None:
    settles(text)


@BOUNDED
@given(EXPRESSIONS)
def test_expression_of_the_grammar_parses(text: str) -> None:
    try:
        parse(text)
    except ExpressionError as fault:
        assert "after ??" in str(fault) or "expected a function" in str(fault)  # noqa: PT017


@BOUNDED
@given(st.text(max_size=80).filter(lambda text: "{{" not in text))
def test_text_without_braces_renders_to_itself(text: str) -> None:
    assert render(text, NAMES) == text


@BOUNDED
@given(st.text(max_size=40), st.text(max_size=40))
def test_values_are_never_read_again(value: str, around: str) -> None:
    around = around.replace("{", "").replace("}", "")
    trap = "{{ secrets.token }}" + value
    rendered = render(f"{around}{{{{ inputs.v }}}}{around}", {"inputs": {"v": trap}})
    assert rendered == around + trap + around


@BOUNDED
@given(FRAGMENTS)
def test_what_checks_also_renders_or_fails_to_evaluate(text: str) -> None:
    try:
        check_template(text)
    except ExpressionError:
        return
    try:
        render(text, NAMES)
    except ExpressionError as fault:
        assert fault.stage == "evaluating"  # noqa: PT017 - either outcome is right


@BOUNDED
@given(
    st.integers(-(10**6), 10**6),
    st.integers(-(10**6), 10**6),
    st.sampled_from(["+", "-", "*", "<", "=="]),
)
def test_arithmetic_agrees_with_the_host(left: int, right: int, operator: str) -> None:
    expected = {
        "+": left + right,
        "-": left - right,
        "*": left * right,
        "<": left < right,
        "==": left == right,
    }[operator]
    assert evaluate(f"{left} {operator} ({right})", {}) == expected


@BOUNDED
@given(st.lists(st.integers(-50, 50), max_size=20))
def test_list_functions_agree_with_the_host(numbers: list[int]) -> None:
    names = {"item": {"value": numbers}}
    assert evaluate("sort(item.value)", names) == sorted(numbers)
    assert evaluate("uniq(item.value)", names) == list(dict.fromkeys(numbers))
    assert evaluate("reverse(item.value)", names) == numbers[::-1]
    assert evaluate("sum(item.value)", names) == sum(numbers)
    assert evaluate("fromJSON(toJSON(item.value))", names) == numbers


@BOUNDED
@given(st.text(alphabet="ab", max_size=12), st.text(alphabet="ab", max_size=3))
def test_string_functions_agree_with_the_host(text: str, part: str) -> None:
    names = {"inputs": {"s": text, "p": part}}
    assert evaluate("lastIndexOf(inputs.s, inputs.p)", names) == text.rfind(part)
    assert evaluate("trim(inputs.s, inputs.p)", names) == (text.strip(part) if part else text)
    assert evaluate("replace(inputs.s, inputs.p, '-')", names) == text.replace(part, "-")
    if part:
        assert evaluate("split(inputs.s, inputs.p)", names) == text.split(part)
        assert evaluate("join(splitAfter(inputs.s, inputs.p))", names) == text
