"""`/ui/`: where people begin."""

from collections.abc import Sequence

from flask import Blueprint, abort, redirect
from flask.typing import ResponseReturnValue

from app.web.frame import Page, page, show
from config.settings import Settings

HOME = Page("Overview", "/ui/", "Work", None)


def mount(blueprint: Blueprint, _settings: Settings) -> Sequence[Page]:
    """Put the first page on a blueprint."""

    @blueprint.route("/ui")
    def home_without_slash() -> ResponseReturnValue:
        return redirect("/ui/", 302)

    @page(blueprint, HOME.path, HOME.needs)
    def home() -> ResponseReturnValue:
        return show("index.html", HOME.path)

    @page(blueprint, "/ui/<path:_rest>", None)
    def nothing_there(_rest: str) -> ResponseReturnValue:
        abort(404)

    return [HOME]
