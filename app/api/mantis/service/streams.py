"""Streams of how jobs and clusters stand: scheduling, discovery, and the last job of a cluster."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Self

from app.api.http.site import Site
from app.api.mantis import frames
from app.api.mantis.board import Board, ClusterNow, Follower, JobNow
from app.api.mantis.frames import Pace
from app.api.mantis.lookups import Launch
from app.api.mantis.tables import Cluster
from app.api.mantis.words import JobRow

NO_JOB = "HB_JobId"
BEAT_OF_JOB = frames.document({"jobId": NO_JOB, "workerAssignments": None})
BEAT_OF_CLUSTER = frames.document({"name": NO_JOB, "jobId": None})


@dataclass(frozen=True, slots=True)
class Outlet:
    """What the stream of one client works with. gone: tells whether the client has hung up."""

    site: Site
    board: Board
    gone: Callable[[], bool]


def scheduling(outlet: Outlet, job: JobRow, *, beats: bool) -> Iterator[bytes]:
    """Tell who works on a job, at once and after every change, until it is over."""
    with _Stream(outlet, BEAT_OF_JOB if beats else None) as stream:
        yield frames.OPENED
        follower = stream.follow_job(job.job_id)
        told: JobNow | None = None
        while not stream.over(follower):
            now = follower.value
            if now is not None and now != told:
                told = now
                yield stream.sent(now.event or _nobody(job.name))
                if now.over:
                    return
            yield from stream.pause()


def discovery(outlet: Outlet, cluster: Cluster, *, beats: bool) -> Iterator[bytes]:
    """Tell who works on the latest launched job of a cluster, going over to each newer one."""
    with _Stream(outlet, BEAT_OF_JOB if beats else None) as stream:
        yield frames.OPENED
        follower = stream.follow_cluster(cluster.name)
        latest: Launch | None = None
        job: Follower[JobNow] | None = None
        told: JobNow | None = None
        while not stream.over(follower, *([job] if job else ())):
            if is_gone(follower.value, cluster):
                return
            newest = follower.value.latest if follower.value else None
            if newest is not None and (latest is None or newest.job_id != latest.job_id):
                latest, told = newest, None
                job = stream.follow_job(newest.job_id)
            if job is not None and latest is not None and job.value not in (None, told):
                told = job.value
                yield stream.sent(told.event or _nobody(latest.name))
            yield from stream.pause()


def last_job(outlet: Outlet, cluster: Cluster, *, beats: bool) -> Iterator[bytes]:
    """Tell which job of a cluster was launched last, and each that is launched from then on."""
    with _Stream(outlet, BEAT_OF_CLUSTER if beats else None) as stream:
        yield frames.OPENED
        follower = stream.follow_cluster(cluster.name)
        known: ClusterNow | None = None
        while not stream.over(follower):
            now = follower.value
            if is_gone(now, cluster):
                return
            if now is not None and now is not known:
                for launch in _news(known, now):
                    yield stream.sent(frames.document({"name": cluster.name, "jobId": launch.name}))
                known = now
            yield from stream.pause()


def is_gone(now: ClusterNow | None, cluster: Cluster) -> bool:
    """Tell whether a cluster was deleted, though another of its name may be there."""
    return now is not None and now.group_id != cluster.group_id


def _news(known: ClusterNow | None, now: ClusterNow) -> tuple[Launch, ...]:
    """Give the launches that were not told yet; at first only the latest counts."""
    if known is None:
        return now.launches[-1:]
    told = {launch.job_id for launch in known.launches}
    return tuple(launch for launch in now.launches if launch.job_id not in told)


def _nobody(name: str) -> bytes:
    return frames.document({"jobId": name, "workerAssignments": {}})


class _Stream:
    """One stream while it is open: its bell, its pace, and the followers that ring it."""

    def __init__(self, outlet: Outlet, beat: bytes | None) -> None:
        self._outlet = outlet
        self._bell = threading.Event()
        self._pace = Pace(beat)
        self._stack = ExitStack()
        self._job = ExitStack()
        self._left = False

    def __enter__(self) -> Self:
        self._stack.enter_context(self._outlet.site.drain.watching(self._bell.set))
        return self

    def __exit__(self, *_error: object) -> None:
        self._job.close()
        self._stack.close()

    def follow_job(self, job_id: str) -> Follower[JobNow]:
        """Follow a job, and the one before no longer."""
        self._job.close()
        site = self._outlet.site
        return self._job.enter_context(
            self._outlet.board.job(site.services, site.hub, job_id, self._bell)
        )

    def follow_cluster(self, name: str) -> Follower[ClusterNow]:
        """Follow a cluster."""
        site = self._outlet.site
        return self._stack.enter_context(
            self._outlet.board.cluster(site.services, site.hub, name, self._bell)
        )

    def over(self, *followers: Follower[JobNow] | Follower[ClusterNow]) -> bool:
        """Tell whether the stream is to end: the client left, or comes back to another server."""
        stopping = self._left or self._outlet.site.drain.stopping
        return stopping or any(one.ended for one in followers)

    def sent(self, event: bytes) -> bytes:
        """Give an event that is sent now."""
        self._pace.sent()
        return event

    def pause(self) -> Iterator[bytes]:
        """Wait for the bell; give a sign of life when it is time, and the client is there."""
        self._bell.wait(self._pace.left_s())
        self._bell.clear()
        due = self._pace.due()
        if due is not None:
            self._left = self._outlet.gone()
            if not self._left:
                yield due
