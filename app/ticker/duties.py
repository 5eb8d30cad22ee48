"""What a leading ticker does, and how often. Every duty is a `run_once(now)` that may run twice."""

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from app.domain.clock import Instant
from app.domain.errors import EventsPruned
from app.engine import Engine
from app.hooks.manager import PluginManager

log = structlog.get_logger(__name__)

PUBLISHED = "published"


@dataclass(frozen=True, slots=True)
class Duty:
    """One thing to do every so many seconds; `run_once` gives how much it did."""

    name: str
    every_s: float
    run_once: Callable[[Instant], int]


def duties(engine: Engine, plugins: PluginManager) -> list[Duty]:
    """List all duties; what delays clients when late comes often."""
    return [
        Duty("due", 0.5, engine.due.run_once),
        Duty("expiry", 1.0, engine.tasks.expire),
        Duty("later", 0.5, engine.jobs.start_due),
        Duty("schedules", 0.5, engine.schedules.run_once),
        Duty("rescue", 1.0, lambda now: engine.rescue.run_once(engine.leadership.earlier(now))),
        Duty("waiting", 1.0, engine.waiting.run_once),
        Duty("idle", 0.5, engine.idle.run_once),
        Duty("listing", 1.0, engine.listing.run_once),
        Duty("publish", 1.0, Publisher(engine, plugins).run_once),
        Duty("subjobs", 1.0, engine.subjobs.run_once),
        Duty("pauses", 2.0, engine.pauses.run_once),
        Duty("groups", 0.5, engine.groups.run_once),
        Duty("figures", 10.0, engine.figures.run_once),
        Duty("prune", 5.0, engine.prune.run_once),
        Duty("sessions", 60.0, engine.managers.run_once),
        Duty("workers", 300.0, engine.workers.run_once),
    ]


class Publisher:
    """Tells plugins of events, in commit order, at least once each while they are kept."""

    def __init__(self, engine: Engine, plugins: PluginManager) -> None:
        self._engine = engine
        self._plugins = plugins

    def run_once(self, now: Instant) -> int:
        """Hand on what happened since the last time; give how many events."""
        del now
        if not self._plugins.wants_events:
            return 0
        leadership = self._engine.leadership
        mark = leadership.mark(PUBLISHED)
        try:
            events = self._engine.events.after(mark, limit=500)
        except EventsPruned:
            log.warning("events-missed", after=mark)
            events = self._engine.events.after("", limit=500)
        for event in events:
            self._plugins.event_published(event)
        if events:
            leadership.set_mark(PUBLISHED, events[-1].position)
        return len(events)
