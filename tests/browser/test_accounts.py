"""Registering, logging in and out, and what is refused."""

import re

import pytest
import requests
from playwright.sync_api import expect

from tests.browser.people import ADMIN, NARROW, PASSWORD, register


@pytest.mark.parametrize("path", ["/ui/login", "/ui/register"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_forms_are_accessible(visit, path, scheme):
    visit(path, color_scheme=scheme).finds_no_fault()
    visit(path, color_scheme=scheme, viewport=NARROW).finds_no_fault()


def test_somebody_registers_and_comes_back(visit):
    person = visit("/ui/register")
    page = person.page
    page.get_by_label("Name").fill("newcomer")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("Welcome, newcomer.")
    person.press("Log out")
    expect(page.get_by_role("link", name="Log in")).to_be_visible()
    person.go("/ui/login?next=/ui/%3Fa=1")
    page.get_by_label("Name").fill("newcomer")
    page.get_by_label("Password").fill("something else")
    person.expected = {403}
    page.get_by_role("main").get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_text("Invalid username/password")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/ui/\?a=1$"))


@pytest.mark.parametrize(
    "target", ["https://example.com/", "//example.com/ui/", "/\\example.com", "/login", "ui/", "\t"]
)
def test_nobody_is_led_elsewhere(visit, target):
    person = visit("/ui/login")
    person.page.get_by_label("Name").fill(ADMIN)
    person.page.get_by_label("Password").fill(PASSWORD)
    person.page.evaluate("to => { document.querySelector('[name=next]').value = to }", target)
    person.page.get_by_role("main").get_by_role("button", name="Log in").click()
    expect(person.page).to_have_url(person.url + "/ui/")


def test_a_form_of_nobodys_is_refused(yard):
    for words in ({}, {"csrf_token": "made up"}):
        answer = requests.post(f"{yard.url}/ui/register", data={**words, "username": "mallory1"})
        assert answer.status_code == 400
        assert "grown old" in answer.text
        assert answer.headers["Content-Type"].startswith("text/html")


def test_a_token_of_another_browser_is_refused(yard, visit):
    other = visit("/ui/login").page.locator("[name=csrf_token]").first.input_value()
    words = {"csrf_token": other, "username": ADMIN, "password": PASSWORD}
    assert requests.post(f"{yard.url}/ui/login", data=words).status_code == 400


def test_a_session_ends_with_the_log_out(visit):
    register(visit("/ui/").url, "leaver")
    person = visit("/ui/", name="leaver")
    cookies = person.context.cookies()
    person.press("Log out")
    expect(person.page.get_by_role("link", name="Log in")).to_be_visible()
    person.context.add_cookies(cookies)
    person.go("/ui/")
    expect(person.page.get_by_role("link", name="Log in")).to_be_visible()


def test_there_is_nothing_at_other_addresses(visit):
    person = visit("/ui/")
    person.expected = {404}
    assert person.go("/ui/nothing") == 404
    expect(person.page.get_by_role("heading", level=1)).to_have_text("There is nothing here")
    person.finds_no_fault()
