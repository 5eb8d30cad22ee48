"""The tree passes ruff, mypy and the import contracts."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def complaints(*command: str) -> str:
    """Run a tool on the tree; returns what it says unless it is content."""
    done = subprocess.run(
        [str(BIN / command[0]), *command[1:]],
        cwd=ROOT,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return "" if done.returncode == 0 else done.stdout or f"status {done.returncode}"


def test_ruff_is_content():
    assert complaints("ruff", "check", "--quiet", ".") == ""


def test_types_hold_strictly():
    assert complaints("mypy", "--no-error-summary") == ""


def test_import_contracts_are_kept():
    assert complaints("lint-imports", "--config", "setup.cfg", "--no-logo") == ""
