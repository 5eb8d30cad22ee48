"""Users and roles as documents, and those that are there from the start. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from app.domain.clock import rfc3339
from app.domain.records import Account, Json, Role

GUEST: Final = "guest"
"""Who acts where nobody has to log in; cannot log in itself."""
PUBLIC: Final = "public"
"""The role that everybody has."""
# They come with the program, and no row of theirs has a date.
_SINCE: Final = "2026-01-01T00:00:00.000000Z"
_GUEST: Final = {
    "id": "2f6d4d3c0f3a4c1b9e5d8a7b6c5d4e3f",
    "name": "Guest",
    "username": GUEST,
    "createdAt": _SINCE,
    "disabled": True,
}
_PUBLIC: Final = {
    "id": "7c1e9b0a5d2f4e8391b6c4a8d3e2f170",
    "slug": PUBLIC,
    "name": "Public",
    "createdAt": _SINCE,
}


@dataclass(frozen=True, slots=True)
class People:
    """Users by username and roles by slug, as far as some documents name them."""

    users: Mapping[str, Account] = field(default_factory=dict)
    roles: Mapping[str, Role] = field(default_factory=dict)

    def user(self, name: str | None) -> Json:
        """Give the document of a user; the guest stands for nobody in particular."""
        if name in (None, GUEST):
            return dict(_GUEST)
        account = self.users.get(name or "")
        return {"username": name} if account is None else user_document(account)

    def permission(self, given: Mapping[str, str]) -> Json:
        """Give a permission as it is read back: the user or role itself instead of its name."""
        if "user" in given:
            return {"user": self.user(given["user"])}
        return {"role": self._role(given.get("role", PUBLIC))}

    def _role(self, slug: str) -> Json:
        if slug == PUBLIC:
            return dict(_PUBLIC)
        role = self.roles.get(slug)
        if role is None:
            return {"slug": slug}
        made = rfc3339(role.created_at)
        return {"id": role.id, "slug": role.slug, "name": role.name, "createdAt": made}


NOBODY_KNOWN: Final = People()


def user_document(account: Account) -> Json:
    """Give a User; what is empty or false is left out."""
    document = {
        "id": account.id,
        "name": account.name,
        "username": account.username,
        "createdAt": rfc3339(account.created_at),
        "disabled": account.disabled,
    }
    return {key: value for key, value in document.items() if value}


def counts_as(username: str, roles: Collection[str]) -> tuple[str, ...]:
    """Give everything a user counts as where things are not for everybody."""
    return (f"user:{username}", f"role:{PUBLIC}", *(f"role:{slug}" for slug in roles))


def audience(permissions: Iterable[Mapping[str, str]]) -> tuple[str, ...]:
    """Give who may see what has these permissions, in the same words."""
    return tuple(f"{kind}:{name}" for each in permissions for kind, name in each.items())
