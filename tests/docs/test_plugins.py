"""The page on plugins is true: its code is under test, its signatures are the real ones."""

import ast
import importlib.util
import re
import sys
from pathlib import Path

import pytest

import app.hooks
from app.hooks import interface, loading, spec, types

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"<!-- (file: (?P<file>\S+)|run) -->\n```\w+\n(?P<code>.*?)```", re.DOTALL)
BLOCKS = list(BLOCK.finditer(PAGE))


def _signatures(path: str, within: str | None = None) -> dict[str, str]:
    """Read each public function's signature from its source, without `self`."""
    body: list[ast.stmt] = ast.parse(Path(path).read_text(encoding="utf-8")).body
    if within is not None:
        body = next(n for n in body if isinstance(n, ast.ClassDef) and n.name == within).body
    found = {}
    for node in body:
        if isinstance(node, ast.FunctionDef):
            node.args.args = [one for one in node.args.args if one.arg != "self"]
            given = f"{node.name}({ast.unparse(node.args)})"
            found[node.name] = f"{given} -> {ast.unparse(node.returns) if node.returns else ''}"
    return found


HOOKS = _signatures(spec.__file__)
METHODS = _signatures(interface.__file__, "JobInterface")


@pytest.mark.parametrize("signature", [*HOOKS.values(), *METHODS.values()])
def test_every_hook_and_method_has_a_heading_with_its_signature(signature: str) -> None:
    assert f"\n### `{signature}`\n" in PAGE


def test_no_heading_tells_of_a_hook_that_is_not_there() -> None:
    told = re.findall(r"^### `(\w+)\(", PAGE, re.MULTILINE)
    assert sorted(told) == sorted([*HOOKS, *METHODS])


def test_every_hook_has_an_example() -> None:
    sections = re.split(r"^### ", PAGE.split("## Hooks")[1].split("\n## ")[0], flags=re.MULTILINE)
    for section in sections[1:]:
        name = section.split("(")[0].strip("`")
        assert f"def {name}(" in section, name
        assert "@hookimpl" in section, name


def test_every_fixed_member_is_in_the_table() -> None:
    for name in interface.JobInterface.__annotations__:
        assert f"\n| `{name}` |" in PAGE, name


def test_everything_a_plugin_may_import_is_told() -> None:
    for name in app.hooks.__all__:
        assert re.search(rf"`@?{name}\b", PAGE), name
    for name, value in vars(types).items():
        if isinstance(value, type) and value.__module__ == types.__name__:
            assert name in app.hooks.__all__, name


def test_limit_is_the_one_in_force() -> None:
    assert f"not back within {loading.LIMIT_S:g} s" in PAGE


def test_page_has_the_blocks_that_are_checked() -> None:
    marked = len(BLOCKS)
    assert marked == PAGE.count("<!-- ")
    assert PAGE.count("```python") + PAGE.count("```toml") == marked


@pytest.mark.parametrize(
    "block", [one for one in BLOCKS if one["file"]], ids=lambda one: Path(one["file"]).name
)
def test_shown_file_is_the_one_under_test(block: re.Match[str]) -> None:
    assert block["code"] == (ROOT / block["file"]).read_text(encoding="utf-8")


@pytest.mark.parametrize("number", range(sum(not one["file"] for one in BLOCKS)))
def test_shown_code_runs(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    source = ROOT / "tests/packages/jobyard-sample/src/jobyard_sample/__init__.py"
    found = importlib.util.spec_from_file_location("jobyard_sample", source)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    monkeypatch.setitem(sys.modules, "jobyard_sample", module)
    found.loader.exec_module(module)
    code = [one["code"] for one in BLOCKS if not one["file"]][number]
    names: dict[str, object] = {}
    exec(compile(code, f"docs/plugins.md block {number}", "exec"), names)
    for name in HOOKS.keys() & names.keys():
        assert getattr(names[name], "jobyard_impl", None), f"{name} is not marked"
