"""One watcher for all who listen at a process: it looks at the list when something changed there.

A look is one snapshot for all of them, however many they are; who waits is woken when its own
standing differs, and holds no connection of the database. Only the watcher writes standings, so a
websocket that is opened during a change neither misses it nor hears of it twice.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from app.api.manticore import tables
from app.api.manticore.public import shown
from app.api.manticore.service.requests import POOL, slots
from app.api.manticore.words import Standing, detail, reason
from app.bus import Subscription
from app.domain.errors import EngineError, PluginFailed
from app.domain.states import JobState
from app.domain.waiting import Pool
from app.engine.courses import pool_topic
from app.wiring import Services

SWEEP_S = 1.0
GATHER_S = 0.02
"""Pause after a look, so that a crowd of changes costs few looks."""
_log = logging.getLogger(__name__)


class Follower:
    """One websocket's ear. standing: how its request stands; None until it was looked at."""

    def __init__(self, job_id: str, ring: Callable[[], object]) -> None:
        self.job_id = job_id
        self.ring = ring
        self.standing: Standing | None = None


class Watch:
    """The watcher of one process; it works while anybody listens."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._followers: dict[str, set[Follower]] = {}
        self._addresses: dict[str, tuple[object, Mapping[str, str]]] = {}
        self._bell: Callable[[], object] | None = None

    @contextmanager
    def following(
        self, services: Services, job_id: str, ring: Callable[[], object]
    ) -> Iterator[Follower]:
        """Keep a standing up to date during the block. ring: is called when it has changed."""
        follower = Follower(job_id, ring)
        with self._lock:
            self._followers.setdefault(job_id, set()).add(follower)
            if self._bell is None:
                bell = services.engine.bus.subscribe(pool_topic(POOL))
                self._bell = bell.wake
                words = (services, bell)
                threading.Thread(target=self._work, args=words, daemon=True).start()
            self._bell()
        try:
            yield follower
        finally:
            with self._lock:
                others = self._followers[job_id]
                others.discard(follower)
                if not others:
                    del self._followers[job_id]

    def _work(self, services: Services, bell: Subscription) -> None:
        with bell:
            while True:
                bell.wait(SWEEP_S)
                with self._lock:
                    if bell.closed or not self._followers:
                        self._bell = None
                        self._addresses.clear()
                        return
                try:
                    self._look(services)
                except EngineError as error:
                    _log.warning("the list cannot be read: %s", error, extra={"action": "watch"})
                except Exception:  # noqa: BLE001 - it has to go on
                    # Without its watcher no websocket would ever hear anything again.
                    _log.exception("watching failed", extra={"action": "watch"})
                time.sleep(GATHER_S)

    def _look(self, services: Services) -> None:
        with self._lock:
            wanted = list(self._followers)
        store = services.engine.store
        with store.snapshot():
            places = tables.places(store, POOL)
            stands = tables.stands(store, [one for one in wanted if one not in places])
            stay_s = services.engine.waiting.stay_s(POOL) if places else None
        pool = Pool(
            name=POOL,
            max_running=slots(services.settings.manticore),
            starting=sum(place.admitted for place in places.values()),
        )
        for job_id in wanted:
            place = places.get(job_id)
            if place is not None:
                eta_s = pool.eta_s(place.position, stay_s)
                standing = Standing(position=place.position, wait=not place.admitted, eta_s=eta_s)
            else:
                standing = self._off_the_list(services, job_id, stands.get(job_id))
            self._tell(job_id, standing)
        for job_id in self._addresses.keys() - self._followers.keys():
            del self._addresses[job_id]

    def _off_the_list(
        self, services: Services, job_id: str, stand: tables.Stand | None
    ) -> Standing:
        if stand is None:
            return Standing(dead=reason(None, started=True))
        if stand.over:
            why = reason(stand.error, started=stand.started)
            return Standing(dead=why, detail=detail(stand.error))
        if stand.state != JobState.RUNNING:
            return Standing(position=0, wait=False)
        known = self._addresses.get(job_id)
        if known is None or known[0] != stand.addresses:
            # What the job type calls them is asked for only when they have changed.
            known = (stand.addresses, _addresses(services, job_id))
            self._addresses[job_id] = known
        return Standing(services=known[1], ends_at=stand.ends_at)

    def _tell(self, job_id: str, standing: Standing) -> None:
        with self._lock:
            followers = tuple(self._followers.get(job_id, ()))
        for follower in followers:
            if follower.standing != standing:
                follower.standing = standing
                follower.ring()


def _addresses(services: Services, job_id: str) -> Mapping[str, str]:
    try:
        return shown(services, job_id)
    except PluginFailed as error:
        _log.warning("no addresses: %s", error, extra={"action": "plugin_failed"})
        return {}
