"""`/ui/settings` and `/ui/plugins`: how the server is made up."""

from collections.abc import Sequence

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from app.api.http.site import services
from app.domain.records import Json, Scope
from app.web.frame import Page, page, show
from config.declare import Declared
from config.settings import Settings, shown

PLUGINS = Page("Plugins", "/ui/plugins", "Server", Scope.READ)
SETTINGS = Page("Settings", "/ui/settings", "Server", Scope.ADMIN)


def mount(blueprint: Blueprint, settings: Settings) -> Sequence[Page]:
    """Put the pages on a blueprint."""

    @page(blueprint, PLUGINS.path, Scope.READ)
    def plugins() -> ResponseReturnValue:
        known = services().plugins
        return show(
            "server/plugins.html",
            PLUGINS.path,
            plugins=known.found,
            checks=known.health_checks(),
            titles={name: one.title or name for name, one in known.interfaces.items()},
        )

    @page(blueprint, SETTINGS.path, Scope.ADMIN)
    def all_settings() -> ResponseReturnValue:
        sought = request.args.get("q", "").strip()
        return show(
            "server/settings.html",
            SETTINGS.path,
            sections=_sections(settings, sought, only_given=bool(request.args.get("given"))),
            q=sought,
            given=bool(request.args.get("given")),
            warnings=settings.warnings,
        )

    return [PLUGINS, SETTINGS]


def _sections(settings: Settings, sought: str, *, only_given: bool) -> dict[str, list[Json]]:
    words = sought.lower().split()
    found: dict[str, list[Json]] = {}
    for one, value, origin in shown(settings):
        told = f"{one.key} {one.variable} {one.text}".lower()
        if all(word in told for word in words) and not (only_given and origin == "default"):
            found.setdefault(one.section.replace("_", " "), []).append(_setting(one, value, origin))
    return found


def _setting(one: Declared, value: object, origin: str) -> Json:
    return {
        "key": one.key,
        "variable": one.variable,
        "value": _text(value),
        "unit": one.unit,
        "from": origin,
        "text": one.text,
        "kind": one.kind.word,
        "secret": one.secret,
    }


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    if isinstance(value, dict):
        return ", ".join(f"{key} = {_text(each)}" for key, each in value.items())
    return "" if value is None else str(value)
