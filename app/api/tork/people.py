"""Who there is without any user having been created: the guest, and the role of everybody."""

from collections.abc import Mapping
from typing import Any, Final

GUEST: Final = "guest"
PUBLIC: Final = "public"
_GUEST: Final = {
    "id": "2f6d4d3c0f3a4c1b9e5d8a7b6c5d4e3f",
    "name": "Guest",
    "username": GUEST,
    "disabled": True,
}
_ROLE: Final = {"id": "7c1e9b0a5d2f4e8391b6c4a8d3e2f170", "slug": PUBLIC, "name": "Public"}


def user_of(name: str | None) -> dict[str, Any]:
    """Give the document of a user; the guest stands for nobody in particular."""
    return _GUEST if name in (None, GUEST) else {"username": name}


def permission_exists(kind: str, name: str) -> bool:
    """Tell whether a permission names a user (`kind` is `user`) or role that exists."""
    return name == (GUEST if kind == "user" else PUBLIC)


def permission_of(given: Mapping[str, str]) -> dict[str, Any]:
    """Give a permission as it is read back: the user or role itself instead of its name."""
    if "user" in given:
        return {"user": user_of(given["user"])}
    return {"role": _ROLE}
