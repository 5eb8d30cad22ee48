"""Writes the beginnings of a plugin package: one that installs, loads and passes its tests."""

import re
from importlib.resources import files
from pathlib import Path
from string import Template

from app.domain.errors import AlreadyExists, Rejected

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")

# Template in `app/cli/skeleton` -> where it goes. They end in .txt: no tool takes them for code.
_FILES = {
    "pyproject.toml.txt": "pyproject.toml",
    "README.md.txt": "README.md",
    "module.py.txt": "src/{module}/__init__.py",
    "test_module.py.txt": "tests/test_{module}.py",
}


def write_skeleton(name: str, directory: Path) -> list[Path]:
    """Write a package `jobyard-<name>` into a new or empty directory; give the files written.

    name: that of the job type: lower-case words of letters and digits joined by `-`, such as
    `transcode`; at most 40 characters. Raises Rejected for another one, AlreadyExists when the
    directory holds anything.
    """
    if not _NAME.fullmatch(name) or len(name) > 40:
        raise Rejected(
            f"{name!r} is no name for a job type: lower-case words of letters and digits joined "
            "by -, a letter first, at most 40 characters"
        )
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise AlreadyExists(f"{directory} exists and is not an empty directory", name=name)
    words = name.split("-")
    module = f"jobyard_{'_'.join(words)}"
    values = {
        "name": name,
        "distribution": f"jobyard-{name}",
        "module": module,
        "class_name": "".join(word.capitalize() for word in words),
        "title": " ".join(words).capitalize(),
    }
    source = files("app") / "cli" / "skeleton"
    written = []
    for template, target in _FILES.items():
        text = Template((source / template).read_text(encoding="utf-8")).substitute(values)
        path = directory / target.format(module=module)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written
