"""The files under deploy/ and the page about them name only commands and settings there are."""

import configparser
import re
from pathlib import Path

import pytest

from app.cli import COMMANDS
from config.settings import load

ROOT = Path(__file__).parents[2]
FILES = sorted(path for path in (ROOT / "deploy").rglob("*") if path.is_file())
PAGE = ROOT / "docs" / "deployment.md"
UNITS = [path for path in FILES if path.suffix in (".service", ".target")]


def unit(path: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str
    parser.read_string(path.read_text("utf-8"))
    return parser


@pytest.mark.parametrize("path", [*FILES, PAGE], ids=lambda path: path.name)
def test_every_variable_exists(path: Path):
    known = (ROOT / "docs" / "settings.md").read_text("utf-8")
    for name in set(re.findall(r"\b(?:JOBYARD|TORK)_[A-Z_]*[A-Z]", path.read_text("utf-8"))):
        assert f"`{name}`" in known, name


@pytest.mark.parametrize("path", [*FILES, PAGE], ids=lambda path: path.name)
def test_every_command_exists(path: Path):
    text = path.read_text("utf-8")
    words = set(
        re.findall(r"(?:bin/|`|^    |[\"&.] ?)jobyard\"?,? \"?([a-z]+)\b", text, re.MULTILINE)
    )
    assert words - {"jobyard"} <= set(COMMANDS), words


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_units_name_only_units_there_are(path: Path):
    ours = {each.name for each in UNITS}
    for section in unit(path).values():
        for key in ("PartOf", "Conflicts", "WantedBy", "Requires"):
            for name in section.get(key, "").split():
                assert name in ours or name == "multi-user.target", f"{key}={name}"


@pytest.mark.parametrize("name", ["jobyard", "jobyard-worker"])
def test_a_stop_leaves_time_for_tasks_to_end(name: str):
    service = unit(ROOT / "deploy" / "systemd" / f"{name}.service")["Service"]
    settings = load({})
    # What a daemon takes beyond the grace time to kill, report and leave.
    assert int(service["TimeoutStopSec"]) >= settings.worker.grace_s + settings.web.drain_s + 30
    assert service["KillMode"] == "mixed"  # else SIGTERM would reach every task at once


def test_the_settings_of_the_page_are_accepted(tmp_path: Path):
    (text,) = re.findall(r"```toml\n(.+?)```", PAGE.read_text("utf-8"), re.DOTALL)
    file = tmp_path / "jobyard.toml"
    file.write_text(text)
    settings = load({"JOBYARD_CONFIG": str(file)})
    assert (settings.server.trusted_proxies, settings.web.processes) == (1, 4)
    assert settings.warnings == ()
