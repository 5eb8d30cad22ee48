"""The paths that are no dialect's, and what happens to those that are nobody's."""

import json

import pytest

UNKNOWN = "0123456789abcdef" * 2


def test_root_tells_programs_what_is_here_and_sends_browsers_to_the_pages(server):
    for accept in ({}, {"Accept": "*/*"}, {"Accept": "application/json"}):
        answer = server.get("/", **accept)
        assert answer.status == 200
        assert answer.json["ok"] is True
        assert answer.json["content"].keys() == {"name", "version"}
    browser = server.get("/", Accept="text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
    assert (browser.status, browser.headers["location"]) == (302, "/ui/")


def test_health_is_one_object_for_all(server):
    answer = server.get("/health")
    assert answer.status == 200
    document = answer.json
    assert (document["status"], document["isHealthy"]) == ("UP", True)
    assert document["version"]
    assert answer.headers["access-control-allow-origin"] == "*"
    elsewhere = server.get("/health", Origin="https://a.example.org").headers
    assert elsewhere["access-control-allow-origin"] == "https://a.example.org"


def test_health_says_down_while_the_store_does_not_answer(servers):
    broken = servers.start(migrated=False)
    answer = broken.get("/health")
    assert answer.status == 503
    assert (answer.json["status"], answer.json["isHealthy"]) == ("DOWN", False)
    assert broken.get("/").status == 200
    assert broken.get("/nope").json == {"message": "Not Found"}


@pytest.mark.parametrize(
    "path", ["/nope", "/uinope", "/static/x", "/api", "/Jobs", "/job", "/jobsx"]
)
def test_path_of_nobody_is_a_plain_404(server, path):
    answer = server.get(path)
    assert (answer.status, answer.json) == (404, {"message": "Not Found"})
    assert answer.headers["content-type"] == "application/json"


def test_known_path_with_another_method_names_those_it_knows(server):
    answer = server.request("DELETE", "/health")
    assert (answer.status, answer.json) == (405, {"message": "Method Not Allowed"})
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize(
    "path",
    [
        "//", "//jobs", "/jobs//", "/jobs/", "/./jobs", "/../jobs", "/health/", "/api/docs/x",
        "/api/docs//", "/%2e%2e/%2e%2e/etc/passwd", "/api/docs/files/../routes.py",
        "/api/docs/files/%2e%2e%2froutes.py", "/api/docs/files/index.css", "/api/docs/x.json",
        "/jobs%2F", "/%6Aobs%00", "/\\jobs", "/jobs;a=b",
    ],
)  # fmt: skip
def test_odd_path_is_not_found_and_never_a_redirect(server, path):
    answer = server.get(path)
    assert answer.status == 404
    assert "message" in answer.json


HEAD = b" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
PARTS = b"Content-Type: multipart/form-data; boundary=x\r\n"


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /%zz%" + HEAD + b"\r\n",
        b"GET /jobs?q=%zz%ff%" + HEAD + b"\r\n",
        b"GET /jobs?" + b"&" * 4000 + HEAD + b"\r\n",
        b"GET /jobs?" + b"a=b&" * 1500 + HEAD + b"\r\n",
        b"GET /\xff\xfe" + HEAD + b"\r\n",
        b"GET /jobs/\xc3\x28" + HEAD + b"\r\n",
        b"GET /jobs?q=\xff\x00" + HEAD + b"\r\n",
        b"GET /" + b"x" * 8000 + HEAD + b"\r\n",
        b"GET /" + b"x" * 90_000 + HEAD + b"\r\n",
        b"GET /health" + HEAD + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
        b"GET /health" + HEAD + b"A: b\r\n" * 200 + b"\r\n",
        b"GET /health" + HEAD + b"X-Request-Id: \xff\xfe\r\n\r\n",
        b"GET /health" + HEAD + b"Accept: ;;;,,,q=\r\n\r\n",
        b"GET /health" + HEAD + b"Accept: text/html;q=abc;q=\r\n\r\n",
        b"GET /health" + HEAD + b"Origin: \xe9\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: [::1\r\nConnection: close\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n",
        b"GET /health HTTP/1.1\r\nConnection: close\r\n\r\n",
        b"GET http://h/health" + HEAD + b"\r\n",
        b"OPTIONS *" + HEAD + b"\r\n",
        b"BREW /jobs" + HEAD + b"\r\n",
        b"GET /jobs" + HEAD + b"Content-Length: -1\r\n\r\n",
        b"POST /jobs" + HEAD + b"Content-Length: 10\r\n\r\nabc",
        b"POST /jobs" + HEAD + b"Content-Type: application/json\r\nContent-Length: 3\r\n\r\nab",
        b"POST /jobs" + HEAD + b"Content-Type: \xff\r\nContent-Length: 2\r\n\r\nab",
        b"POST /jobs" + HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /users" + HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /users" + HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}",
        b"POST /ui/login" + HEAD + FORM + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /ui/login" + HEAD + FORM + b"Transfer-Encoding: chunked\r\n\r\n2\r\na=",
        b"POST /ui/login" + HEAD + PARTS + b"Transfer-Encoding: chunked\r\n\r\n2\r\n--",
        b"POST /tasks" + HEAD + PARTS + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /health" + HEAD + b'Range: bytes=9-1\r\nIf-None-Match: "\xff\r\n\r\n',
        b"GET /api/docs/files/docs.js" + HEAD + b"Range: bytes=a-b,,9999-\r\n\r\n",
        b"GET /api/docs/files/docs.js" + HEAD + b"If-Modified-Since: never\r\n\r\n",
        b"GET /health" + HEAD + b"Cookie: \xff=\x01;;=\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)  # fmt: skip
def test_no_bytes_make_a_server_error(server, request_bytes):
    received = server.raw(request_bytes)
    status = received.split(b"\r\n")[0]
    assert not status.startswith((b"HTTP/1.1 5", b"HTTP/1.0 5")), received[:300]
    assert server.get("/health").status == 200


def test_request_id_is_taken_when_sane_and_made_otherwise(server):
    sane = server.get("/health", X_Request_Id="client-17/3:a")
    assert sane.headers["x-request-id"] == "client-17/3:a"
    made = {server.get("/health").headers["x-request-id"] for _ in range(3)}
    assert len(made) == 3
    for bad in ("a b", "x" * 129, '"', ""):
        given = server.get("/health", X_Request_Id=bad).headers["x-request-id"]
        assert given != bad
        assert len(given) == 32


def test_each_request_has_one_line_with_its_id_and_no_query(servers):
    quiet = servers.start(
        "[tork]\nmiddleware.web.logger.level = 'info'\n", JOBYARD_LOG_LEVEL="info"
    )
    quiet.get("/jobs?q=private-words", X_Request_Id="line-1")
    quiet.get("/health", X_Request_Id="line-2")
    quiet.get("/nope", X_Request_Id="line-3")
    quiet.stop()
    lines = {line["request_id"]: line for line in quiet.lines() if line["event"] == "request"}
    assert lines.keys() == {"line-1", "line-3"}
    line = lines["line-1"]
    assert (line["method"], line["path"], line["status"]) == ("GET", "/jobs", 200)
    assert (line["dialect"], line["client"]) == ("tork", "127.0.0.1")
    assert "private-words" not in quiet.log.read_text()


def test_forwarded_headers_are_believed_only_from_proxies_that_are_set(server, servers):
    forged = {"X_Forwarded_For": "203.0.113.9", "X_Forwarded_Proto": "https"}

    def client(of):
        of.get("/nope", X_Request_Id="forwarded", **forged)
        of.stop()
        [line] = [each for each in of.lines() if each.get("path") == "/nope"]
        return line["client"]

    assert client(servers.start()) == "127.0.0.1"
    assert client(servers.start("trusted_proxies = 1\n")) == "203.0.113.9"


def test_every_answer_forbids_guessing_its_type(server):
    for path in ("/", "/jobs", "/nope", "/api/docs/"):
        assert server.get(path).headers["x-content-type-options"] == "nosniff"


def test_docs_page_answers_with_and_without_the_slash(server):
    assert server.get("/api/docs").body == server.get("/api/docs/").body


def test_docs_page_needs_nothing_but_this_server(server):
    page = server.get("/api/docs/")
    assert page.status == 200
    policy = page.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "default-src 'none'" in policy
    text = page.body.decode()
    assert "://" not in text
    assert "<script>" not in text
    for name in (
        "swagger-ui.css", "swagger-ui-bundle.js", "swagger-ui-standalone-preset.js", "docs.js",
        "docs.css", "favicon-32x32.png",
    ):  # fmt: skip
        assert f"/api/docs/files/{name}" in text
        assert server.get(f"/api/docs/files/{name}").status == 200


def test_every_dialect_has_a_document_of_its_own(server):
    for name in ("tork", "jobyard", "system"):
        answer = server.get(f"/api/docs/{name}.json")
        assert answer.status == 200
        document = answer.json
        assert document["openapi"].startswith("3.")
        assert document["paths"]
        # Every reference leads somewhere.
        text = json.dumps(document)
        for reference in {part.split('"')[0] for part in text.split('"$ref": "#/')[1:]}:
            found = document
            for key in reference.split("/"):
                found = found[key]
            assert found
