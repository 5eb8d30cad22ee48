"""People before browsers."""

import re
from urllib.parse import urlsplit

import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

ADMIN = "chief"
PASSWORD = "correct horse"
NARROW = {"width": 360, "height": 640}
# What would be hard to see in the colours of either mode is a fault as well.
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def register(url: str, name: str) -> None:
    """Make a manager; the first of a server is admin."""
    answer = requests.post(f"{url}/register", json={"username": name, "password": PASSWORD})
    assert answer.status_code == 200, answer.text


class Person:
    """Somebody with a browser of their own; whatever goes wrong in it is noted in `wrong`.

    expected: statuses that the page may be refused with, which the console also tells of.
    """

    def __init__(self, browser: Browser, url: str, **options) -> None:
        self.url = url
        self.wrong: list[str] = []
        self.expected: set[int] = set()
        self.context: BrowserContext = browser.new_context(**options)
        self.page: Page = self.context.new_page()
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("request", self._look)

    def log_in(self, name: str) -> None:
        """Begin a session without the form."""
        words = {"username": name, "password": PASSWORD}
        answer = self.context.request.post(f"{self.url}/login", data=words)
        assert answer.ok, answer.text()

    def go(self, path: str) -> int:
        """Open a page; give its status."""
        answer = self.page.goto(self.url + path)
        assert answer is not None
        return answer.status

    def press(self, name: str) -> None:
        """Press a button."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def agree(self) -> None:
        """Answer the question that stands before an action."""
        self.page.locator("dialog[open]").get_by_role("button", name="Yes").click()

    def finds_no_fault(self) -> None:
        """The page is accessible, has one heading, and no wider content than window."""
        found = Axe().run(self.page, options=RULES)
        assert found.violations_count == 0, found.generate_report()
        wide = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wide <= 0, f"the page is {wide} px too wide"

    def reaches(self, name: str, presses: int = 60) -> None:
        """Come to a link or button by the Tab key alone; it has the focus then."""
        for _ in range(presses):
            self.page.keyboard.press("Tab")
            text = self.page.evaluate(
                "at => (at.innerText || at.ariaLabel || '').trim()",
                self.page.locator("*:focus").element_handle(),
            )
            if text == name:
                return
        raise AssertionError(f"no way to {name!r} by the keyboard")

    def _note(self, message) -> None:
        if message.type not in ("error", "warning"):
            return
        status = re.search(r"responded with a status of (\d+)", message.text)
        if status is None or int(status[1]) not in self.expected:
            self.wrong.append(message.text)

    def _look(self, request) -> None:
        if urlsplit(request.url).netloc != urlsplit(self.url).netloc:
            self.wrong.append(f"asked for {request.url}")
