"""Parameters as one text, JSON or YAML, and where in it things stand."""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import orjson
import yaml

from app.api.jobyard.errors import BadRequest
from app.api.tork.documents import read_json, read_yaml
from app.api.tork.faults import Invalid, item_path, key_path
from app.api.tork.scalars import Scalar, flag_of, number_of
from app.domain.records import Json
from config.redaction import MASK

TYPE_ANEW = "A secret stood here; type it anew."
MOST_EVENTS = 100_000

_SAID = re.compile(r"(?:(?P<path>\S+): )?line (?P<line>\d+), column (?P<column>\d+): (?P<text>.*)")


class Place(NamedTuple):
    """A line and a column of a text, from 1."""

    line: int
    column: int


class Fault(NamedTuple):
    """What is wrong at a place of a text; 0 where that is not known. path: of the key."""

    line: int
    column: int
    path: str
    text: str


def read(text: str) -> Any:
    """Give the value that a text of JSON or YAML stands for. Raises BadRequest."""
    try:
        # Either reader wants a mapping, and bounds how deep it goes.
        return read_json(b'{"it":%b}' % text.encode("utf-8", "replace"))["it"]
    except (Invalid, KeyError):
        pass
    try:
        inside = "".join(f" {line}\n" for line in text.replace("\t", "  ").splitlines())
        return _value(read_yaml(f"it:\n{inside}".encode())["it"])
    except Invalid as error:
        raise BadRequest("neither JSON nor YAML") from error


def read_object(text: str) -> Json:
    """Give the object that a text of JSON or YAML is. Raises Invalid."""
    return _object(document(text))


def document(text: str) -> Json:
    """Give the document that a text is, whose scalars keep their source. Raises Invalid."""
    body = text.encode("utf-8", "replace")
    return read_json(body) if text.lstrip().startswith("{") else read_yaml(body)


def _object(given: Any) -> Json:
    return {key: _value(each) for key, each in given.items()}


def _value(given: Any) -> Any:
    if isinstance(given, dict):
        return _object(given)
    if isinstance(given, list):
        return [_value(each) for each in given]
    return _scalar(given) if isinstance(given, Scalar) else given


def _scalar(given: Scalar) -> Any:
    if given.is_null:
        return None
    if not given.plain:
        return given.text
    flag, number = flag_of(given), number_of(given)
    if flag is not None:
        return flag
    return given.text if number is None else number


def single(given: Any) -> str:
    """Write a single value as it is typed."""
    if isinstance(given, float):
        return repr(given).removesuffix(".0")
    return given if isinstance(given, str) else written(given)


def written(value: Any) -> str:
    """Write a value as YAML; short and single ones on one line."""
    if not isinstance(value, dict | list):
        return orjson.dumps(value).decode()
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text


class _Dumper(yaml.CSafeDumper):  # type: ignore[misc]
    """Writes texts of several lines as blocks, and repeats what occurs twice."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _block(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _block)


def placed(text: str, said: Iterable[str]) -> list[Fault]:
    """Find the places of faults such as `tasks[1].retry: …` or `body: line 3, column 1: …`."""
    places: dict[str, Place] | None = None
    found: list[Fault] = []
    for one in said:
        if of_parser := _SAID.fullmatch(one):
            line, column = int(of_parser["line"]), int(of_parser["column"])
            found.append(Fault(line, column, "", of_parser["text"]))
            continue
        path, _, what = one.partition(": ")
        if places is None:
            places = _Places.of(text)
        place = _nearest(places, path)
        found.append(Fault(place.line, place.column, "" if path == "body" else path, what))
    return sorted(found, key=lambda fault: (fault.line or 10**9, fault.column))


def _nearest(places: dict[str, Place], path: str) -> Place:
    """Give where a key stands, or what is nearest around it: it may have come by an alias."""
    while path and path not in places:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return places.get(path, Place(0, 0))


class _Places:
    """Where each key and each entry of a list begins, by path; of twins, the last counts."""

    def __init__(self) -> None:
        self.found: dict[str, Place] = {}
        # What is open: its path, and the number of its entries or the key whose value comes.
        self._open: list[tuple[str, int | str | None]] = []

    @classmethod
    def of(cls, text: str) -> dict[str, Place]:
        """Give those of a text, as far as it can be read."""
        places = cls()
        try:
            for event in islice(yaml.parse(text, Loader=yaml.CSafeLoader), MOST_EVENTS):
                places.take(event)
        except (yaml.YAMLError, UnicodeError):
            pass
        return places.found

    def take(self, event: yaml.Event) -> None:
        """Take the next event of the parser."""
        if isinstance(event, yaml.CollectionEndEvent):
            self._open.pop()
            self._next()
        elif isinstance(event, yaml.NodeEvent):
            mark = Place(event.start_mark.line + 1, event.start_mark.column + 1)
            around, entry = self._open[-1] if self._open else ("", None)
            if self._open and entry is None and isinstance(event, yaml.ScalarEvent):
                self._open[-1] = (around, event.value)
                self.found[key_path(around, event.value)] = mark
                return
            path = around
            if isinstance(entry, int):
                path = item_path(around, entry)
                self.found[path] = mark
            elif entry is not None:
                path = key_path(around, entry)
            self._node(event, path)

    def _node(self, event: yaml.NodeEvent, path: str) -> None:
        if isinstance(event, yaml.SequenceStartEvent):
            self._open.append((path, 0))
        elif isinstance(event, yaml.MappingStartEvent):
            self._open.append((path, None))
        else:
            self._next()

    def _next(self) -> None:
        if self._open:
            path, entry = self._open[-1]
            self._open[-1] = (path, entry + 1 if isinstance(entry, int) else None)


def masks(value: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of texts in which a secret is masked."""
    if isinstance(value, str):
        if MASK in value:
            yield path
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from masks(each, key_path(path, str(key)))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from masks(each, item_path(path, number))


def without_masks(value: Any) -> Any:
    """Give a value in which texts that are nothing but a mask are empty."""
    if isinstance(value, dict):
        return {key: without_masks(each) for key, each in value.items()}
    if isinstance(value, list):
        return [without_masks(each) for each in value]
    return "" if value == MASK else value
