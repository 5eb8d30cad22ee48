"""Waiting lists: positions that fall before one's eyes, moving, removing with a reason."""

import re
import secrets

import pytest
import requests
from playwright.sync_api import expect

from tests.browser.making import schedule, unique
from tests.browser.people import NARROW


@pytest.fixture
def line(yard):
    """A schedule whose runs wait for each other: one runs, three wait; their ids in order."""
    schedule_id = schedule(yard, unique("line"), run="sleep 600", overlap="queue")
    runs = []
    for _ in range(4):
        answer = requests.post(f"{yard.url}/scheduled-jobs/{schedule_id}/run", timeout=90)
        runs.append(answer.json()["id"])
    yard.until(runs[0], "RUNNING")
    yield f"/ui/waiting?pool=schedule/{schedule_id}", runs
    requests.delete(f"{yard.url}/scheduled-jobs/{schedule_id}", timeout=90)


def expect_order(person, *jobs):
    """The list holds these, in this order, from position 0 on."""
    rows = person.page.get_by_role("region", name="Who waits").locator("tbody tr")
    expect(rows).to_have_count(len(jobs))
    for place, job_id in enumerate(jobs):
        expect(rows.nth(place)).to_contain_text(
            re.compile(rf"^\s*{place}\b.*{job_id[:8]}", re.DOTALL)
        )


def test_positions_fall_as_those_in_front_begin(visit, yard, line):
    path, (running, first, second, third) = line
    person = visit(path)
    expect_order(person, first, second, third)
    requests.put(f"{yard.url}/jobs/{running}/cancel", timeout=90)
    expect_order(person, second, third)
    holders = person.page.get_by_role("region", name="Who has the slots")
    expect(holders).to_contain_text(first[:8])
    yard.until(first, "RUNNING")


def test_one_is_moved_and_everybody_sees_it(visit, yard, line):
    path, (running, first, second, third) = line
    other = visit(path)
    person = visit(path, as_admin=True)

    def press(job_id, words):
        person.page.get_by_role("button", name=f"{job_id[:8]} {words}", exact=False).click()
        expect(person.page.get_by_role("status").first).to_contain_text("It has position")

    press(third, "to the front")
    expect_order(person, third, first, second)
    press(second, "up")
    expect_order(person, third, second, first)
    press(third, "down")
    expect_order(other, second, third, first)
    requests.put(f"{yard.url}/jobs/{running}/cancel", timeout=90)
    yard.until(second, "RUNNING")
    expect_order(other, third, first)


def test_one_is_removed_and_told_why(visit, yard, line):
    path, (_, first, second, third) = line
    person = visit(path, as_admin=True)
    person.page.locator(f"#remove-{second}").click()
    page = person.page
    expect(page.get_by_role("heading", level=1)).to_contain_text("Remove")
    person.finds_no_fault()
    page.get_by_label("Reason").fill("no longer <b>needed</b>")
    person.press("Remove it")
    expect(page.get_by_role("status").first).to_contain_text("does not wait any more")
    expect_order(person, first, third)
    gone = yard.until(second, "CANCELLED")
    assert gone["error"] == "no longer <b>needed</b>"
    person.expected = {404}
    assert person.go(f"/ui/waiting/{second}/remove") == 404


def test_what_has_begun_is_neither_moved_nor_removed(visit, yard, line):
    path, (running, first, *_) = line
    person = visit(path, as_admin=True)
    token = person.page.locator("[name=csrf_token]").first.input_value()

    def post(what, **form):
        form["csrf_token"] = token
        return person.context.request.post(f"{yard.url}/ui/waiting/{what}", form=form).status

    assert post(f"{running}/remove", reason="x") == 404
    assert post(f"{running}/move", turn="up") == 404
    assert post(f"{first}/move", turn="aside") == 400
    assert post("%00/move", turn="up") == 404
    assert yard.job(running)["state"] == "RUNNING"


def test_nothing_moves_without_a_token_of_a_form(yard, line):
    _, (_, first, *_) = line
    for what in ("move", "remove"):
        answer = requests.post(
            f"{yard.url}/ui/waiting/{first}/{what}", {"turn": "down"}, timeout=90
        )
        assert answer.status_code == 400
    assert yard.job(first)["state"] not in ("CANCELLED", "RUNNING")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_list_is_accessible(visit, line, scheme):
    path, _ = line
    visit(path, as_admin=True, color_scheme=scheme).finds_no_fault()
    visit(path, as_admin=True, color_scheme=scheme, viewport=NARROW).finds_no_fault()


def test_the_keyboard_moves_one(visit, line):
    path, (_, first, second, third) = line
    person = visit(path, as_admin=True)
    person.reaches("Front")
    person.page.keyboard.press("Enter")
    expect_order(person, second, first, third)


def test_a_pool_that_nobody_knows_is_empty(visit):
    person = visit(f"/ui/waiting?pool={secrets.token_hex(8)}&from=9")
    expect(person.page.get_by_text("Nobody waits here.")).to_be_visible()
    person.finds_no_fault()
