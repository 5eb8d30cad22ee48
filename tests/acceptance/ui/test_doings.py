"""Whatever is changed is written down: by whom, from where, and never with a secret."""

import re

import pytest
import requests

from tests.acceptance.ui.conftest import PASSWORD, session
from tests.yard import eventually

pytestmark = pytest.mark.parametrize("server", ["open"], indirect=True)
SECRET = "hunter2hunter2"
ROW = re.compile(r"<tr><td>.*?</tr>", re.DOTALL)


@pytest.fixture
def opened(server):
    _, url, _, sessions = server
    return url, sessions["admin"]


def entries(url, admin, **wanted):
    """Give the entries that are found, as texts without markup, the latest first."""
    answer = admin.get(f"{url}/ui/audit", params=wanted, timeout=60)
    assert answer.status_code == 200, answer.text
    rows = ROW.findall(answer.text)[0:]
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in rows]


def test_a_job_by_the_api(opened):
    url, admin = opened
    api = f"{url}/api/jobyard/v1"
    body = {"type": "shell", "spec": {"run": "sleep 99", "env": {"MY_PASSWORD": SECRET}}}
    job = requests.post(f"{api}/jobs", json=body, timeout=60).json()["id"]
    for verb in ("cancel", "restart", "cancel"):
        assert requests.put(f"{api}/jobs/{job}/{verb}", timeout=60).status_code == 200
    assert requests.put(f"{api}/jobs/{job}/cancel", timeout=60).status_code == 409

    def deleted():
        return requests.delete(f"{api}/jobs/{job}", timeout=60).status_code == 204

    eventually(deleted, "the end of the job")
    found = entries(url, admin, subject=job)
    done = [re.search(r"job\.\w+", text)[0] for text in found]
    assert done == ["job.delete", "job.cancel", "job.restart", "job.cancel", "job.submit"]
    assert all("somebody at this machine" in text and "by the API" in text for text in found)
    assert "type: shell" in found[-1]
    assert "127.0.0.1" in found[-1]
    assert SECRET not in " ".join(found)


def test_a_submission_that_comes_twice_is_written_down_once(opened):
    url, admin = opened
    body = {"type": "shell", "spec": {"run": "true"}}
    for _ in range(2):
        answer = requests.post(
            f"{url}/api/jobyard/v1/jobs", json=body, headers={"Idempotency-Key": "once"}, timeout=60
        )
    assert len(entries(url, admin, subject=answer.json()["id"])) == 1


def test_people_by_the_trackers_api(opened):
    url, admin = opened
    someone = session(url, "someone")
    known = someone.get(f"{url}/account", timeout=60).json()["content"]["manager"]
    number = known["id"]
    assert admin.post(f"{url}/manager/promote/{number}", timeout=60).status_code == 204
    assert admin.post(f"{url}/manager/demote/{number}", timeout=60).status_code == 204
    assert admin.post(f"{url}/manager/demote/99999", timeout=60).status_code == 404
    wrong = {"username": "someone", "password": SECRET}
    assert requests.post(f"{url}/login", json=wrong, timeout=60).status_code == 403
    right = {"username": "someone", "password": PASSWORD}
    assert requests.post(f"{url}/login", json=right, timeout=60).status_code == 200
    found = entries(url, admin, subject=str(number), action="manager")
    done = [re.search(r"manager\.[\w-]+", text)[0] for text in found]
    assert done == ["manager.login", "manager.demote", "manager.promote", "manager.register"]
    (failed,) = entries(url, admin, subject="someone")
    assert "manager.login-failed" in failed
    assert "somebody at this machine" in failed
    assert SECRET not in failed
    assert entries(url, admin, subject="99999") == []


def test_a_token_and_what_is_done_with_it(opened):
    url, admin = opened
    form = re.search(
        r'name="csrf-token" content="([^"]+)"', admin.get(f"{url}/ui/tokens", timeout=60).text
    )[1]
    words = {
        "csrf_token": form,
        "name": "ticketing",
        "scope": ["submit", "admin"],
        "lasts": "86400",
    }
    page = admin.post(f"{url}/ui/tokens", data=words, timeout=60).text
    token = re.search(r"jy_[\w-]+", page)[0]
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": "192.0.2.7"}
    api = f"{url}/api/jobyard/v1"
    body = {"name": "made by a token", "scopes": ["read"]}
    made = requests.post(f"{api}/tokens", json=body, headers=headers, timeout=60).json()
    requests.delete(f"{api}/tokens/{made['id']}", headers=headers, timeout=60)
    found = entries(url, admin, who="token ticketing")
    assert [re.search(r"token\.\w+", text)[0] for text in found] == ["token.revoke", "token.create"]
    (own,) = [
        text for text in entries(url, admin, action="token.create") if "ticketing" in text[80:]
    ]
    assert "chief" in own
    assert token not in page.replace(token, "", 1)
    told = admin.get(f"{url}/ui/audit", timeout=60).text
    assert token not in told
    assert made["token"] not in told


def test_a_user_of_the_tork_api(opened):
    url, admin = opened
    body = {"username": "torkel", "password": SECRET}
    assert requests.post(f"{url}/users", json=body, timeout=60).status_code == 200
    (found,) = entries(url, admin, subject="torkel")
    assert "user.create" in found
    assert SECRET not in found


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ({"since": "yesterday"}, 400),
        ({"before": "9" * 40}, 400),
        ({"after": "1-x"}, 400),
        ({"after": "nothing"}, 400),
        (
            {
                "who": "a\0b",
                "action": "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
            },
            200,
        ),
        ({"since": "2026-01-01", "before": "2026-01-01T00:00"}, 200),
        ({"after": "1-1"}, 200),
    ],
)
def test_whatever_is_searched_for_is_answered(opened, wanted, status):
    url, admin = opened
    answer = admin.get(f"{url}/ui/audit", params=wanted, timeout=60)
    assert answer.status_code == status


def test_the_log_goes_on_behind_a_hundred_entries(opened):
    url, admin = opened
    many = session(url, "many")
    number = many.get(f"{url}/account", timeout=60).json()["content"]["manager"]["id"]
    for _ in range(51):
        for verb in ("promote", "demote"):
            admin.get(f"{url}/manager/{verb}/{number}", timeout=60)
    page = admin.get(f"{url}/ui/audit", params={"subject": number}, timeout=60).text
    assert len(ROW.findall(page)) == 100
    behind = re.search(r'href="(/ui/audit\?[^"]*after=[^"]*)"', page)[1].replace("&amp;", "&")
    rest = admin.get(url + behind, timeout=60).text
    done = [re.search(r"manager\.\w+", row)[0] for row in ROW.findall(rest)]
    assert done == ["manager.demote", "manager.promote", "manager.register"]
    assert "Earlier ones" not in rest
