"""`/ui/environments`: wait in line for an environment, and use it; its script asks Manticore."""

from collections.abc import Sequence

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.web.frame import Page, page, show
from app.web.visitors import visitor
from config.settings import Settings

ENVIRONMENTS = Page("Environments", "/ui/environments", "Services", None, is_near=True)


def mount(blueprint: Blueprint, settings: Settings) -> Sequence[Page]:
    """Put the page on a blueprint."""
    manticore = settings.manticore
    is_on = manticore.enabled and not manticore.webpage_disabled

    @page(blueprint, ENVIRONMENTS.path, None)
    def environments() -> ResponseReturnValue:
        if not is_on:
            return show("closed.html", off=True), 404
        if not visitor().is_known:
            return show("closed.html", off=False), 403
        return show(
            "environments.html",
            ENVIRONMENTS.path,
            prefix=manticore.prefix,
            wants_token=bool(manticore.jwt_secret),
            extends=manticore.limits_usage and bool(manticore.reset_timer_allowed),
        )

    return [ENVIRONMENTS] if is_on else []
