"""Servers of two web processes behind a guard, and clients of theirs."""

import json
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from app.api.tork.service import users
from app.api.tork.words import DIALECT
from app.wiring import build
from config.settings import load
from tests.acceptance.tork.client import Tork
from tests.yard import Yard, eventually

BASIC = {"TORK_MIDDLEWARE_WEB_BASICAUTH_ENABLED": "true"}
JOB = {"name": "job", "tasks": [{"name": "task", "run": "exit 0"}]}
CRON = {"cron": "0 0 1 1 *"}


@contextmanager
def started(*words: str, **environment: str) -> Iterator[Yard]:
    folder = Path(tempfile.mkdtemp(prefix="jy"))
    yard = Yard(folder, JOBYARD_WEB_PROCESSES="2", JOBYARD_LOG_LEVEL="debug", **environment)
    try:
        yield yard.start(*words)
    finally:
        yard.end()
        shutil.rmtree(folder, ignore_errors=True)


def cli(yard: Yard, *words: str, given: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "user", *words],
        env=yard.environment, input=given, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def new_user(yard: Yard, *roles: str) -> str:
    """Create a user whose password is the name backwards, with roles of these names."""
    name = "u" + uuid.uuid4().hex
    services = build(load(yard.environment))
    try:
        users.add(services, name, name[::-1], name="N")
        engine = services.engine
        for role in roles:
            with engine.transaction():
                if role not in engine.roles.named(DIALECT, [role]):
                    engine.roles.create(DIALECT, role)
                engine.roles.assign(DIALECT, name, role)
    finally:
        services.close()
    return name


def as_user(yard: Yard, name: str) -> Tork:
    tork = Tork(yard)
    tork.session.auth = (name.encode(), name[::-1].encode())
    return tork


def anonymous(yard: Yard, *, authorization: str | bytes | None = None) -> Tork:
    tork = Tork(yard)
    if authorization is not None:
        tork.session.headers["Authorization"] = authorization
    return tork


def fresh(yard: Yard, path: str = "/jobs", **options: Any) -> requests.Response:
    """Ask on a connection of its own: any of the web processes may answer."""
    return requests.get(f"{yard.url}{path}", timeout=60, **options)


def pids(yard: Yard, path: str) -> set[int]:
    """The processes that have answered requests of a path."""
    lines = (json.loads(line) for line in list(yard.lines) if line.startswith("{"))
    return {each["pid"] for each in lines if each.get("path") == path}


def everywhere(yard: Yard, ask: Callable[[], requests.Response], path: str) -> list[int]:
    """Ask until every web process has answered; give all the statuses."""
    statuses: list[int] = []

    def both() -> bool:
        with ThreadPoolExecutor(16) as pool:
            statuses.extend(pool.map(lambda _: ask().status_code, range(32)))
        return len(pids(yard, path)) == 2

    eventually(both, "an answer of each of the two processes")
    return statuses
