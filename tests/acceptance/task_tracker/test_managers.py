"""Managers: registering, logging in and out, sessions, who is admin."""

import pytest
import requests

from tests.acceptance.task_tracker.client import (
    PASSWORD,
    UNAUTHORIZED,
    UNREADABLE,
    Manager,
    Tracker,
    now,
    token_of,
    unique,
)
from tests.acceptance.task_tracker.extras import Desk, serving

INVALID = "Invalid register request"
WRONG = "Invalid username/password"
BAD_PASSWORD = "Invalid password"


@pytest.fixture(scope="module")
def plain(tracker: Tracker) -> Manager:
    return tracker.manager()


def credentials(username: str, password: str = PASSWORD) -> dict[str, str]:
    return {"username": username, "password": password}


def log_in(tracker: Tracker, who: Manager, **options) -> requests.Response:
    answer = tracker.ask("POST", "/login", json=credentials(who.username), **options)
    assert answer.status_code == 200, answer.text
    return answer


def again(tracker: Tracker, who: Manager) -> Manager:
    """Log in once more."""
    return Manager(who.id, who.username, token_of(log_in(tracker, who)))


def test_registering_logs_in(tracker: Tracker):
    name = unique("u")[:16]
    before = now()
    answer = tracker.ask("POST", "/register", json=credentials(name))
    assert answer.json() == {"ok": True}
    who = Manager(0, name, token_of(answer))
    found = tracker.good("GET", "/account", who)
    assert found["logged_in"] is True
    manager = found["manager"]
    assert before <= manager.pop("register_time") <= now() + 1
    assert manager.pop("id") > tracker.admin.id
    assert manager == {"username": name, "tracker_admin": False}


def test_logging_in_shows_the_manager(tracker: Tracker, plain: Manager):
    shown = log_in(tracker, plain).json()
    account = tracker.good("GET", "/account", plain)["manager"]
    assert shown == {"ok": True, "content": {"manager": account}}
    assert set(account) == {"id", "username", "tracker_admin", "register_time"}


def test_the_first_one_is_admin(tracker: Tracker):
    account = tracker.good("GET", "/account", tracker.admin)["manager"]
    assert account["tracker_admin"] is True
    managers = tracker.good("GET", "/manager/list", tracker.admin)["managers"]
    assert account in managers
    assert [one["id"] for one in managers] == sorted(one["id"] for one in managers)


NAMES = {
    "least": ("abc", PASSWORD, True),
    "at most": ("a" * 16, PASSWORD, True),
    "bytes at most": ("ü" * 8, PASSWORD, True),
    "short": ("ab", PASSWORD, False),
    "short, in letters": ("ü", PASSWORD, False),
    "long": ("a" * 17, PASSWORD, False),
    "long, in bytes": ("ü" * 8 + "a", PASSWORD, False),
    "none": ("", PASSWORD, False),
    "NUL": ("abc\0", PASSWORD, False),
    "least password": ("{}", "12345678", True),
    "password at most": ("{}", "p" * 1024, True),
    "short password": ("{}", "1234567", False),
    "password in bytes": ("{}", "üüüü", True),
    "long password": ("{}", "p" * 1025, False),
    "no password": ("{}", "", False),
    "NUL in password": ("{}", "1234567\0", False),
}


@pytest.mark.parametrize("kind", NAMES)
def test_limits_of_names_and_passwords(tracker: Tracker, kind: str):
    name, password, good = NAMES[kind]
    body = credentials(name.format(unique("n")[:16]) if name == "{}" else name, password)
    if good:
        tracker.post("/register", **body)
        assert tracker.post("/login", **body)["manager"]["username"] == body["username"]
    else:
        tracker.refused(400, INVALID, "POST", "/register", json=body)
        tracker.refused(403, WRONG, "POST", "/login", json=body)


@pytest.mark.parametrize("body", [{"username": 5}, {"password": 5}, {"username": ["x"]}])
@pytest.mark.parametrize("path", ["/register", "/login"])
def test_what_is_no_name(tracker: Tracker, path: str, body: dict):
    tracker.refused(400, UNREADABLE, "POST", path, json={**credentials("abc"), **body})


def test_a_name_is_given_once_and_case_matters(tracker: Tracker):
    name = unique("Name")[:16]
    tracker.post("/register", **credentials(name))
    answer = tracker.ask("POST", "/register", json=credentials(name, "another password"))
    assert (answer.status_code, answer.json()["ok"]) == (400, False)
    assert "duplicate" in answer.json()["message"]
    assert "Set-Cookie" not in answer.headers
    tracker.refused(403, WRONG, "POST", "/login", json=credentials(name, "another password"))
    tracker.post("/register", **credentials(name.swapcase(), "another password"))
    tracker.refused(403, WRONG, "POST", "/login", json=credentials(name.swapcase()))
    tracker.post("/login", **credentials(name))


def test_wrong_names_and_passwords_are_told_alike(tracker: Tracker, plain: Manager):
    wrong = credentials(plain.username, "wrong password")
    nobody = credentials(unique("x")[:16])
    answers = [tracker.ask("POST", "/login", json=body) for body in (wrong, nobody, {})]
    assert len({(answer.status_code, answer.text) for answer in answers}) == 1
    assert answers[0].json() == {"ok": False, "message": WRONG}
    assert all("Set-Cookie" not in answer.headers for answer in answers)


# -- sessions ---------------------------------------------------------------------------------


def cookie_of(answer: requests.Response) -> dict[str, str]:
    (text,) = [one for one in answer.raw.headers.getlist("Set-Cookie") if one.startswith("tt=")]
    pairs = (part.strip().partition("=") for part in text.split(";"))
    return {name.lower(): value for name, _, value in pairs}


def test_the_cookie(tracker: Tracker, plain: Manager):
    cookie = cookie_of(log_in(tracker, plain))
    assert len(cookie["tt"]) >= 32
    assert (cookie["max-age"], cookie["path"], cookie["samesite"]) == ("28800", "/", "Lax")
    assert "httponly" in cookie
    assert "domain" not in cookie
    name = unique("n")[:16]
    registered = cookie_of(tracker.ask("POST", "/register", json=credentials(name)))
    assert {**registered, "tt": "", "expires": ""} == {**cookie, "tt": "", "expires": ""}


def test_nobody(tracker: Tracker):
    for headers in (
        {},
        {"Cookie": "tt="},
        {"Cookie": "tt=x"},
        {"Cookie": "tt=" + "x" * 5000},
        {"Cookie": b"tt=\xff\xfe"},
        {"Cookie": "other=1; tt"},
    ):
        answer = tracker.ask("GET", "/account", headers=headers)
        assert answer.status_code == 200
        assert answer.json() == {"ok": False, "content": {"logged_in": False}}
        tracker.refused(401, UNAUTHORIZED, "GET", "/manager/list", headers=headers)


def test_a_session_is_good_in_every_process(tracker: Tracker, plain: Manager):
    for _ in range(20):
        assert tracker.good("GET", "/account", plain)["manager"]["id"] == plain.id


def test_logging_out_ends_the_session(tracker: Tracker, plain: Manager):
    one, other = again(tracker, plain), again(tracker, plain)
    answer = tracker.ask("GET", "/logout", one)
    assert (answer.status_code, answer.content) == (204, b"")
    assert cookie_of(answer)["tt"] == ""
    for _ in range(6):
        tracker.refused(401, UNAUTHORIZED, "GET", "/manager/list", one)
    # Other browsers of the same person stay logged in.
    tracker.good("GET", "/manager/list", other)
    for headers in ({}, one.headers, {"Cookie": "tt=x"}):
        assert tracker.ask("GET", "/logout", headers=headers).status_code == 204


def test_a_new_password_ends_all_other_sessions(tracker: Tracker):
    who = tracker.manager()
    other = again(tracker, who)
    words = {"old_password": PASSWORD, "new_password": "another secret"}
    tracker.refused(401, UNAUTHORIZED, "POST", "/account/password", json=words)
    for wrong in ({"old_password": "guessed it"}, {"old_password": "", "new_password": PASSWORD}):
        tracker.refused(403, WRONG, "POST", "/account/password", who, json={**words, **wrong})
    for bad in ("short", "x" * 1025, "with \0 inside"):
        bad_words = {**words, "new_password": bad}
        tracker.refused(400, BAD_PASSWORD, "POST", "/account/password", who, json=bad_words)
    answer = tracker.ask("POST", "/account/password", who, json=words)
    assert (answer.status_code, answer.content) == (204, b"")
    for ended in (who, other):
        tracker.refused(401, UNAUTHORIZED, "GET", "/manager/list", ended)
    tracker.good("GET", "/manager/list", Manager(who.id, who.username, token_of(answer)))
    tracker.refused(403, WRONG, "POST", "/login", json=credentials(who.username))
    fresh = credentials(who.username, "another secret")
    assert tracker.ask("POST", "/login", json=fresh).status_code == 200


def test_registration_may_be_closed():
    with serving(TT_SESSION_OPEN_REGISTRATION="false") as yard:
        Desk(yard)  # the first one registers
        words = credentials("second")
        answer = requests.post(f"{yard.url}/register", json=words, timeout=60)
        assert answer.status_code == 403
        assert answer.json() == {"ok": False, "message": "Registration is closed"}


def test_a_session_is_never_taken_from_the_browser(tracker: Tracker, plain: Manager):
    planted = "planted-by-somebody-else-0123456789abcdef"
    answer = log_in(tracker, plain, headers={"Cookie": f"tt={planted}"})
    assert token_of(answer) != planted
    headers = {"Cookie": f"tt={planted}"}
    tracker.refused(401, UNAUTHORIZED, "GET", "/manager/list", headers=headers)
    # Whoever logs in over a session of before has that one no more.
    before = again(tracker, plain)
    after = token_of(log_in(tracker, plain, headers=before.headers))
    assert after != before.cookie
    tracker.refused(401, UNAUTHORIZED, "GET", "/manager/list", before)
    tracker.good("GET", "/manager/list", Manager(0, "", after))


def test_each_session_has_a_token_of_its_own(tracker: Tracker, plain: Manager):
    assert len({again(tracker, plain).cookie for _ in range(4)}) == 4


@pytest.mark.parametrize(
    ("headers", "good"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, False),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({}, True),
    ],
)
def test_a_page_of_another_site_has_no_session(tracker: Tracker, headers: dict, good: bool):
    project = tracker.project(public=False)
    path = f"/project/hard_reset/{project}"
    answer = tracker.ask("POST", path, tracker.admin, headers=headers)
    assert answer.status_code == (200 if good else 403)
    other = tracker.manager()
    answer = tracker.ask("GET", f"/manager/promote/{other.id}", tracker.admin, headers=headers)
    assert answer.status_code == (204 if good else 401)
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_sessions_outlive_the_server(restless: Tracker):
    who = restless.manager()
    ended = again(restless, who)
    restless.ask("GET", "/logout", ended)
    project, worker = restless.project(who), restless.worker()
    restless.post("/worker/set_paused", restless.admin, worker=worker.id, paused=True)
    assert restless.yard.stop() == 0
    restless.yard.start()
    assert restless.good("GET", "/account", who)["manager"]["id"] == who.id
    restless.good("GET", f"/project/secret/{project}", who)
    restless.refused(401, UNAUTHORIZED, "GET", "/manager/list", ended)
    message = "A manager has paused you"
    restless.refused(400, message, "GET", f"/task/get/{project}", worker)


# -- admins -----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("verb", ["promote", "demote"])
def test_who_may_promote(tracker: Tracker, plain: Manager, verb: str, method: str):
    path = f"/manager/{verb}/{{}}"
    for word in ("0", "-1", "x", "1.5", "9" * 30):
        for caller in (None, plain, tracker.admin):
            url = path.format(word)
            tracker.refused(400, "Invalid manager id", method, url, caller)
    target = tracker.manager().id
    for each in (target, 99999999):
        tracker.refused(401, UNAUTHORIZED, method, path.format(each))
        tracker.refused(403, UNAUTHORIZED, method, path.format(each), plain)
    tracker.refused(403, UNAUTHORIZED, method, path.format(plain.id), plain)
    tracker.refused(403, UNAUTHORIZED, method, path.format(tracker.admin.id), tracker.admin)
    tracker.refused(404, "Manager not found", method, path.format(99999999), tracker.admin)
    for _ in range(2):
        answer = tracker.ask(method, path.format(target), tracker.admin)
        assert (answer.status_code, answer.content) == (204, b"")


def test_rights_count_from_the_next_request_on(tracker: Tracker):
    who = tracker.manager()
    hidden = tracker.project(hidden=True)
    worker = tracker.worker()

    def admin() -> bool:
        shown = tracker.good("GET", "/account", who)["manager"]["tracker_admin"]
        secret = tracker.good("GET", f"/worker/get/{worker.id}", who)["worker"]["secret"]
        reads = tracker.ask("GET", f"/project/get/{hidden}", who).status_code == 200
        assert shown is reads is (secret is not None)
        return shown

    for _ in range(3):
        assert not admin()
        assert tracker.ask("GET", f"/manager/promote/{who.id}", tracker.admin).status_code == 204
        assert admin()
        assert tracker.ask("GET", f"/manager/demote/{who.id}", tracker.admin).status_code == 204
    assert not admin()


def test_two_admins_may_demote_one_another(tracker: Tracker):
    who = tracker.manager()
    tracker.ask("GET", f"/manager/promote/{who.id}", tracker.admin)
    other = tracker.manager()
    assert tracker.ask("POST", f"/manager/promote/{other.id}", who).status_code == 204
    assert tracker.ask("POST", f"/manager/demote/{who.id}", other).status_code == 204
    tracker.refused(403, UNAUTHORIZED, "POST", f"/manager/demote/{other.id}", who)
    assert tracker.ask("POST", f"/manager/demote/{other.id}", tracker.admin).status_code == 204
