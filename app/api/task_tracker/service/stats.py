"""How a project stands at this moment, once or as it goes on."""

import threading
import time
from collections.abc import Iterator

from app.api.http.drain import Drain
from app.api.http.sse import AGAIN, BEAT, frame
from app.api.task_tracker import tables
from app.api.task_tracker.records import Project
from app.domain.clock import SECOND
from app.domain.errors import NotFound, Unavailable
from app.domain.records import Json
from app.wiring import Services

RATE_S = (60, 900)
"""How old the snapshot may be that a rate is counted from: a younger one says little yet."""
EVERY_S = 1.0
BEAT_S = 15.0
SHARE = 20
"""A stream of a project with very many tasks counts them less often: for one part in so many of
its time."""


def of(services: Services, project: Project) -> Json:
    """Give counts of a project's tasks, how many it closes in a minute, and when all will be done.

    rate_per_minute: closed tasks, None while nothing is known. eta: seconds, None without an end
    in sight.
    """
    engine = services.engine
    now = engine.clock.now() // SECOND
    with engine.store.session():
        figures = engine.groups.figures(engine.groups.get(project.id))
        older = tables.snapshots(
            engine.store, project.id, begin=now - RATE_S[1], end=now - RATE_S[0], limit=1
        )
    left = figures.fresh + figures.agreed
    rate = None
    if older:
        closed = max(figures.finished - older[0].closed, 0)
        rate = round(closed * 60 / max(now - older[0].at, 1), 2)
    eta = 0 if not left else round(left * 60 / rate) if rate else None
    return {
        "waiting": left - figures.held,
        "assigned": figures.held,
        "awaiting_verification": figures.agreed,
        "failed": figures.failed,
        "closed": figures.finished,
        "rate_per_minute": rate,
        "eta": eta,
    }


def stream(services: Services, drain: Drain, project: Project) -> Iterator[bytes]:
    """Give the figures as events, a new one whenever they changed, until the project is gone."""
    over = threading.Event()
    shown: Json | None = None
    told = time.monotonic()
    yield AGAIN
    with drain.watching(over.set):
        while not over.is_set():
            begun = time.monotonic()
            try:
                found = of(services, project)
            except NotFound:
                yield frame("end", {})
                return
            except Unavailable:
                found = shown or {}
            now = time.monotonic()
            if found != (shown or {}):
                shown, told = found, now
                yield frame("stats", found)
            elif now - told >= BEAT_S:
                told = now
                yield BEAT
            over.wait(max(EVERY_S, (now - begun) * SHARE))
