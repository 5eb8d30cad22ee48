"""A server as it is set up by itself, one whose API wants tokens, and people before both."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import requests

from tests.yard import Yard

PASSWORD = "correct horse"
SERVERS = {"open": {}, "closed": {"JOBYARD_API_REQUIRE_TOKEN": "true"}}


class Server(NamedTuple):
    """A server under test.

    before: its first page when nobody was registered. sessions: of each visitor.
    """

    kind: str
    url: str
    before: str
    sessions: dict[str, requests.Session]


def session(url: str, name: str = "", **headers: str) -> requests.Session:
    """Give a browser of somebody: logged in as a manager of that name, or of nobody."""
    made = requests.Session()
    made.headers.update(headers)
    if name:
        words = {"username": name, "password": PASSWORD}
        answer = made.post(f"{url}/register", json=words, timeout=60)
        assert answer.status_code == 200, answer.text
    return made


@pytest.fixture(scope="session", params=SERVERS)
def server(request) -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="jy", dir="/tmp"))
    yard = Yard(folder, **SERVERS[request.param])
    try:
        yard.start()
        before = requests.get(f"{yard.url}/ui/", timeout=60).text
        yield Server(
            request.param,
            yard.url,
            before,
            {
                "admin": session(yard.url, "chief"),
                "manager": session(yard.url, "plain"),
                "here": session(yard.url),
                "elsewhere": session(yard.url, **{"X-Forwarded-For": "192.0.2.1"}),
            },
        )
    finally:
        yard.end()
        shutil.rmtree(folder, ignore_errors=True)
