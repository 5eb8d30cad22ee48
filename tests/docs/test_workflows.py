"""docs/workflows.md tells every key of the job language, and its examples are accepted."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.api.tork import shapes
from app.api.tork.documents import read_yaml
from app.api.tork.kinds import Kind, Late, ListOf, Shape
from app.api.tork.validation import validate_job
from plugins.workflow import Workflow

PAGE = (Path(__file__).parents[2] / "docs" / "workflows.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


class Checker:
    """The language's own."""

    def check_expression(self, text: str) -> None:
        Workflow().check("condition", text)

    def check_output(self, text: str) -> None:
        Workflow().check("output", text)


def shapes_in(kind: Kind, seen: set[str]) -> Iterator[Shape]:
    if isinstance(kind, ListOf):
        kind = kind.item
    if isinstance(kind, Late):
        kind = kind.find()
    if isinstance(kind, Shape) and kind.name not in seen:
        seen.add(kind.name)
        yield kind
        for field in kind.fields.values():
            yield from shapes_in(field.kind, seen)


def keys() -> set[str]:
    found = {"schedule"}
    for shape in (shapes.JOB, shapes.SCHEDULED_JOB):
        for inner in shapes_in(shape, set()):
            found |= {key for key, field in inner.fields.items() if not field.elsewhere}
    return found


@pytest.mark.parametrize("key", sorted(keys()))
def test_every_key_is_told(key):
    assert re.search(rf"[`{{]{key}[`:]", PAGE), key


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_examples_are_accepted(number):
    document = read_yaml(EXAMPLES[number].encode())
    given = validate_job(document, expressions=Checker(), permission_exists=lambda *_: True)
    assert given["tasks"]
