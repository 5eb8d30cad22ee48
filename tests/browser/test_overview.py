"""The first page: what stands there, keeps up, is drawn, and is for whom."""

import re
import shutil
import tempfile
from pathlib import Path

import pytest
import requests
from playwright.sync_api import expect

from tests.browser.people import ADMIN, NARROW, PASSWORD, register
from tests.yard import Yard, eventually

MOST_BYTES = 150_000


def drawn(person):
    """The plots are there."""
    expect(person.page.locator(".curve canvas")).to_have_count(3)
    return person


@pytest.fixture(scope="module", autouse=True)
def _work(yard):
    """Something has happened on this server, and was counted."""
    done = yard.submit("true")
    yard.until(done, "COMPLETED")

    def counted() -> bool:
        answer = requests.get(f"{yard.url}/ui/?span=day", timeout=90)
        return 'href="/ui/jobs?dialect=tork"' in answer.text

    eventually(counted, "the job on the page")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible(visit, scheme):
    person = drawn(visit("/ui/", as_admin=True, color_scheme=scheme))
    person.finds_no_fault()
    drawn(visit("/ui/?span=week", color_scheme=scheme, viewport=NARROW)).finds_no_fault()


def test_what_happens_is_shown_as_it_happens(visit, yard):
    page = visit("/ui/").page
    queues = page.get_by_role("region", name="Table of queues")
    expect(page.get_by_role("row").filter(has_text="tork/seen-live")).to_have_count(0)
    job_id = yard.submit("true", queue="seen-live")
    row = queues.get_by_role("row").filter(has_text="tork/seen-live")
    expect(row.get_by_role("cell").first).to_have_text("1")
    requests.put(f"{yard.url}/jobs/{job_id}/cancel", timeout=90).raise_for_status()
    expect(row).to_have_count(0)


def test_jobs_that_fail_are_said_with_where_to_look(visit, yard):
    page = visit("/ui/").page
    yard.until(yard.submit("exit 3"), "FAILED")
    matters = page.get_by_role("region", name="Needs attention")
    line = matters.get_by_role("listitem").filter(has_text="workflow of tork:")
    expect(line.first).to_be_visible()
    link = line.first.get_by_role("link")
    expect(link).to_have_attribute("href", "/ui/jobs?dialect=tork&type=workflow&state=FAILED")


def test_the_span_is_chosen_by_the_keyboard(visit):
    person = visit("/ui/")
    person.reaches("Day")
    person.page.keyboard.press("Enter")
    expect(person.page).to_have_url(re.compile(r"\?span=day#plots$"))
    expect(person.page.get_by_role("heading", name="The last day")).to_be_visible()
    drawn(person)
    expect(person.page.get_by_role("link", name="Day")).to_have_attribute("aria-current", "true")
    person.page.get_by_text("As a table").click()
    table = person.page.get_by_role("region", name="The plots as a table")
    expect(table.get_by_role("row")).to_have_count(13)


def test_lines_are_there_without_a_script(visit):
    person = visit("/ui/", java_script_enabled=False)
    expect(person.page.locator(".curve svg")).to_have_count(3)
    expect(person.page.get_by_role("img", name="Throughput")).to_be_visible()


def test_the_first_page_is_small(visit):
    page = drawn(visit("/ui/")).page
    sent = page.evaluate(
        "['navigation', 'resource'].flatMap((kind) => performance.getEntriesByType(kind))"
        ".map((entry) => entry.transferSize)"
    )
    assert len(sent) >= 6
    assert sum(sent) < MOST_BYTES


@pytest.mark.parametrize(
    "query", ["span=year", "dialect=<script>", "dialect=%00", "dialect=" + "x" * 5000, "span=%FF"]
)
def test_nothing_asked_for_breaks_it(yard, query):
    for path in ("/ui/", "/ui/figures"):
        answer = requests.get(f"{yard.url}{path}?{query}", timeout=90)
        assert answer.status_code == 200
        assert "<script>" not in answer.text.replace("<script ", "")


def test_the_library_comes_from_the_installed_package(yard):
    answer = requests.get(f"{yard.url}/ui/static/vendor/uplot.js", timeout=90)
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert "uPlot" in answer.text
    assert requests.get(f"{yard.url}/ui/static/vendor/__init__.py", timeout=90).status_code == 404
    again = requests.get(answer.url, headers={"If-None-Match": answer.headers["ETag"]}, timeout=90)
    assert again.status_code == 304


@pytest.fixture(scope="module")
def closed():
    """A server whose API wants tokens."""
    folder = Path(tempfile.mkdtemp(prefix="jy", dir="/tmp"))
    yard = Yard(folder, JOBYARD_API_REQUIRE_TOKEN="true")
    try:
        yard.start("--part", "web")
        register(yard.url, ADMIN)
        register(yard.url, "helper")
        yield yard
    finally:
        yard.end()
        shutil.rmtree(folder, ignore_errors=True)


def logged_in(yard, name):
    browser = requests.Session()
    words = {"username": name, "password": PASSWORD}
    assert browser.post(f"{yard.url}/login", json=words, timeout=90).ok
    return browser


def test_only_admins_see_it_where_the_api_wants_a_token(closed):
    for browser in (requests.Session(), logged_in(closed, "helper")):
        answer = browser.get(f"{closed.url}/ui/", timeout=90)
        assert answer.status_code == 200
        assert "Needs attention" not in answer.text
        for path in ("/ui/figures", "/ui/live/overview"):
            refused = browser.get(closed.url + path, allow_redirects=False, timeout=90)
            assert refused.status_code in (303, 403)
    admin = logged_in(closed, ADMIN)
    assert "Needs attention" in admin.get(f"{closed.url}/ui/", timeout=90).text
    # No ticker runs there.
    assert "Tickers" in admin.get(f"{closed.url}/ui/", timeout=90).text
    assert admin.get(f"{closed.url}/ui/figures", timeout=90).json()["span"] == "hour"
