"""The header `Authorization`, and which client a rate is counted for."""

import base64

import pytest
from flask import Flask, request
from hypothesis import given
from hypothesis import strategies as st

from app.api.http import credentials, rates

APP = Flask("test")


def read(header: bytes | str | None):
    text = header if isinstance(header, str) else (header or b"").decode("latin-1")
    environ = {} if header is None else {"HTTP_AUTHORIZATION": text}
    with APP.test_request_context("/", environ_overrides=environ):
        return credentials.basic(request), credentials.bearer(request)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("header", "basic", "bearer"),
    [
        (None, None, None),
        ("", None, None),
        ("Basic", None, None),
        ("Basic " + encoded("a:b"), ("a", "b"), None),
        ("basic  " + encoded("a:b:c") + " ", ("a", "b:c"), None),
        ("BASIC " + encoded("ä:"), ("ä", ""), None),
        ("Basic " + encoded("a"), None, None),
        ("Basic " + encoded("a:b") + "!", None, None),
        ("Basic " + base64.b64encode(b"\xff:").decode(), None, None),
        ("Bearer", None, None),
        ("Bearer abc", None, "abc"),
        ("bEARER  a b ", None, "a b"),
        ("Bearerabc", None, None),
        ("Token abc", None, None),
    ],
)
def test_the_header_is_read(header, basic, bearer):
    assert read(header) == (basic, bearer)


@given(st.binary(max_size=60), st.sampled_from(["", "Basic ", "Bearer "]))
def test_nothing_in_the_header_raises(data: bytes, scheme: str):
    read(scheme.encode() + data)
    read("Basic " + base64.b64encode(data).decode())


@given(st.text(alphabet=st.characters(exclude_characters=":", codec="utf-8")), st.text())
def test_names_and_passwords_come_back(name: str, password: str):
    given_text = f"{name}:{password}".encode("utf-8", "replace")
    found, _ = read(b"Basic " + base64.b64encode(given_text))
    assert found == tuple(given_text.decode().split(":", 1))


def test_secrets_are_compared_whatever_they_hold():
    assert credentials.same("ä", "ä")
    assert not credentials.same("ä", "a")
    assert not credentials.same("\ud800", "")


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("", "local"),
        ("unix:", "local"),
    ],
)
def test_a_client_is_its_address_or_network(address, client):
    with APP.test_request_context("/", environ_overrides={"REMOTE_ADDR": address}):
        assert rates.client_of(request) == client
