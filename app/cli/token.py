"""`jobyard token create|ls|revoke`."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from app.cli import Failed, screen
from app.cli.client import Server
from app.cli.options import with_settings
from app.cli.remote import AS_JSON, SERVER, TOKEN, write_json
from config.settings import Settings

_SCOPES = ("read", "submit", "control", "admin")
_UNITS = {"m": 60, "h": 3600, "d": 86_400}


@click.group("token")
def command() -> None:
    """Make, list and revoke API tokens.

    Without a server's address they are those of the database that --data-dir and the settings name:
    so the first one is made. With --server, or JOBYARD_SERVER, that server is asked, which takes a
    token of scope admin.
    """


class _Place:
    """Where tokens are: a server, or the database of the settings."""

    def __init__(self, settings: Settings, url: str | None, secret: str | None) -> None:
        self._settings = settings
        self._server = Server(url, secret or "") if url else None

    def listed(self) -> list[dict[str, Any]]:
        if self._server:
            found: list[dict[str, Any]] = self._server.get("/tokens")["items"]
            return found
        with self._opened() as (tokens, words):
            return [words(each) for each in tokens.listed()]

    def create(self, name: str, scopes: tuple[str, ...], ttl_s: int | None) -> dict[str, Any]:
        if self._server:
            wanted = {"name": name, "scopes": scopes, "expires_in_s": ttl_s}
            made: dict[str, Any] = self._server.post("/tokens", wanted)
            return made
        with self._opened() as (tokens, words):
            token, secret = tokens.create(name, scopes, ttl_s=ttl_s)
            return {**words(token), "token": secret}

    def revoke(self, token_id: str) -> None:
        if self._server:
            self._server.delete(f"/tokens/{token_id}")
            return
        with self._opened() as (tokens, _):
            tokens.revoke(token_id)

    @contextmanager
    def _opened(self) -> Iterator[tuple[Any, Callable[..., dict[str, Any]]]]:
        # Late, since asking a server needs none of it.
        from app.api.jobyard.words import token as words  # noqa: PLC0415
        from app.wiring import build  # noqa: PLC0415

        services = build(self._settings)
        try:
            yield services.engine.tokens, words
        finally:
            services.close()


def _with_place(function: Callable[..., None]) -> Callable[..., None]:
    @AS_JSON
    @SERVER
    @TOKEN
    @with_settings
    @functools.wraps(function)
    def placed(settings: Settings, /, **given: Any) -> None:
        place = _Place(settings, given.pop("server"), given.pop("secret"))
        function(place, **given)

    return placed


@command.command("create")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(_SCOPES),
    help="What it is good for; may be repeated (else read, submit and control). admin means all.",
)
@click.option("--expires", metavar="TIME", help="How long it is good for, such as 12h or 30d.")
@_with_place
def create(
    place: _Place, name: str, scopes: tuple[str, ...], expires: str | None, as_json: bool
) -> None:
    """Make a token called NAME and print it; it is never shown again."""
    made = place.create(name, scopes or _SCOPES[:3], None if expires is None else _span_s(expires))
    write_json(made) if as_json else click.echo(made["token"])


@command.command("ls")
@_with_place
def ls(place: _Place, as_json: bool) -> None:
    """List tokens, newest first, without their secret texts."""
    found = place.listed()
    if as_json:
        write_json(found)
        return
    rows = [
        (
            each["id"][: screen.SHORT_ID],
            f"{each['prefix']}…",
            ",".join(each["scopes"]),
            each["expires_at"] or "never",
            f"{screen.ago(each['last_used_at'])} ago" if each["last_used_at"] else "never",
            each["name"],
        )
        for each in found
    ]
    for line in screen.table(("ID", "TOKEN", "SCOPES", "EXPIRES", "USED", "NAME"), rows):
        click.echo(line)


@command.command("revoke")
@click.argument("token", metavar="TOKEN")
@_with_place
def revoke(place: _Place, token: str, as_json: bool) -> None:
    """Revoke the TOKEN of that id, name or secret text; ids may be cut short."""
    matching = [
        each
        for each in place.listed()
        if each["id"].startswith(token.lower())
        or each["name"] == token
        or token.startswith(each["prefix"])
    ]
    if len(matching) != 1:
        count = "no token is" if not matching else "several tokens are"
        raise Failed(f"{count} called that; 'jobyard token ls' lists them")
    place.revoke(matching[0]["id"])
    write_json(matching[0]) if as_json else click.echo(f"{matching[0]['id']} revoked")


def _span_s(text: str) -> int:
    number, unit = text[:-1], text[-1:]
    if not (number.isascii() and number.isdigit() and unit in _UNITS and 0 < int(number) < 10**6):
        raise click.BadParameter("a number with m, h or d, such as 30d", param_hint="'--expires'")
    return int(number) * _UNITS[unit]
