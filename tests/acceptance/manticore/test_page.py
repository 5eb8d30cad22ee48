"""The page `/ui/environments`: as browsers get it, and as two people use it."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.yard import PATIENCE_S, Yard

PAGE = "/ui/environments"
WORDS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip
WIDTH = 360

expect.set_options(timeout=PATIENCE_S * 1000)


# -- what is sent -------------------------------------------------------------------------------


def test_the_page_holds_no_script_and_loads_from_here_alone(manticore):
    answer = manticore.server.get(PAGE)
    assert answer.status == 200
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    text = answer.body.decode()
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text)
    assert all(re.search(r"\ssrc=", tag) for tag in re.findall(r"<script[^>]*>", text))
    named = re.findall(r'(?:src|href)="([^"#]+)"', text)
    assert named
    for path in named:
        assert path.startswith("/")
        assert not path.startswith("//")
        assert manticore.server.get(path).status == 200, path


@pytest.mark.parametrize("path", ["/ui/static/%00", "/ui/static/../routes.py", "/ui/nothing",
                                  "/ui/static/%2e%2e/routes.py", "/ui/static/"])  # fmt: skip
def test_there_is_nothing_else(manticore, path):
    assert manticore.server.get(path).status == 404


def test_the_first_page_leads_there(manticore):
    assert manticore.server.get("/ui").headers["location"] == "/ui/"
    assert PAGE in manticore.server.get("/ui/").body.decode()


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-Ip"])
def test_who_comes_through_a_proxy_does_not_get_it(manticore, header):
    answer = manticore.server.get(PAGE, **{header: "127.0.0.1"})
    assert answer.status == 403
    assert "web.open_pages" in answer.body.decode()
    assert PAGE not in manticore.server.get("/ui/", **{header: "::1"}).body.decode()


def test_settings_open_it_and_switch_it_off(manticores):
    opened = manticores.inside(JOBYARD_WEB_OPEN_PAGES="true")
    assert opened.get(PAGE, **{"X-Forwarded-For": "192.0.2.1"}).status == 200
    off = manticores.inside(WEBPAGE_DISABLED="true")
    assert off.get(PAGE).status == 404
    assert off.get("/api/v2/job").status == 200


# -- what people do -----------------------------------------------------------------------------


class Visitor:
    """Somebody with a browser of their own; whatever goes wrong in it is noted."""

    def __init__(self, browser: Browser, url: str, **options) -> None:
        self.context: BrowserContext = browser.new_context(**options)
        self.wrong: list[str] = []
        self.url = url
        self.page: Page = self.context.new_page()
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("request", self._look)
        self.page.goto(url + PAGE)

    def _note(self, message) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(message.text)

    def _look(self, request) -> None:
        if urlsplit(request.url).netloc != urlsplit(self.url).netloc:
            self.wrong.append(f"asked for {request.url}")

    def standing(self, text: str) -> None:
        expect(self.page.get_by_role("status")).to_have_text(text)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name).click()


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=list(WORDS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def yard() -> Iterator[Yard]:
    """A whole server with one slot and the bundled stand-ins."""
    folder = Path(tempfile.mkdtemp(prefix="jy"))
    times = {"USAGE_DURATION": "3", "WARNING_DURATION": "3600", "RESET_TIMER_ALLOWED": "true"}
    yard = Yard(folder, MANTICORE_SLOTS="1", **times)
    try:
        yield yard.start()
    finally:
        yard.end()
        shutil.rmtree(folder, ignore_errors=True)


def test_two_people_take_turns_at_one_slot(browser, yard):
    first = Visitor(browser, yard.url)
    second = Visitor(
        browser, yard.url, color_scheme="dark", viewport={"width": WIDTH, "height": 640}
    )
    first.press("Ask for an environment")
    first.standing("Your environment is ready.")
    # By the keyboard alone.
    second.page.get_by_label("Id").focus()
    second.page.keyboard.press("Enter")
    second.standing("You are next.")
    expect(second.page).to_have_title(re.compile("next"))
    expect(second.page.locator("#queue")).to_have_text("1 waiting, 1 of 1 in use")

    with first.context.expect_page() as opened:
        first.page.locator("dt:text-is('hmi-user') + dd a").click()
    expect(opened.value.locator("body")).to_contain_text("core 4.5.1 (default) is here")
    opened.value.close()

    warning = first.page.get_by_text("Nobody seems to use it")
    expect(warning).to_be_visible()
    first.press("I still use it")
    expect(warning).to_be_hidden()

    # A page that is loaded anew shows the same.
    first.page.reload()
    first.standing("Your environment is ready.")
    first.press("Give it back")
    expect(first.page.get_by_text("It was given back.")).to_be_visible()
    second.standing("Your environment is ready.")
    wide = second.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= WIDTH
    dark = second.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert dark != first.page.evaluate("getComputedStyle(document.body).backgroundColor")

    # Whoever waits for somebody whose stay is known is told for how long.
    first.press("Ask for an environment")
    first.standing("You are next.")
    expect(first.page.locator("#eta")).to_contain_text(re.compile("About|Any moment"))
    second.press("Give it back")
    first.standing("Your environment is ready.")
    first.press("Give it back")
    expect(first.page.get_by_role("button", name="Ask for an environment")).to_be_visible()
    for each in (first, second):
        assert each.wrong == []
        each.context.close()
