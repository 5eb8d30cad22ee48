"""Output as lines."""

import pytest

from app.web import output


def lines(*parts):
    found = output.lines(
        (str(number), {"task": task, "text": output.clean(text)})
        for number, (task, text) in enumerate(parts, 1)
    )
    return [(line.task_id, line.text) for line in found]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext\n", "plain\ttext\n"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bcleared", "leared"),
        ("one\r\ntwo\r\n", "one\ntwo\n"),
        ("10 %\r20 %\r", "10 %\n20 %\n"),
        ("nul\x00 bell\x07", "nul\ufffd bell\ufffd"),
        ("</pre><script>", "</pre><script>"),
        ("\x1b", ""),
        ("\x1b[", ""),
        ("caf\u00e9 \U0001f98a", "caf\u00e9 \U0001f98a"),
    ],
)
def test_what_a_terminal_would_do_is_not_shown(text, shown):
    assert output.clean(text) == shown


def test_parts_end_anywhere():
    assert lines((1, "a\nb"), (1, "c\n"), (1, "\nd")) == [(1, "a"), (1, "bc"), (1, ""), (1, "d")]


def test_tasks_take_turns_within_their_lines():
    parts = ((1, "one "), (2, "two "), (1, "more\nnext\n"), (2, "end\n"))
    assert lines(*parts) == [(1, "one more"), (2, "two end"), (1, "next")]


def test_a_long_line_is_cut_and_says_so():
    text = "x" * (output.LONGEST + 5)
    [line] = output.lines([("1", {"task": 1, "text": text})])
    assert (len(line.text), line.hidden, line.is_open) == (output.LONGEST, 5, True)


def test_lines_know_what_is_before_them():
    parts = [("5", {"task": 1, "text": "a\nb\n"}), ("6", {"task": 1, "text": "c"})]
    assert [line.before for line in output.lines(parts)] == ["5", "", "6"]
