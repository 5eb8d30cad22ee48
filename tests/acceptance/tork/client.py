"""A pedantic client of the Tork dialect: what holds for every answer is checked on every answer."""

import re
from typing import Any

import requests

from tests.yard import Yard, eventually

JSON = "application/json; charset=UTF-8"
ID = re.compile(r"[0-9a-f]{32}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
FINAL = ("COMPLETED", "FAILED", "CANCELLED")
# These may be empty, 0 or false; every other key of an object is then left out.
ALWAYS = {"tasks", "execution", "position", "context", "version", "cpuPercent", "taskCount"}


class Tork:
    """Speaks to one server."""

    def __init__(self, yard: Yard) -> None:
        self.yard = yard
        self.url = yard.url
        self.session = requests.Session()

    # -- any route ------------------------------------------------------------------------------

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        answer = self.session.request(method, f"{self.url}{path}", timeout=60, **options)
        assert answer.status_code < 500, (method, path, answer.text)
        if method != "HEAD" and answer.content:
            given = answer.headers["Content-Type"]
            # What lies beside our families answers errors in the same form, if not the same words.
            assert given == JSON if answer.ok else given.startswith("application/json"), given
        if answer.status_code >= 400 and method != "HEAD":
            error = answer.json()
            assert list(error) == ["message"], error
            assert isinstance(error["message"], str), error
            assert error["message"], error
        return answer

    def get(self, path: str, **query: object) -> Any:
        answer = self.ask("GET", path, params=query)
        assert answer.status_code == 200, (path, answer.text)
        return answer.json()

    def put(self, path: str) -> tuple[int, Any]:
        answer = self.ask("PUT", path)
        return answer.status_code, answer.json()

    def missing(self, path: str, method: str = "GET") -> str:
        answer = self.ask(method, path)
        assert answer.status_code == 404, (path, answer.text)
        return answer.json()["message"]

    # -- jobs -----------------------------------------------------------------------------------

    def post(self, document: Any, path: str = "/jobs") -> requests.Response:
        """Post a document as JSON; a text as YAML."""
        if isinstance(document, str):
            return self.ask(
                "POST", path, data=document.encode(), headers={"Content-Type": "text/yaml"}
            )
        return self.ask("POST", path, json=document)

    def refused(self, document: Any, path: str = "/jobs") -> str:
        """Post what must be refused, and give the message."""
        answer = self.post(document, path)
        assert answer.status_code == 400, (document, answer.text)
        return answer.json()["message"]

    def summary(self, *tasks: Any, **job: Any) -> dict:
        """Submit a job of these tasks; a text stands for a task that runs it."""
        answer = self.post({"name": "job", "tasks": [task(one) for one in tasks], **job})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def submit(self, *tasks: Any, **job: Any) -> str:
        return self.summary(*tasks, **job)["id"]

    def job(self, job_id: str) -> dict:
        return self.get(f"/jobs/{job_id}")

    def until(self, job_id: str, *states: str) -> dict:
        """Wait for one of the states; at once vexed by a final one that is not among them."""

        def there() -> dict | None:
            job = self.job(job_id)
            assert job["state"] in states or job["state"] not in FINAL, job
            return job if job["state"] in states else None

        return eventually(there, f"job {job_id} in {states}")

    def over(self, job_id: str) -> dict:
        return self.until(job_id, *FINAL)

    def run(self, *tasks: Any, **job: Any) -> dict:
        """Submit, wait for the end, and give the job."""
        return self.over(self.submit(*tasks, **job))

    def done(self, *tasks: Any, **job: Any) -> dict:
        found = self.run(*tasks, **job)
        assert found["state"] == "COMPLETED", found
        return found

    def fails(self, *tasks: Any, **job: Any) -> dict:
        found = self.run(*tasks, **job)
        assert found["state"] == "FAILED", found
        return found

    def eventually(self, job_id: str, condition: Any, what: str) -> dict:
        """Wait until a condition holds for a job, and give the job."""

        def there() -> dict | None:
            job = self.job(job_id)
            return job if condition(job) else None

        return eventually(there, what)

    # -- logs -----------------------------------------------------------------------------------

    def parts(self, path: str, **query: object) -> list[dict]:
        """Give all log parts of a path, oldest first."""
        found: list[dict] = []
        number = 1
        while True:
            page = self.get(path, page=number, size=100, **query)
            found += page["items"]
            if number >= page["totalPages"]:
                assert len(found) == page["totalItems"], page
                return found[::-1]
            number += 1

    def text_of(self, job_id: str) -> str:
        """Give the output of all tasks of a job as one text."""
        return "".join(part["contents"] for part in self.parts(f"/jobs/{job_id}/log"))

    def text(self, task_id: str) -> str:
        return "".join(part["contents"] for part in self.parts(f"/tasks/{task_id}/log"))


def task(one: Any) -> dict:
    return {"name": "task", "run": one} if isinstance(one, str) else {"name": "task", **one}


def named(job: dict, name: str) -> dict:
    """Give the one execution entry of that name."""
    found = [each for each in job["execution"] if each["name"] == name]
    assert len(found) == 1, (name, job["execution"])
    return found[0]


def by_name(job: dict) -> dict[str, str]:
    """Give the states of a job's execution entries by name."""
    return {each["name"]: each["state"] for each in job["execution"]}


def check_filled(found: Any, *, at: str = "") -> None:
    """Nothing that is unset, empty, 0 or false is in an answer, but for the keys that always are."""
    if isinstance(found, dict):
        for key, value in found.items():
            if key not in ALWAYS:
                assert value not in (None, "", [], {}, 0, False), (at, key, value)
            # What clients wrote themselves stays as it is.
            if key not in ("context", "tasks", "inputs", "env", "secrets", "payload"):
                check_filled(value, at=f"{at}.{key}")
    elif isinstance(found, list):
        for value in found:
            check_filled(value, at=f"{at}[]")
