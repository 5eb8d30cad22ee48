"""Cross-origin headers, by rules that each dialect sets for its own paths."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Request, Response

ANY = ("*",)


def is_preflight(request: Request) -> bool:
    """Tell whether a browser only asks what it may ask; it never sends credentials with that."""
    return request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Cors:
    """Who may read answers from a page of another origin.

    origins, methods, headers: `*` alone allows all. credentials: whether cookies may travel; never
    together with every origin, which would open the API to any page its user visits.
    echo: answer every request with its own origin, or `*` when it names none.
    bare: answer requests that name no origin alike, and every OPTIONS with 200.
    only: the paths it is for; empty means all of the dialect's.
    """

    origins: tuple[str, ...] = ANY
    methods: tuple[str, ...] = ANY
    headers: tuple[str, ...] = ANY
    credentials: bool = False
    echo: bool = False
    bare: bool = False
    only: frozenset[str] = frozenset()

    def answer_headers(self, request: Request) -> Mapping[str, str]:
        """Give the headers for an ordinary answer."""
        if self.only and request.path not in self.only:
            return {}
        origin = request.headers.get("Origin")
        if self.echo:
            allowed = {"Access-Control-Allow-Origin": origin or "*"}
            asked = request.headers.get("Access-Control-Request-Headers")
            if asked:
                allowed["Access-Control-Allow-Headers"] = asked
            return {**allowed, "Access-Control-Allow-Methods": ", ".join(self.methods)}
        if origin is None and not self.bare:
            return {}
        if not (self.origins == ANY or origin in self.origins):
            return {}
        if self.origins == ANY:
            return {"Access-Control-Allow-Origin": "*"}
        named = {"Access-Control-Allow-Origin": origin or ""}
        return {**named, "Access-Control-Allow-Credentials": "true"} if self.credentials else named

    def preflight(self, request: Request) -> Response | None:
        """Answer a preflight; None when the request is none, or its origin may not ask."""
        if not is_preflight(request) and not (self.bare and request.method == "OPTIONS"):
            return None
        headers = dict(self.answer_headers(request))
        if not headers:
            return None
        asked = request.headers.get("Access-Control-Request-Method", "")
        wanted = request.headers.get("Access-Control-Request-Headers", "")
        headers["Access-Control-Allow-Methods"] = _list(self.methods, asked)
        headers["Access-Control-Allow-Headers"] = _list(self.headers, wanted)
        if self.bare:
            return Response(status=200, headers=headers, mimetype="application/json")
        return Response(status=204, headers=headers)


def _list(allowed: tuple[str, ...], asked: str) -> str:
    # Browsers take `*` for a name where credentials travel, so what was asked for is named.
    return asked if allowed == ANY else ", ".join(allowed)
