"""The options of commands that talk to a server, and what they have in common."""

import functools
import json
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

import click

from app.cli import Failed
from app.cli.client import Server
from app.cli.screen import printable

P = ParamSpec("P")
R = TypeVar("R")

DEFAULT_SERVER = "http://127.0.0.1:8000"
WHOLE_ID = 32

SERVER = click.option(
    "--server",
    metavar="URL",
    envvar="JOBYARD_SERVER",
    help=f"Address of the server (JOBYARD_SERVER; else {DEFAULT_SERVER}).",
)
TOKEN = click.option(
    "--token",
    "secret",
    metavar="TOKEN",
    envvar="JOBYARD_TOKEN",
    help="API token, where the server wants one (JOBYARD_TOKEN).",
)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Write JSON, for programs.")


def with_server(function: Callable[Concatenate[Server, P], R]) -> Callable[..., R]:
    """Give a command the options `--server` and `--token`; the function gets the Server first."""

    @SERVER
    @TOKEN
    @functools.wraps(function)
    def connected(*args: Any, **given: Any) -> R:
        server = Server(given.pop("server") or DEFAULT_SERVER, given.pop("secret") or "")
        return function(server, *args, **given)

    return connected


def whole_id(server: Server, given: str) -> str:
    """Give the id of the one job whose id begins so. Raises Failed."""
    prefix = given.strip().lower()
    if not (prefix.isascii() and prefix.isalnum() and len(prefix) <= WHOLE_ID):
        raise Failed(f"{printable(given)!r} is not the id of a job")
    if len(prefix) == WHOLE_ID:
        return prefix
    found = [job["id"] for job in server.get("/jobs", id=prefix, size=4)["items"]]
    if not found:
        raise Failed(f"there is no job whose id begins with {prefix}")
    if len(found) > 1:
        few = ", ".join(each[:12] for each in found[:3])
        more = ", …" if len(found) > 3 else ""
        raise Failed(f"several jobs' ids begin with {prefix}: {few}{more}")
    return str(found[0])


def write_json(document: Any) -> None:
    """Write a document for programs, on one line."""
    click.echo(json.dumps(document, ensure_ascii=False))
