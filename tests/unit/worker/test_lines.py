"""What of a standard output is whole lines of a sink, however it comes."""

from hypothesis import given
from hypothesis import strategies as st

from app.worker.lines import LINE_BYTES, Lines


def fed(*pieces, final=True):
    lines = Lines()
    out = [piece for data in pieces for piece in lines.feed(data)]
    return [*out, *lines.feed(b"", final=True)] if final else out


def sink(pieces):
    return "".join(piece.text for piece in pieces if piece.sink)


@given(st.lists(st.binary(max_size=12), max_size=12))
def test_all_that_goes_in_comes_out_in_order(pieces):
    out = fed(*pieces)
    assert "".join(piece.text for piece in out) == b"".join(pieces).decode("utf-8", "replace")
    assert all(piece.sink for piece in out)


def test_a_line_that_has_only_begun_waits_for_its_end():
    assert fed(b"one\ntw", final=False) == [("one\n", True)]
    assert fed(b"one\ntw", b"o\nthree", final=False) == [("one\n", True), ("two\n", True)]


def test_the_last_line_needs_no_end():
    assert sink(fed(b"one\ntwo")) == "one\ntwo"


def test_a_character_cut_in_two_is_one():
    assert fed(b"\xc3", b"\xa9\n") == [("é\n", True)]


def test_what_is_no_text_is_replaced():
    assert fed(b"a\xffb\n") == [("a\ufffdb\n", True)]


def test_of_a_long_line_the_beginning_is_the_line_and_the_rest_is_in_the_log_alone():
    text = b"x" * (LINE_BYTES + 10) + b"\nnext\n"
    for pieces in (
        [text],
        [text[:100], text[100:]],
        [text[i : i + 999] for i in range(0, 70000, 999)],
    ):
        out = fed(*pieces)
        assert "".join(piece.text for piece in out).encode() == text
        first, *rest = sink(out).split("\n")
        assert first == "x" * LINE_BYTES + "next"
        assert rest == [""]


def test_a_line_of_just_the_size_is_whole():
    text = b"y" * LINE_BYTES + b"\r\n"
    assert fed(text) == [(text.decode(), True)]


def test_no_character_is_cut_in_two():
    text = ("z" + "é" * LINE_BYTES).encode() + b"\n"
    first = fed(text)[0]
    assert first.sink
    assert len(first.text.encode()) == LINE_BYTES - 1


def test_what_comes_long_before_its_end_takes_no_more_memory_than_a_line():
    lines = Lines()
    size = 0
    for _ in range(100):
        lines.feed(b"w" * 10_000)
        size = max(size, len(lines._begun))
    assert size <= LINE_BYTES
