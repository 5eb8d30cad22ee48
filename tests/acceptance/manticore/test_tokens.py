"""JSON web tokens, when the settings ask for them."""

import base64
import json

import jwt
import pytest

from tests.acceptance.manticore.client import WANTED
from tests.rotation import rotated, short

SECRET = "a secret that is long enough for the longest of the three digests there are"
ROUTES = [("GET", "/api/v2/job"), ("POST", "/api/v2/job"), ("DELETE", "/api/v2/job"),
          ("POST", "/api/v2/info"), ("GET", "/api/v2/job/none"), ("GET", "/api/v2/info"),
          ("PATCH", "/api/v2/job"), ("GET", "/api/v2/queue"), ("GET", "/api/v2/job/a/b/events"),
          ("GET", "/api/v2/job/events")]  # fmt: skip


@pytest.fixture(scope="module")
def guarded(manticores):
    return manticores.start(JWT_SECRET=SECRET)


def token(user="u1", key=SECRET, algorithm="HS256", **claims):
    return jwt.encode({"user_id": user, **claims}, key, algorithm=algorithm)


def segment(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


BAD = {
    "none": None,
    "empty": "",
    "scheme alone": "Bearer",
    "basic": "Basic dTpw",
    "no token": "Bearer x",
    "dots": "Bearer ...",
    "other key": f"Bearer {token(key='another secret of thirty-two characters')}",
    "expired": f"Bearer {token(exp=1)}",
    "early": f"Bearer {token(nbf=9_999_999_999)}",
    "odd exp": f"Bearer {token(exp='never')}",
    "unsigned": f"Bearer {segment({'alg': 'none'})}.{segment({'user_id': 'u'})}.",
    "cut": f"Bearer {token()[:-3]}",
    "no user": f"Bearer {jwt.encode({'sub': 'u'}, SECRET, algorithm='HS256')}",
    "list": f"Bearer {jwt.encode({'user_id': None}, SECRET, algorithm='HS256')}",
    "deep": "Bearer " + segment({"alg": "HS256"}) + "." + "W" * 3000 + ".x",
}


@pytest.mark.parametrize(("route", "kind"), rotated(ROUTES, list(BAD), rounds=4), ids=short)
def test_what_is_no_token_is_refused(guarded, route, kind):
    shown = BAD[kind]
    headers = {} if shown is None else {"Authorization": shown}
    body = json.dumps({"id": "u1", **WANTED})
    answer = guarded.server.request(*route, body, headers)
    assert answer.status == 401, answer.body
    assert set(answer.json) == {"error"}
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_user_of_the_token_is_who_asks(guarded, algorithm, scheme):
    shown = token(7, algorithm=algorithm, exp=9_999_999_999, aud="x", iss="y", sub=5)
    headers = {"Authorization": f"{scheme} {shown}", "Content-Type": "application/json"}

    def ask(method, path, body=None):
        return guarded.server.request(method, path, body, headers)

    assert ask("GET", "/api/v2/job").status == 200
    made = ask("POST", "/api/v2/job", json.dumps({"id": "/!", **WANTED}))
    assert made.status == 200, made.body
    assert ask("POST", "/api/v2/info").json == made.json
    guarded.open(made.json["passcode"]).until("position", position=0)
    assert ask("DELETE", "/api/v2/job").status == 200
    assert ask("POST", "/api/v2/info").status == 400
    assert ask("POST", "/api/v2/job").status == 400
    guarded.close()


@pytest.mark.parametrize("user", ["a b", "", True, 1.5, ["u"], "internal-health-check", "x" * 129])
def test_users_of_bad_names_are_refused(guarded, user):
    answer = guarded.server.get("/api/v2/job", Authorization=f"Bearer {token(user)}")
    assert (answer.status, set(answer.json)) == (400, {"error"})


def test_health_and_preflight_need_no_token(guarded):
    assert guarded.server.get("/health").status == 200
    for path in ("/api/v2/job", "/api/v2/info"):
        assert guarded.server.request("OPTIONS", path).status in (200, 204)


def test_what_a_passcode_opens_needs_no_token(guarded):
    headers = {"Authorization": f"Bearer {token('u2')}", "Content-Type": "application/json"}
    made = guarded.server.request("POST", "/api/v2/job", json.dumps(WANTED), headers)
    below = f"/api/v2/job/{made.json['passcode']}"
    assert guarded.server.get(f"{below}/events").json["messages"]
    assert guarded.server.get(f"{below}/logs").status == 200
    assert guarded.server.post(f"{below}/activity", "").json == {"counted": False}
    assert guarded.server.get("/api/v2/job/0123456789abcdef/events").status == 404
    body = json.dumps({"core": {"version": "5.0.0"}})
    changed = guarded.server.request("PATCH", "/api/v2/job", body, headers)
    # It is the first in line, and so being started.
    assert changed.status == 400
    assert guarded.server.request("DELETE", "/api/v2/job", headers=headers).status == 200


def test_the_page_asks_for_a_token_instead_of_an_id(guarded):
    page = guarded.server.get("/ui/environments").body
    assert b'id="token"' in page
    assert b'id="user"' not in page
