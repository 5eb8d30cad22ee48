"""Views of the pages."""

from typing import NamedTuple

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from app.web.access import is_let_in
from config.settings import Settings


class Page(NamedTuple):
    """A page as the others link to it."""

    name: str
    path: str
    about: str


ENVIRONMENTS = Page(
    "Environments", "/ui/environments", "Wait in line for an environment, and use it."
)
API = Page("API", "/api/docs/", "What programs can ask this server for.")


def mount(blueprint: Blueprint, settings: Settings) -> None:
    """Put all pages on a blueprint."""
    manticore = settings.manticore
    has_environments = manticore.enabled and not manticore.webpage_disabled

    def shown() -> list[Page]:
        mine = has_environments and is_let_in(request, settings)
        return [ENVIRONMENTS, API] if mine else [API]

    @blueprint.route("/ui")
    def index_without_slash() -> ResponseReturnValue:
        return redirect("/ui/", 302)

    @blueprint.route("/ui/")
    def index() -> ResponseReturnValue:
        return render_template("ui/index.html", pages=shown(), here="/ui/")

    @blueprint.route(ENVIRONMENTS.path)
    def environments() -> ResponseReturnValue:
        pages = shown()
        if ENVIRONMENTS not in pages:
            words = {"pages": pages, "here": "", "off": not has_environments}
            return render_template("ui/closed.html", **words), 404 if words["off"] else 403
        return render_template(
            "ui/environments.html",
            pages=pages,
            here=ENVIRONMENTS.path,
            prefix=manticore.prefix,
            wants_token=bool(manticore.jwt_secret),
            extends=manticore.limits_usage and bool(manticore.reset_timer_allowed),
        )
