"""The server about itself."""

import html
import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from app.api.http.dialect import Dialect
from app.domain.errors import EngineError
from app.hooks.manager import PluginStatus
from app.wiring import VERSION, Services
from config.settings import Settings

_log = logging.getLogger(__name__)

TRACKER = {"name": "task_tracker", "version": "1.1"}
"""Name and version of the interface that the tracker's clients were written for."""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Jobyard API</title>
<link rel="icon" type="image/png" href="/api/docs/files/favicon-32x32.png">
<link rel="stylesheet" href="/api/docs/files/swagger-ui.css">
<link rel="stylesheet" href="/api/docs/files/docs.css">
</head>
<body>
<div id="docs" data-documents="{documents}"></div>
<noscript>{links}</noscript>
<script src="/api/docs/files/swagger-ui-bundle.js"></script>
<script src="/api/docs/files/swagger-ui-standalone-preset.js"></script>
<script src="/api/docs/files/docs.js"></script>
</body>
</html>
"""


def root(settings: Settings) -> dict[str, Any]:
    """Name the program and where to read on.

    Clients of the tracker look here for its name, so `content` is its own where its paths are not
    moved elsewhere.
    """
    tracker = settings.task_tracker
    ours = {"name": "jobyard", "version": VERSION}
    tracks = tracker.enabled and not tracker.prefix
    return {
        "ok": True,
        "content": TRACKER if tracks else ours,
        "server": ours,
        "links": {"docs": "/api/docs/", "health": "/health", "pages": "/ui/"},
    }


def health(
    services: Services, dialects: Sequence[Dialect] = (), *, ready: bool = False
) -> tuple[dict[str, Any], bool]:
    """Tell how the server is, and whether its store answers; dialects add words of their own.

    ready: also whether each dialect can do what it is there for; who cannot is named.
    """
    well = _store_answers(services)
    document: dict[str, Any] = {
        "status": "UP" if well else "DOWN",
        "version": VERSION,
        "isHealthy": well,
    }
    for dialect in dialects:
        if well and dialect.health is not None:
            document.update(_of_dialect(services, dialect.health))
    if unwell := _plugins(services):
        document["plugins"] = unwell
    if ready:
        unready = [each.name for each in dialects if well and not _is_ready(services, each)]
        well = well and not unready
        document.update(ready=well, unready=unready)
    return document, well


def _store_answers(services: Services) -> bool:
    try:
        services.engine.events.last_position()
    except EngineError as error:
        _log.warning("the store does not answer: %s", error, extra={"action": "health"})
        return False
    except Exception:  # noqa: BLE001 - whatever it is, this route's answer is "down"
        _log.exception("the store does not answer", extra={"action": "health"})
        return False
    return True


def _of_dialect(
    services: Services, health: Callable[[Services], Mapping[str, Any]]
) -> Mapping[str, Any]:
    try:
        return health(services)
    except EngineError as error:
        _log.warning("a dialect cannot tell how it is: %s", error, extra={"action": "health"})
        return {}


def _is_ready(services: Services, dialect: Dialect) -> bool:
    try:
        return dialect.ready is None or dialect.ready(services)
    except EngineError as error:
        _log.warning("a dialect cannot tell how it is: %s", error, extra={"action": "health"})
        return False


def _plugins(services: Services) -> list[dict[str, Any]]:
    refused = [
        {"name": plugin.name, "status": plugin.status, "reason": plugin.reason}
        for plugin in services.plugins.found
        if plugin.status is PluginStatus.REFUSED
    ]
    checks = [
        {"name": check.plugin, "status": "unwell", "reason": f"{check.name}: {check.text}"}
        for check in services.plugins.health_checks()
        if not check.well
    ]
    return [*refused, *checks]


def docs_page(dialects: Iterable[Dialect]) -> str:
    """Write the page that shows every document; no script or style stands in it."""
    listed = [
        {"url": f"/api/docs/{dialect.name}.json", "name": dialect.title} for dialect in dialects
    ]
    links = " ".join(
        f'<a href="{html.escape(each["url"])}">{html.escape(each["name"])}</a>' for each in listed
    )
    return _PAGE.format(documents=html.escape(json.dumps(listed)), links=links)
