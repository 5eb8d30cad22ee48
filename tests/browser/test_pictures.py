"""Pictures of the pages, as documents show them; and each page of the navigation is one to look at.

JOBYARD_PICTURES=docs/pictures (or `make pictures`) writes those of the main pages there.
"""

import os
import shutil
import struct
import tempfile
from pathlib import Path

import pytest

from tests.browser.people import ADMIN, Person
from tests.browser.stage import Stage
from tests.yard import Yard, eventually

WIDE = {"width": 1280, "height": 800}
MAIN = {
    "overview": "/ui/",
    "overview-dark": "/ui/",
    "jobs": "/ui/jobs",
    "job": "/ui/jobs/{stage.job}",
    "submit": "/ui/submit/workflow",
    "waiting": "/ui/waiting?pool=schedule/{stage.schedule}",
    "cluster": "/ui/clusters/{stage.cluster}",
    "project": "/ui/projects/{stage.project}",
    "farm": "/ui/farm/{stage.farm_job}",
    "workers": "/ui/workers",
}
# All images are there, and each plot is drawn.
QUIET = """
  [...document.images].every((one) => one.complete)
  && [...document.querySelectorAll(".curve")].every((one) => one.querySelector("canvas"))
"""
# Read before the fixtures: servers refuse variables of that prefix that they do not know.
FOLDER = os.environ.pop("JOBYARD_PICTURES", "")


@pytest.fixture(scope="module")
def stage():
    folder = Path(tempfile.mkdtemp(prefix="jy", dir="/tmp"))
    yard = Yard(folder, JOBYARD_WORKER_NAME="workshop")
    try:
        yield Stage(yard.start())
    finally:
        yard.end()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def admin(browser, stage):
    """Open pages as the admin, in a mode."""
    people = []

    def admin(scheme: str = "light") -> Person:
        person = Person(browser, stage.yard.url, viewport=WIDE, color_scheme=scheme)
        people.append(person)
        person.log_in(ADMIN)
        return person

    yield admin
    wrong = [text for person in people for text in person.wrong]
    for person in people:
        person.context.close()
    assert wrong == []


def take(person: Person, path: str, to: Path) -> None:
    """Take a picture of a page once it is quiet."""
    assert person.go(path) == 200, path
    person.page.locator("main h1").wait_for()
    eventually(lambda: person.page.evaluate(QUIET), "all of the page")
    person.page.screenshot(path=to, animations="disabled")
    data = to.read_bytes()
    assert data.startswith(b"\x89PNG")
    assert struct.unpack(">II", data[16:24]) == (WIDE["width"], WIDE["height"])
    assert len(data) > 5_000, "there is something on it"


@pytest.mark.parametrize("name", MAIN)
def test_a_picture_of_a_main_page(admin, stage, name, tmp_path):
    folder = Path(FOLDER) if FOLDER else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    person = admin("dark" if name.endswith("-dark") else "light")
    take(person, MAIN[name].format(stage=stage), folder / f"{name}.png")


def test_every_page_of_the_navigation_is_one_to_look_at(admin, tmp_path):
    person = admin()
    person.go("/ui/")
    links = person.page.locator("header nav a").all()
    paths = [link.get_attribute("href") for link in links]
    assert "/ui/" in paths
    for number, path in enumerate(paths):
        if path.startswith("/ui/"):
            take(person, path, tmp_path / f"{number}.png")
