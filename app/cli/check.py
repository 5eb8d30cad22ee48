"""`jobyard check`."""

import os
import resource
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click

from app.bus import Bus
from app.cli import FAILED
from app.cli.options import with_settings
from app.data.diagnosis import sealed
from app.data.schema import pending
from app.domain.errors import StoreUnavailable
from app.hooks.manager import PluginManager, PluginStatus
from app.wiring import log_path, stores
from config.redaction import mask_text
from config.settings import Settings, refusals

_SEALED_SHOWN = 100
_SPARE_FILES = 256
"""What a web process opens besides its connections: database, bus, logs, libraries."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one look gave. mend: the server does not do what its settings say until it is mended."""

    verdict: Literal["ok", "note", "mend"]
    what: str
    text: str


@click.command("check")
@with_settings
@click.pass_context
def command(ctx: click.Context, settings: Settings) -> None:
    """Look at settings and services, and say what must be mended.

    Looks at the database and its schema, the bus, the container engine, the data directory, the
    plugins, the number of files that may be open, and whether the server would refuse to start on
    its address. Changes nothing, and needs no running server.

    Each line begins with ok, note (works, but look at it) or mend. The exit status is 1 when
    anything must be mended.
    """
    results = list(_looks(settings))
    for result in results:
        click.echo(f"{result.verdict:<4}  {result.what}: {result.text}")
    ctx.exit(FAILED if any(result.verdict == "mend" for result in results) else 0)


def _looks(settings: Settings) -> Iterator[Result]:
    for warning in settings.warnings:
        yield Result("note", "settings", warning)
    yield _folder(settings.server.data_dir)
    yield _database(settings)
    yield _bus(settings)
    yield from _plugins(settings)
    if settings.worker.enabled and "worker" in settings.serve.parts:
        yield _engine(settings)
    yield _open_files(settings)
    reasons = refusals(settings)
    yield from (Result("mend", "address", reason) for reason in reasons)
    if not reasons:
        yield Result("ok", "address", f"{settings.server.bind} may be served")


def _folder(folder: Path) -> Result:
    what = "data directory"
    if not folder.exists():
        above = next(path for path in folder.absolute().parents if path.exists())
        if not os.access(above, os.W_OK | os.X_OK):
            return Result("mend", what, f"{folder} does not exist and {above} is not writable")
        return Result("note", what, f"{folder} does not exist yet; it is made when needed")
    try:
        with tempfile.TemporaryFile(dir=folder):
            free = os.statvfs(folder)
    except OSError as error:
        return Result("mend", what, f"{folder} is not writable: {error.strerror or error}")
    return Result(
        "ok", what, f"{folder} is writable, {free.f_bavail * free.f_frsize >> 20} MiB are free"
    )


def _database(settings: Settings) -> Result:
    what, shown = "database", mask_text(settings.database.url)
    path = settings.database.sqlite_path
    if path is not None:
        for file in (path, log_path(path)):
            if not file.exists():  # looking into it would make it, perhaps as the wrong user
                return Result("mend", what, f"{file} does not exist: run `jobyard migrate`")
    store, logs = stores(settings)
    try:
        missing = pending(store, logs)
        with store.session():
            closed = [] if missing else sealed(store, _SEALED_SHOWN)
    except StoreUnavailable as error:
        return Result("mend", what, f"{shown}: {mask_text(str(error))}")
    finally:
        for one in dict.fromkeys((store, logs)):
            one.release_all()
    if missing:
        names = ", ".join(missing)
        return Result("mend", what, f"{shown} lacks {names}: run `jobyard migrate`")
    if closed:
        ids = ", ".join(sorted({key_id for _, key_id in closed}))
        text = f"{shown} has open jobs encrypted by keys that are not given ({ids})"
        return Result("mend", what, f"{text}: set encryption_key or old_encryption_keys")
    return Result("ok", what, f"{shown} answers, its schema is up to date")


def _bus(settings: Settings) -> Result:
    bus: Bus
    if settings.bus.redis_url:
        from app.bus.redis import RedisBus  # noqa: PLC0415 - only who uses Redis loads its client

        shown, bus = mask_text(settings.bus.redis_url), RedisBus(settings.bus.redis_url)
    elif not settings.server.data_dir.is_dir():
        return Result("note", "bus", "embedded, in the data directory, which does not exist yet")
    else:
        from app.bus.local import LocalBus  # noqa: PLC0415 - same

        shown, bus = "embedded", LocalBus(settings.server.data_dir)
    try:
        if bus.probe():
            return Result("ok", "bus", f"{shown} works")
        return Result("mend", "bus", f"{shown}: {mask_text(bus.last_error or 'no answer')}")
    finally:
        bus.close()


def _plugins(settings: Settings) -> Iterator[Result]:
    found = PluginManager.load(blocked=settings.plugins.blocked).found
    for info in found:
        if info.status is PluginStatus.REFUSED:
            text = f"{info.name} of {info.distribution or 'an unknown package'} is refused"
            yield Result("mend", "plugins", f"{text}: {info.reason}")
    yield from (
        Result("note", "plugins", f"{name} is blocked by the settings and not installed")
        for name in settings.plugins.blocked
        if name not in {info.name for info in found}
    )
    loaded = [info.name for info in found if info.status is PluginStatus.LOADED]
    yield Result("ok" if loaded else "mend", "plugins", f"loaded: {', '.join(loaded) or 'none'}")


def _engine(settings: Settings) -> Result:
    # Loading the client takes longer than all other looks together.
    from app.worker.runtimes.engine_api import Engine  # noqa: PLC0415
    from app.worker.runtimes.making import engine_address  # noqa: PLC0415

    what, address = "container engine", settings.worker.docker_host or engine_address()
    shown = mask_text(address)
    if Engine(address).answers():
        return Result("ok", what, f"{shown} answers")
    if settings.worker.docker_host:
        return Result("mend", what, f"{shown} does not answer")
    return Result(
        "note", what, f"none at {shown}: container tasks will fail here, everything else works"
    )


def _open_files(settings: Settings) -> Result:
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    wanted = settings.web.connections + _SPARE_FILES
    if allowed >= wanted or allowed == resource.RLIM_INFINITY:
        return Result("ok", "open files", f"{allowed} may be open, {wanted} are wanted")
    asked_for = settings.origins["web.connections"] != "default"
    return Result(
        "mend" if asked_for else "note",
        "open files",
        f"{allowed} may be open, and a web process with web.connections ="
        f" {settings.web.connections} wants {wanted}: raise the limit (`ulimit -n {wanted}`,"
        f" LimitNOFILE={wanted}) or lower web.connections",
    )
