"""Ids of users: who may be asked for, whichever way the id came."""

import re
from typing import Any

from app.api.manticore.errors import Refused, WrongField

PROBE = "internal-health-check"
"""Whose name nobody may use: the server's own probe has it."""
LONGEST = 128
_ALLOWED = re.compile(r"[A-Za-z0-9-]+", re.ASCII)


def read(value: Any, field: str = "id") -> str:
    """Give an id as text; a whole number is the same as its decimal text. Raises Refused."""
    if value is None:
        raise Refused(f"{field} is required")
    if type(value) is int:
        # As text only once it is known to be short: long ones take long, or raise.
        if value.bit_length() > LONGEST * 4:
            raise Refused(f"{field} is longer than {LONGEST} characters")
        value = str(value)
    if type(value) is not str:
        raise WrongField(field, value, "must be text or a whole number")
    if not _ALLOWED.fullmatch(value):
        raise WrongField(field, value, "may hold letters, digits and hyphens only")
    if len(value) > LONGEST:
        raise WrongField(field, value, f"is longer than {LONGEST} characters")
    if value == PROBE:
        raise WrongField(field, value, "is the server's own")
    return value
