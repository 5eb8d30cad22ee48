"""Amounts as the workflow language writes them: cores, memory, lengths of time."""

import math
import re

from plugins.workflow.expr import durations
from plugins.workflow.texts import Unusable

_MEMORY = re.compile(r"\s*(\d{1,18}(?:\.\d{1,6})?)\s*([kmgtp]?)(?:i?b)?\s*", re.IGNORECASE)
_SHIFT = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40, "p": 50}
_CPUS = re.compile(r"\s*(\d{1,6}(?:\.\d{0,9})?|\.\d{1,9})\s*")


def seconds(text: str) -> float | None:
    """Read a duration such as `1m30s`; 0 means no limit, so None. Raises Unusable."""
    try:
        return durations.parse_seconds(text) or None
    except ValueError as fault:
        raise Unusable(str(fault)) from fault


def memory_bytes(text: str) -> int | None:
    """Read `500m`, `1g`, `1.5GiB` or a bare number of bytes; units are powers of 1024.

    0 means no limit, so None. Raises Unusable.
    """
    match = _MEMORY.fullmatch(text)
    size = float(match[1]) * (1 << _SHIFT[match[2].lower()]) if match else math.inf
    if not size < 2**63:
        raise Unusable(f"invalid amount of memory {text!r}")
    return int(size) or None


def cpus(text: str) -> float | None:
    """Read a decimal number of cores, such as `.5`; 0 means no limit, so None. Raises Unusable."""
    match = _CPUS.fullmatch(text)
    if match is None:
        raise Unusable(f"invalid number of cpus {text!r}")
    return float(match[1]) or None
