"""Events as they happen, with resume."""

from collections.abc import Iterator, Mapping

from app.api.http import sse
from app.api.http.drain import Drain
from app.api.http.fanout import BATCH, Client, Hub, Wanted, is_behind
from app.api.http.follow import BEAT_S
from app.api.jobyard import query, words
from app.api.jobyard.errors import BadRequest
from app.domain.errors import EventsPruned, Unavailable
from app.domain.events import Event, EventKind
from app.wiring import Services

REPLAY_MOST = 10_000
"""Events that a client may be behind; reading the things themselves is cheaper than more."""


def wanted(args: Mapping[str, str]) -> Wanted:
    """Read which events are wanted. Raises BadRequest."""
    families: dict[str, set[str]] = {}
    for kind in EventKind:
        families.setdefault(kind.partition(".")[0], set()).add(kind)
        families[kind] = {kind}
    given = query.words(args, "kind")
    if set(given) - families.keys():
        raise BadRequest("the query is not valid", kind=f"one of {', '.join(sorted(families))}")
    return Wanted(
        job_id=query.text(args, "job"),
        dialect=query.text(args, "dialect"),
        kinds=frozenset(kind for each in given for kind in families[each]),
    )


def stream(
    services: Services, hub: Hub, drain: Drain, wanted: Wanted, after: str
) -> Iterator[bytes]:
    """Give what happens from now on, or behind a position, as server-sent events.

    Raises BadRequest for what is no position, StoreUnavailable.
    """
    events = services.engine.events
    known = bool(after)
    try:
        # Here, where there still is a status to answer with.
        events.after(after, limit=1)
    except ValueError as error:
        raise BadRequest("Last-Event-ID must be an id of this stream") from error
    except EventsPruned:
        known = False
    return _Stream(services, hub, drain, wanted).frames(after, known=known)


class _Stream:
    def __init__(self, services: Services, hub: Hub, drain: Drain, wanted: Wanted) -> None:
        self._events = services.engine.events
        self._hub = hub
        self._drain = drain
        self._wanted = wanted
        self._at = ""

    def frames(self, after: str, *, known: bool) -> Iterator[bytes]:
        yield sse.AGAIN
        try:
            with (
                self._hub.joined(self._wanted) as client,
                self._drain.watching(client.end),
            ):
                self._at = client.position
                if known:
                    self._at = after
                    yield from self._replay()
                elif after:
                    yield self._resync("unknown")
                else:
                    yield sse.frame("ready", {}, position=self._at)
                yield from self._live(client)
        except Unavailable:
            return  # the client comes back, and is told 503 for as long as that lasts

    def _live(self, client: Client) -> Iterator[bytes]:
        while True:
            took = client.take(BEAT_S)
            if client.ended:
                return
            if took.lost:
                yield from self._replay()
            new = [event for event in took.events if is_behind(event.position, self._at)]
            for event in new:
                yield self._frame(event)
            if is_behind(took.position, self._at):
                self._at = took.position
            if not new:
                # Its id lets a client that nothing happened for come back to where it was.
                yield b": beat\nid: %s\n\n" % self._at.encode() if self._at else sse.BEAT

    def _replay(self) -> Iterator[bytes]:
        """Read what is missing from the rows, as fast as the client takes it."""
        for _ in range(REPLAY_MOST // BATCH):
            try:
                found = self._events.after(self._at, limit=BATCH)
            except EventsPruned:
                yield self._resync("unknown")
                return
            for event in found:
                self._at = event.position
                if self._wanted.holds(event):
                    yield self._frame(event)
            if len(found) < BATCH:
                return
        yield self._resync("behind")

    def _resync(self, reason: str) -> bytes:
        self._at = self._events.last_position()
        return sse.frame("resync", {"reason": reason}, position=self._at)

    def _frame(self, event: Event) -> bytes:
        return sse.frame("event", words.event(event), position=event.position)
