"""Templates: which braces count, that each part is evaluated once, what must parse."""

import pytest

from plugins.workflow.expr import (
    ExpressionError,
    ExpressionSyntaxError,
    check_expression,
    check_template,
    evaluate_text,
    is_wanted,
    render,
)

NAMES = {
    "inputs": {"x": "5", "trap": "{{ secrets.token }}", "no": "false", "n": "2"},
    "secrets": {"token": "t0k"},
    "tasks": {"list": "[1, 2]"},
}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("", ""),
        ("plain", "plain"),
        ("{{ inputs.x }}", "5"),
        ("{{inputs.x}}", "5"),
        ("{{   inputs.x\t}}", "5"),
        ("{{\n inputs.x \n}}", "5"),
        ("a {{ inputs.x }} b {{ 1 + 1 }} c", "a 5 b 2 c"),
        ("{{ inputs.nope }}", ""),
        ("{{ 4/2 }}", "2"),
        ("{{ [1, 'a'] }}", '[1,"a"]'),
        ("{{ {a: {b: 1} } }}", '{"a":{"b":1}}'),
        ("{{ nil }}", ""),
        ("{{ 'é😀' }}", "é😀"),
        # braces that make no part
        ("{ inputs.x }", "{ inputs.x }"),
        ("{{ inputs.x", "{{ inputs.x"),
        ("inputs.x }}", "inputs.x }}"),
        ("{{ a\nb }}", "{{ a\nb }}"),
        ("{{ a\nb {{ inputs.x }}", "{{ a\nb 5"),
        ("{{ a\nb }} {{ inputs.x }}", "{{ a\nb }} 5"),
        ('{"a":{"b":{}}}', '{"a":{"b":{}}}'),
        # values are never read again
        ("{{ inputs.trap }}", "{{ secrets.token }}"),
        ("{{ '{' + '{ secrets.token }' + '}' }}", "{{ secrets.token }}"),
        ("{{ '{' }}{ secrets.token }}", "{{ secrets.token }}"),
    ],
)
def test_template_is_rendered(text: str, result: str) -> None:
    assert render(text, NAMES) == result


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("{{ }}", 2),
        ("{{}}", 2),
        ("{{ 1 + }}", 6),
        ("ok {{ inputs.x }} then {{  a b }}", 29),
        ("{{{ inputs.x }}}", 10),
        ("{{.Name}}", 2),
    ],
)
def test_broken_part_is_refused_at_its_offset(text: str, offset: int) -> None:
    for action in (check_template, lambda broken: render(broken, NAMES)):
        with pytest.raises(ExpressionSyntaxError) as raised:
            action(text)
        assert raised.value.offset == offset


def test_errors_of_a_part_fail_the_whole() -> None:
    with pytest.raises(ExpressionError, match="unknown name nope"):
        render("{{ inputs.x }} {{ nope }}", NAMES)


def test_template_check_looks_at_syntax_only() -> None:
    check_template("two plain words")
    check_template("{{ nope(1) }} and {{ other.x }}")


@pytest.mark.parametrize("text", ["1+1", "{{ 1+1 }}", "a {{ x }} b {{ broken( }}", "tasks.a[0]"])
def test_expression_that_must_parse_is_accepted(text: str) -> None:
    check_expression(text)


@pytest.mark.parametrize("text", ["{1+1", "two words", "", "{{ a b }}", "{{ ( }} {{ 1 }}"])
def test_expression_that_must_parse_is_refused(text: str) -> None:
    with pytest.raises(ExpressionSyntaxError):
        check_expression(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ fromJSON(tasks.list) }}", [1, 2]),
        ("fromJSON(tasks.list)", [1, 2]),
        ("sequence(1, 3)", [1, 2]),
        ("{{ inputs.x == '5' }}", True),
        ("inputs.trap", "{{ secrets.token }}"),
    ],
)
def test_value_keeps_its_type(text: str, value: object) -> None:
    assert evaluate_text(text, NAMES) == value


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{{ inputs.x == '5' }}", True),
        ("{{ inputs.x == '6' }}", False),
        (" {{ false }} ", False),
        ("1 == 2", False),
        ("1 == 1", True),
        ("{{ inputs.no }}", False),
        ("inputs.no", False),
        ("'  false '", False),
        ("{{ inputs.nope }}", True),
        ("'False'", True),
        ("{{ false }}{{ false }}", True),
    ],
)
def test_condition(text: str, wanted: bool) -> None:
    assert is_wanted(text, NAMES) is wanted


def test_rendered_text_is_bounded() -> None:
    with pytest.raises(ExpressionError, match="longer than 1 MiB"):
        render("{{ repeat('a', 600000) }}" * 2, NAMES)
    assert render("a" * 2_000_000, NAMES) == "a" * 2_000_000


def test_parts_together_have_a_deadline() -> None:
    seconds = iter(range(100_000))
    with pytest.raises(ExpressionError, match="it took too long"):
        render("{{ map(1..300, #) }}" * 20, NAMES, monotonic=lambda: next(seconds), deadline_s=99)


def test_many_unclosed_braces_take_linear_time() -> None:
    text = "{{\na" * 200_000
    assert render(text, NAMES) == text
    assert render(text + "{{ 1 }}", NAMES) == text + "1"
