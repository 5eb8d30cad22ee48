"""`/ui/tokens`: who may use our own API by a program."""

from collections.abc import Sequence

from flask import Blueprint, flash, redirect, request
from flask.typing import ResponseReturnValue
from marshmallow import ValidationError

from app.api.http.site import services
from app.api.jobyard.schemas import NewToken
from app.api.jobyard.service import tokens
from app.domain.records import Json, Scope
from app.web.doings import note
from app.web.frame import Page, page, show
from config.settings import Settings

TOKENS = Page("API tokens", "/ui/tokens", "Server", Scope.ADMIN)
SCOPES = (
    (Scope.READ, "see everything that is not secret"),
    (Scope.SUBMIT, "submit jobs"),
    (Scope.CONTROL, "cancel, restart, pause and delete"),
    (Scope.ADMIN, "deal with tokens, and everything else"),
)
_DAY_S = 86_400
LASTING = (
    ("a day", _DAY_S),
    ("a week", 7 * _DAY_S),
    ("30 days", 30 * _DAY_S),
    ("90 days", 90 * _DAY_S),
    ("a year", 365 * _DAY_S),
    ("for ever", 0),
)
_NEW = NewToken()


def mount(blueprint: Blueprint, _settings: Settings) -> Sequence[Page]:
    """Put the pages on a blueprint."""

    @page(blueprint, TOKENS.path, Scope.ADMIN)
    def listed() -> ResponseReturnValue:
        return _page()

    @page(blueprint, TOKENS.path, Scope.ADMIN, method="POST")
    def create() -> ResponseReturnValue:
        name = request.form.get("name", "").strip().replace("\0", "\ufffd")
        lasts = request.form.get("lasts", "")
        lasts_s = int(lasts) if lasts.isascii() and lasts.isdigit() and len(lasts) < 12 else -1
        scopes = request.form.getlist("scope")
        wanted = {"name": name, "scopes": scopes, "expires_in_s": lasts_s or None}
        try:
            made = tokens.create(services(), _NEW.load(wanted))
        except ValidationError as error:
            return _page(faults=_faults(error), name=name, scopes=scopes), 400
        note("token.create", made["id"], name=name, scopes=", ".join(made["scopes"]))
        return _page(made=made)

    @page(blueprint, f"{TOKENS.path}/<token_id>/revoke", Scope.ADMIN, method="POST")
    def revoke(token_id: str) -> ResponseReturnValue:
        token_id = token_id.replace("\0", "\ufffd")
        tokens.revoke(services(), token_id)
        note("token.revoke", token_id)
        flash("The token is revoked: its next request is refused.")
        return redirect(TOKENS.path, 303)

    return [TOKENS]


def _page(
    *,
    made: Json | None = None,
    faults: dict[str, str] | None = None,
    name: str = "",
    scopes: Sequence[str] = (),
) -> str:
    return show(
        "tokens.html",
        TOKENS.path,
        tokens=tokens.find(services())["items"],
        made=made,
        faults=faults or {},
        name=name,
        chosen=scopes or ([] if faults else [Scope.READ]),
        scopes=SCOPES,
        lasting=LASTING,
        required=services().settings.api.require_token,
    )


def _faults(error: ValidationError) -> dict[str, str]:
    said = {"name": "A name of at most 256 characters.", "scopes": "At least one of them."}
    given = error.messages if isinstance(error.messages, dict) else {}
    return {str(key): said.get(str(key), "Choose one of these.") for key in given}
