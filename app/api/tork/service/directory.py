"""Users and roles that documents name."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from app.api.tork.people import GUEST, PUBLIC, People
from app.api.tork.words import DIALECT
from app.wiring import Services

_MOST_ASKED: Final = 1000
"""Names looked up for one document; it names no more than that in good faith."""


def people_of(
    services: Services,
    creators: Iterable[str | None],
    permissions: Iterable[Mapping[str, Any]] = (),
) -> People:
    """Look up whom some documents name; one question each for users and roles, or none."""
    named = list(permissions)
    users = {name for name in creators if name} | {each["user"] for each in named if "user" in each}
    roles = {each["role"] for each in named if "role" in each}
    return People(
        services.engine.accounts.named(DIALECT, users - {GUEST}),
        services.engine.roles.named(DIALECT, roles - {PUBLIC}),
    )


class Known:
    """Tells whether users and roles exist, for one document under validation."""

    def __init__(self, services: Services) -> None:
        self._engine = services.engine
        self._known: dict[tuple[str, str], bool] = {("user", GUEST): True, ("role", PUBLIC): True}

    def __call__(self, kind: str, name: str) -> bool:
        """Tell whether there is such a `user` or `role`."""
        known = self._known.get((kind, name))
        if known is None and len(self._known) < _MOST_ASKED:
            verbs = self._engine.accounts if kind == "user" else self._engine.roles
            known = self._known[kind, name] = bool(verbs.named(DIALECT, [name]))
        return bool(known)
