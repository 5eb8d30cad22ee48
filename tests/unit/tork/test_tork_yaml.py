"""Reading YAML bodies: what is taken, what is refused, and that hostile bodies stay cheap."""

import codecs
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.tork import composer
from app.api.tork.documents import MOST_NODES, read_yaml
from app.api.tork.faults import Invalid
from app.api.tork.scalars import Scalar
from tests.fuzzing import examples

SAMPLE = b"""
name: sample job
tasks:
- name: sample task
  image: ubuntu:mantic
  run: echo hello world
"""


def plain(value: Any) -> Any:
    """The document with texts in place of scalars."""
    if isinstance(value, Scalar):
        return value.text
    if isinstance(value, list):
        return [plain(item) for item in value]
    return {key: plain(item) for key, item in value.items()}


def texts(value: Any) -> Iterator[str]:
    """All keys and texts in a plain document."""
    if isinstance(value, str):
        yield value
    else:
        for item in value:
            yield from texts(item)
            if isinstance(value, dict):
                yield from texts(value[item])


def fault_of(body: bytes) -> str:
    with pytest.raises(Invalid) as caught:
        read_yaml(body)
    return str(caught.value)


def test_the_reference_sample_is_read() -> None:
    assert plain(read_yaml(SAMPLE)) == {
        "name": "sample job",
        "tasks": [
            {"name": "sample task", "image": "ubuntu:mantic", "run": "echo hello world"},
        ],
    }


@pytest.mark.parametrize(
    ("source", "scalar"),
    [
        (".5", Scalar(".5", plain=True)),
        ("yes", Scalar("yes", plain=True)),
        ("1.10", Scalar("1.10", plain=True)),
        ('"8080"', Scalar("8080", plain=False)),
        ("'it''s'", Scalar("it's", plain=False)),
        ("!!str 5", Scalar("5", plain=False)),
        ("! 5", Scalar("5", plain=False)),
        ('!!int "5"', Scalar("5", plain=True)),
        ("!!bool on", Scalar("on", plain=True)),
        ("!!timestamp 2024-01-01", Scalar("2024-01-01", plain=True)),
        ("|\n  a\n  b", Scalar("a\nb\n", plain=False)),
        ("", Scalar("", plain=True)),
        ("2024-01-01", Scalar("2024-01-01", plain=True)),
    ],
)
def test_scalars_keep_their_source_text(source: str, scalar: Scalar) -> None:
    found = read_yaml(f"v: {source}\n".encode())["v"]
    assert found == scalar
    assert isinstance(found, Scalar)


def test_keys_are_texts_whatever_they_look_like() -> None:
    assert plain(read_yaml(b"{8080: a, yes: b, 1.10: c}")) == {"8080": "a", "yes": "b", "1.10": "c"}


def test_only_the_first_document_counts() -> None:
    assert plain(read_yaml(b"a: 1\n---\na: [\n")) == {"a": "1"}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{x: &a [1, 2], y: *a}", {"x": ["1", "2"], "y": ["1", "2"]}),
        ("{x: &a 1, y: *a}", {"x": "1", "y": "1"}),
        ("{&k x: 1, y: {*k : 2}}", {"x": "1", "y": {"x": "2"}}),
        ("{x: &a {p: 1, q: 2}, y: {<<: *a, q: 3}}", {"y": {"p": "1", "q": "3"}}),
        ("{x: &a {p: 1}, y: {q: 3, <<: *a}}", {"y": {"p": "1", "q": "3"}}),
        ("{x: [&a {p: 1}, &b {p: 2, q: 2}], y: {<<: [*a, *b]}}", {"y": {"p": "1", "q": "2"}}),
        ("{x: &a {p: 1}, m: &b {<<: *a, q: 2}, y: {<<: *b}}", {"y": {"p": "1", "q": "2"}}),
        ('{y: {"<<": 1}}', {"y": {"<<": "1"}}),
    ],
)
def test_anchors_aliases_and_merge_keys_work(source: str, expected: dict[str, Any]) -> None:
    found = plain(read_yaml(source.encode()))
    assert {key: found[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"", "body: is empty"),
        (b"# nothing\n", "body: is empty"),
        (b"---\n", "body: is empty"),
        (b"~", "body: is empty"),
        (b"hello", "body: must be a mapping"),
        (b"- a\n- b\n", "body: must be a mapping"),
        (b"a: [1, 2", "body: line "),
        (b"a: b: c", "body: line 1, column 5: "),
        (b"\ta: 1", "body: line 1, column 1: "),
        (b"a: 1\nb: 2\na: 3", "a: duplicate key"),
        (b'{1: a, "1": b}', "1: duplicate key"),
        (b"tasks: [{name: a}, {name: b, name: c}]", "tasks[1].name: duplicate key"),
        (b"x: {<<: {a: 1}, <<: {b: 1}}", 'x["<<"]: duplicate key'),
        (b"x: {<<: {a: 1}, <<: {}}", 'x["<<"]: duplicate key'),
        (b"x: {<<: 5}", 'x["<<"]: must be a mapping or a list of mappings'),
        (b"x: {<<: [{}, 5]}", 'x["<<"]: must be a mapping or a list of mappings'),
        (b"x: {[a]: 1}", "x: has a key that is a list or mapping"),
        (b"x: !!python/object:os.system {}", "x: has a tag"),
        (b"x: !!python/name:os.system ''", "x: has a tag"),
        (b"tasks: [{run: !!binary aGk=}]", "tasks[0].run: has a tag"),
        (b"x: !y z", "x: has a tag"),
        (b"x: !!set {a}", "x: has a tag"),
        (b"!!omap [a: 1]", "body: has a tag"),
        (b"x: !!int abc", "x: does not fit its tag"),
        (b"x: !%ED%A0%80 y", "body: is not valid YAML"),
        (b"x: *nope", "x: names an anchor that does not exist"),
        (b"x: &a [*a]", "x[0]: is an alias inside the very node it stands for"),
        (b"x: &a {<<: *a}", 'x["<<"]: is an alias inside'),
        (b"a: \0", "body: holds a NUL character"),
        (b'x: "\\0"', "x: holds a NUL character"),
        (b'x: {"\\0": 1}', "x: holds a NUL character"),
        (b'x: "\\ud800"', "body: line "),
        (b"x: \x07", "body: "),
        (b"a: \xff", "body: is not valid UTF-8"),
        (b"a: \xed\xa0\x80", "body: is not valid UTF-8"),
        ("a: 1".encode("utf-16-le"), "body: holds a NUL character"),
        (codecs.BOM_UTF16_LE + b"a", "body: is not valid UTF-16"),
        (codecs.BOM_UTF32_LE + "a: 1".encode("utf-32-le"), "body: holds a NUL character"),
    ],
)
def test_refused(body: bytes, fault: str) -> None:
    assert fault_of(body).startswith(fault)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_says_the_encoding(encoding: str) -> None:
    assert plain(read_yaml("v: \u00fc\U0001f600".encode(encoding))) == {"v": "\u00fc\U0001f600"}


def laughs(levels: int, width: int) -> bytes:
    lines = ["a0: &a0 [x]"]
    for level in range(1, levels):
        aliases = ", ".join([f"*a{level - 1}"] * width)
        lines.append(f"a{level}: &a{level} [{aliases}]")
    return "\n".join(lines).encode()


def merged_laughs(levels: int, width: int) -> bytes:
    first = ", ".join(f"k{n}: 1" for n in range(50))
    lines = [f"a0: &a0 {{{first}}}"]
    for level in range(1, levels):
        aliases = ", ".join([f"*a{level - 1}"] * width)
        lines.append(f"a{level}: &a{level} {{<<: [{aliases}]}}")
    return "\n".join(lines).encode()


@pytest.mark.parametrize(
    "body", [laughs(9, 9), laughs(60, 60), merged_laughs(9, 9), merged_laughs(5, 200)]
)
def test_aliases_that_expand_beyond_the_bound_are_refused(body: bytes) -> None:
    assert fault_of(body) == f"body: has aliases that expand to more than {MOST_NODES} nodes"


def test_the_alias_bound_counts_every_node_once_for_each_place() -> None:
    # Nodes: the mapping, 2 keys, the anchored list with its 9 items, and the list of aliases.
    def text(aliases: int) -> str:
        return f"{{a: &a [{','.join('1' * 9)}], b: [{','.join(['*a'] * aliases)}]}}"

    nodes = 1 + 2 + 10 + 1 + 30 * 10
    assert composer.compose(text(30), deepest=5, most_nodes=nodes)
    with pytest.raises(Invalid, match="expand to more than"):
        composer.compose(text(30), deepest=5, most_nodes=nodes - 1)


def test_a_large_document_without_aliases_is_not_an_expansion() -> None:
    items = MOST_NODES + 10
    assert len(read_yaml(b"a: [" + b"1," * items + b"]")["a"]) == items


@pytest.mark.parametrize(
    ("opening", "closing"), [("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", "")]
)
def test_nesting_is_bounded(opening: str, closing: str) -> None:
    def body(levels: int) -> bytes:
        # The root mapping is the first level.
        return ("a:\n  " + opening * (levels - 1) + "x" + closing * (levels - 1)).encode()

    assert fault_of(body(101)) == "body: nests deeper than 100 levels"
    assert fault_of(body(100_000)) == "body: nests deeper than 100 levels"
    if opening != "? ":
        assert read_yaml(body(100))


def test_nesting_counts_through_aliases() -> None:
    def body(levels: int) -> bytes:
        deep = "[" * levels + "]" * levels
        return f"a: &a {deep}\nb: {'[' * 60}*a{']' * 60}".encode()

    assert read_yaml(body(39))
    assert fault_of(body(40)) == "body: nests deeper than 100 levels"


@pytest.mark.parametrize(
    "make",
    [
        lambda n: b"[" * n,
        lambda n: b"{a: " * n,
        lambda n: b"a: [" + b"x," * n,
        lambda n: b"a: {" + b"x," * n,
        lambda n: b"a: " * n,
        lambda n: b"&a " * n,
        lambda n: b"!a " * n,
        lambda n: b"- " * n,
        lambda n: b"a: '" + b" \n" * n,
        lambda n: b"%" * n,
        lambda n: b"".join(b"%%TAG !a%d! x\n" % i for i in range(n // 8)) + b"--- {}",
        lambda n: b"\xef\xbb\xbf%TAG ! x\n" + b"#\n%TAG !b! x\n" * n,
    ],
)
def test_hostile_bodies_end_in_a_fault(make: Callable[[int], bytes]) -> None:
    fault_of(make(150_000))


def test_directives_are_bounded_before_the_parser_compares_them() -> None:
    few = "".join(f"%TAG !a{n}! x\n" for n in range(16))
    assert read_yaml(f"{few}---\na: 1".encode())
    assert fault_of(f"{few}# c\n\n%TAG !b! x\n---\na: 1".encode()) == (
        "body: has too many directives"
    )
    assert read_yaml(b'a: "x\n' + b"%y\n" * 50 + b'"')


FRAGMENTS = st.lists(
    st.sampled_from(
        [
            b"a", b": ", b"- ", b"\n", b"  ", b"[", b"]", b"{", b"}", b",", b"&x ", b"*x", b"<<: ",
            b"!!int ", b"!a ", b"!%ff ", b"? ", b"| ", b">-\n", b"'", b'"', b"\\u0000", b"\\", b"#",
            b"%TAG ", b"---\n", b"...\n", b"\xef\xbb\xbf", b"\xff\xfe", b"\0", b"\xc2\x85", b"0x",
            b"1e999", b"~", b"name: n\n", b"tasks:\n", b"\t", b"\r", b"@", b"`",
        ]
    ),
    max_size=40,
).map(b"".join)  # fmt: skip


@examples(400)
@given(st.one_of(FRAGMENTS, st.binary(max_size=80), st.text(max_size=60).map(str.encode)))
def test_any_bytes_are_a_mapping_or_a_fault(body: bytes) -> None:
    faults: tuple[str, ...] = ()
    found = None
    try:
        found = read_yaml(body)
    except Invalid as error:
        faults = error.faults
    assert (found is None) == (len(faults) == 1)
    assert all(": " in fault for fault in faults)
    assert found is None or "\0" not in "".join(texts(plain(found)))
