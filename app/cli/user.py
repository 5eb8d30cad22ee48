"""`jobyard user`: the users of Tork's API and their roles."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from app.api.tork import people
from app.api.tork.errors import Refused
from app.api.tork.service import users
from app.api.tork.words import DIALECT
from app.cli import Failed
from app.cli.options import with_settings
from app.domain.errors import RoleNotFound
from app.wiring import Services, build
from config.settings import Settings

_STDIN = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input, not by asking."
)


@click.group("user")
def command() -> None:
    """Manage the users of Tork's API and their roles.

    Changes count from the next request on, in every web process of every host.
    """


@command.command("add")
@click.argument("username")
@click.option("--name", default="", help="Name shown to people.")
@_STDIN
@with_settings
def add(settings: Settings, username: str, name: str, password_stdin: bool) -> None:
    """Create the user USERNAME; the password is asked for."""
    password = _password(from_stdin=password_stdin)
    with _services(settings) as services:
        account = users.add(services, username, password, name=name)
    click.echo(f"user {account.username} was created")


@command.command("ls")
@with_settings
def ls(settings: Settings) -> None:
    """List all users: name, whether enabled or disabled, roles."""
    with _services(settings) as services:
        found = services.engine.accounts.listed(DIALECT)
    width = max((len(each.username) for each in found), default=0)
    for each in found:
        state = "disabled" if each.disabled else "enabled "
        click.echo(f"{each.username:{width}}  {state}  {', '.join(each.roles)}".rstrip())
    if not found:
        click.echo("there is no user yet")


@command.command("disable")
@click.argument("username")
@with_settings
def disable(settings: Settings, username: str) -> None:
    """Let the user USERNAME in no more, from the next request on."""
    with _services(settings) as services:
        services.engine.accounts.disable(DIALECT, username)
    click.echo(f"user {username} is disabled")


@command.command("enable")
@click.argument("username")
@with_settings
def enable(settings: Settings, username: str) -> None:
    """Let the user USERNAME in again, with the same password and roles."""
    with _services(settings) as services:
        services.engine.accounts.enable(DIALECT, username)
    click.echo(f"user {username} is enabled")


@command.command("password")
@click.argument("username")
@_STDIN
@with_settings
def password(settings: Settings, username: str, password_stdin: bool) -> None:
    """Change the password of the user USERNAME; the new one is asked for."""
    with _services(settings) as services:
        services.engine.accounts.get(DIALECT, username)
        new = _password(from_stdin=password_stdin)
        users.check_password(new)
        services.engine.accounts.set_password(DIALECT, username, new)
    click.echo(f"the password of {username} was changed")


@command.command("role")
@click.argument("username")
@click.option("--add", "added", multiple=True, metavar="ROLE", help="Give this role.")
@click.option("--remove", "removed", multiple=True, metavar="ROLE", help="Take this role.")
@click.option("--create", is_flag=True, help="Create roles of --add that are not there yet.")
@with_settings
def role(
    settings: Settings,
    username: str,
    added: tuple[str, ...],
    removed: tuple[str, ...],
    create: bool,
) -> None:
    """Change the roles of the user USERNAME, or only list them."""
    for slug in (*added, *removed):
        if slug == people.PUBLIC or not slug.strip():
            raise Failed(f"role {slug!r} is neither given nor taken")
    with _services(settings) as services:
        engine = services.engine
        engine.accounts.get(DIALECT, username)
        with engine.transaction():
            known = engine.roles.named(DIALECT, added)
            for slug in dict.fromkeys(added):
                if slug not in known:
                    if not create:
                        raise RoleNotFound(f"there is no role {slug}; --create makes it")
                    engine.roles.create(DIALECT, slug)
                engine.roles.assign(DIALECT, username, slug)
            for slug in removed:
                engine.roles.withdraw(DIALECT, username, slug)
        roles = engine.accounts.get(DIALECT, username).roles
    click.echo(f"{username}: {', '.join(roles) or 'no role'}")


@contextmanager
def _services(settings: Settings) -> Iterator[Services]:
    """Give the services, and close them at the end; what the API would refuse is one line."""
    services = build(settings)
    try:
        yield services
    except Refused as error:
        raise Failed(str(error)) from error
    finally:
        services.close()


def _password(*, from_stdin: bool) -> str:
    """Read a password where neither the process list nor the screen shows it."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    given: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return given
