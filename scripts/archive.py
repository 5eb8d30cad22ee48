"""Build the farm's worker as one file: `archive.py [FILE]`, else dist/jobyard-farm-worker.pyz.

The same sources give the same bytes, so that a farm can tell whether its machines are up to date.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "clients" / "farm_worker" / "jobyard_farm_worker"
START = "import runpy\n\nrunpy.run_module('jobyard_farm_worker', run_name='__main__')\n"
FIRST_DAY = (1980, 1, 1, 0, 0, 0)


def main(arguments: list[str]) -> int:
    """Write the archive; gives the exit status."""
    target = Path(arguments[0]) if arguments else ROOT / "dist" / "jobyard-farm-worker.pyz"
    target.parent.mkdir(parents=True, exist_ok=True)
    files = {f"{PACKAGE.name}/{path.name}": path.read_text() for path in PACKAGE.glob("*.py")}
    with target.open("wb") as archive:
        archive.write(b"#!/usr/bin/env python3\n")
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, text in sorted({**files, "__main__.py": START}.items()):
                packed.writestr(zipfile.ZipInfo(name, FIRST_DAY), text, zipfile.ZIP_DEFLATED)
    target.chmod(0o755)
    print(f"{target}: {target.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
