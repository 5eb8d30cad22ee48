"""A server with tracker clients: a manager, workers, projects; for what goes beyond the original."""

import itertools
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.yard import Yard

_numbers = itertools.count(1)
PATIENCE_S = 120


class Worker:
    """A worker with its own connection."""

    def __init__(self, url: str, document: dict) -> None:
        self.url = url
        self.id = document["id"]
        self.secret = document["secret"]
        self.http = requests.Session()
        self.http.headers.update({"X-Worker-ID": str(self.id), "X-Secret": self.secret})

    def get(self, project: int | None, **query: object) -> requests.Response:
        path = "/task/get" if project is None else f"/task/get/{project}"
        return self.http.get(self.url + path, params=query, timeout=PATIENCE_S)

    def task(self, project: int | None, **query: object) -> dict | None:
        answer = self.get(project, **query)
        assert answer.status_code == 200, answer.text
        document = answer.json()
        assert document["ok"] or document["message"] == "No task available"
        return document["content"]["task"] if document["ok"] else None

    def post(self, path: str, body: object = None) -> requests.Response:
        return self.http.post(self.url + path, json=body, timeout=PATIENCE_S)

    def submit(self, project: int, recipe: str = "r", **more: object) -> requests.Response:
        return self.post("/task/submit", {"project": project, "recipe": recipe, **more})

    def release(self, task_id: int, result: int = 0, **more: object) -> dict:
        return self.post("/task/release", {"task_id": task_id, "result": result, **more}).json()


class Desk:
    """The manager of a server."""

    def __init__(self, yard: Yard) -> None:
        self.yard = yard
        self.url = yard.url
        self.http = requests.Session()
        name = {"username": f"boss{next(_numbers)}", "password": "long enough"}
        assert self.http.post(f"{self.url}/register", json=name, timeout=60).json()["ok"]

    def post(self, path: str, body: object = None) -> requests.Response:
        return self.http.post(self.url + path, json=body, timeout=PATIENCE_S)

    def read(self, path: str, **query: object) -> requests.Response:
        return self.http.get(self.url + path, params=query, timeout=PATIENCE_S)

    def project(self, **more: object) -> int:
        fields = {"name": f"project {next(_numbers)}", "public": True, **more}
        answer = self.post("/project/create", fields)
        assert answer.status_code == 200, answer.text
        return answer.json()["content"]["id"]

    def update(self, project: int, **change: object) -> None:
        fields = self.read(f"/project/get/{project}").json()["content"]["project"]
        fields = {k: v for k, v in fields.items() if not k.endswith("_rate")}
        answer = self.post(f"/project/update/{project}", {**fields, **change})
        assert answer.status_code == 200, answer.text

    def worker(self, *projects: int) -> Worker:
        """Make a worker that may do everything in these projects."""
        answer = requests.post(f"{self.url}/worker/create", json={"alias": "w"}, timeout=60)
        made = Worker(self.url, answer.json()["content"]["worker"])
        for project in projects:
            made.post(
                "/project/request_access", {"project": project, "assign": True, "submit": True}
            )
            granted = self.post(f"/project/accept_request/{project}/{made.id}")
            assert granted.json()["ok"], granted.text
        return made


@contextmanager
def serving(**environment: str) -> Iterator[Yard]:
    """Have a server in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="jy"))
    yard = Yard(folder, **environment)
    try:
        yield yard.start()
    finally:
        yard.end()
        shutil.rmtree(folder, ignore_errors=True)


class Later:
    """A call in a thread of its own."""

    def __init__(self, call: Callable[[], object]) -> None:
        self._found: list[object] = []
        self._error: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, args=(call,), daemon=True)
        self._thread.start()

    def _run(self, call: Callable[[], object]) -> None:
        try:
            self._found.append(call())
        except BaseException as error:  # noqa: BLE001 - told to who asks for the outcome
            self._error.append(error)

    @property
    def done(self) -> bool:
        return bool(self._found or self._error)

    def outcome(self):
        self._thread.join(PATIENCE_S)
        if self._error:
            raise self._error[0]
        assert self._found, "it did not end"
        return self._found[0]
