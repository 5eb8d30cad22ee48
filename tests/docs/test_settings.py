"""The settings manual says what the code does."""

import tomllib
from pathlib import Path

import pytest

from config.catalogue import ALIASES, SETTINGS, WITHOUT_EFFECT
from config.manual import renewed
from config.settings import load

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_tables_are_up_to_date():
    page = PAGE.read_text("utf-8")
    assert page == renewed(page), "run: python -m config.manual docs/settings.md"


def test_every_setting_has_a_row_with_its_variables_and_text():
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("|")]
    for one in SETTINGS:
        assert one.text.strip(), one.key
        assert any(
            f"`{one.variable}`" in row
            and one.text in row
            and all(f"`{n}`" in row for n in one.also)
            for row in rows
        ), one.key
    for key in (*(alias.key for alias in ALIASES), *WITHOUT_EFFECT):
        assert any(f"| `{key}` |" in row for row in rows), key


def test_numbers_say_their_unit():
    for one in SETTINGS:
        if isinstance(one.default, float) or one.key.endswith(("_s", "_bytes")):
            assert one.unit, one.key


def test_the_example_file_loads(tmp_path):
    text = PAGE.read_text("utf-8").split("```toml\n")[1].split("```")[0]
    file = tmp_path / "example.toml"
    file.write_text(text, "utf-8")
    settings = load({}, options={"config": file})
    assert tomllib.loads(text)["bind"] == settings.server.bind
    assert settings.tork.jobs_retention_s == 720 * 3600


def test_a_page_without_marks_is_refused():
    with pytest.raises(ValueError, match="needs the lines"):
        renewed("# Settings\n")
