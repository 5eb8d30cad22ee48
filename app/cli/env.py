"""`jobyard env request`: wait in line for an environment, have it, give it back."""

import json
import math
import secrets
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self
from urllib.parse import urlencode

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

from app.cli import Failed, screen
from app.cli.client import WATCHING_S, Server
from app.cli.remote import with_server

WAIT_S = 30
_ENDS = (signal.SIGTERM, signal.SIGHUP)


@click.group("env")
def command() -> None:
    """Have an environment of a core and a hmi from the waiting list."""


@command.command("request")
@click.option("--core", "version", required=True, metavar="VERSION", help="Version of the core.")
@click.option("--build", default="default", show_default=True, help="Build of the core.")
@click.option("--hmi", required=True, metavar="TYPE/VERSION", help="Type and version of the hmi.")
@click.option("--id", "user", metavar="ID", help="Who asks; made up unless given.")
@click.option(
    "--jwt",
    metavar="TOKEN",
    envvar="JOBYARD_ENV_JWT",
    help="JSON web token, where the server wants one (JOBYARD_ENV_JWT); it says who asks.",
)
@with_server
def request(
    server: Server, *, version: str, build: str, hmi: str, user: str | None, jwt: str | None
) -> None:
    """Ask for an environment, wait for it, and keep it until Ctrl-C; then it is given back.

    Shows the place in line and about how long it takes, then the addresses.
    """
    shape, slash, hmi_version = hmi.partition("/")
    if not slash:
        raise click.UsageError("--hmi must be TYPE/VERSION, such as generic/minimal.")
    wanted = {
        "core": {"version": version, "build": build},
        "hmi": {"type": shape, "version": hmi_version},
    }
    environment = Environment(server, user or f"env-{secrets.token_hex(6)}", jwt or "")
    environment.find()
    with _interrupted_by_all_ends():
        try:
            _have(environment, wanted)
        except KeyboardInterrupt:
            environment.give_back()
            click.echo("given back")


def _have(environment: "Environment", wanted: Mapping[str, Any]) -> None:
    """Ask for it and keep it until it ends, which raises Failed, or the user ends this."""
    environment.ask(wanted)
    with Screen() as shown:
        for message in environment.messages():
            shown.tell(message)
            if message["type"] == "activity":
                environment.touch()


class Environment:
    """A request of one user at a server. Raises Failed wherever the server is away for long."""

    def __init__(self, server: Server, user: str, jwt: str) -> None:
        self._server = server
        self._user = user
        self._headers = {"Content-Type": "application/json"}
        if jwt:
            self._headers["Authorization"] = f"Bearer {jwt}"
        self._root = ""
        self._at = ""

    def find(self) -> None:
        """Look for where the server has environments. Raises Failed when it has none."""
        mounted = {each["name"]: each["prefix"] for each in self._server.get("/server")["dialects"]}
        if "manticore" not in mounted:
            raise Failed(f"{self._server.url}: has no environments, since that API is off")
        self._root = f"{mounted['manticore']}/api/v2/job"
        self._server.patience_s = WATCHING_S

    def ask(self, wanted: Mapping[str, Any]) -> None:
        """Ask for it; an id has one request, so that asking twice is asking once."""
        answer = self._asked("POST", self._root, {"id": self._user, **wanted})
        self._at = f"{self._root}/{answer['passcode']}"

    def give_back(self) -> None:
        """Give it back, or leave the line."""
        body = json.dumps({"id": self._user}).encode()
        self._server.repeat("DELETE", self._root, body, self._headers)

    def messages(self) -> Iterator[dict[str, Any]]:
        """Give what a websocket would say. Raises Failed when the environment is gone."""
        tag = ""
        while True:
            query = urlencode({"wait": WAIT_S, "since": tag})
            answer = self._asked("GET", f"{self._at}/events?{query}")
            tag = answer["tag"]
            for message in answer["messages"]:
                if message["type"] == "dead":
                    raise Failed(_epitaph(message["data"]))
                yield message

    def touch(self) -> None:
        """Say that it is used."""
        self._asked("POST", f"{self._at}/activity", {})

    def _asked(self, method: str, path: str, document: Any = None) -> dict[str, Any]:
        body = None if document is None else json.dumps(document).encode()
        found = self._server.repeat(method, path, body, self._headers).json
        if not isinstance(found, dict):
            raise Failed(f"{self._server.url}: the answer makes no sense")
        return found


class Screen:
    """What the user sees: one line that lives on a terminal, a line for each change elsewhere."""

    def __init__(self) -> None:
        self._line = ""
        self._ready_at: float | None = None
        self._live = (
            Live(
                console=Console(),
                get_renderable=self._picture,
                refresh_per_second=2,
                transient=True,
            )
            if screen.is_terminal()
            else None
        )

    def __enter__(self) -> Self:
        """Begin to show."""
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Leave the terminal as it was."""
        if self._live:
            self._live.stop()

    def tell(self, message: Mapping[str, Any]) -> None:
        """Show what has changed."""
        data = message["data"]
        if message["type"] == "position":
            self._place(data)
        elif message["type"] == "services":
            self._addresses(data)
        elif message["type"] == "activity":
            self._print(f"unused for {data['inactivityTime']} s; it is kept where that is allowed")

    def _place(self, data: Mapping[str, Any]) -> None:
        eta_s = data.get("eta_seconds")
        self._ready_at = None if eta_s is None else time.monotonic() + eta_s
        if data["wait"]:
            ahead = data["position"]
            self._line = "you are next" if ahead == 0 else f"{ahead} ahead of you"
        else:
            self._line = "it is being started"
        if self._live is None:
            click.echo(self._text())

    def _addresses(self, services: Mapping[str, Any]) -> None:
        self._line, self._ready_at = "Ctrl-C gives it back", None
        for line in screen.table(("SERVICE", "ADDRESS"), list(services.items())):
            self._print(line)
        if self._live is None:
            click.echo(self._line)

    def _print(self, line: str) -> None:
        if self._live:
            self._live.console.print(Text.from_ansi(line))
        else:
            click.echo(line)

    def _picture(self) -> Text:
        return Text(self._text())

    def _text(self) -> str:
        if self._ready_at is None:
            return self._line
        return f"{self._line}, {_about(self._ready_at - time.monotonic())}"


def _about(seconds: float) -> str:
    if seconds < 60:
        return f"about {max(1, math.ceil(seconds))} s"
    if seconds < 3600:
        return f"about {math.ceil(seconds / 60)} min"
    return f"about {seconds / 3600:.1f} h"


def _epitaph(data: Mapping[str, Any]) -> str:
    detail = screen.printable(" ".join(str(data.get("detail", "")).split()))
    return f"the environment is gone: {data.get('reason')}{f' ({detail})' if detail else ''}"


@contextmanager
def _interrupted_by_all_ends() -> Iterator[None]:
    """Let a request to end be the same as Ctrl-C: the environment is given back."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.default_int_handler) for number in _ENDS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
