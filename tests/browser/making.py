"""Things that tests of pages look at, made by the APIs, each under a name of its own."""

import secrets

import requests

from tests.yard import Yard


def unique(word: str) -> str:
    """Give a name that nothing else has."""
    return f"{word}-{secrets.token_hex(4)}"


def render_worker(yard: Yard, name: str) -> int:
    """Register a worker of the render farm and give its id."""
    body = {"hostname": name, "port": 1, "system": "Linux"}
    answer = requests.post(f"{yard.url}/workers", json=body, timeout=90)
    assert answer.status_code == 200, answer.text
    (found,) = (one for one in answer.json().values() if one["hostname"] == name)
    return int(found["id"])


def schedule(yard: Yard, name: str, run: str = "true", **rule: str) -> str:
    """Make a schedule that does not fire by itself, and give its id."""
    body = {
        "name": name,
        "schedule": {"cron": "30 2 1 1 *", **rule},
        "tasks": [{"name": "t", "run": run}],
    }
    answer = requests.post(f"{yard.url}/scheduled-jobs", json=body, timeout=90)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])
