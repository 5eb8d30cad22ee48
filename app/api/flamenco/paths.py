"""Which paths are this dialect's, and the forms of ids in them.

`/tasks` is shared: ids of digits alone are ours, unless there are exactly 32 of them.
"""

import re

from werkzeug.routing import BaseConverter

from app.api.http.dialect import families

_FAMILIES = families("/workers", "/settings", "/static/storage")
_TASKS = re.compile(r"/tasks/(?:(?![0-9]{32}(?:/|\Z))[0-9]+|compiled|file|zip|thumbnails)(?:/|\Z)")

SHAPE = {"type": "integer", "minimum": 0}


def owns(path: str) -> bool:
    """Tell whether a path is this dialect's, known or not."""
    return path == "/tasks" or _TASKS.match(path) is not None or _FAMILIES(path)


class FarmId(BaseConverter):
    """The id of a task in a path."""

    regex = r"(?![0-9]{32}(?:/|\Z))[0-9]+"
    shape = SHAPE
    part_isolating = True

    def to_python(self, value: str) -> int:
        """Give the number; one that no row can have stays just that."""
        return number(value)


class FarmNumber(BaseConverter):
    """The number of a worker or a job in a path."""

    regex = r"[0-9]+"
    shape = SHAPE

    def to_python(self, value: str) -> int:
        """Give the number; one that no row can have stays just that."""
        return number(value)


class FarmName(BaseConverter):
    """The name of a setting in a path, whatever stands there: the service judges it."""

    regex = r"[\s\S]+"
    part_isolating = False


def number(digits: str) -> int:
    """Read an id; beyond what ids can be it is one that nobody has."""
    return int(digits) if len(digits.lstrip("0")) <= _MOST_DIGITS else NOBODY


NOBODY = 2**53 + 1
_MOST_DIGITS = 15
