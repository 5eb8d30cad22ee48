"""API tokens."""

from collections.abc import Mapping
from typing import Any

from app.api.jobyard import query, words
from app.domain.records import Json, Scope
from app.wiring import Services


def find(services: Services) -> Json:
    """Give the tokens, newest first, without their secret texts."""
    return {"items": [words.token(each) for each in services.engine.tokens.listed()]}


def create(services: Services, wanted: Mapping[str, Any]) -> Json:
    """Make a token, and give it with its secret text this one time."""
    token, secret = services.engine.tokens.create(
        wanted["name"],
        [Scope(each) for each in wanted["scopes"]],
        ttl_s=wanted["expires_in_s"],
    )
    return {**words.token(token), "token": secret}


def revoke(services: Services, token_id: str) -> None:
    """Revoke a token. Raises TokenNotFound."""
    services.engine.tokens.revoke(query.clean(token_id))
