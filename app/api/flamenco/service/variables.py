r"""Path variables: `S:\proj` of a submitter becomes `{proj}`, and `/mnt/proj` on a Linux worker.

They are what the setting `path_variables` holds: by name, the path on `Linux`, `Darwin` and
`Windows`. Without it nothing is replaced; an entry of another shape counts for nothing.
"""

import re
from collections.abc import Mapping

from app.api.flamenco.tables import settings as table
from app.domain.records import Json
from app.hooks import JOB_PATH
from app.wiring import Services

SETTING = "path_variables"
_NAME = re.compile(r"[A-Za-z0-9_]{1,64}")
_SUFFIXES = {"_linux": "Linux", "_osx": "Darwin", "_win": "Windows"}
Variables = Mapping[str, Mapping[str, str]]


def known(services: Services) -> Variables:
    """Give the variables by name, each by operating system; in a session."""
    stored = table.some(services.engine.store, [SETTING]).get(SETTING)
    if not isinstance(stored, dict):
        return {}
    found: dict[str, dict[str, str]] = {}
    for name, paths in stored.items():
        if _NAME.fullmatch(name) and isinstance(paths, dict):
            found[name] = {
                system: path.rstrip("/\\")
                for system, path in paths.items()
                if isinstance(path, str) and path.rstrip("/\\")
            }
    return found


def fold(settings: Json, variables: Variables) -> Json:
    """Give settings whose paths begin with a variable wherever they began with its path."""
    paths = [(path, name) for name, of in variables.items() for path in of.values()]
    # The longest first: `/mnt/proj` before `/mnt`.
    paths.sort(key=lambda one: (-len(one[0]), one[1]))
    return {
        key: _folded(value, paths) if isinstance(value, str) else value
        for key, value in settings.items()
    }


def _folded(value: str, paths: list[tuple[str, str]]) -> str:
    for path, name in paths:
        if value == path or value.startswith((f"{path}/", f"{path}\\")):
            return f"{{{name}}}" + value[len(path) :].replace("\\", "/")
    return value


def unfold_settings(settings: Json, variables: Variables) -> Json:
    """Give settings whose paths for one operating system are as they are there."""
    if not variables:
        return settings
    found = dict(settings)
    for key, value in settings.items():
        system = next((one for end, one in _SUFFIXES.items() if key.endswith(end)), None)
        if system is not None and isinstance(value, str):
            found[key] = unfold(value, variables, system)
    return found


def unfold(word: str, variables: Variables, system: str) -> str:
    """Give a word of a command as it is on an operating system."""
    for name, paths in variables.items():
        path = paths.get(system)
        if path is not None and f"{{{name}}}" in word:
            # What is on the shared storage is not in the job's directory.
            word = word.replace(f"{JOB_PATH}/{{{name}}}", path).replace(f"{{{name}}}", path)
    return word
