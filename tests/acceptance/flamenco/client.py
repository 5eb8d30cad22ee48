"""A pedantic client of the manager: what holds for every answer is checked on every answer."""

import io
import itertools
import json
import re
import secrets
import zipfile
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from tests.yard import Yard

RENDER, TILED = "simple_blender_render", "tiled_blender_render"
MIX, BAKE, PRINT = "tiled_blender_render_simple_mix", "blender_bake_anim_cache", "print_string"
SHORT = {
    "id", "worker_id", "priority", "frame_start", "frame_end", "frame_current", "status", "format"
}  # fmt: skip
LONG = SHORT | {
    "task_id", "job_id", "name", "type", "parser", "settings", "child_id", "parent_id", "is_group",
    "children", "depends_on", "activity", "progress", "eta", "time_cost", "attempts", "log",
    "created_at", "updated_at", "last_activity",
}  # fmt: skip
LISTED = LONG - {"log"}
ACTIVITY = {
    "process", "remaining", "current_frame", "thumbnail", "path_not_found", "saved_file"
}  # fmt: skip
WORKER = {
    "id", "hostname", "ip_address", "port", "system", "status", "connection", "current_task",
    "activity", "log", "time_cost",
}  # fmt: skip
INFO = WORKER | {"mac_address", "update_frequent", "update_less_frequent", "last_activity"}
STATES = (
    "waiting", "ready", "rendering", "paused", "completed", "failed", "aborted", "canceled"
)  # fmt: skip
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
UNREGISTERED = "Worker is not registered"
DISABLED = "Worker is disabled"
NEVER = 2**53 - 1  # an id that is never given out
SHOT = {"filepath": "shot.blend", "frame_start": 5, "frame_end": 10}

_numbers = itertools.count(1)
# Each task that a test wants handed out is more urgent than whatever earlier ones left behind.
_urgency = itertools.count(1000)


def unique(word: str = "n") -> str:
    """Make a name that no other test uses."""
    return f"{word}{secrets.token_hex(4)}{next(_numbers)}"


def number() -> int:
    """Make an integer that no other test uses."""
    return secrets.randbelow(2**48) + 2**49


def urgent() -> int:
    """Give a priority above all those given before."""
    return next(_urgency)


def zipped(**members: str | bytes) -> bytes:
    """Make a zip; a member's name is written with `__` for `.`."""
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return into.getvalue()


def unzipped(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def sent(form: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Give what makes requests send fields in one of the forms that are accepted."""
    if form == "json":
        return {"json": fields}
    if form == "multipart":
        return {"files": [(name, (None, str(value))) for name, value in fields.items()]}
    return {{"form": "data", "query": "params"}[form]: fields}


FORMS = ("json", "form", "multipart", "query")


class From(HTTPAdapter):
    """Connects from one of the addresses of this machine."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, source_address=(self._address, 0), **options)


def address() -> str:
    """Give an address of this machine that no other test calls from."""
    one, two, three = (secrets.randbelow(200) + 20 for _ in range(3))
    return f"127.{one}.{two}.{three}"


@dataclass(frozen=True)
class Worker:
    """A machine that is registered."""

    id: int
    hostname: str
    port: int = 5000
    more: dict[str, Any] = field(default_factory=dict, compare=False)


class Flamenco:
    """Speaks to one server, from one address."""

    def __init__(self, yard: Yard, source: str | None = None) -> None:
        self.yard = yard
        self.source = source
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        if source:
            self.session.mount("http://", From(source))

    # -- any route ------------------------------------------------------------------------------

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        answer = self.session.request(
            method,
            f"{self.yard.url}{path}",
            allow_redirects=False,
            **{"timeout": 90, **options},
        )
        check(answer)
        return answer

    def good(self, method: str, path: str, status: int = 200, **options: Any) -> Any:
        """Ask for what must be given with that status; give the JSON, None of a 204."""
        answer = self.ask(method, path, **options)
        assert answer.status_code == status, (method, path, options, answer.text[:2000])
        return answer.json() if answer.content else None

    def refused(
        self,
        status: int,
        method: str,
        path: str,
        *,
        blamed: str | None = None,
        message: str | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """Ask for what must be refused, give the answer. blamed: the field that is at fault."""
        answer = self.ask(method, path, **options)
        assert answer.status_code == status, (method, path, options, answer.text[:2000])
        found = answer.json()
        if blamed is not None:
            assert blamed in found["errors"], found
        if message is not None:
            assert found["message"] == message
        return found

    # -- tasks ----------------------------------------------------------------------------------

    def create(self, **fields: Any) -> dict[str, Any]:
        """Post a task, one of frames 5 to 10 unless it is said otherwise; give the short form."""
        body = {"type": RENDER, "settings": SHOT, **fields}
        files = body.pop("files", None)
        options: dict[str, Any] = {"json": body}
        if files:
            options = {"data": {**body, "settings": json.dumps(body["settings"])}, "files": files}
        return self.good("POST", "/tasks", 202, **options)

    def task(self, **fields: Any) -> int:
        return self.create(**fields)["id"]

    def frames(self, first: int, last: int, **fields: Any) -> int:
        """Post a plain render of these frames."""
        return self.task(settings={**SHOT, "frame_start": first, "frame_end": last}, **fields)

    def print(self, **fields: Any) -> int:
        return self.task(**{"type": PRINT, "settings": {"text": "hello"}, **fields})

    def long(self, task: int) -> dict[str, Any]:
        found = self.good("GET", f"/tasks/{task}")
        check_long(found)
        return found

    def status(self, task: int) -> str:
        return self.long(task)["status"]

    def shows(self, task: int, **values: Any) -> dict[str, Any]:
        """Check some values of a task."""
        found = self.long(task)
        assert {name: found[name] for name in values} == values, found
        return found

    def patch(self, task: int, **fields: Any) -> None:
        self.good("PATCH", f"/tasks/{task}", 204, json=fields)

    def unpatched(
        self, status: int, task: int, /, *, blamed: str | None = None, **fields: Any
    ) -> dict[str, Any]:
        """Patch in vain: nothing of the task changes."""
        before = self.long(task)
        found = self.refused(status, "PATCH", f"/tasks/{task}", blamed=blamed, json=fields)
        assert same(self.long(task), before)
        return found

    def delete(self, task: int) -> dict[str, Any]:
        return self.good("DELETE", f"/tasks/{task}", 202)

    def listed(self, **filters: Any) -> list[dict[str, Any]]:
        found = self.good("GET", "/tasks", params=filters)
        assert set(found) == {"tasks", "total"}
        for each in found["tasks"]:
            assert set(each) == LISTED
        return found["tasks"]

    def log(self, task: int, **query: Any) -> str:
        answer = self.ask("GET", f"/tasks/{task}/log", params=query)
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        return answer.content.decode()

    # -- workers --------------------------------------------------------------------------------

    def worker(self, **fields: Any) -> Worker:
        """Register a machine, one of a name of its own unless it is said otherwise."""
        body = {"hostname": unique("host"), "system": "Linux 6.1", **fields}
        found = self.good("POST", "/workers", json=body)
        [shown] = found.values()
        return Worker(shown["id"], shown["hostname"], shown["port"], shown)

    def info(self, worker: Worker) -> dict[str, Any]:
        found = self.good("GET", f"/workers/{worker.id}")
        assert set(found) == INFO
        assert TIME.fullmatch(found["last_activity"])
        check_worker({name: found[name] for name in WORKER})
        return found

    def sees(self, worker: Worker, **values: Any) -> dict[str, Any]:
        """Check some values of a worker."""
        found = self.info(worker)
        assert {name: found[name] for name in values} == values, found
        return found

    def workers(self) -> dict[str, dict[str, Any]]:
        found = self.good("GET", "/workers")
        for each in found.values():
            check_worker(each)
        return found

    def beat(self, worker: Worker, status: str, **fields: Any) -> dict[str, Any]:
        found = self.good("PATCH", f"/workers/{worker.id}", json={"status": status, **fields})
        assert set(found) == {"task_id", "status"}
        assert found["status"] in {"enabled", "rendering", "busy", "disabled"}
        return found

    def poll(self, worker: Worker) -> int | None:
        return self.beat(worker, "available")["task_id"]

    def switch(self, worker: Worker, status: str) -> dict[str, Any]:
        path = f"/workers/status/{worker.id}"
        found = self.good("PATCH", path, json={"status": status})
        assert set(found) == {"task_id"}
        return found

    def give(self, worker: Worker, **fields: Any) -> int:
        """Have a new task handed to a worker."""
        task = self.task(**{"priority": urgent(), **fields})
        assert self.beat(worker, "available") == {"task_id": task, "status": "rendering"}
        return task

    def rendering(self, **fields: Any) -> tuple[int, Worker]:
        """Have a new task handed to a new worker."""
        worker = self.worker()
        return self.give(worker, **fields), worker

    def report(self, task: int, worker: Worker, status: str = "running", **fields: Any) -> None:
        self.patch(task, worker_id=worker.id, status=status, **fields)

    def ended(self, status: str = "completed", **fields: Any) -> tuple[int, Worker]:
        """Have a new task rendered and ended by a new worker."""
        task, worker = self.rendering(**fields)
        self.report(task, worker, status)
        return task, worker

    def compiled(self, task: int, **query: Any) -> dict[str, Any]:
        found = self.good("GET", f"/tasks/compiled/{task}", params=query)
        check_compiled(found)
        return found


# -- what always holds ------------------------------------------------------------------------


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Tell whether two long forms agree in all but the times."""
    times = {"updated_at", "last_activity", "eta"}
    return {k: v for k, v in one.items() if k not in times} == {
        k: v for k, v in other.items() if k not in times
    }


def check(answer: requests.Response) -> None:
    """No answer is a crash or a redirect; JSON varies; an error has the dialect's form."""
    code = answer.status_code
    asked = (answer.request.method, answer.request.path_url[:200])
    assert code < 500, (asked, code, answer.text[:2000])
    assert not answer.is_redirect, asked
    if code == 204:
        assert not answer.content, asked
        assert answer.headers.get("Content-Length", "0") == "0"
        return
    if answer.headers.get("Content-Type", "").startswith(("application/json", "text/javascript")):
        assert answer.headers["Content-Type"] in ("application/json", "text/javascript")
        vary = [each.strip().lower() for each in answer.headers.get("Vary", "").split(",")]
        assert "accept" in vary, (asked, answer.headers)
    if code >= 400:
        check_refusal(answer)


def check_refusal(answer: requests.Response) -> None:
    """An error of this dialect is an object of code, message and, on 400, errors."""
    found = answer.json()
    assert {"code", "message"} <= set(found) <= {"code", "message", "errors"}, found
    assert found["code"] == answer.status_code
    assert type(found["code"]) is int
    assert isinstance(found["message"], str)
    assert found["message"].strip()
    assert "\n" not in found["message"]
    assert "Traceback" not in answer.text
    if answer.status_code == 400:
        assert "errors" in found, found
    errors = found.get("errors", {})
    assert isinstance(errors, dict)
    for name, reason in errors.items():
        assert isinstance(name, str)
        assert isinstance(reason, str), errors
        assert reason


def check_short(found: dict[str, Any]) -> None:
    """A short form has eight keys of the right types."""
    assert set(found) == SHORT
    for name in ("id", "priority"):
        assert type(found[name]) is int, found
    for name in ("worker_id", "frame_start", "frame_end", "frame_current"):
        assert found[name] is None or type(found[name]) is int, found
    assert found["status"] in STATES
    assert isinstance(found["format"], str)
    first, last, current = (found[f"frame_{word}"] for word in ("start", "end", "current"))
    assert (first is None) == (last is None) == (current is None)
    if first is not None:
        assert first <= current <= last


def check_long(found: dict[str, Any]) -> None:
    """A long form has all its keys of the right types, and its numbers agree."""
    assert set(found) == LONG
    check_short({name: found[name] for name in SHORT})
    assert {type(found[name]) for name in ("job_id", "attempts")} == {int}
    optional = {
        type(found[name]) for name in ("task_id", "child_id", "parent_id", "eta", "time_cost")
    }
    assert optional <= {int, type(None)}, found
    assert {type(found[name]) for name in ("name", "type")} == {str}
    assert {type(found[name]) for name in ("parser", "log")} <= {str, type(None)}
    assert type(found["settings"]) is dict
    assert type(found["is_group"]) is bool
    assert {type(each) for each in found["children"] + found["depends_on"]} <= {int}
    assert found["children"] == sorted(found["children"])
    assert found["activity"] is None or set(found["activity"]) >= ACTIVITY
    assert 0 <= found["progress"] <= 100
    assert round(found["progress"], 1) == found["progress"]
    assert TIME.fullmatch(found["created_at"])
    assert TIME.fullmatch(found["updated_at"])
    assert found["last_activity"] is None or TIME.fullmatch(found["last_activity"])
    check_state(found)


def check_state(found: dict[str, Any]) -> None:
    """What a state brings with it is there."""
    if found["status"] in ("waiting", "ready", "paused", "aborted", "canceled"):
        assert found["worker_id"] is None
    if found["is_group"]:
        assert found["worker_id"] is None
    elif found["status"] == "completed":
        assert (found["progress"], found["eta"]) == (100, 0)
        assert found["frame_current"] == found["frame_end"]
    elif found["status"] == "rendering":
        assert found["attempts"] >= 1
        assert found["worker_id"] is not None


def check_worker(found: dict[str, Any]) -> None:
    """A worker has eleven keys of the right types, and its status fits what it holds."""
    assert set(found) == WORKER
    for name in ("id", "port"):
        assert type(found[name]) is int
    for name in ("hostname", "ip_address", "system"):
        assert isinstance(found[name], str)
    for name in ("activity", "log"):
        assert found[name] is None or isinstance(found[name], str)
    for name in ("current_task", "time_cost"):
        assert found[name] is None or type(found[name]) is int
    assert found["status"] in {"enabled", "rendering", "busy", "disabled"}
    assert found["connection"] in {"online", "offline"}
    if found["status"] == "rendering":
        assert found["current_task"] is not None
    if found["status"] in ("enabled", "disabled"):
        assert found["current_task"] is None
    assert found["log"] is None or len(found["log"]) <= 1024


def check_compiled(found: dict[str, Any]) -> None:
    """A compiled task has its seven options, whose two commands agree."""
    assert set(found) == {"options", "files"}
    options = found["options"]
    assert set(options) == {
        "task_id", "job_id", "task_parser", "type", "settings", "task_command", "command"
    }  # fmt: skip
    assert isinstance(options["task_command"], str)
    plain = json.loads(options["task_command"])
    assert all(isinstance(word, str) for word in [*plain, *options["command"]])
    assert "==command==" not in options["command"][0]
    if plain[0] == "==command==":
        assert options["command"][1:] == plain[1:]
    else:
        assert options["command"] == plain
    assert set(found["files"]) == {"jobfiles"}
    pairs = [["jobfile", "jobfile.zip"], ["jobsupportfile", "jobsupportfile.zip"]]
    assert found["files"]["jobfiles"] in ([], pairs[:1], pairs[1:], pairs)
