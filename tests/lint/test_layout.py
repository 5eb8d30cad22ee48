"""The tree keeps the house's shape: environments, make targets, names and sizes."""

import configparser
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
LONGEST = 500
BANNED = {"utils", "util", "common", "helpers", "misc"}


def sources():
    """Return the Python files that git knows or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).exists()]


def test_each_folder_of_tests_has_a_tox_environment():
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini")
    environments = set(re.split(r"[,\s]+", tox["tox"]["envlist"].strip()))
    folders = {path.relative_to(ROOT / "tests").parts[0] for path in (ROOT / "tests").rglob("*.py")}
    # `packages` are strangers' packages that tests install.
    folders = {name for name in folders if not name.endswith(".py")} - {"packages"}
    assert folders <= environments


def test_no_file_is_longer_than_anyone_reads():
    files = {str(path.relative_to(ROOT)): path.read_text().count("\n") for path in sources()}
    assert files
    assert {name: lines for name, lines in files.items() if lines > LONGEST} == {}


def test_files_are_named_by_what_they_hold():
    assert [path for path in sources() if path.stem in BANNED] == []


def test_make_help_lists_every_public_target():
    text = (ROOT / "Makefile").read_text()
    rules = set(re.findall(r"^([a-z][a-z%-]*):", text, re.MULTILINE))
    told = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    assert rules - {line.split()[0] for line in told.splitlines()} == {
        "install-test",
        "python-found",
    }


def test_ci_runs_the_whole_suite_and_waives_no_service():
    script = (ROOT / ".ci" / "run").read_text()
    assert "make test\n" in script
    assert "JOBYARD_TEST_WITHOUT=" not in script
