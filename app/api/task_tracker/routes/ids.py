"""Numbers in paths and queries."""

from app.api.task_tracker.errors import Refused

_MOST = 2**63 - 1


def positive(text: str, refusal: str, *, most: int = _MOST) -> int:
    """Give a whole number of at least 1. Raises Refused with a text."""
    digits = text.removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and 1 <= int(digits[:20]) <= most):
        raise Refused(400, refusal)
    return int(digits)


def known(text: str) -> int:
    """Give an id that may be there; 0, which nothing has, for what is none."""
    try:
        return positive(text, "")
    except Refused:
        return 0


def project(text: str) -> int:
    """Give the id of a project."""
    return positive(text, "Invalid project id")


def worker(text: str) -> int:
    """Give the id of a worker."""
    return positive(text, "Invalid worker id")
