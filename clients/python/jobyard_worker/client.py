"""The calls of a worker, one method each."""

import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import requests

from jobyard_worker.errors import RateLimited, Refused, Unreachable
from jobyard_worker.records import Credentials, Project, Release, Task, Work

LONGEST_WAIT_S = 60.0
MOST_TASKS = 100
MOST_WORK = 10_000
_LONGEST_ALIAS = 255
_FIRST_REJECTED = "duplicate"


class Client:
    """One worker at one server. Safe to use from several threads; each has its connections.

    url: of the server, with the tracker's prefix if it has one. timeout_s: of one answer, on top
    of the time that a call asks the server to wait.
    """

    def __init__(
        self, url: str, credentials: Credentials | None = None, *, timeout_s: float = 30.0
    ) -> None:
        self.url = url.rstrip("/")
        self.credentials = credentials
        self.timeout_s = timeout_s
        self._local = threading.local()

    # -- who it is ----------------------------------------------------------------------------

    def register(self, alias: str = "") -> Credentials:
        """Become a new worker and give its credentials, which are shown this once."""
        made = self._post("/worker/create", {"alias": alias[:_LONGEST_ALIAS]}, known=False)
        worker = made["worker"]
        self.credentials = Credentials(worker["id"], worker["secret"])
        return self.credentials

    def become(self, alias: str, path: str | os.PathLike[str]) -> Credentials:
        """Be the worker whose credentials are in a file, or a new one that is saved there.

        Raises ValueError for a file that holds something else.
        """
        if Path(path).exists():
            self.credentials = Credentials.load(path)
        else:
            self.register(alias).save(path)
        assert self.credentials is not None  # noqa: S101 - set by either, for the checker
        return self.credentials

    def rename(self, alias: str) -> None:
        """Change this worker's alias."""
        self._post("/worker/update", {"alias": alias})

    # -- projects -----------------------------------------------------------------------------

    def projects(self) -> list[Project]:
        """Give the projects that everybody may see, the most urgent first."""
        found = self._call("GET", "/project/list", known=False)["projects"]
        return sorted(map(Project.of, found), key=lambda one: (-one.priority, one.id))

    def request_access(self, project: int, *, assign: bool = True, submit: bool = False) -> bool:
        """Ask a project's managers to let this worker in; False when it had asked before.

        Nothing tells when they accept: tasks come then, or a submission succeeds.
        """
        wanted = {"project": project, "assign": assign, "submit": submit}
        try:
            self._post("/project/request_access", wanted)
        except Refused as error:
            if error.status == 400:
                return False
            raise
        return True

    def secret(self, project: int) -> str:
        """Give what a project keeps for its workers."""
        return str(self._call("GET", f"/project/secret/{project}")["secret"])

    # -- tasks --------------------------------------------------------------------------------

    def claim(
        self, project: int | None = None, *, count: int = 1, wait_s: float = 0.0
    ) -> list[Task]:
        """Take up to `count` tasks; none is normal.

        project: None takes the best tasks of all projects that this worker may serve.
        wait_s: how long the server may wait for one, up to a minute.
        """
        path = "/task/get" if project is None else f"/task/get/{project}"
        wait_s = min(max(wait_s, 0.0), LONGEST_WAIT_S)
        query = {"count": min(max(count, 1), MOST_TASKS), "wait": wait_s}
        found = self._call("GET", path, query=query, wait_s=wait_s)
        # A server that knows nothing of several tasks gives one.
        return [Task.of(one) for one in found.get("tasks") or filter(None, [found.get("task")])]

    def release(self, release: Release) -> bool:
        """Say what became of a task; False when that closed or changed nothing.

        So it is for a task that this worker no longer holds, and until enough others agree.
        """
        return bool(self._post("/task/release", release.document())["updated"])

    def release_many(self, releases: Sequence[Release]) -> list[bool]:
        """Say it of many tasks, a hundred a request; for each as `release` does."""
        found: list[bool] = []
        for begin in range(0, len(releases), MOST_TASKS):
            some = [one.document() for one in releases[begin : begin + MOST_TASKS]]
            answers = self._post("/task/bulk_release", {"releases": some})["releases"]
            found += [bool(one["updated"]) for one in answers]
        return found

    def renew(self, task_id: int) -> bool:
        """Let the time for a task begin anew; False when this worker no longer holds it."""
        return bool(self._post("/task/renew", {"task_id": task_id})["updated"])

    def submit(self, project: int, work: Work) -> bool:
        """Store a task; False when an open one has its unique text already."""
        try:
            self._post("/task/submit", work.document(project))
        except Refused as error:
            if _is_duplicate(error):
                return False
            raise
        return True

    def submit_many(self, project: int, works: Sequence[Work]) -> int:
        """Store tasks, ten thousand a request, without those that are there; give how many."""
        stored = 0
        for begin in range(0, len(works), MOST_WORK):
            items = [one.document(project) for one in works[begin : begin + MOST_WORK]]
            try:
                stored += int(self._post("/task/bulk_submit", {"requests": items})["submitted"])
            except Refused as error:
                if not _is_duplicate(error):
                    raise
        return stored

    def log(self, level: str, scope: str, message: str, *, at: int) -> None:
        """Send a log entry. level: trace, info, warn or error. at: Unix seconds."""
        self._post(f"/log/{level}", {"scope": scope, "message": message, "timestamp": at})

    # -- HTTP ---------------------------------------------------------------------------------

    def _post(self, path: str, body: Mapping[str, Any], *, known: bool = True) -> dict[str, Any]:
        return self._call("POST", path, body=body, known=known)

    def _call(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
        wait_s: float = 0.0,
        known: bool = True,
    ) -> dict[str, Any]:
        headers = {}
        if known and self.credentials is not None:
            headers["X-Worker-ID"] = str(self.credentials.worker_id)
            headers["X-Secret"] = self.credentials.secret
        try:
            answer = self._session().request(
                method,
                self.url + path,
                json=body,
                params=query,
                headers=headers,
                timeout=self.timeout_s + wait_s,
                allow_redirects=False,
            )
            document = answer.json()
        except requests.RequestException as error:
            raise Unreachable(str(error)) from error
        return _content(answer.status_code, document)

    def _session(self) -> requests.Session:
        found: requests.Session | None = getattr(self._local, "session", None)
        if found is None:
            found = self._local.session = requests.Session()
        return found


def _content(status: int, document: Any) -> dict[str, Any]:
    if status >= 500 or not isinstance(document, dict):
        raise Unreachable(f"the server answers {status}")
    message = str(document.get("message") or "")
    if status == 429:
        raise RateLimited(message, float(document.get("rate_limit_delay") or 1.0))
    if status >= 400:
        raise Refused(status, message)
    content = document.get("content")
    return content if isinstance(content, dict) else {}


def _is_duplicate(error: Refused) -> bool:
    return error.status == 400 and str(error).startswith(_FIRST_REJECTED)
