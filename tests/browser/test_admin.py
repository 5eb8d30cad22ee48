"""Accounts, users, tokens, settings, plugins and the audit log, as those whom they are for."""

import re

import pytest
import requests
from playwright.sync_api import expect

from tests.browser.people import ADMIN, NARROW, PASSWORD, register

PAGES = ("/ui/account", "/ui/users", "/ui/tokens", "/ui/settings", "/ui/plugins", "/ui/audit")


def number_of(url, name):
    """Give the id of a manager."""
    words = {"username": name, "password": PASSWORD}
    found = requests.post(f"{url}/login", json=words, timeout=60).json()
    return found["content"]["manager"]["id"]


def test_pages_of_admins_are_accessible(visit):
    wide = visit("/ui/", as_admin=True)
    narrow = visit("/ui/", as_admin=True, color_scheme="dark", viewport=NARROW)
    for path in PAGES:
        for person in (wide, narrow):
            assert person.go(path) == 200
            person.finds_no_fault()


def test_the_menu_shows_what_somebody_may_have(visit, yard):
    register(yard.url, "looker")
    pages = visit("/ui/plugins", name="looker").page.get_by_role("navigation").get_by_role("link")
    expect(pages.get_by_text("Plugins", exact=True)).to_be_visible()
    for name in ("Users", "Settings", "API tokens", "Audit log"):
        expect(pages.get_by_text(name, exact=True)).to_have_count(0)
    nobody = visit("/ui/users")
    expect(nobody.page).to_have_url(re.compile(r"/ui/login\?next=%2Fui%2Fusers$"))
    refused = visit("/ui/", name="looker")
    refused.expected = {403}
    assert refused.go("/ui/audit") == 403
    refused.finds_no_fault()


def test_somebody_changes_the_password(visit, yard):
    register(yard.url, "changer")
    person, other = visit("/ui/account", name="changer"), visit("/ui/account", name="changer")
    page = person.page
    expect(page.locator("main")).to_contain_text("You have no role in any project.")
    page.get_by_label("Present password").fill("not this one")
    page.get_by_label("New password").fill("battery staple")
    person.expected = {403}
    person.press("Change the password")
    expect(page.get_by_role("alert")).to_have_text("This is not your password.")
    page.get_by_label("Present password").fill(PASSWORD)
    page.get_by_label("New password").fill("battery staple")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("The password is changed.")
    other.go("/ui/account")
    expect(other.page).to_have_url(re.compile("/ui/login"))
    words = {"username": "changer", "password": "battery staple"}
    assert requests.post(f"{yard.url}/login", json=words, timeout=60).status_code == 200


def test_somebody_ends_all_other_sessions(visit, yard):
    register(yard.url, "twofold")
    person, other = visit("/ui/account", name="twofold"), visit("/ui/account", name="twofold")
    person.press("End all other sessions")
    person.agree()
    expect(person.page.get_by_role("status").first).to_contain_text("have ended")
    other.go("/ui/account")
    expect(other.page).to_have_url(re.compile("/ui/login"))


def test_roles_in_projects_are_shown(visit, yard):
    register(yard.url, "owner")
    person = visit("/ui/", name="owner")
    given = {"name": "Owners <b>project</b>", "hidden": True}
    made = person.context.request.post(f"{yard.url}/project/create", data=given)
    assert made.ok, made.text()
    person.go("/ui/account")
    row = person.page.get_by_role("row", name=re.compile("Owners <b>"))
    expect(row).to_contain_text("manage access")
    admin = visit(f"/ui/users/{number_of(yard.url, 'owner')}", as_admin=True)
    expect(admin.page.get_by_role("row", name=re.compile("Owners <b>"))).to_contain_text("secret")
    admin.finds_no_fault()


def test_an_admin_makes_an_admin_and_a_plain_manager_again(visit, yard):
    register(yard.url, "climber")
    person = visit("/ui/users", as_admin=True)
    page = person.page
    page.get_by_role("link", name="climber").click()
    person.press("Make an admin")
    person.agree()
    expect(page.get_by_role("status").first).to_have_text("climber is an admin now.")
    assert visit("/ui/users", name="climber").page.title().startswith("Users")
    person.press("Make a plain manager")
    person.agree()
    expect(page.get_by_role("status").first).to_have_text("climber is a plain manager now.")
    page.get_by_role("link", name="What climber did").click()
    expect(page.get_by_role("table")).to_contain_text("manager.register")


def test_nobody_changes_their_own_rank(visit, yard):
    person = visit(f"/ui/users/{number_of(yard.url, ADMIN)}", as_admin=True)
    expect(person.page.locator("main")).to_contain_text("This is you")
    expect(person.page.get_by_role("button", name="Make a plain manager")).to_have_count(0)


def test_a_forgotten_password_is_reset(visit, yard):
    register(yard.url, "forgetful")
    number = number_of(yard.url, "forgetful")
    other = visit("/ui/account", name="forgetful")
    person = visit(f"/ui/users/{number}", as_admin=True)
    page = person.page
    person.press("Reset the password")
    person.agree()
    made_up = page.locator("#secret").text_content()
    other.go("/ui/account")
    expect(other.page).to_have_url(re.compile("/ui/login"))
    words = {"username": "forgetful", "password": made_up}
    assert requests.post(f"{yard.url}/login", json=words, timeout=60).status_code == 200
    page.goto(f"{yard.url}/ui/audit?subject={number}")
    expect(page.get_by_role("table")).to_contain_text("manager.reset-password")
    assert made_up not in page.content()


def test_a_token_is_made_used_and_revoked(visit, yard):
    person = visit("/ui/tokens", as_admin=True, permissions=["clipboard-read", "clipboard-write"])
    page = person.page
    page.get_by_label("Name").fill("nightly <i>build</i>")
    page.get_by_label("control: cancel").check()
    page.get_by_label("Lasts").select_option("a week")
    person.press("Make the token")
    secret = page.locator("#secret").text_content()
    person.press("Copy")
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == secret
    person.finds_no_fault()
    headers = {"Authorization": f"Bearer {secret}"}
    api = f"{yard.url}/api/jobyard/v1"
    assert requests.get(f"{api}/jobs", headers=headers, timeout=60).status_code == 200
    assert requests.get(f"{api}/tokens", headers=headers, timeout=60).status_code == 403
    person.go("/ui/tokens")
    assert secret not in page.content()
    row = page.get_by_role("row", name=re.compile("nightly <i>build"))
    expect(row).to_contain_text("control")
    row.get_by_role("button").click()
    person.agree()
    expect(page.get_by_role("status").first).to_contain_text("The token is revoked")
    expect(row).to_have_count(0)
    assert requests.get(f"{api}/jobs", headers=headers, timeout=60).status_code == 401


def test_a_token_for_nothing_is_not_made(visit):
    person = visit("/ui/tokens", as_admin=True)
    page = person.page
    page.get_by_label("Name").fill("for nothing")
    page.get_by_label("read: see").uncheck()
    person.expected = {400}
    person.press("Make the token")
    expect(page.locator("form.apart")).to_contain_text("At least one of them.")
    expect(page.get_by_label("Name")).to_have_value("for nothing")


def test_settings_are_found_and_secrets_masked(visit):
    person = visit("/ui/settings", as_admin=True)
    page = person.page
    page.get_by_label("Search").fill("data_dir")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("q=data_dir"))
    row = page.get_by_role("row", name=re.compile("^data_dir"))
    expect(row).to_contain_text("environment JOBYARD_DATA_DIR")
    page.get_by_label("Search").fill("there is none like that")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("No setting is like that.")


def test_plugins_lead_to_their_job_types(visit):
    page = visit("/ui/plugins").page
    row = page.get_by_role("row", name=re.compile("^shell"))
    expect(row).to_contain_text("loaded")
    row.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Shell script")


@pytest.mark.parametrize("name", ["who", "action"])
def test_the_audit_log_is_searched(visit, yard, name):
    register(yard.url, f"audited-{name}")
    person = visit("/ui/audit", as_admin=True)
    page = person.page
    wanted = {"who": f"audited-{name}", "action": "manager.register"}[name]
    page.get_by_label(name.capitalize(), exact=True).fill(wanted)
    page.keyboard.press("Enter")
    row = page.get_by_role("row", name=re.compile(f"audited-{name}"))
    expect(row.first).to_contain_text("manager.register")
    page.get_by_label("Before").fill("2020-01-01T00:00")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("Nothing was done like that.")
