"""What hostile and broken clients send: no 5xx, no hang, one form of errors, nothing stored."""

import contextlib
import json
import socket
import uuid
from urllib.parse import urlsplit

import pytest

from tests.acceptance.tork.client import Tork
from tests.rotation import rotated, short
from tests.yard import eventually

NOBODY = "facade00facade00facade00facade00"
PATHS = [
    "/jobs", f"/jobs/{NOBODY}", f"/jobs/{NOBODY}/cancel", f"/jobs/{NOBODY}/restart",
    f"/jobs/{NOBODY}/log", f"/tasks/{NOBODY}", f"/tasks/{NOBODY}/log", "/nodes", "/queues",
    "/queues/nope", "/metrics", "/users", "/scheduled-jobs", f"/scheduled-jobs/{NOBODY}",
    f"/scheduled-jobs/{NOBODY}/pause", f"/scheduled-jobs/{NOBODY}/resume",
]  # fmt: skip
TAG = f"g{uuid.uuid4().hex}"
BODY = f"name: g\ntags: [{TAG}]\ntasks: [{{name: t, if: 'false'}}]\n".encode()
STORED: list[str] = []


class Answer:
    """One answer from a raw socket. status: 0 when the server just closed the connection."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body


def connect(tork: Tork) -> socket.socket:
    where = urlsplit(tork.url)
    connection = socket.create_connection((where.hostname, where.port), timeout=60)
    connection.settimeout(60)
    return connection


def send(connection: socket.socket, data: bytes) -> None:
    try:
        connection.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        return  # it has answered already and goes away


def read(stream, method: str = "GET") -> Answer:
    """Read one answer; a connection that is closed or reset without one is an answer too."""
    try:
        line = stream.readline(65536)
        if not line:
            return Answer(0, {}, b"")
        status = int(line.split()[1])
        headers = {}
        while (line := stream.readline(65536)) not in (b"\r\n", b""):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        if status == 100:
            return read(stream, method)
        length = int(headers.get("content-length", 0))
        body = b"" if method == "HEAD" else stream.read(length)
    except ConnectionResetError:
        return Answer(0, {}, b"")
    return Answer(status, headers, body)


def exchange(tork: Tork, data: bytes, method: str = "GET") -> Answer:
    with connect(tork) as connection:
        send(connection, data)
        with connection.makefile("rb") as stream:
            return read(stream, method)


def request(
    method: str, path: str, headers: str = "", body: bytes = b"", length: int = -1
) -> bytes:
    size = (
        f"Content-Length: {len(body) if length < 0 else length}\r\n" if body or length >= 0 else ""
    )
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}{size}Connection: close\r\n\r\n"
    return head.encode("latin-1") + body


def check(answer: Answer, *statuses: int) -> None:
    assert answer.status < 500, (answer.status, answer.body)
    if statuses:
        assert answer.status in statuses, (answer.status, answer.body)
    if answer.status >= 400 and answer.body:
        assert answer.headers["content-type"].startswith("application/json"), answer.headers
        found = json.loads(answer.body)
        assert list(found) == ["message"]
        assert isinstance(found["message"], str)
        assert found["message"]


@pytest.fixture(autouse=True, scope="module")
def nothing_is_stored(tork: Tork):
    yield
    assert tork.get("/jobs", q=f"tag:{TAG}")["totalItems"] == len(STORED)
    tork.done("exit 0")


def stored(answer: Answer) -> None:
    check(answer, 200)
    STORED.append(json.loads(answer.body)["id"])


METHODS = [
    "HEAD", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "G E T", "X" * 300, "\x00", "GÉT", "-",
]  # fmt: skip


@pytest.mark.parametrize(("path", "method"), rotated(PATHS, METHODS, rounds=4), ids=short)
def test_methods(tork: Tork, path: str, method: str):
    answer = exchange(tork, request(method, path), method)
    check(answer)
    if method in ("TRACE", "PROPFIND"):
        check(answer, 405)
    if method == "HEAD":
        assert answer.body == b""


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\r\n\r\n", b"\x00\x01\x02\xff\xfe", b"GET\r\n\r\n", b"GET /jobs\r\n\r\n", b"GET /jobs HTTP/9.9\r\n\r\n",
        b"GET /jobs HTTP/1.1\r\nHost x\r\n\r\n", b"GET /jobs HTTP/1.1\r\n: x\r\n\r\n", b"GET /jobs HTTP/1.1\r\nA: \x00\r\n\r\n",
        b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n", b"GET /jobs?q=" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /jobs HTTP/1.1\r\nA: " + b"x" * 100_000 + b"\r\n\r\n",
        b"GET /jobs HTTP/1.1\r\n" + b"".join(b"A%d: x\r\n" % n for n in range(1000)) + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /jobs HTTP/1.1\nHost: x\n\n", b"GET http://other/jobs HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET * HTTP/1.1\r\nHost: x\r\n\r\n", b"POST /jobs HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /jobs HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST /jobs HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"POST /jobs HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\nx",
        b"POST /jobs HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        b"POST /jobs HTTP/1.1\r\nTransfer-Encoding: nope\r\n\r\nx",
        b"POST /jobs HTTP/1.1\r\nContent-Type: text/yaml\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nname: x\r\n0\r\n\r\n",
        b"POST /jobs HTTP/1.1\r\nContent-Type: text/yaml\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    ],
)  # fmt: skip
def test_what_is_no_request(tork: Tork, data: bytes):
    with connect(tork) as connection:
        send(connection, data)
        with contextlib.suppress(OSError):  # it may have hung up already
            connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as stream:
            answer = read(stream)
    check(answer)


TAILS = [
    "%00", "%ff", "%FF%FE", "%c0%80", "%ed%a0%80", "%2e%2e", "%2f", "%25", "%", "%z", "%0a", "%0d%0aX:%20y", "a%20b", "..;/", "\\", "'", '"', "<x>",
     "{}", "|", "^", "`", "\xff\xfe", "\xe9", "x" * 4000, "%F0%9F%92%A9", "//", "./.", "*", "+", ";", "@", "=", "0x", "-1", "1e9", "null",
]  # fmt: skip
ROOTS = ["/jobs/", "/tasks/", "/queues/", "/scheduled-jobs/", "/nodes/", "/metrics/", "/users/"]


@pytest.mark.parametrize(("root", "tail"), rotated(ROOTS, TAILS, rounds=2), ids=short)
def test_paths(tork: Tork, root: str, tail: str):
    for method, more in (
        ("GET", ""),
        ("PUT", "/cancel"),
        ("GET", "/log"),
        ("DELETE", ""),
        ("PUT", "/pause"),
    ):
        answer = exchange(tork, request(method, f"{root}{tail}{more}"))
        check(answer)
        assert answer.status >= 400 or answer.status == 0


@pytest.mark.parametrize(
    "query",
    ["q=%00", "q=%ff", "q=%ed%a0%80", "page=%00", "size=%ff", "page=1&page=2", "page", "page=", "size=", "q", "&&&", "=", "%", "%zz", "page=+1",
     "q=" + "x" * 4000, "q=" + "%20a" * 1500, "page=" + "9" * 4000, "size=-0", "page=1;size=2", "q[]=1", "page[$gt]=1", "\xff=\xff", "q=tag:%00",
     "q=tags:" + "a," * 1500, "page=%31", "page=%D9%A1"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/jobs", "/scheduled-jobs", "log"])
def test_queries(tork: Tork, path: str, query: str):
    if path == "log":
        path = f"/jobs/{NOBODY}/log"
    check(exchange(tork, request("GET", f"{path}?{query}")), 200, 400, 404)


@pytest.mark.parametrize(
    "headers",
    [
        "Content-Type: text/yaml\r\nContent-Type: application/json\r\n", "Content-Type:\r\n", "Content-Type: ;\r\n",
        "Content-Type: \xff\r\n", "Content-Type: text/yaml,application/json\r\n", "Content-Type: multipart/form-data\r\n",
        "Content-Type: multipart/form-data; boundary=x\r\n", "Content-Type: application/x-www-form-urlencoded\r\n",
        "Content-Type: " + "x" * 4000 + "\r\n", "Content-Type: text/yaml\r\nContent-Encoding: gzip\r\nX-Bad: \x80\r\n",
    ],
)  # fmt: skip
def test_content_types(tork: Tork, headers: str):
    for path in ("/jobs", "/scheduled-jobs", "/users"):
        answer = exchange(tork, request("POST", path, headers, b"\xff\xfe{]"))
        check(answer, 400)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"5", b'"x"', b"\xff", b'{"username": 5, "password": []}', b'{"username": null}', b"[" * 100_000, b'{"username":"a","password":"\\u0000"}',
     b'{"username":"\\ud800","password":"x"}', b'{"username":"a\\u0000b","password":"x"}', b'{"username":"' + b"x" * 400_000 + b'"}', b"a=b"],
)  # fmt: skip
def test_users_take_no_garbage(tork: Tork, body: bytes):
    check(
        exchange(tork, request("POST", "/users", "Content-Type: application/json\r\n", body)), 400
    )


YAML = "Content-Type: text/yaml\r\n"


def chunked(body: bytes, size: int) -> bytes:
    pieces = [body[place : place + size] for place in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def test_chunked_bodies(tork: Tork):
    head = request("POST", "/jobs", f"{YAML}Transfer-Encoding: chunked\r\n")
    stored(exchange(tork, head + chunked(BODY, 7)))
    check(exchange(tork, head + chunked(BODY + b"# " + b"x" * 600_000, 50_000)), 413)
    check(exchange(tork, head + chunked(b"", 1)), 400)


@pytest.mark.parametrize("path", ["/jobs", "/scheduled-jobs", "/users"])
def test_bodies_around_the_limit(tork: Tork, path: str):
    over = request("POST", path, YAML, b"#" * (500 * 1024 + 1))
    check(exchange(tork, over), 413)
    check(exchange(tork, request("POST", path, YAML, b"#" * (500 * 1024))), 400)
    # Only announced: the answer does not wait for it.
    check(exchange(tork, request("POST", path, YAML, b"x", length=10**9)), 413)


def test_bodies_where_none_belongs(tork: Tork):
    for path in PATHS:
        for method in ("GET", "PUT", "DELETE"):
            if (method, path) == ("DELETE", "/queues/default"):
                continue
            check(exchange(tork, request(method, path, YAML, b"\xff" * 1000)))
            check(exchange(tork, request(method, path, YAML, b"x" * (500 * 1024 + 1))))


def test_continue_is_answered(tork: Tork):
    with connect(tork) as connection, connection.makefile("rb") as stream:
        send(
            connection, request("POST", "/jobs", f"{YAML}Expect: 100-continue\r\n", b"", len(BODY))
        )
        assert stream.readline().split()[1] == b"100"
        assert stream.readline() == b"\r\n"
        send(connection, BODY)
        stored(read(stream))
    check(exchange(tork, request("GET", "/jobs", "Expect: nonsense\r\n")))


def test_pipelined_requests(tork: Tork):
    one = b"GET /queues HTTP/1.1\r\nHost: x\r\n\r\n"
    post = (
        b"POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Type: text/yaml\r\nContent-Length: %d\r\n\r\n%s"
    )
    with connect(tork) as connection, connection.makefile("rb") as stream:
        send(
            connection,
            one + post % (len(BODY), BODY) + one + b"GET /nope HTTP/1.1\r\nHost: x\r\n\r\n",
        )
        check(read(stream), 200)
        stored(read(stream))
        check(read(stream), 200)
        check(read(stream), 404)


def test_refused_bodies_do_not_become_the_next_request(tork: Tork):
    smuggled = b"DELETE /queues/default HTTP/1.1\r\nHost: x\r\n\r\n"
    head = b"POST /nope HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(smuggled)
    with connect(tork) as connection, connection.makefile("rb") as stream:
        send(
            connection,
            head + smuggled + b"GET /queues HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        )
        check(read(stream), 404)
        answer = read(stream)
        assert answer.status in (0, 200)
        assert answer.status == 0 or answer.body.startswith(b"[{")


def test_slow_and_broken_bodies(tork: Tork):
    slow = [connect(tork) for _ in range(20)]
    try:
        for connection in slow:
            send(connection, request("POST", "/jobs", YAML, b"", len(BODY) + 1000) + BODY[:10])
        # The others are served meanwhile.
        check(exchange(tork, request("GET", "/jobs")), 200)
        stored(exchange(tork, request("POST", "/jobs", YAML, BODY)))
        for connection in slow[:10]:
            connection.shutdown(socket.SHUT_WR)
            with connection.makefile("rb") as stream:
                check(read(stream), 0, 400)
    finally:
        for connection in slow:
            connection.close()
    check(exchange(tork, request("GET", "/jobs")), 200)


def test_a_body_in_single_bytes(tork: Tork):
    with connect(tork) as connection, connection.makefile("rb") as stream:
        for byte in request("POST", "/jobs", YAML, BODY):
            send(connection, bytes([byte]))
        stored(read(stream))


def test_clients_that_go_away_while_they_wait(tork: Tork):
    body = b'{"name": "w", "tasks": [{"name": "t", "run": "sleep 4713"}], "wait": {"timeout": "1h"}, "tags": ["goaway"]}'
    with connect(tork) as connection:
        send(connection, request("POST", "/jobs", "Content-Type: application/json\r\n", body))
        [job] = eventually(lambda: tork.get("/jobs", q="tag:goaway")["items"], "the job")
    assert tork.put(f"/jobs/{job['id']}/cancel")[0] == 200


@pytest.mark.parametrize(
    "name",
    [
        "X-Request-Id",
        "Cookie",
        "Authorization",
        "Accept",
        "Origin",
        "Range",
        "If-Match",
        "X-Forwarded-For",
        "Accept-Encoding",
        "Upgrade",
        "X-HTTP-Method-Override",
    ],
)
@pytest.mark.parametrize(
    "value",
    ["\xff", "", "x" * 4000, "*/*;q=x", "a=b; c", "Basic x", "bytes=0-", "DELETE", "websocket"],
)
def test_headers(tork: Tork, name: str, value: str):
    answer = exchange(tork, request("GET", "/jobs", f"{name}: {value}\r\n"))
    check(answer, 200, 400)
    answer = exchange(tork, request("GET", "/metrics", f"{name}: {value}\r\n"))
    check(answer, 200, 400)
