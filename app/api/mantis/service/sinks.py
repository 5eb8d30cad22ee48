"""Connecting clients to sinks: of a job, or of whichever job of a cluster was launched last."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Protocol, Self

from app.api.http.sinks import Follower as SinkFollower
from app.api.http.sinks import Line, is_id
from app.api.http.site import Site
from app.api.mantis import frames, queries, rows
from app.api.mantis.board import ClusterNow, Follower
from app.api.mantis.errors import Invalid
from app.api.mantis.frames import Pace
from app.api.mantis.service import subscriptions
from app.api.mantis.service.streams import Outlet, is_gone
from app.api.mantis.tables import Cluster
from app.api.mantis.words import JobRow

MOST_REPLAYED = 1000
PING = Line("ping")
PING_S = 2.0
LONGEST_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Wish:
    """How a client wants a sink.

    replay: so many lines first, None for all. behind: id of the last line that it has seen.
    every_s: at most one line in so long, 0 for all. ids: lines are sent with theirs.
    """

    replay: int | None = 0
    behind: str = ""
    every_s: float = 0.0
    pings: bool = False
    ids: bool = False


def wish_of(args: queries.Args, behind: str = "") -> Wish:
    """Read how a client wants a sink. behind: the id that it names. Raises Invalid."""
    if behind and not is_id(behind):
        raise Invalid("Last-Event-ID must be the id of a line")
    replay = queries.whole(args, "replay") or 0
    if not 0 <= replay <= MOST_REPLAYED:
        raise Invalid(f"replay must be within 0 and {MOST_REPLAYED}, not {replay}")
    every_ms = 0
    for name, unit in (("sample", 1000), ("sampleMSec", 1)):
        given = queries.whole(args, name)
        if given is not None:
            every_ms = given * unit
            if not 0 <= every_ms <= LONGEST_MS:
                raise Invalid(f"{name} must be within 0 and a day, not {given}")
    return Wish(
        replay=replay,
        behind=behind,
        every_s=every_ms / 1000,
        pings=queries.flag(args, "enablePings"),
        ids=bool(behind) or queries.flag(args, "ids"),
    )


class Source(Protocol):
    """Lines as they come, for one waiter. ended: nothing comes any more but what waits."""

    @property
    def ended(self) -> bool:
        """Whether the sink is over."""

    def take(self, timeout_s: float) -> Sequence[Line]:
        """Give the next lines, waiting for some; nothing after the timeout and at the end."""


@contextmanager
def of_job(
    outlet: Outlet, job: JobRow, wish: Wish, bell: threading.Event
) -> Iterator[SinkFollower]:
    """Follow the sink of a job during the block."""
    with (
        outlet.site.sinks.following(
            job.job_id,
            replay=wish.replay,
            behind=wish.behind,
            bell=bell,
            use=partial(_subscribe, outlet.site, job),
        ) as follower,
        outlet.site.drain.watching(bell.set),
    ):
        yield follower


def _subscribe(site: Site, job: JobRow) -> None:
    """Say that a job has a subscriber at this moment; it matters to those that end without."""
    if job.duration == "Transient":
        subscriptions.seen(site.services, job.job_id)


@contextmanager
def of_cluster(
    outlet: Outlet, cluster: Cluster, wish: Wish, bell: threading.Event
) -> Iterator["Latest"]:
    """Follow the sink of a cluster's latest launched job during the block, of each in its turn."""
    site = outlet.site
    with (
        outlet.board.cluster(site.services, site.hub, cluster.name, bell) as follower,
        site.drain.watching(bell.set),
        Latest(outlet, cluster, follower, wish, bell) as source,
    ):
        yield source


class Latest:
    """The sink of the job of a cluster that was launched last, which may be another soon."""

    def __init__(
        self,
        outlet: Outlet,
        cluster: Cluster,
        follower: Follower[ClusterNow],
        wish: Wish,
        bell: threading.Event,
    ) -> None:
        self._outlet = outlet
        self._cluster = cluster
        self._follower = follower
        self._wish = wish
        self._bell = bell
        self._job_id: str | None = None
        self._sink: SinkFollower | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    @property
    def ended(self) -> bool:
        """Whether the cluster is gone."""
        return self._follower.ended or is_gone(self._follower.value, self._cluster)

    def take(self, timeout_s: float) -> Sequence[Line]:
        """Give the next lines, waiting for some; nothing after the timeout and at the end."""
        lines = self._ready()
        if not lines and not self.ended:
            self._bell.wait(timeout_s)
            self._bell.clear()
            lines = self._ready()
        return lines

    def _ready(self) -> Sequence[Line]:
        now = self._follower.value
        latest = now.latest if now is not None else None
        lines = self._sink.ready() if self._sink is not None else ()
        if lines or now is None or (latest is not None and latest.job_id == self._job_id):
            return lines
        self._stack.close()
        self._sink = None
        self._job_id = None if latest is None else latest.job_id
        if latest is not None and not latest.over:
            store = self._outlet.site.services.engine.store
            with store.session():
                job = rows.job(store, latest.job_id)
            if job is not None:
                self._sink = self._stack.enter_context(
                    of_job(self._outlet, job, self._wish, self._bell)
                )
        # Of a job that is launched from now on the client gets everything.
        self._wish = Wish(replay=None)
        return self._sink.ready() if self._sink is not None else ()


class Tap:
    """What of a source a client is sent, and when."""

    def __init__(self, source: Source, wish: Wish) -> None:
        self._source = source
        self._every_s = wish.every_s
        self._pings = wish.pings
        self._ping_at = time.monotonic() + PING_S
        self._due_at = 0.0
        self._latest: Line | None = None
        self.over = False

    def next(self, timeout_s: float) -> Sequence[Line]:
        """Give what to send now, waiting for something; nothing after the timeout and at the end.

        over: nothing will come any more.
        """
        now = time.monotonic()
        if self._pings:
            timeout_s = min(timeout_s, self._ping_at - now)
        if self._latest is not None:
            timeout_s = min(timeout_s, self._due_at - now)
        lines = self._source.take(max(0.0, timeout_s))
        ended = not lines and self._source.ended
        now = time.monotonic()
        if self._every_s:
            lines = self._sampled(lines, now, ended=ended)
        self.over = ended and not lines
        if lines:
            self._ping_at = now + PING_S
        elif self._pings and now >= self._ping_at:
            self._ping_at = now + PING_S
            return (PING,)
        return lines

    def _sampled(self, lines: Sequence[Line], now: float, *, ended: bool) -> Sequence[Line]:
        if lines:
            self._latest = lines[-1]
        if self._latest is None or (now < self._due_at and not ended):
            return ()
        latest, self._latest = self._latest, None
        self._due_at = now + self._every_s
        return (latest,)


def events(outlet: Outlet, source: Source, wish: Wish) -> Iterator[bytes]:
    """Give a source as server-sent events, until it is over or the server stops."""
    yield frames.OPENED
    tap, pace = Tap(source, wish), Pace()
    while not outlet.site.drain.stopping:
        lines = tap.next(pace.left_s())
        if lines:
            pace.sent()
            yield from frames.lines(lines, ids=wish.ids)
        elif tap.over:
            return
        due = pace.due()
        if due is not None:
            if outlet.gone():
                return
            yield due
