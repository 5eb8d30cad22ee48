"""One server for each test process, and people before it: an admin, a manager, nobody.

Tests look only at what they made themselves: names of their own, and pages of these.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.people import ADMIN, Person, register
from tests.yard import PATIENCE_S, Yard

WORDS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip

expect.set_options(timeout=PATIENCE_S * 1000)


@pytest.fixture(scope="session")
def yard() -> Iterator[Yard]:
    """A whole server, whose first manager is the admin."""
    folder = Path(tempfile.mkdtemp(prefix="jy"))
    yard = Yard(folder)
    try:
        yard.start()
        register(yard.url, ADMIN)
        yield yard
    finally:
        yard.end()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=list(WORDS))
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser, yard: Yard) -> Iterator[Callable[..., Person]]:
    """Open a page as somebody: `visit("/ui/", as_admin=True)`, or with options of a context.

    At the end of the test nothing may have gone wrong in any of these browsers.
    """
    people: list[Person] = []

    def visit(path: str, *, as_admin: bool = False, name: str = "", **options) -> Person:
        person = Person(browser, yard.url, **options)
        people.append(person)
        if as_admin or name:
            person.log_in(ADMIN if as_admin else name)
        person.go(path)
        return person

    yield visit
    wrong = [text for person in people for text in person.wrong]
    for person in people:
        person.context.close()
    assert wrong == []
