"""The page on operations explains every event, action, figure and finding, and no other."""

import ast
import re
from pathlib import Path

from app.engine.doctor import KINDS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text("utf-8")
LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}


def section(title: str) -> str:
    return re.split(r"^## ", PAGE, flags=re.MULTILINE)[
        1 + re.findall(r"^## (.+)$", PAGE, re.MULTILINE).index(title)
    ]


def first_cells(text: str) -> set[str]:
    """The words in code form of each table row's first cell."""
    cells = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    return {word for cell in cells for word in re.findall(r"`([^`]+)`", cell)}


def calls() -> list[ast.Call]:
    """Every call of a logger in the program."""
    return [
        node
        for path in (ROOT / "app").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in LEVELS
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in ("log", "_log")
    ]


def constants(node: ast.AST) -> set[str]:
    return {
        each.value
        for each in ast.walk(node)
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    }


def actions(call: ast.Call) -> set[str]:
    """What the call gives as `action` among its extra fields."""
    found = set()
    for word in call.keywords:
        if word.arg == "extra" and isinstance(word.value, ast.Dict):
            for key, value in zip(word.value.keys, word.value.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "action":
                    found |= constants(value)
    return found


def test_every_action_is_explained():
    found = set().union(*map(actions, calls()))
    assert found
    assert first_cells(section("Log lines").partition("Lines that are")[2]) == found


def test_every_event_is_explained():
    told = first_cells(section("Log lines").partition("Lines that are")[0])
    found = set()
    for call in calls():
        if not actions(call) and call.args:
            # `_log.log(level, event)` has the event second.
            found |= constants(call.args[1 if call.func.attr == "log" else 0])
    assert found - told == set()
    # Those that are handed on to the call are written elsewhere in the same program.
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "app").rglob("*.py"))
    assert {event for event in told - found if f'"{event}"' not in sources} == set()


def test_every_figure_is_explained():
    source = (ROOT / "app" / "api" / "http" / "exposition.py").read_text("utf-8")
    names = set(re.findall(r'f?"(jobyard_[a-z_]+(?:\{name\})?)"', source))
    assert names
    told = first_cells(section("Figures"))
    for name in names:
        pattern = re.escape(name).replace(r"\{name\}", "[a-z]+")
        assert any(re.fullmatch(pattern, each) for each in told), name


def test_every_finding_has_an_advice():
    assert first_cells(section("Findings of the doctor")) == set(KINDS)
