"""Every page and action under `/ui/`, as everybody: who gets it, who is asked to log in, who is not.

The routes are those that the application has; the rules are by the beginnings of their paths.
"""

import re

import pytest
import requests

from app.factory import create_app
from app.wiring import build
from config.settings import load

EVERYBODY, KNOWN, MANAGERS, WORK, ADMIN = "everybody", "known", "managers", "work", "admin"
OWN = "own"  # who may is said by what the page shows
RULES = {
    "/ui/": EVERYBODY,
    "/ui/static": EVERYBODY,
    "/ui/login": EVERYBODY,
    "/ui/register": EVERYBODY,
    "/ui/logout": EVERYBODY,
    "/ui/live": OWN,
    "/ui/environments": KNOWN,
    "/ui/account": MANAGERS,
    "/ui/projects": OWN,
    "/ui/figures": WORK,
    "/ui/submit": WORK,
    "/ui/plugins": WORK,
    "/ui/jobs": WORK,
    "/ui/tasks": WORK,
    "/ui/workers": WORK,
    "/ui/queues": WORK,
    "/ui/schedules": WORK,
    "/ui/waiting": WORK,
    "/ui/clusters": WORK,
    "/ui/farm": WORK,
    "/ui/users": ADMIN,
    "/ui/tokens": ADMIN,
    "/ui/settings": ADMIN,
    "/ui/audit": ADMIN,
}
LET_IN = {
    "open": {
        EVERYBODY: {"admin", "manager", "here", "elsewhere"},
        KNOWN: {"admin", "manager", "here"},
        MANAGERS: {"admin", "manager"},
        WORK: {"admin", "manager", "here"},
        ADMIN: {"admin"},
    },
    "closed": {
        EVERYBODY: {"admin", "manager", "here", "elsewhere"},
        KNOWN: {"admin", "manager", "here"},
        MANAGERS: {"admin", "manager"},
        WORK: {"admin"},
        ADMIN: {"admin"},
    },
}
VISITORS = ("admin", "manager", "here", "elsewhere")
_ANY = re.compile(r"<any\(([^,)]*)[^)]*\):\w+>")
_NUMBER = re.compile(r"<int:\w+>")
_PART = re.compile(r"<[^>]*>")
TOKEN = re.compile(r'name="csrf-token" content="([^"]+)"')


@pytest.fixture(scope="session")
def routes(tmp_path_factory):
    """Return (method, path) of each; of what stands in a path there is nothing on the servers."""
    folder = tmp_path_factory.mktemp("routes")
    services = build(load({}, options={"data_dir": str(folder)}))
    app = create_app(services.settings, services=services)
    found = [
        (method, _PART.sub("nothing", _NUMBER.sub("999999", _ANY.sub(r"\1", rule.rule))))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/ui/") and "path:" not in rule.rule
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"})
    ]
    services.close()
    assert len(found) > 20
    return found


def rule_of(path):
    """Give who may have a path: by the longest beginning that the rules know."""
    first = "/".join(path.split("/")[:3])
    assert first in RULES, f"{path}: say in RULES who may have it"
    return RULES[first]


@pytest.mark.parametrize("who", VISITORS)
def test_each_page_is_for_whom_it_is_for(server, routes, who):
    kind, url, _, sessions = server
    wrong = []
    for method, path in routes:
        rule = rule_of(path)
        if method != "GET":
            continue
        answer = sessions[who].get(url + path, allow_redirects=False, timeout=60, stream=True)
        answer.close()
        asked = answer.status_code == 303 and answer.headers["Location"].startswith("/ui/login")
        if answer.status_code >= 500:
            wrong.append((path, answer.status_code, "broke down"))
        elif rule == OWN:
            continue
        elif who in LET_IN[kind][rule]:
            if asked or answer.status_code not in (200, 303, 404):
                wrong.append((path, answer.status_code, "should be let in"))
        elif asked is not (who in ("here", "elsewhere") and rule != KNOWN):
            wrong.append((path, answer.status_code, "should be asked to log in, or not"))
        elif not asked and answer.status_code != 403:
            wrong.append((path, answer.status_code, "should not be let in"))
    assert wrong == []


@pytest.mark.parametrize("who", VISITORS)
def test_no_action_is_done_without_the_token_of_a_form(server, routes, who):
    _, url, _, sessions = server
    wrong = []
    for method, path in routes:
        if method == "GET":
            continue
        for words in ({}, {"csrf_token": "made up"}):
            answer = sessions[who].request(
                method, url + path, data=words, allow_redirects=False, timeout=60
            )
            if answer.status_code != 400 or "grown old" not in answer.text:
                wrong.append((path, answer.status_code))
    assert wrong == []


@pytest.mark.parametrize("who", VISITORS)
def test_no_action_is_done_for_whom_it_is_not_for(server, routes, who):
    kind, url, _, sessions = server
    page = sessions[who].get(f"{url}/ui/login", timeout=60).text
    words = {"csrf_token": TOKEN.search(page)[1]}
    wrong = []
    for method, path in routes:
        rule = rule_of(path)
        if method == "GET" or rule == OWN or who in LET_IN[kind][rule]:
            continue
        answer = sessions[who].request(
            method, url + path, data=words, allow_redirects=False, timeout=60
        )
        if answer.status_code != 403:
            wrong.append((path, answer.status_code))
    assert wrong == []


def test_pages_for_known_visitors_say_why_others_do_not_see_them(server):
    _, url, _, sessions = server
    seen = {
        who: sessions[who].get(f"{url}/ui/environments", timeout=60).status_code for who in VISITORS
    }
    assert seen == {"admin": 200, "manager": 200, "here": 200, "elsewhere": 403}


def test_a_wrong_address_is_a_page(server):
    _, url, _, sessions = server
    for path in ("/ui/nothing", "/ui/users/0", f"/ui/users/{10**30}", "/ui/submit/nothing"):
        answer = sessions["admin"].get(url + path, timeout=60)
        assert (answer.status_code, answer.headers["Content-Type"][:9]) == (404, "text/html"), path


def test_the_first_page_says_how_one_becomes_admin_until_somebody_is(server):
    _, url, before, _ = server
    assert "registers first</a> becomes admin" in before
    assert "becomes admin" not in requests.get(f"{url}/ui/", timeout=60).text


def test_what_is_submitted_may_be_as_large_as_by_the_api(server):
    _, url, _, sessions = server
    page = sessions["admin"].get(f"{url}/ui/submit", timeout=60).text
    words = {"csrf_token": TOKEN.search(page)[1], "type": "shell"}
    answer = sessions["admin"].post(
        f"{url}/ui/submit/check",
        data={**words, "text": "run: |\n" + "  true\n" * 100_000},
        headers={"X-CSRF-Token": words["csrf_token"]},
        timeout=60,
    )
    assert (answer.status_code, answer.json()) == (200, {"faults": []})
    small = sessions["admin"].post(
        f"{url}/ui/tokens", data={**words, "name": "x" * 100_000}, timeout=60
    )
    assert small.status_code == 413
    assert small.headers["Content-Type"].startswith("text/html")
