"""Who a worker is: its two headers, what may be wrong with them, and what is told first."""

import base64

import pytest

from tests.acceptance.task_tracker.client import UNREADABLE, Tracker, Worker
from tests.rotation import rotated, short

NO_ID = "worker id not specified"
NO_SECRET = "secret is not specified"
BAD_ID = "invalid worker id"
NOBODY = "worker id does not match any valid worker"
MISMATCH = "invalid secret"
SECRET = base64.b64encode(b"s" * 32).decode()
SUBMISSION = {"project": 1, "recipe": "r"}
ACCESS = {"project": 1, "assign": True}
ROUTES = [
    (401, "POST", "/worker/update", {"alias": "x"}),
    (401, "POST", "/project/request_access", ACCESS),
    (401, "POST", "/task/submit", SUBMISSION),
    (401, "POST", "/task/bulk_submit", {"requests": [SUBMISSION]}),
    (403, "GET", "/task/get/1", None),
    (403, "POST", "/task/release", {"task_id": 1}),
    (400, "POST", "/log/info", {"scope": "s", "message": "m", "timestamp": 1}),
]
CASES = [
    ({}, NO_ID),
    ({"X-Secret": SECRET}, NO_ID),
    ({"X-Worker-ID": "", "X-Secret": ""}, NO_ID),
    ({"X-Worker-ID": "1"}, NO_SECRET),
    ({"X-Worker-ID": "1", "X-Secret": ""}, NO_SECRET),
    ({"X-Worker-ID": "x"}, NO_SECRET),
    ({"X-Worker-ID": "x", "X-Secret": SECRET}, BAD_ID),
    ({"X-Worker-ID": "None", "X-Secret": "None"}, BAD_ID),
    ({"X-Worker-ID": "1.0", "X-Secret": SECRET}, BAD_ID),
    ({"X-Worker-ID": "1e3", "X-Secret": SECRET}, BAD_ID),
    ({"X-Worker-ID": "0x1", "X-Secret": SECRET}, BAD_ID),
    ({"X-Worker-ID": "1 2", "X-Secret": SECRET}, BAD_ID),
    ({"X-Worker-ID": "1,2", "X-Secret": SECRET}, BAD_ID),
    ({"X-Worker-ID": "٣".encode(), "X-Secret": SECRET}, BAD_ID),
    ({"X-Worker-ID": b"\xff\xfe", "X-Secret": SECRET}, BAD_ID),
    ({"X-Worker-ID": "9" * 3000, "X-Secret": SECRET}, BAD_ID),
    ({"X-Worker-ID": "99999999", "X-Secret": SECRET}, NOBODY),
    ({"X-Worker-ID": "99999999", "X-Secret": "None"}, NOBODY),
    ({"X-Worker-ID": "0", "X-Secret": SECRET}, NOBODY),
    ({"X-Worker-ID": str(2**63 - 1), "X-Secret": SECRET}, NOBODY),
]
SECRETS = {
    "another": SECRET,
    "None": "None",
    "no base64": "!!!!",
    "unpadded": SECRET.rstrip("="),
    "short": base64.b64encode(b"s" * 31).decode(),
    "long": base64.b64encode(b"s" * 33).decode(),
    "over-long": "A" * 7000,
    "latin": "ÿþ".encode("latin-1"),
    "UTF-8": "ключ".encode(),
    "url-safe": base64.urlsafe_b64encode(b"\xff" * 32).decode(),
    "padding": "====",
    "hex": "ab" * 32,
    "one": "A",
}


@pytest.mark.parametrize(("route", "case"), rotated(ROUTES, CASES, rounds=3), ids=short)
def test_what_is_wrong_is_told_in_order(tracker: Tracker, route, case):
    headers, message = case
    status, method, path, body = route
    answer = tracker.ask(method, path, headers=headers, json=body)
    assert answer.status_code == status
    assert answer.json()["message"] == (UNREADABLE if status == 400 else message)


@pytest.mark.parametrize(("route", "kind"), rotated(ROUTES, list(SECRETS), rounds=3), ids=short)
def test_a_wrong_secret(tracker: Tracker, shared: Worker, route, kind: str):
    status, method, path, body = route
    headers = {"X-Worker-ID": str(shared.id), "X-Secret": SECRETS[kind]}
    answer = tracker.ask(method, path, headers=headers, json=body)
    assert answer.status_code == status
    assert answer.json()["message"] == (UNREADABLE if status == 400 else MISMATCH)


@pytest.fixture(scope="module")
def shared(tracker: Tracker) -> Worker:
    return tracker.worker()


def test_the_secret_of_another_worker_is_wrong(tracker: Tracker, shared: Worker):
    other = Worker(tracker.worker().id, shared.secret)
    tracker.refused(401, MISMATCH, "POST", "/worker/update", other, json={"alias": "mine"})


@pytest.mark.parametrize("name", ["X-Worker-ID", "X-Worker-Id", "x-worker-id", "X-WORKER-ID"])
@pytest.mark.parametrize("secret", ["X-Secret", "x-secret", "X-SECRET"])
def test_header_names_match_in_any_case(tracker: Tracker, shared: Worker, name: str, secret: str):
    headers = {name: str(shared.id), secret: shared.secret}
    tracker.good("POST", "/worker/update", headers=headers, json={"alias": "x"})


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Worker-Id": "None", "X-Secret": "None"},
        {"X-Worker-Id": "-1", "X-Secret": "!"},
        {"X-Worker-Id": b"\xff", "X-Secret": b"\xff"},
        {"X-Secret": "A" * 7000},
        {"X-Worker-Id": "9" * 7000},
    ],
    ids=["None", "wrong", "latin", "long secret", "long id"],
)
@pytest.mark.parametrize(
    "route",
    [
        ("POST", "/worker/create", {"alias": "x"}),
        ("GET", "/worker/get/{}", None),
        ("GET", "/worker/stats", None),
        ("GET", "/project/list", None),
        ("POST", "/logs", {"since": 1}),
        ("GET", "/account", None),
    ],
)
def test_routes_without_workers_ignore_the_headers(
    tracker: Tracker, shared: Worker, route, headers
):
    method, path, body = route
    answer = tracker.ask(method, path.format(shared.id), headers=headers, json=body)
    assert answer.status_code == 200


def test_identity_is_told_before_the_body_is_read(tracker: Tracker, shared: Worker):
    for status, method, path, _ in ROUTES:
        if method == "POST" and status != 400 and path != "/project/request_access":
            tracker.refused(status, NO_ID, method, path, data="{")
    # Asking for access reads the body first.
    path = "/project/request_access"
    tracker.refused(400, UNREADABLE, "POST", path, data="{")
    tracker.refused(400, "Invalid request", "POST", path, json={"project": 1})
    tracker.refused(401, NO_ID, "POST", path, json=ACCESS)


def test_a_manager_is_no_worker(tracker: Tracker):
    tracker.refused(403, NO_ID, "GET", "/task/get/1", tracker.admin)
    tracker.refused(401, NO_ID, "POST", "/task/submit", tracker.admin, json=SUBMISSION)
