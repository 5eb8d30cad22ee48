"""Everything that is told as it happens: server-sent events and websockets."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from functools import partial, wraps
from typing import Any

import orjson
from flask import Response, request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint
from simple_websocket import Server
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.routing import BaseConverter

from app.api.http import sockets, sse
from app.api.http.bodies import body
from app.api.http.documents import described, number_query, text_query
from app.api.http.presence import has_hung_up
from app.api.http.problems import problem_of
from app.api.http.site import services, site
from app.api.http.sockets import Line
from app.api.mantis import definitions, frames, queries, reading, schemas
from app.api.mantis.board import AWAY_S, Board
from app.api.mantis.errors import Refused, failure
from app.api.mantis.service import clusters, jobs, sinks, sla, streams, submits
from app.api.mantis.service.sinks import Source, Wish
from app.api.mantis.service.status import Told
from app.api.mantis.service.streams import Outlet
from app.api.mantis.words import JobRow
from app.domain.errors import EngineError, Unavailable

View = Callable[..., ResponseReturnValue]
Opening = Callable[[threading.Event], AbstractContextManager[Source]]

PING_S = 20.0
MOST_HEARD_BYTES = 16 * 1024 * 1024
"""A longer message ends a websocket; one that is too long for a body is told so."""
QUICK = frozenset({"name", "user", "jobSla"})
"""A body that has no more than these submits a job like the last one."""
BEATS = text_query("sendHB", "`true` for a heartbeat every five seconds.")
WISHES = (
    number_query("replay", "So many of the last lines come first, up to 1000.", 0),
    number_query("sample", "At most one line in so many seconds.", 0),
    number_query("sampleMSec", "At most one line in so many milliseconds.", 0),
    text_query("enablePings", "`true` for a `ping` after two seconds of silence."),
    text_query("ids", "`true` for events with ids, by which a client goes on where it was."),
    text_query("last_event_id", "As the header Last-Event-ID: what came after it comes first."),
)


class AnyCase(BaseConverter):
    """A fixed word of a path, in capitals or not."""

    def __init__(self, url_map: Any, word: str) -> None:
        super().__init__(url_map)
        self.regex = f"(?i:{word})"


class _Routes:
    """Mounts the streams, with the watcher that all of this process share."""

    def __init__(self, blueprint: Blueprint) -> None:
        self._blueprint = blueprint
        self._board = Board()

    def outlet(self) -> Outlet:
        """Give what the stream of the request at hand works with."""
        asked = request._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
        return Outlet(site(), self._board, partial(has_hung_up, asked))

    def events(
        self, path: str, view: View, *errors: int, method: str = "GET", **words: Any
    ) -> None:
        """Mount a view that answers with server-sent events."""
        words |= {"error": schemas.Error, "content_type": sse.EVENT_STREAM}
        told = described(self._blueprint, errors=(*errors, 405), **words)
        mount = self._blueprint.route(path, methods=[method], strict_slashes=False)
        mount(told(view))

    def both(
        self,
        path: str,
        view: View,
        serve: Callable[..., None],
        *errors: int,
        method: str = "GET",
        **words: Any,
    ) -> None:
        """Mount a view beside a websocket; the third word of the path in capitals or not."""
        self.events(path, view, *errors, method=method, query=WISHES, **words)
        socket = sockets.upgrading(serve)
        _, api, version, word, *rest = path.split("/")
        any_case = "/".join(("", api, version, f"<anycase({word.lower()}):word>", *rest))
        self._beside(path, socket, websocket=True)
        self._beside(any_case, _without_word(view), methods=[method])
        self._beside(any_case, _without_word(socket), websocket=True)

    def _beside(self, path: str, view: View, **options: Any) -> None:
        """Mount a view of which the API document tells with another of that path."""
        name = f"{view.__name__}{path}"
        self._blueprint.record_once(
            lambda state: state.add_url_rule(path, name, view, strict_slashes=False, **options)
        )


def _without_word(view: View) -> View:
    @wraps(view)
    def called(word: str, **parts: str) -> ResponseReturnValue:
        del word
        return view(**parts)

    return called


def made() -> Blueprint:
    """Make the blueprint, with the watcher of this process."""
    blueprint = Blueprint("mantis-streams", __name__, description="What happens, as it happens.")
    blueprint.record_once(_know_any_case)
    mounted = _Routes(blueprint)
    _mount_standings(mounted)
    _mount_status(mounted, blueprint)
    _mount_sinks(mounted)
    _mount_submits(mounted)
    return blueprint


def _know_any_case(state: Any) -> None:
    state.app.url_map.converters.setdefault("anycase", AnyCase)


def _beats() -> bool:
    return queries.flag(request.args, "sendHB")


# -- how jobs and clusters stand -------------------------------------------------------------------


def _mount_standings(mounted: _Routes) -> None:
    def stream_scheduling(job: str) -> ResponseReturnValue:
        """Stream who works on a job, until it is over."""
        beats, found = _beats(), jobs.active(services(), job)
        return frames.answer(streams.scheduling(mounted.outlet(), found, beats=beats))

    def stream_scheduling_info(job: str) -> ResponseReturnValue:
        """Stream who works on a job, until it is over."""
        return stream_scheduling(job)

    def stream_discovery(cluster: str) -> ResponseReturnValue:
        """Stream who works on the job of a cluster that was launched last."""
        beats, found = _beats(), clusters.get(services(), cluster)
        return frames.answer(streams.discovery(mounted.outlet(), found, beats=beats))

    def stream_last_job(cluster: str) -> ResponseReturnValue:
        """Stream which job of a cluster was launched last."""
        beats, found = _beats(), clusters.get(services(), cluster)
        return frames.answer(streams.last_job(mounted.outlet(), found, beats=beats))

    for path, view in (
        ("/api/v1/jobDiscoveryStream/<job>", stream_scheduling),
        ("/api/v1/jobs/schedulingInfo/<job>", stream_scheduling_info),
        ("/api/v1/jobClusters/discoveryInfoStream/<cluster>", stream_discovery),
        ("/api/v1/lastSubmittedJobIdStream/<cluster>", stream_last_job),
    ):
        mounted.events(path, view, 400, 404, query=(BEATS,))


# -- what happens to a job -------------------------------------------------------------------------


def _mount_status(mounted: _Routes, blueprint: Blueprint) -> None:
    @sockets.route(blueprint, "/api/v1/jobStatusStream/<job>", strict_slashes=False)
    @described(blueprint, errors=(400, 405), error=schemas.Error)
    def follow_status(ws: Server, job: str) -> None:
        """Tell of a job, which may be one to come, for as long as the client stays."""
        line = _line(ws)
        try:
            with Told(mounted.outlet(), job, line.bell) as told:
                while line.open:
                    away_s = _tell(line, told)
                    if site().drain.stopping or told.ended:
                        line.close(sockets.GOING_AWAY)
                    line.bell.wait(away_s)
                    line.bell.clear()
        finally:
            line.end()


def _tell(line: Line, told: Told) -> float | None:
    """Send what there is to tell; give in how many seconds to look again where that failed."""
    try:
        for message in told.ready():
            line.send(orjson.dumps(message).decode())
    except Unavailable:
        return AWAY_S
    return None


def _line(
    ws: Server, heard: Callable[[str], None] = lambda _: None, *, binary: bool = False
) -> Line:
    return Line(ws, ping_s=PING_S, most_bytes=MOST_HEARD_BYTES, heard=heard, binary=binary)


# -- sinks -----------------------------------------------------------------------------------------


def _mount_sinks(mounted: _Routes) -> None:
    def job_source(job: str, wish: Wish) -> Opening:
        found = jobs.active(services(), job)
        return partial(sinks.of_job, mounted.outlet(), found, wish)

    def cluster_source(cluster: str, wish: Wish) -> Opening:
        found = clusters.get(services(), cluster)
        return partial(sinks.of_cluster, mounted.outlet(), found, wish)

    def connect_to_job(job: str) -> ResponseReturnValue:
        """Stream the sink of a job."""
        wish = _wish()
        return _streamed(mounted.outlet(), job_source(job, wish), wish)

    def connect_to_cluster(cluster: str) -> ResponseReturnValue:
        """Stream the sink of whichever job of a cluster was launched last."""
        wish = _wish()
        return _streamed(mounted.outlet(), cluster_source(cluster, wish), wish)

    def follow_job(ws: Server, job: str) -> None:
        """Send the lines of a job."""
        _serve(ws, mounted.outlet(), partial(job_source, job))

    def follow_cluster(ws: Server, cluster: str) -> None:
        """Send the lines of whichever job of a cluster was launched last."""
        _serve(ws, mounted.outlet(), partial(cluster_source, cluster))

    mounted.both("/api/v1/jobConnectbyid/<job>", connect_to_job, follow_job, 400, 404)
    by_name = "/api/v1/jobConnectbyname/<cluster>"
    mounted.both(by_name, connect_to_cluster, follow_cluster, 400, 404)


def _wish() -> Wish:
    """Read how the client of the request at hand wants a sink. Raises Invalid."""
    return sinks.wish_of(request.args, sse.resumed_from())


def _streamed(
    outlet: Outlet, opening: Opening, wish: Wish, headers: dict[str, str] | None = None
) -> Response:
    def generated() -> Iterator[bytes]:
        # Without its database the stream ends, and its client is told 503 when it comes back.
        with suppress(EngineError), opening(threading.Event()) as source:
            yield from sinks.events(outlet, source, wish)

    return frames.answer(generated(), headers)


def _serve(ws: Server, outlet: Outlet, target: Callable[[Wish], Opening]) -> None:
    line = _line(ws)
    try:
        wish = _wish()
        _send(line, outlet, target(wish), wish)
    except Refused:
        line.close(sockets.REFUSED)
    except EngineError:
        line.close(sockets.TRY_LATER)
    finally:
        line.end()


def _send(line: Line, outlet: Outlet, opening: Opening, wish: Wish) -> None:
    with opening(line.bell) as source:
        tap = sinks.Tap(source, wish)
        while line.open and not tap.over:
            for one in tap.next(frames.QUIET_S):
                line.send(one.text)
            if outlet.site.drain.stopping:
                line.close(sockets.GOING_AWAY)
    line.close(sockets.NORMAL)


# -- submitting and staying ------------------------------------------------------------------------


def _mount_submits(mounted: _Routes) -> None:
    def submit_and_connect() -> ResponseReturnValue:
        """Submit a job and stream all lines of it."""
        wish = replace(_wish(), replay=None, behind="")
        job = _submitted(body())
        opening = partial(sinks.of_job, mounted.outlet(), job, wish)
        return _streamed(mounted.outlet(), opening, wish, {"X-Mantis-Job-Id": job.name})

    def submit_and_follow(ws: Server) -> None:
        """Submit the job that the client's first message is, and send all lines of it."""
        _Submitting(ws, mounted.outlet()).run()

    mounted.both(
        "/api/v1/jobsubmitandconnect",
        submit_and_connect,
        submit_and_follow,
        *(400, 404, 413),
        method="POST",
        body={"application/json": schemas.SubmitBody},
    )


def _submitted(raw: bytes) -> JobRow:
    """Submit a job. Raises Refused."""
    given = reading.document(raw)
    quick = all(key in QUICK or value is None for key, value in given.items())
    wanted = (definitions.quick if quick else definitions.wanted)(given)
    done = submits.submit(services(), wanted)
    sla.enforce(services(), wanted.name)
    return jobs.find(services(), done.name)


class _Submitting:
    """A websocket whose first message is a job."""

    def __init__(self, ws: Server, outlet: Outlet) -> None:
        self._outlet = outlet
        self._message: str | None = None
        self._line = _line(ws, self._hear, binary=True)

    def _hear(self, text: str) -> None:
        """Take the first message; whatever follows is ignored."""
        if self._message is None:
            self._message = text
            self._line.bell.set()

    def run(self) -> None:
        """Serve it."""
        line = self._line
        try:
            with self._outlet.site.drain.watching(line.bell.set):
                while line.open and self._message is None:
                    line.bell.wait()
                    line.bell.clear()
                    if self._outlet.site.drain.stopping:
                        line.close(sockets.GOING_AWAY)
            if self._message is not None and line.open:
                self._stay(self._message)
        except (Refused, RequestEntityTooLarge, EngineError) as error:
            line.send(orjson.dumps(failure(problem_of(error)).body).decode())
            away = isinstance(error, EngineError)
            line.close(sockets.TRY_LATER if away else sockets.NORMAL)
        finally:
            line.end()

    def _stay(self, message: str) -> None:
        wish = replace(_wish(), replay=None, behind="")
        document = message.encode("utf-8", "replace")
        if len(document) > services().settings.mantis.max_body_bytes:
            raise RequestEntityTooLarge
        job = _submitted(document)
        _send(self._line, self._outlet, partial(sinks.of_job, self._outlet, job, wish), wish)
