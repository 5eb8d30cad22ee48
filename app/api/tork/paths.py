"""Which paths are Tork's, and the forms of ids in them."""

import re
from typing import ClassVar

from werkzeug.routing import BaseConverter

from app.api.http.dialect import families

_ID = re.compile(r"[0-9a-f]{32}")
_FAMILIES = families("/jobs", "/scheduled-jobs", "/queues", "/nodes", "/users")
# `/tasks` is shared: all-digit ids and these words are another dialect's.
_NOT_OURS = r"(?:\d+|compiled|file|zip|thumbnails)"
_TASKS = re.compile(rf"/tasks/(?:[0-9a-f]{{32}}(?=/|\Z)|(?!{_NOT_OURS}(?:/|\Z))[^/]+)")


def owns(path: str) -> bool:
    """Tell whether a path is Tork's, known or not."""
    if path.startswith("/tasks/"):
        return _TASKS.match(path) is not None
    return path == "/metrics" or _FAMILIES(path)


def is_id(text: str) -> bool:
    """Tell whether a text can be the id of anything here: 32 digits of lower-case hexadecimal."""
    return _ID.fullmatch(text) is not None


class TaskId(BaseConverter):
    """What may stand for a task in a path of Tork's."""

    regex = rf"(?:[0-9a-f]{{32}}(?=/|\Z)|(?!{_NOT_OURS}(?:/|\Z))[^/]+)"
    shape: ClassVar = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
    part_isolating = True
