"""Users."""

from collections.abc import Mapping
from typing import Any

from app.api.tork import people
from app.api.tork.documents import read_json
from app.api.tork.errors import Refused
from app.api.tork.words import DIALECT
from app.domain.errors import AlreadyExists
from app.domain.records import Account, Json
from app.wiring import Services

_LONGEST = 256


def create(services: Services, body: bytes) -> Json:
    """Create a user of a JSON body. Raises Invalid, Refused, RateLimited."""
    given = read_json(body)
    name, username, password = (_text(given, key) for key in ("name", "username", "password"))
    return people.user_document(add(services, username, password, name=name))


def add(services: Services, username: str, password: str, *, name: str = "") -> Account:
    """Create a user. Raises Refused with what is wrong, RateLimited."""
    username = username.strip()
    if not username:
        raise Refused(400, "must provide username")
    check_password(password)
    for key, text in (("name", name), ("username", username)):
        if len(text) > _LONGEST:
            raise Refused(400, f"{key}: must have at most {_LONGEST} characters")
    if ":" in username:
        # Where it is sent, a colon ends it.
        raise Refused(400, "username: must not contain a colon")
    if username == people.GUEST:
        raise Refused(400, "user already exists")
    try:
        return services.engine.accounts.create(
            DIALECT, username=username, password=password, name=name
        )
    except AlreadyExists as error:
        raise Refused(400, "user already exists") from error


def check_password(password: str) -> None:
    """See that a password can be one. Raises Refused."""
    if not password.strip():
        raise Refused(400, "must provide password")
    if len(password) > _LONGEST:
        raise Refused(400, f"password: must have at most {_LONGEST} characters")


def _text(given: Mapping[str, Any], key: str) -> str:
    value = given.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Refused(400, f"{key}: must be a string")
    return value
