"""A pedantic client of the tracker: what holds for every answer is checked on every answer."""

import functools
import itertools
import secrets
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests

from app.domain.clock import SECOND, SystemClock
from tests.yard import Yard

UNREADABLE = "Could not parse request"
UNAUTHORIZED = "Unauthorized"
NO_TASK = "No task available"
NOT_CLOSED = "Task was not marked as closed"
DUPLICATE = "duplicate task: this hash already exists in the project"
UNLIMITED = 1.7976931348623157e308
OK, FAIL, SKIP = 0, 1, 2
READ, EDIT, ACCESS, SECRET, MAINT = 1, 2, 4, 8, 16
PASSWORD = "correct horse battery"

_numbers = itertools.count(1)


def now() -> int:
    """Give the time, in whole Unix seconds."""
    return SystemClock().now() // SECOND


def unique(word: str = "n") -> str:
    """Make a name that no other test uses."""
    return f"{word}{secrets.token_hex(4)}{next(_numbers)}"


@dataclass(frozen=True)
class Worker:
    """A machine with its secret."""

    id: int
    secret: str

    @property
    def headers(self) -> dict[str, str]:
        return {"X-Worker-ID": str(self.id), "X-Secret": self.secret}


@dataclass(frozen=True)
class Manager:
    """Somebody who is logged in."""

    id: int
    username: str
    cookie: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Cookie": f"tt={self.cookie}"}


Caller = Worker | Manager | None


class Tracker:
    """Speaks to one server. admin: its first manager, made as soon as it is asked for."""

    def __init__(self, yard: Yard) -> None:
        self.yard = yard
        self.session = requests.Session()
        # Who asks is told with every request, so no cookie is kept between two.
        self.session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    @functools.cached_property
    def admin(self) -> Manager:
        return self.manager("admin")

    # -- any route ------------------------------------------------------------------------------

    def ask(
        self,
        method: str,
        path: str,
        caller: Caller = None,
        *,
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> requests.Response:
        given = {**(caller.headers if caller else {}), **(headers or {})}
        answer = self.session.request(
            method,
            f"{self.yard.url}{path}",
            headers=given,
            timeout=60,
            allow_redirects=False,
            **options,
        )
        assert answer.status_code < 500, (method, path, answer.text)
        assert not answer.is_redirect, (method, path)
        if answer.content and "receivehook" not in path:
            check_envelope(answer)
        return answer

    def good(self, method: str, path: str, caller: Caller = None, **options: Any) -> Any:
        """Ask for what must be given, and give its content."""
        answer = self.ask(method, path, caller, **options)
        assert (answer.status_code, answer.json()["ok"]) == (200, True), (path, answer.text)
        return answer.json().get("content")

    def refused(
        self,
        status: int,
        message: str,
        method: str,
        path: str,
        caller: Caller = None,
        **options: Any,
    ) -> dict[str, Any]:
        """Ask for what must be refused in these words, and give the answer."""
        answer = self.ask(method, path, caller, **options)
        assert (answer.status_code, answer.json().get("message")) == (status, message), (
            path,
            answer.text,
        )
        assert answer.json()["ok"] is False
        return answer.json()

    def post(self, path: str, caller: Caller = None, **body: Any) -> Any:
        return self.good("POST", path, caller, json=body)

    # -- people, machines, projects -------------------------------------------------------------

    def manager(self, word: str = "m") -> Manager:
        name = unique(word)[:16]
        answer = self.ask("POST", "/register", json={"username": name, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        who = Manager(0, name, answer.cookies["tt"] if answer.cookies else token_of(answer))
        account = self.good("GET", "/account", who)["manager"]
        return Manager(account["id"], name, who.cookie)

    def worker(self, alias: str = "") -> Worker:
        made = self.post("/worker/create", alias=alias)["worker"]
        return Worker(made["id"], made["secret"])

    def project(self, caller: Manager | None = None, **fields: Any) -> int:
        """Make a project, a public one unless it is said otherwise."""
        wanted = {"name": unique("project"), "public": caller is None, **fields}
        if wanted.get("hidden"):
            wanted["public"] = False
        return self.post("/project/create", caller or self.admin, **wanted)["id"]

    def member(
        self,
        project: int,
        *,
        assign: bool = True,
        submit: bool = True,
        approved: bool = True,
        alias: str = "",
    ) -> Worker:
        """Make a worker that has access."""
        worker = self.worker(alias)
        self.grant(worker, project, assign=assign, submit=submit, approved=approved)
        return worker

    def grant(
        self, worker: Worker, project: int, *, assign: bool, submit: bool, approved: bool = True
    ) -> None:
        self.post("/project/request_access", worker, project=project, assign=assign, submit=submit)
        if approved:
            self.post(f"/project/accept_request/{project}/{worker.id}", self.admin)

    def role(self, who: Manager, project: int, role: int) -> None:
        path = f"/manager/set_role_for_project/{project}"
        self.post(path, self.admin, manager=who.id, role=role)

    def update(self, project: int, caller: Manager | None = None, **fields: Any) -> None:
        self.post(f"/project/update/{project}", caller or self.admin, **fields)

    # -- tasks ----------------------------------------------------------------------------------

    def submit(self, worker: Worker, project: int, recipe: str = "r", **more: Any) -> None:
        self.post("/task/submit", worker, project=project, recipe=recipe, **more)

    def bulk(self, worker: Worker, project: int, items: list[dict[str, Any]]) -> requests.Response:
        requests_ = [{"project": project, "recipe": "r", **item} for item in items]
        return self.ask("POST", "/task/bulk_submit", worker, json={"requests": requests_})

    def take(self, worker: Worker, project: int) -> dict[str, Any] | None:
        """Get a task; None when there is none."""
        answer = self.ask("GET", f"/task/get/{project}", worker)
        assert answer.status_code == 200, answer.text
        found = answer.json()
        if not found["ok"]:
            assert found == {"ok": False, "message": NO_TASK}
            return None
        assert list(found["content"]) == ["task"]
        return found["content"]["task"]

    def must_take(self, worker: Worker, project: int) -> dict[str, Any]:
        task = self.take(worker, project)
        assert task is not None
        return task

    def release(self, worker: Worker, task: Any, result: int = OK, verification: int = 0) -> bool:
        """Release a task and tell whether that was counted."""
        task_id = task["id"] if isinstance(task, dict) else task
        body = {"task_id": task_id, "result": result, "verification": verification}
        found = self.ask("POST", "/task/release", worker, json=body)
        assert found.status_code == 200, found.text
        document = found.json()
        updated = document["content"]["updated"]
        assert document["ok"] is True
        assert document["content"] == {"updated": updated}
        assert document.get("message", "") == ("" if updated else NOT_CLOSED)
        return updated

    def drain(self, worker: Worker, project: int) -> list[str]:
        """Take and close all there is; give the recipes in order."""
        recipes = []
        while task := self.take(worker, project):
            recipes.append(task["recipe"])
            assert self.release(worker, task)
        return recipes

    def closed_by(self, worker: Worker) -> int:
        stats = self.good("GET", "/worker/stats")["stats"]
        return next(one["closed_task_count"] for one in stats if one["id"] == worker.id)


def token_of(answer: requests.Response) -> str:
    """Give the session's token out of Set-Cookie."""
    for part in answer.raw.headers.getlist("Set-Cookie"):
        name, _, value = part.partition(";")[0].partition("=")
        if name == "tt" and value:
            return value
    raise AssertionError(answer.headers)


def check_envelope(answer: requests.Response) -> None:
    """Every answer with a body is the envelope, and says in it what the status says."""
    assert answer.headers["Content-Type"] == "application/json", answer.headers
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    found = answer.json()
    assert set(found) <= {"ok", "message", "content", "rate_limit_delay"}, found
    assert isinstance(found["ok"], bool)
    assert isinstance(found.get("message", ""), str)
    assert isinstance(found.get("content", {}), dict)
    assert ("rate_limit_delay" in found) == (answer.status_code == 429), found
    if answer.status_code >= 400:
        assert found["ok"] is False, found
        assert found["message"], found
        assert "Traceback" not in answer.text
