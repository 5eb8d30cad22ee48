"""The tree passes ruff, mypy and the import contracts."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def assert_content(*command: str) -> None:
    """Run a tool on the tree; fails with all it says unless it is content."""
    done = subprocess.run(
        [str(BIN / command[0]), *command[1:]],
        cwd=ROOT,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        pytest.fail(f"{' '.join(command)}\n{done.stdout}", pytrace=False)


def test_ruff_is_content():
    assert_content("ruff", "check", "--output-format=concise", ".")


def test_types_hold_strictly():
    assert_content("mypy")


def test_import_contracts_are_kept():
    assert_content("lint-imports", "--config", "setup.cfg", "--no-logo")
