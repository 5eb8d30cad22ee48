"""The output of clusters, line by line as it comes, without what is secret in it."""

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from flask import request

from app.api.http import sessions, sse
from app.api.http.presence import has_hung_up
from app.api.http.sinks import is_id
from app.api.http.site import site
from app.api.jobyard.masking import Mask
from app.api.mantis.board import Board
from app.api.mantis.errors import Refused
from app.api.mantis.service import clusters, jobs, sinks
from app.api.mantis.service.sinks import Wish
from app.api.mantis.service.streams import Outlet
from app.api.mantis.tables import Cluster
from app.domain.errors import EngineError
from app.web.visitors import visitor
from app.wiring import Services

REPLAYED = 100
BEAT_S = 10.0
MASKED_S = 5.0
"""How long a mask is used before it is made anew: a new job may hold other secrets."""
JOBS = 20


class Outputs:
    """What this process tells of outputs; all streams share a watcher."""

    def __init__(self) -> None:
        self._board = Board()

    def of_cluster(self, name: str) -> Iterator[bytes]:
        """Follow the job of a cluster that was launched last, each in its turn, as events `lines`.

        Raises Missing.
        """
        asked: Any = request._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
        outlet = Outlet(site(), self._board, partial(has_hung_up, asked))
        behind = sse.resumed_from()
        wish = Wish(behind=behind) if is_id(behind) else Wish(replay=REPLAYED)
        cluster = clusters.get(outlet.site.services, name)
        return _frames(outlet, cluster, wish, sessions.lasting(visitor().manager))


def _frames(
    outlet: Outlet, cluster: Cluster, wish: Wish, stands: Callable[[], bool]
) -> Iterator[bytes]:
    yield sse.AGAIN
    try:
        with sinks.of_cluster(outlet, cluster, wish, threading.Event()) as source:
            masks = _Masks(outlet.site.services, cluster.name)
            asked = time.monotonic()
            while not outlet.site.drain.stopping:
                lines = source.take(BEAT_S)
                if time.monotonic() - asked >= BEAT_S:
                    if outlet.gone() or not stands():
                        return
                    asked = time.monotonic()
                if lines:
                    texts = [masks.now()(line.text) for line in lines]
                    yield sse.frame("lines", texts, position=lines[-1].id)
                elif source.ended:
                    yield sse.frame("end", {})
                    return
                else:
                    yield sse.BEAT
    except (EngineError, Refused):
        return  # the browser comes back, and is told


class _Masks:
    """What hides the secrets of a cluster's jobs, made anew now and then."""

    def __init__(self, services: Services, name: str) -> None:
        self._services = services
        self._name = name
        self._mask = Mask({})
        self._until = 0.0

    def now(self) -> Callable[[str], str]:
        """Give what hides them. Raises Missing."""
        if time.monotonic() >= self._until:
            one = clusters.get(self._services, self._name)
            rows = jobs.latest_open(self._services, one.group_id, JOBS)
            given = [one.about["parameters"], *(row.about["parameters"] for row in rows)]
            self._mask = Mask(
                {"all": [{each["name"]: each["value"]} for some in given for each in some]}
            )
            self._until = time.monotonic() + MASKED_S
        return lambda text: self._mask.text(text) or ""
