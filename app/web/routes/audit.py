"""`/ui/audit`: who did what."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from app.api.http.site import services
from app.api.jobyard import query
from app.api.jobyard.errors import BadRequest
from app.domain.clock import rfc3339
from app.domain.doings import DoingFilter, NotedDoing
from app.domain.records import Scope
from app.web.frame import Page, page, show
from config.settings import Settings

AUDIT = Page("Audit log", "/ui/audit", "Server", Scope.ADMIN)
ENTRIES = 100
FILTERS = ("who", "action", "subject", "since", "before")


def mount(blueprint: Blueprint, _settings: Settings) -> Sequence[Page]:
    """Put the page on a blueprint."""

    @page(blueprint, AUDIT.path, Scope.ADMIN)
    def audit() -> ResponseReturnValue:
        given = {name: request.args.get(name, "").strip() for name in FILTERS}
        fault = ""
        try:
            wanted = _wanted(given)
            key = _key(request.args)
        except BadRequest as error:
            wanted, key, fault = DoingFilter(), None, "; ".join(error.faults.values())
        found = services().engine.audit.behind(wanted, key, limit=ENTRIES + 1)
        behind = None
        if len(found) > ENTRIES:
            last = found[ENTRIES - 1]
            asked = {name: text for name, text in given.items() if text}
            behind = urlencode({**asked, "after": f"{last.at}-{last.id}"})
        return show(
            "server/audit.html",
            AUDIT.path,
            entries=[_entry(one) for one in found[:ENTRIES]],
            given=given,
            fault=fault,
            behind=behind,
            is_first=key is None,
        ), (400 if fault else 200)

    return [AUDIT]


def _wanted(given: Mapping[str, str]) -> DoingFilter:
    times = {name: _as_time(given[name]) for name in ("since", "before")}
    return DoingFilter(
        who=query.text(given, "who"),
        action=query.text(given, "action"),
        subject=query.text(given, "subject"),
        since=query.instant(times, "since"),
        before=query.instant(times, "before"),
    )


def _as_time(text: str) -> str:
    """Take a day, or what a browser's field for a time gives, as in UTC."""
    if len(text) == len("2026-01-31"):
        return f"{text}T00:00:00Z"
    return f"{text}Z" if text and len(text) <= len("2026-01-31T12:00:00") else text


def _key(args: Mapping[str, str]) -> tuple[int, int] | None:
    found = query.pair(args, "after")
    number = query.whole(found[1]) if found else None
    if found and number is None:
        raise BadRequest("the query is not valid", after="must be the `next` of an answer")
    return (found[0], number) if found and number is not None else None


def _entry(one: NotedDoing) -> dict[str, Any]:
    doing = one.doing
    return {
        "at": rfc3339(one.at),
        "who": doing.who,
        "via": doing.via,
        "action": doing.action,
        "subject": doing.subject,
        "link": _link(doing.action, doing.subject),
        "facts": doing.facts,
        "address": doing.address,
        "request_id": doing.request_id,
    }


_LINKS = {"job": "/ui/jobs/", "schedule": "/ui/schedules/", "manager": "/ui/users/"}


def _link(action: str, subject: str) -> str:
    noun, _, verb = action.partition(".")
    begin = _LINKS.get(noun)
    is_there = bool(begin) and subject.isalnum() and subject.isascii() and verb != "login-failed"
    return f"{begin}{subject}" if is_there and verb != "delete" else ""
