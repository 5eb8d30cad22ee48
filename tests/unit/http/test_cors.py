"""Cross-origin headers by each dialect's own rules."""

from flask import Flask, request

from app.api.http.cors import Cors

APP = Flask("test")


def answer(cors, path="/", method="GET", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with APP.test_request_context(path, method=method, headers=named):
        return dict(cors.answer_headers(request)), cors.preflight(request)


def test_every_origin_is_answered_with_a_star_and_never_with_credentials():
    headers, _ = answer(Cors(credentials=True), Origin="https://a")
    assert headers == {"Access-Control-Allow-Origin": "*"}


def test_named_origins_alone_are_answered():
    cors = Cors(origins=("https://a",), credentials=True)
    headers, _ = answer(cors, Origin="https://a")
    assert headers["Access-Control-Allow-Origin"] == "https://a"
    assert headers["Access-Control-Allow-Credentials"] == "true"
    assert answer(cors, Origin="https://a.b")[0] == {}
    assert answer(cors)[0] == {}


def test_preflight_is_one_only_when_it_asks_for_a_method():
    asked = {"Origin": "https://a", "Access_Control_Request_Method": "PUT"}
    assert answer(Cors(), method="OPTIONS", Origin="https://a")[1] is None
    assert answer(Cors(), **asked)[1] is None
    found = answer(Cors(), method="OPTIONS", **asked)[1]
    assert found.status_code == 204
    assert found.headers["Access-Control-Allow-Methods"] == "PUT"
    strict = Cors(methods=("GET", "POST"), headers=("X-A",))
    found = answer(strict, method="OPTIONS", **asked)[1]
    assert found.headers["Access-Control-Allow-Methods"] == "GET, POST"
    assert found.headers["Access-Control-Allow-Headers"] == "X-A"
    stranger = Cors(origins=("https://b",))
    assert answer(stranger, method="OPTIONS", **asked)[1] is None


def test_echo_is_for_its_paths_alone():
    cors = Cors(echo=True, only=frozenset({"/health"}), methods=("GET",))
    assert (
        answer(cors, "/health", Origin="https://a")[0]["Access-Control-Allow-Origin"] == "https://a"
    )
    assert answer(cors, "/health")[0]["Access-Control-Allow-Origin"] == "*"
    assert answer(cors, "/else", Origin="https://a")[0] == {}
