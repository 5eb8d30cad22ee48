"""Jobs for pages to show, each named after the test that wants it."""

import secrets

import requests

from tests.yard import Yard, eventually

API = "/api/jobyard/v1"


def fresh(word: str) -> str:
    """Give a name that no other test has, and no search for another finds."""
    return f"{word}{secrets.token_hex(4)}"


def shell(yard: Yard, name: str, run: str = "true", **more: object) -> str:
    """Submit a job of one command; give its id."""
    body = {"type": "shell", "name": name, "spec": {"run": run}, **more}
    answer = requests.post(f"{yard.url}{API}/jobs", json=body, timeout=90)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def workflow(yard: Yard, name: str, *tasks: dict, **more: object) -> str:
    """Submit a job in Tork's language; give its id."""
    body = {"name": name, "tasks": list(tasks), **more}
    answer = requests.post(f"{yard.url}/jobs", json=body, timeout=90)
    assert answer.status_code == 200, answer.text
    return answer.json()["id"]


def state(yard: Yard, job_id: str) -> str:
    return requests.get(f"{yard.url}{API}/jobs/{job_id}", timeout=90).json().get("state", "GONE")


def reaches(yard: Yard, job_id: str, wanted: str) -> str:
    """Wait until a job is in a state; give its id."""
    eventually(lambda: state(yard, job_id) == wanted, f"{job_id} to be {wanted}")
    return job_id


def tasks(yard: Yard, job_id: str) -> list[dict]:
    answer = requests.get(f"{yard.url}{API}/jobs/{job_id}/tasks", timeout=90)
    return answer.json()["items"]
