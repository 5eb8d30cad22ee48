"""One error shape on every route of the dialect."""

import re

import pytest

UNKNOWN = "0123456789abcdef" * 2
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH")


@pytest.fixture(scope="module")
def routes(server):
    """Return {path: its methods} as the document has them, ids filled in."""
    document = server.get("/api/docs/tork.json").json
    return {
        re.sub(r"\{\w+\}", UNKNOWN, path): set(METHODS) & {method.upper() for method in operations}
        for path, operations in document["paths"].items()
    }


def known_at(routes, path):
    """Give the methods of all routes that a path fits: `cancel` could be the id of a job."""
    fits = [other for other in routes if re.fullmatch(other.replace(UNKNOWN, "[^/]+"), path)]
    return set().union(*(routes[other] for other in fits))


def asked(path):
    """Give a path as it is asked for: verbs on many jobs want to know which."""
    return f"{path}?q=nothing-like-it" if re.fullmatch("/jobs/[a-z]+", path) else path


def assert_envelope(answer, status):
    assert answer.status == status
    assert answer.json.keys() == {"message"}
    assert isinstance(answer.json["message"], str)
    assert answer.json["message"]
    assert answer.headers["content-type"] == "application/json; charset=UTF-8"


def test_document_has_all_the_families(routes):
    families = {path.split("/")[1] for path in routes}
    assert families == {"jobs", "tasks", "nodes", "queues", "metrics", "scheduled-jobs", "users"}


def test_every_method_a_path_does_not_know_is_405_with_allow(server, routes):
    tried = 0
    for path in routes:
        known = known_at(routes, path)
        for method in set(METHODS) - known:
            answer = server.request(method, path)
            assert_envelope(answer, 405)
            assert answer.json == {"message": "Method Not Allowed"}
            assert known <= set(answer.headers["allow"].split(", ")), (method, path)
            tried += 1
    assert tried > 30


def test_every_path_below_the_families_that_is_unknown_is_404(server, routes):
    for path in routes.keys() - {"/metrics"}:
        for tail in ("/", "/nope", "//", "/%00", "/nope/" + "x" * 500):
            assert_envelope(server.get(path + tail), 404)


def test_every_id_that_is_unknown_is_404(server, routes):
    for path, known in routes.items():
        if UNKNOWN in path:
            for method in known:
                assert_envelope(server.request(method, path), 404)


def test_every_body_that_is_too_large_is_413_or_unread(server, routes):
    for path, known in routes.items():
        for method in known:
            body, kind = b"x" * 600_000, {"Content-Type": "text/yaml"}
            answer = server.request(method, asked(path), body, kind)
            if method == "POST" and UNKNOWN not in path:
                assert_envelope(answer, 413)
            else:
                assert answer.status in (200, 404)


def test_every_route_says_503_while_the_store_does_not_answer(servers, routes):
    broken = servers.start(migrated=False)
    assert broken.get("/health").status == 503
    count = 0
    for path, known in routes.items():
        for method in known if UNKNOWN in path else known - {"POST"}:
            answer = broken.request(method, asked(path))
            assert_envelope(answer, 503)
            count += 1
    assert count > 10
    body = {"name": "n", "tasks": [{"name": "t"}]}
    assert_envelope(broken.post("/jobs", body), 503)


@pytest.mark.parametrize(
    ("family", "path"),
    [
        ("jobs", "/jobs"),
        ("jobs", "/scheduled-jobs"),
        ("tasks", f"/tasks/{UNKNOWN}"),
        ("nodes", "/nodes"),
        ("queues", "/queues"),
        ("metrics", "/metrics"),
    ],
)
def test_family_that_is_off_is_not_found(off, family, path):
    assert off[family].get(path).json == {"message": "Not Found"}
    assert off[family].get(path).status == 404
    other = "/nodes" if family != "nodes" else "/queues"
    assert off[family].get(other).status == 200


@pytest.fixture(scope="module")
def off(servers):
    """Return applications with one family off each, made when asked for."""

    class Made(dict):
        def __missing__(self, family):
            toml = f"[tork]\ncoordinator.api.endpoints.{family} = false\n"
            self[family] = servers.inside(toml)
            return self[family]

    return Made()


def test_whole_dialect_can_be_moved(servers):
    moved = servers.inside("[tork]\nprefix = '/work/tork'\n")
    job_id = moved.post("/work/tork/jobs", {"name": "n", "tasks": [{"name": "t"}]}).json["id"]
    assert moved.get(f"/work/tork/jobs/{job_id}").status == 200
    assert moved.get("/work/tork/metrics").json["jobs"] == {"running": 0}
    assert_envelope(moved.get("/work/tork/nope"), 404)
    assert moved.get("/jobs").status == 404
    assert moved.get("/metrics").status == 404
    assert moved.get("/metrics", Accept="text/plain").status == 200
    assert "/work/tork/jobs" in moved.get("/api/docs/tork.json").json["paths"]


def test_whole_dialect_can_be_off(servers):
    without = servers.inside("[tork]\nenabled = false\n")
    for path in ("/jobs", "/queues", f"/tasks/{UNKNOWN}", "/api/docs/tork.json"):
        assert without.get(path).status == 404
    assert without.get("/health").json["status"] == "UP"


def test_cors_headers_are_sent_by_the_settings_alone(server, servers):
    origin = {"Origin": "https://ui.example.org"}
    assert "access-control-allow-origin" not in server.get("/jobs", **origin).headers
    toml = "[tork.middleware.web.cors]\nenabled = true\norigins = 'https://ui.example.org'\n"
    shared = servers.inside(toml + "credentials = true\n")
    headers = shared.get("/nope-" + "jobs", **origin).headers
    assert "access-control-allow-origin" not in headers
    for path, status in (("/jobs", 200), ("/jobs/nope", 404)):
        answer = shared.get(path, **origin)
        assert answer.status == status
        assert answer.headers["access-control-allow-origin"] == "https://ui.example.org"
        assert answer.headers["access-control-allow-credentials"] == "true"
    stranger = shared.get("/jobs", Origin="https://evil.example.org").headers
    assert "access-control-allow-origin" not in stranger
    preflight = shared.request(
        "OPTIONS",
        "/jobs",
        headers={
            **origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        },
    )
    assert preflight.status == 204
    assert preflight.headers["access-control-allow-methods"] == "POST"
    assert preflight.headers["access-control-allow-headers"] == "content-type"
