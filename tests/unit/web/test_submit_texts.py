"""Parameters as texts: what they stand for, and at which line something is wrong."""

import pytest

from app.api.jobyard.errors import BadRequest
from app.api.tork.faults import Invalid
from app.web.submitting import texts
from app.web.submitting.texts import Fault
from config.redaction import MASK

YAML = """\
name: x
tasks:
  - name: a
    run: |
      one
      two
  - name: b
    retry: {limit: 99,
            initialDelay: soon}
    env:
      "odd key": 1
list: [1, 2,
  3]
last: *gone
"""


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        ("name", 1, 1),
        ("tasks", 2, 1),
        ("tasks[0]", 3, 5),
        ("tasks[0].run", 4, 5),
        ("tasks[1].retry.limit", 8, 13),
        ("tasks[1].retry.initialDelay", 9, 13),
        ('tasks[1].env["odd key"]', 11, 7),
        ("tasks[1].env.none", 10, 5),
        ("list[2]", 13, 3),
        ("nowhere", 0, 0),
    ],
)
def test_a_fault_is_told_at_the_line_of_its_key(path, line, column):
    text = YAML.replace("last: *gone\n", "")
    assert texts.placed(text, [f"{path}: bad"]) == [Fault(line, column, path, "bad")]


def test_faults_come_in_the_order_of_the_text():
    text = YAML.replace("last: *gone\n", "")
    found = texts.placed(text, ["list: c", "body: d", "tasks[0].run: b", "name: a"])
    assert [one.text for one in found] == ["a", "b", "c", "d"]
    assert found[-1] == Fault(0, 0, "", "d")


@pytest.mark.parametrize(
    ("text", "line"),
    [("a: [1", 2), ("a: 1\n b: 2", 2), ('{"a": 1,\n "b"}', 2), ("a:\n\t- b", 2), (YAML, 14)],
)
def test_what_is_no_yaml_or_json_is_told_with_its_line(text, line):
    with pytest.raises(Invalid) as refused:
        texts.document(text)
    (fault,) = texts.placed(text, refused.value.faults)
    assert fault.line in (line, 0 if text == YAML else line)
    assert fault.text


def test_json_has_lines_as_well():
    text = '{"a": 1,\n "b": {\n  "c": [1,\n 2]}}'
    assert [one.line for one in texts.placed(text, ["b.c: x", "b.c[1]: y"])] == [3, 4]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1", {"a": 1}),
        (
            "a: yes\nb: 'yes'\nc: 1.5\nd: ~\ne: x",
            {"a": True, "b": "yes", "c": 1.5, "d": None, "e": "x"},
        ),
        ('{"a": "1", "b": [true, null]}', {"a": "1", "b": [True, None]}),
        ("a: &x {b: 1}\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}),
    ],
)
def test_an_object_is_read_from_either(text, value):
    assert texts.read_object(text) == value


@pytest.mark.parametrize(
    "value", [1, 1.5, True, None, "text", "two\nlines", [1, "a"], {"a": {"b": [1]}}, "12", "no"]
)
def test_any_value_is_read_as_it_was_written(value):
    assert texts.read(texts.written(value)) == value


@pytest.mark.parametrize(
    "text", ["[" * 1000 + "]" * 1000, "{a: [", "*x", "a: b: c", "&a [*a]", "!!python/x 1"]
)
def test_what_is_no_value_is_refused(text):
    with pytest.raises(BadRequest):
        texts.read(text)


def test_lines_of_a_text_stay_lines():
    assert texts.written({"run": "a\nb\n"}) == "run: |\n  a\n  b\n"


def test_an_endless_text_is_no_trouble():
    bomb = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(24)
    )
    assert texts.placed(bomb, ["y: bad"])[0].line == 25
    deep = "[" * 5000
    assert texts.placed(deep, ["a: bad"]) == [Fault(0, 0, "a", "bad")]


def test_masked_secrets_are_found_and_emptied():
    value = {"a": MASK, "b": [{"c": f"x{MASK}"}], "odd key": MASK, "d": "fine", "e": 1}
    assert list(texts.masks(value)) == ["a", "b[0].c", '["odd key"]']
    assert texts.without_masks(value)["a"] == ""
    assert texts.without_masks(value)["b"] == [{"c": f"x{MASK}"}]
