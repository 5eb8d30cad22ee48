"""Reading JSON bodies."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.tork.documents import read_json
from app.api.tork.faults import Invalid
from tests.fuzzing import examples


def fault_of(body: bytes) -> str:
    with pytest.raises(Invalid) as caught:
        read_json(body)
    return str(caught.value)


def test_an_object_is_read_as_it_is() -> None:
    document = {
        "name": "j",
        "n": 5,
        "f": 1.5,
        "t": True,
        "z": None,
        "l": [{"\u00fc": "\U0001f600"}],
    }
    assert read_json(json.dumps(document).encode()) == document
    assert (
        read_json(b"\xef\xbb\xbf" + json.dumps(document, ensure_ascii=False).encode()) == document
    )


def test_the_last_of_two_equal_keys_counts() -> None:
    assert read_json(b'{"a": 1, "a": 2}') == {"a": 2}


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"", "body: is empty"),
        (b" \n", "body: is empty"),
        (b"[]", "body: must be an object"),
        (b'"a"', "body: must be an object"),
        (b"null", "body: must be an object"),
        (b"{", "body: line 1, column 2: "),
        (b"{'a': 1}", "body: line 1, column 2: "),
        (b'{"a": 1} x', "body: line 1, column 10: "),
        (b'{"a":\n nope}', "body: line 2, column 2: "),
        (b'{"a": NaN}', "body: NaN is not a JSON number"),
        (b'{"a": -Infinity}', "body: -Infinity is not a JSON number"),
        (b'{"a": "\\u0000"}', "a: holds a NUL character"),
        (b'{"\\u0000": 1}', "body: holds a NUL character"),
        (b'{"a": "\\ud800"}', "a: holds half a surrogate pair"),
        (b'{"a": ["\\udc00x"]}', "a[0]: holds half a surrogate pair"),
        (b'{"a": "\xff"}', "body: is not valid UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "body: is not valid UTF-8"),
        ('{"a": 1}'.encode("utf-16-le"), "body: holds a NUL character"),
        (b'{"a": ' + b"9" * 5000 + b"}", "body: holds a number that is too long"),
        (b'{"a": "\n"}', "body: line 1, column 8: "),
    ],
)
def test_refused(body: bytes, fault: str) -> None:
    assert fault_of(body).startswith(fault)


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_nesting_is_bounded(opening: bytes, closing: bytes) -> None:
    def body(levels: int) -> bytes:
        return b'{"a":' + opening * (levels - 1) + b"1" + closing * (levels - 1) + b"}"

    assert read_json(body(100).replace(b"[1]", b'["x"]'))
    assert fault_of(body(101)) == "body: nests deeper than 100 levels"
    assert fault_of(body(100_000)) == "body: nests deeper than 100 levels"
    assert fault_of(opening * 100_000).startswith("body: ")


def test_an_empty_list_is_a_level_too() -> None:
    assert fault_of(b'{"a":' + b"[" * 100 + b"]" * 100 + b"}") == (
        "body: nests deeper than 100 levels"
    )


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)


@examples(150)
@given(st.one_of(VALUES.map(lambda value: json.dumps(value).encode()), st.binary(max_size=60)))
def test_any_bytes_are_an_object_or_a_fault(body: bytes) -> None:
    found: object
    try:
        found = read_json(body)
    except Invalid as error:
        found = str(error)
    assert isinstance(found, dict) or str(found).startswith("body: ")
