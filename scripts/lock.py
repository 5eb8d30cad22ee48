"""Resolve requirements/*.in into exact pins: run.lock, then test.lock on top of it.

Only names and versions are written, so that the locks hold no address of any index.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "requirements"
HEAD = "# Made by `make lock` from {}; do not edit.\n"


def main() -> int:
    """Write both locks."""
    run = resolve("run.in", "build.in")
    write("run.lock", "run.in and build.in", run)
    both = resolve("run.lock", "test.in")
    write("test.lock", "test.in, on top of run.lock", both - run)
    return 0


def resolve(*files: str) -> set[str]:
    """Return `name==version` of all that pip would install for `files` into an empty place."""
    options = [word for file in files for word in ("-r", str(FOLDER / file))]
    command = [sys.executable, "-m", "pip", "install", "-qq", "--dry-run"]
    command += ["--ignore-installed", "--report", "-", *options]
    report = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    found = (item["metadata"] for item in report["install"])
    return {f"{normal(item['name'])}=={item['version']}" for item in found}


def normal(name: str) -> str:
    """Spell a project's name as the packaging rules do, so that the order is stable."""
    return re.sub(r"[-_.]+", "-", name).lower()


def write(file: str, source: str, pins: set[str]) -> None:
    """Write one lock, sorted, one pin a line."""
    (FOLDER / file).write_text(HEAD.format(source) + "".join(f"{pin}\n" for pin in sorted(pins)))
    print(f"{file}: {len(pins)} pins")


if __name__ == "__main__":
    sys.exit(main())
