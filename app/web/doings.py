"""What pages tell the audit log."""

from app.api.http import doings
from app.web.visitors import visitor


def note(action: str, subject: object = "", **facts: object) -> None:
    """Write down what the visitor just did, once it is done; never fails.

    action: a noun and a verb, such as `job.cancel`. subject: what it was done to. facts: what else
    tells what happened; never a secret, a password or a body.
    """
    doings.note(action, subject, who=visitor().name or doings.anybody(), via="page", **facts)
