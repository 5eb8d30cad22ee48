"""Programs and paths that differ by the system of a worker."""

import re

from app.hooks import JOB_PATH, OUTPUT_PATH, Json, os_of

#: Where Blender is when nobody says otherwise.
BLENDER = {
    "Linux": "blender",
    "Darwin": "/Applications/Blender.app/Contents/MacOS/Blender",
    "Windows": "blender.exe",
}

_SHORT = {"Linux": "linux", "Darwin": "osx", "Windows": "win"}
_ABSOLUTE = re.compile(r"/|\\\\|[A-Za-z]:")


def input_file(settings: Json, system: str) -> str:
    """Give the scene: on storage that the farm shares, or in the job's own directory."""
    found = shared(settings, "file_path", system)
    return found or f"{JOB_PATH}/{settings['filepath']}"


def output_file(settings: Json, system: str, name: str) -> str:
    """Give the path of output: on shared storage, or in the task's own directory."""
    folder = shared(settings, "output_path", system) or OUTPUT_PATH
    # Blender takes the slash on every system.
    return f"{folder.rstrip('/')}/{name}"


def shared_outputs(settings: Json) -> dict[str, str]:
    """Give the folder for output on shared storage, by system."""
    found = {system: shared(settings, "output_path", system) for system in _SHORT}
    return {system: path for system, path in found.items() if path is not None}


def shared(settings: Json, key: str, system: str) -> str | None:
    """Give a path of the settings if it is an absolute one; submitters also send `#####`."""
    path = settings.get(f"{key}_{_SHORT[os_of(system)]}", "")
    return path if _ABSOLUTE.match(path) else None
