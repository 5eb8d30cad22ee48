"""From YAML text to plain lists, dicts and scalars, with every bound checked on the way.

PyYAML's loaders construct typed values, recurse, and expand aliases before anybody can count. Here
the parser's events are read one by one: an alias costs a reference, its size is added up, and
reading stops at the first event that breaks a bound.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import Final, NamedTuple, NoReturn

import yaml

from app.api.tork.faults import item_path, key_path, refuse
from app.api.tork.scalars import (
    NULLS,
    Scalar,
    Value,
    parse_flag,
    parse_integer,
    parse_number,
    text_of,
)

_STANDARD: Final = "tag:yaml.org,2002:"
_MERGE: Final = "<<"
# The parser compares every %TAG with all before it: 30 000 of them would take seconds.
_MOST_DIRECTIVES: Final = 16


def _any_text(_text: str) -> bool:
    return True


# Explicit tags of scalars: whether the text fits. All but str are read like unquoted text.
_SCALAR_TAGS: Final[dict[str, Callable[[str], bool]]] = {
    _STANDARD + "str": _any_text,
    _STANDARD + "int": lambda text: parse_integer(text) is not None,
    _STANDARD + "float": lambda text: parse_number(text) is not None,
    _STANDARD + "bool": lambda text: parse_flag(text) is not None,
    _STANDARD + "null": NULLS.__contains__,
    _STANDARD + "timestamp": _any_text,
}


class _Node(NamedTuple):
    """A finished node; size: nodes in it, itself included; height: levels of collections."""

    value: Value
    size: int
    height: int


class _Frame:
    """A list or mapping that is still open."""

    __slots__ = ("anchor", "height", "key", "keys", "merges", "merging", "size", "value")

    def __init__(self, value: "list[Value] | dict[str, Value]", anchor: str | None) -> None:
        self.value = value
        self.anchor = anchor
        self.size = 1
        self.height = 1
        self.key: str | None = None  # the key whose value comes next
        self.keys: set[str] = set()  # keys written here, as opposed to merged ones
        self.merging = False  # the value that comes next is that of the merge key
        self.merges: list[dict[str, Value]] | None = None


def compose(text: str, *, deepest: int, most_nodes: int) -> dict[str, Value]:
    """Return the first document in `text`, a mapping.

    deepest: levels of collections allowed. most_nodes: nodes allowed where aliases are used, each
    alias counting as all it stands for. Parts named by an anchor are shared between the places that
    use them: the answer must not be changed in place. Raises Invalid.
    """
    _check_directives(text)
    composer = _Composer(deepest, most_nodes)
    try:
        with closing(yaml.parse(text, Loader=yaml.CSafeLoader)) as events:
            document = composer.run(events)
    except yaml.YAMLError as error:
        refuse(_explained(error))
    except UnicodeError:  # percent-escapes in a tag that are no UTF-8
        refuse("is not valid YAML")
    if not isinstance(document, dict):
        empty = document is None or (isinstance(document, Scalar) and document.is_null)
        refuse("is empty" if empty else "must be a mapping")
    return document


def _check_directives(text: str) -> None:
    count = 0
    for line in text.splitlines():
        content = line.strip().strip("\ufeff")
        if content.startswith("%"):
            count += 1
            if count > _MOST_DIRECTIVES:
                refuse("has too many directives")
        elif content and not content.startswith("#"):
            return


def _explained(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None)
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return f"{where}{problem or 'is not valid YAML'}"


class _Composer:
    def __init__(self, deepest: int, most_nodes: int) -> None:
        self._deepest = deepest
        self._most_nodes = most_nodes
        self._open: list[_Frame] = []
        self._anchors: dict[str, _Node | None] = {}  # None while the node is still open
        self._nodes = 0
        self._has_alias = False

    def run(self, events: Iterator[yaml.Event]) -> Value:
        """Return the first document's root, None if there is no document."""
        for event in events:
            done = self._take(event)
            if done is not None:
                if not self._open:
                    return done.value
                self._place(done)
        return None

    def _take(self, event: yaml.Event) -> _Node | None:
        """Return the node that `event` completes, if it does."""
        if isinstance(event, yaml.ScalarEvent):
            self._count(1)
            node = _Node(self._scalar(event), 1, 0)
            if event.anchor is not None:
                self._anchors[event.anchor] = node
            return node
        if isinstance(event, yaml.MappingStartEvent):
            self._begin({}, event, "map")
        elif isinstance(event, yaml.SequenceStartEvent):
            self._begin([], event, "seq")
        elif isinstance(event, yaml.CollectionEndEvent):
            return self._end()
        elif isinstance(event, yaml.AliasEvent):
            return self._alias(event.anchor)
        return None

    def _count(self, nodes: int) -> None:
        self._nodes += nodes
        if self._has_alias and self._nodes > self._most_nodes:
            refuse(f"has aliases that expand to more than {self._most_nodes} nodes")

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        text, tag = event.value, event.tag
        if "\0" in text:
            self._refuse("holds a NUL character")
        if tag is None:
            return Scalar(text, plain=not event.style)
        if tag == "!":
            return Scalar(text, plain=False)
        fits = _SCALAR_TAGS.get(tag)
        if fits is None:
            self._refuse("has a tag that is not one of the standard YAML types")
        if not fits(text):
            self._refuse("does not fit its tag")
        return Scalar(text, plain=tag != _STANDARD + "str")

    def _begin(
        self,
        value: "list[Value] | dict[str, Value]",
        event: yaml.CollectionStartEvent,
        kind: str,
    ) -> None:
        if event.tag not in {None, "!", _STANDARD + kind}:
            self._refuse("has a tag that is not one of the standard YAML types")
        self._check_depth(1)
        self._count(1)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        self._open.append(_Frame(value, event.anchor))

    def _end(self) -> _Node:
        frame = self._open.pop()
        if isinstance(frame.value, dict):
            for merged in frame.merges or ():
                for key, value in merged.items():
                    frame.value.setdefault(key, value)
        node = _Node(frame.value, frame.size, frame.height)
        if frame.anchor is not None:
            self._anchors[frame.anchor] = node
        return node

    def _alias(self, name: str) -> _Node:
        if name not in self._anchors:
            self._refuse("names an anchor that does not exist")
        node = self._anchors[name]
        if node is None:
            self._refuse("is an alias inside the very node it stands for")
        self._has_alias = True
        self._count(node.size)
        self._check_depth(node.height)
        return node

    def _check_depth(self, levels: int) -> None:
        if len(self._open) + levels > self._deepest:
            refuse(f"nests deeper than {self._deepest} levels")

    def _place(self, node: _Node) -> None:
        """Put a finished node into the innermost open collection."""
        frame, value = self._open[-1], node.value
        frame.size += node.size
        frame.height = max(frame.height, node.height + 1)
        if isinstance(frame.value, list):
            frame.value.append(value)
        elif frame.key is None:
            self._begin_entry(frame, value)
        else:
            if frame.merging:
                self._merge(frame, value)
            else:
                frame.value[frame.key] = value
            frame.key = None
            frame.merging = False

    def _begin_entry(self, frame: _Frame, value: Value) -> None:
        if not isinstance(value, Scalar):
            self._refuse("has a key that is a list or mapping")
        frame.key = text_of(value) or ""
        if frame.key == _MERGE and value.plain:
            if frame.merges is not None:
                self._refuse("duplicate key")
            frame.merging = True
        elif frame.key in frame.keys:
            self._refuse("duplicate key")
        else:
            frame.keys.add(frame.key)

    def _merge(self, frame: _Frame, value: Value) -> None:
        sources: Iterable[Value] = value if isinstance(value, list) else [value]
        frame.merges = []
        for source in sources:
            if not isinstance(source, dict):
                self._refuse("must be a mapping or a list of mappings")
            frame.merges.append(source)

    def _refuse(self, text: str) -> NoReturn:
        refuse(text, self._path())

    def _path(self) -> str:
        path = ""
        for frame in self._open:
            if isinstance(frame.value, list):
                path = item_path(path, len(frame.value))
            elif frame.key is not None:
                path = key_path(path, frame.key)
        return path
