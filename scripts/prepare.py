"""Prepare `.venv` from the locks named: `prepare.py run`, or `prepare.py run test` for tests too.

A stamp in `.venv` names everything the installation depends on. While it matches, nothing is
done and no network is touched; a moved checkout or another Python starts `.venv` anew.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import apt

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
# Whatever changes the metadata of the checkout's own installation.
METADATA = (ROOT / "setup.cfg", ROOT / "pyproject.toml", ROOT / "requirements" / "run.in")


def main(names: list[str]) -> int:
    """Bring `.venv` up to the locks named, in order; the first is always `run`."""
    if not base_matches():
        create()
    for name in names:
        stamp = VENV / f"installed-{name}"
        wanted = fingerprint(name)
        if read(stamp) == wanted:
            continue
        stamp.unlink(missing_ok=True)
        pip("install", "-r", str(ROOT / "requirements" / f"{name}.lock"))
        if name == "run":
            # Tools for the build come from the lock: nothing is fetched behind its back.
            pip("install", "--no-deps", "--no-build-isolation", "-e", str(ROOT))
        stamp.write_text(wanted)
    return 0


def base() -> str:
    """Name the place and the interpreter: scripts in `.venv/bin` hold both as absolute paths."""
    return f"{ROOT}\n{Path(sys.executable).resolve()}\n{sys.version}\n"


def base_matches() -> bool:
    """Tell whether `.venv` is whole and was made here by this interpreter."""
    return PYTHON.exists() and read(VENV / "made-for") == base()


def fingerprint(name: str) -> str:
    """Sum up the files that decide what `name` installs."""
    lock = ROOT / "requirements" / f"{name}.lock"
    files = (lock, *METADATA) if name == "run" else (lock,)
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def create() -> None:
    """Make `.venv` anew, with the interpreter that runs this script."""
    ensure_venv_module()
    if VENV.exists():
        shutil.rmtree(VENV)
    subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    (VENV / "made-for").write_text(base())


def ensure_venv_module() -> None:
    """Have `venv` and `ensurepip`, which Debian keeps in a package of their own."""
    if importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip"):
        return
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    try:
        apt.install([f"python{version}-venv"])
    except apt.AptFailed as error:
        raise SystemExit(f"Python {version} lacks the module venv: {error}") from None


def pip(*arguments: str) -> None:
    """Run pip inside `.venv`; its own words explain a failure."""
    command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "-qq", *arguments]
    print("pip", *arguments, flush=True)
    # A PYTHONPATH of the caller would hide packages from pip or show it too many.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if subprocess.run(command, check=False, env=environment).returncode != 0:
        raise SystemExit(f"pip {' '.join(arguments)} failed; `make` again goes on from here")


def read(file: Path) -> str | None:
    """Return the text of `file`, or None when there is none."""
    try:
        return file.read_text()
    except FileNotFoundError:
        return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
