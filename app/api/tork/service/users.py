"""Users."""

from collections.abc import Mapping
from typing import Any

from app.api.tork import people
from app.api.tork.documents import read_json
from app.api.tork.errors import Refused
from app.api.tork.words import DIALECT
from app.domain.clock import rfc3339
from app.domain.errors import AlreadyExists
from app.domain.records import Json
from app.wiring import Services

_LONGEST = 256


def create(services: Services, body: bytes) -> Json:
    """Create a user of a JSON body. Raises Invalid, Refused."""
    given = read_json(body)
    name, username, password = (_text(given, key) for key in ("name", "username", "password"))
    username = username.strip()
    if not username:
        raise Refused(400, "must provide username")
    if not password.strip():
        raise Refused(400, "must provide password")
    for key, text in (("name", name), ("username", username), ("password", password)):
        if len(text) > _LONGEST:
            raise Refused(400, f"{key}: must have at most {_LONGEST} characters")
    if username == people.GUEST:
        raise Refused(400, "user already exists")
    try:
        account = services.engine.accounts.create(
            DIALECT, username=username, password=password, name=name
        )
    except AlreadyExists as error:
        raise Refused(400, "user already exists") from error
    made = {
        "id": account.id,
        "name": account.name,
        "username": account.username,
        "createdAt": rfc3339(account.created_at),
    }
    return {key: value for key, value in made.items() if value}


def _text(given: Mapping[str, Any], key: str) -> str:
    value = given.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Refused(400, f"{key}: must be a string")
    return value
