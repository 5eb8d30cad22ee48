"""`/ui/live/…`: what keeps pages up to date."""

from collections.abc import Sequence

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.api.http import sse
from app.web.frame import Page, page
from app.web.live import stream
from config.settings import Settings


def mount(blueprint: Blueprint, _settings: Settings) -> Sequence[Page]:
    """Put the streams on a blueprint."""

    @page(blueprint, "/ui/live/<name>", None)
    def follow(name: str) -> ResponseReturnValue:
        return sse.answer(stream(name))

    return []
