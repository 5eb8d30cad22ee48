"""A manager for one worker: it hands out what a test gives it and keeps what it is told."""

import email.parser
import email.policy
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Request:
    method: str
    path: str
    fields: dict = field(default_factory=dict)
    files: dict = field(default_factory=dict)


@dataclass
class Given:
    """A task to hand out: its words, and zips by path."""

    words: list
    job_id: int = 3
    jobfiles: list = field(default_factory=list)


class Drop(Exception):
    """Close the connection without an answer."""


class Manager(ThreadingHTTPServer):
    """requests: all that came, in order. log: a task's output as reported, by task id.

    meddle(request): called before a request is obeyed; may give a status to answer instead, or
    raise Drop. after(request): the same, once it was obeyed.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.requests: list[Request] = []
        self.waiting: list[tuple[int, Given]] = []
        self.tasks: dict[int, Given] = {}
        self.held: int | None = None
        self.zips: dict[str, bytes] = {}
        self.logs: dict[int, str] = {}
        self.ends: dict[int, Request] = {}
        self.known: set[int] = set()
        self.meddle: Callable[[Request], int | None] = lambda request: None
        self.after: Callable[[Request], None] = lambda request: None
        self.lock = threading.Lock()

    def give(self, *words, **options) -> int:
        """Put a task into the queue; gives its id."""
        with self.lock:
            number = len(self.tasks) + 12
            self.tasks[number] = Given([str(word) for word in words], **options)
            self.waiting.append((number, self.tasks[number]))
            return number

    def of(self, method, path):
        """Give the requests to one path."""
        with self.lock:
            return [one for one in self.requests if (one.method, one.path) == (method, path)]

    def obey(self, request: Request):  # noqa: PLR0911 - one for each route
        """Do what a request asks; gives status and body."""
        parts = request.path.partition("?")[0].strip("/").split("/")
        match (request.method, *parts):
            case ("POST", "workers"):
                number = max(self.known, default=0) + 1
                self.known = {number}
                return 200, {request.fields["hostname"]: {"id": number}}
            case ("PATCH", "workers", number):
                if int(number) not in self.known:
                    return 404, {"code": 404, "message": "no such worker"}
                if request.fields["status"] == "available" and self.held is None and self.waiting:
                    self.held, _ = self.waiting.pop(0)
                return 200, {"task_id": self.held, "status": "enabled"}
            case ("GET", "tasks", "compiled", number):
                given = self.tasks[int(number)]
                options = {"task_id": int(number), "job_id": given.job_id, "command": given.words}
                return 200, {"options": options, "files": {"jobfiles": given.jobfiles}}
            case ("PATCH", "tasks", number):
                return self.report(int(number), request)
            case ("POST", "tasks", "thumbnails"):
                return 204, None
            case ("GET", *_):
                found = self.zips.get(request.path)
                return (404, {}) if found is None else (200, found)
        return 400, {}

    def report(self, number: int, request: Request):
        fields = request.fields
        if "log" in fields:
            self.logs[number] = fields["log"]
        self.logs[number] = self.logs.get(number, "") + fields.get("log_append", "")
        if fields["status"] in ("finished", "failed", "aborted"):
            self.ends[number] = request
            self.held = None
        return 204, None


class Handler(BaseHTTPRequestHandler):
    def handle_any(self) -> None:
        request = Request(self.command, self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        kind = self.headers.get("Content-Type", "")
        if kind.startswith("multipart/form-data"):
            head = f"Content-Type: {kind}\r\n\r\n".encode()
            whole = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
            for part in whole.iter_parts():
                name = part.get_param("name", header="content-disposition")
                content = part.get_payload(decode=True)
                if part.get_filename():
                    request.files[name] = (part.get_filename(), content)
                else:
                    request.fields[name] = content.decode()
        elif body:
            request.fields = json.loads(body)
        try:
            self.answer(request)
        except Drop:
            self.close_connection = True

    def answer(self, request: Request) -> None:
        server: Manager = self.server
        with server.lock:
            status = server.meddle(request)
            if status is None:
                status, answer = server.obey(request)
            else:
                answer = {"code": status, "message": "meddled"}
            server.requests.append(request)
            server.after(request)
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        data = b"" if status == 204 else data
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = handle_any  # noqa: N815 - what http.server calls

    def log_message(self, *words) -> None:
        pass
