"""What people and programs did to the server: entries of the audit log."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.domain.clock import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Doing:
    """Somebody changed something, or tried to.

    who: a name, or what is known instead. via: `page` or `api`. action: a noun and a verb, such as
    `job.cancel`. subject: the id or name of what it was done to. address: of the client.
    facts: whatever else tells what happened; never a secret.
    """

    who: str
    via: str
    action: str
    subject: str = ""
    address: str = ""
    request_id: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NotedDoing:
    """An entry. id: rises; of one instant the later has the higher."""

    id: int
    at: Instant
    doing: Doing


@dataclass(frozen=True, slots=True, kw_only=True)
class DoingFilter:
    """Which entries are wanted; None leaves open. action: a whole one, or the noun alone."""

    who: str | None = None
    action: str | None = None
    subject: str | None = None
    since: Instant | None = None
    before: Instant | None = None
