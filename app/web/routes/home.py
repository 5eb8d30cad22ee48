"""`/ui/`: what runs, waits and failed, over all dialects; and what needs attention."""

import importlib.util
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, abort, jsonify, redirect, render_template, request, send_from_directory
from flask.typing import ResponseReturnValue

from app.api.http.site import services
from app.domain.records import Scope
from app.engine.figures import Point, Present, Span
from app.web import plots
from app.web.frame import Page, page, show
from app.web.live import View, offer
from app.web.matters import told
from app.web.visitors import Visitor, visitor
from config.settings import Settings

HOME = Page("Overview", "/ui/", "Work", None)
QUEUES = 20
"""Queues that the page lists; all stand on their own page."""
VENDOR = {"uplot.js": "uplot.iife.min.js", "uplot.css": "uplot.min.css"}
OTHERS = {"task_tracker": "/ui/projects", "flamenco": "/ui/farm"}
"""Where the tasks of dialects without jobs are listed."""
KEPT_S = 15.0
"""Points are a minute long at least: nobody misses much."""
_DAY_S = 24 * 3600


def mount(blueprint: Blueprint, _settings: Settings) -> Sequence[Page]:
    """Put the first page on a blueprint."""
    series = Series()

    @blueprint.route("/ui")
    def home_without_slash() -> ResponseReturnValue:
        return redirect("/ui/", 302)

    @page(blueprint, HOME.path, HOME.needs)
    def home() -> ResponseReturnValue:
        if not visitor().may(Scope.READ):
            return show("index.html", HOME.path)
        span, dialect = _span(), request.args.get("dialect", "")
        points = series.of(span, dialect)
        seen = Seen()
        return show(
            "overview/page.html",
            HOME.path,
            seen=seen,
            duration=plots.duration,
            span=span,
            spans=[(each, _address(each, dialect)) for each in Span],
            dialect=dialect,
            dialects=[(name, _address(span, name)) for name in ("", *seen.dialects)],
            plots=plots.drawn(points),
            rows=plots.rows(span, points),
            figures=f"/ui/figures?{urlencode({'span': span, 'dialect': dialect})}",
        )

    @page(blueprint, "/ui/figures")
    def figures() -> ResponseReturnValue:
        span = _span()
        return jsonify(plots.document(span, series.of(span, request.args.get("dialect", ""))))

    @page(blueprint, "/ui/static/vendor/<name>", None)
    def vendor(name: str) -> ResponseReturnValue:
        if name not in VENDOR:
            abort(404)
        return send_from_directory(_vendor(), VENDOR[name], max_age=_DAY_S)

    @page(blueprint, "/ui/<path:_rest>", None)
    def nothing_there(_rest: str) -> ResponseReturnValue:
        abort(404)

    offer(blueprint, "overview", View(_parts))
    return [HOME]


class Seen:
    """What stands on the page and is kept up to date."""

    def __init__(self) -> None:
        engine = services().engine
        self.present: Present = engine.figures.present(queues=QUEUES)
        self.matters = [told(each) for each in engine.concerns.found()]
        self.jobs = {each.dialect: each for each in self.present.jobs}
        self.tasks = {each.name: each for each in self.present.tasks}
        self.dialects = sorted(self.jobs.keys() | self.tasks.keys())
        self.tickers = self.present.workers.get("coordinator", 0)
        self.workers = sum(self.present.workers.values()) - self.tickers

    def home_of(self, dialect: str) -> str:
        """Give the page where a dialect's work is listed."""
        return OTHERS.get(dialect) or f"/ui/jobs?{urlencode({'dialect': dialect})}"


class Series:
    """Series as they were a moment ago: many pages ask for the same few."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[Span, str], tuple[float, Sequence[Point]]] = {}

    def of(self, span: Span, dialect: str) -> Sequence[Point]:
        """Give the series of a dialect, or of all."""
        key, now = (span, dialect), time.monotonic()
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None and now - kept[0] < KEPT_S:
            return kept[1]
        points = services().engine.figures.series(span, dialect=dialect.replace("\0", ""))
        with self._lock:
            if len(self._kept) > 100:  # somebody asks for dialects that there are not
                self._kept.clear()
            self._kept[key] = (now, points)
        return points


def _span() -> Span:
    given = request.args.get("span", Span.HOUR)
    return Span(given) if given in list(Span) else Span.HOUR


def _address(span: Span, dialect: str) -> str:
    words = {"span": span, **({"dialect": dialect} if dialect else {})}
    return f"/ui/?{urlencode(words)}#plots"


def _parts(_args: Mapping[str, str], _who: Visitor) -> dict[str, str]:
    words: dict[str, Any] = {"seen": Seen(), "duration": plots.duration}
    return {
        name: render_template(f"ui/overview/{name}.html", **words)
        for name in ("cards", "matters", "lanes")
    }


def _vendor() -> Path:
    """Give the folder of the installed package, which needs not be imported for it."""
    found = importlib.util.find_spec("youplot")
    if found is None or not found.submodule_search_locations:
        abort(404)
    return Path(next(iter(found.submodule_search_locations))) / "vendor"
