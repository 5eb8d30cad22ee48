"""What is handed in for a new job; JSON in and out, since schedules keep one as their template."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from app.domain.clock import Instant
from app.domain.records import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A job to be.

    id: chosen by the caller, a UUID4 in hex, or empty. spec: parameters as `type` loads them.
    task_count: number of top-level steps, for progress. unique_key: a second submission under it
    is refused. pool, max_running: the pool of slots it needs one of, and that pool's size.
    listed: False for one that takes a free slot of its pool or none, and is on no waiting list.
    delete_after_s: how long after its completion it is deleted. idle_s: how long it may run without
    being touched before it is cancelled; None leaves it alone. idle_warning_s: so long before that
    end `job.idle` is noted, 0 for never. audience: who may see it, such as `user:alice` or
    `role:ops`; nobody named leaves it to everybody. start_at: when it starts; at once where that is
    past or None.
    """

    dialect: str
    type: str
    name: str
    spec: Json = field(default_factory=dict)
    id: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    task_count: int = 1
    priority: int = 0
    created_by: str | None = None
    parent_task_id: int | None = None
    group_id: int | None = None
    schedule_id: str | None = None
    fire_at: Instant | None = None
    unique_key: str | None = None
    pool: str | None = None
    max_running: int | None = None
    listed: bool = True
    delete_after_s: float | None = None
    idle_s: float | None = None
    idle_warning_s: float = 0.0
    audience: tuple[str, ...] = ()
    start_at: Instant | None = None

    def to_json(self) -> Json:
        """Give it as JSON."""
        return {**asdict(self), "tags": list(self.tags), "audience": list(self.audience)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Submission":
        """Read what `to_json` gave; keys of other versions are left out."""
        known = {item.name for item in fields(cls)}
        values = {key: value for key, value in document.items() if key in known}
        lists = {name: tuple(values.get(name, ())) for name in ("tags", "audience")}
        return cls(**{**values, **lists})
