"""Workers, queues and schedules: found, looked at, changed."""

import re
import secrets

import pytest
import requests
from playwright.sync_api import expect

from tests.browser.making import render_worker, schedule, unique
from tests.browser.people import NARROW, register
from tests.yard import eventually


def row(person, text):
    return person.page.get_by_role("row").filter(has_text=text)


# -- workers ---------------------------------------------------------------------------------------


def test_a_worker_appears_while_somebody_looks_and_is_found_again(visit, yard):
    name = unique("host")
    render_worker(yard, unique("other"))
    person = visit(f"/ui/workers?q={name}")
    expect(person.page.get_by_text("No worker fits.")).to_be_visible()
    render_worker(yard, name)
    expect(row(person, name)).to_contain_text("flamenco")
    person.page.get_by_label("Dialect").select_option("flamenco")
    person.press("Search")
    expect(row(person, name)).to_be_visible()
    person.page.get_by_role("link", name="silent").click()
    expect(person.page.get_by_text("No worker fits.")).to_be_visible()
    assert f"q={name}" in person.page.url
    assert "dialect=flamenco" in person.page.url


def test_a_daemon_shows_what_it_runs_and_ran(visit, yard):
    job_id = yard.submit("sleep 600")
    yard.until(job_id, "RUNNING")
    person = visit("/ui/workers?state=working")
    person.page.get_by_role("row").filter(has_text="daemon").get_by_role("link").first.click()
    running = person.page.get_by_role("region", name="Works on").get_by_role("row")
    expect(running.filter(has_text=job_id[:8])).to_be_visible()
    requests.put(f"{yard.url}/jobs/{job_id}/cancel", timeout=90)
    did = person.page.get_by_role("region", name="Did lately").get_by_role("row")
    expect(did.filter(has_text=job_id[:8])).to_contain_text("cancelled")
    person.finds_no_fault()


def test_a_render_worker_is_switched_off_and_on_and_forgotten(visit, yard):
    name = unique("host")
    worker_id = render_worker(yard, name)
    person = visit(f"/ui/workers/{worker_id}", as_admin=True)
    person.press("Disable")
    person.agree()
    expect(person.page.get_by_role("status").first).to_have_text(f"{name} gets no more tasks.")
    expect(person.page.locator("#worker .state-disabled")).to_be_visible()
    told = requests.get(f"{yard.url}/workers/{worker_id}", timeout=90).json()
    assert told["status"] == "disabled"
    person.press("Enable")
    expect(person.page.locator("#worker .state-enabled")).to_be_visible()
    person.press("Forget")
    person.agree()
    expect(person.page).to_have_url(f"{person.url}/ui/workers")
    assert requests.get(f"{yard.url}/workers/{worker_id}", timeout=90).status_code == 404


def test_only_an_admin_pauses_a_worker_of_the_tracker(visit, yard):
    name = unique("alias")
    answer = requests.post(f"{yard.url}/worker/create", json={"alias": name}, timeout=90)
    worker_id = answer.json()["content"]["worker"]["id"]
    register(yard.url, manager := secrets.token_hex(6))
    person = visit(f"/ui/workers/{worker_id}", name=manager)
    expect(person.page.get_by_role("heading", level=1)).to_have_text(name)
    expect(person.page.get_by_role("button", name="Pause")).to_have_count(0)
    admin = visit(f"/ui/workers/{worker_id}", as_admin=True)
    admin.press("Pause")
    expect(person.page.locator("#worker .state-paused")).to_be_visible()
    admin.press("Resume")
    expect(person.page.locator("#worker .state-paused")).to_have_count(0)


@pytest.mark.parametrize("worker_id", ["0", "-1", "x", "9" * 30, "%00", "99999999999"])
def test_there_are_no_other_workers(visit, worker_id):
    person = visit("/ui/workers")
    person.expected = {404}
    assert person.go(f"/ui/workers/{worker_id}") == 404


def test_a_hostile_name_is_shown_as_it_is(visit, yard):
    name = f"<script>alert(1)</script>\u202e😀'\"{secrets.token_hex(3)}"
    worker_id = render_worker(yard, name)
    person = visit(f"/ui/workers/{worker_id}")
    expect(person.page.get_by_role("heading", level=1)).to_have_text(name)
    person.go("/ui/workers?q=%3Cscript%3E&after=%00&state=%27&dialect=%00")
    expect(person.page.get_by_role("heading", level=1)).to_have_text("Workers")


# -- queues ----------------------------------------------------------------------------------------


def test_a_queue_fills_and_is_deleted(visit, yard):
    name = unique("nobody")
    person = visit("/ui/queues?dialect=tork", as_admin=True)
    expect(row(person, "tork/default")).to_be_visible()
    job_id = yard.submit("true", queue=name)
    line = row(person, name)
    expect(line).to_contain_text("nobody listens")
    expect(line.get_by_role("cell").nth(1)).to_have_text("1")
    line.get_by_role("button", name="Delete").click()
    expect(person.page.locator("#question")).to_contain_text("1 waiting tasks fail")
    person.agree()
    expect(person.page.get_by_role("status").first).to_contain_text("has failed")
    expect(row(person, name)).to_have_count(0)
    yard.until(job_id, "FAILED")


def test_a_queue_of_another_dialect_is_not_deleted(visit, yard):
    person = visit("/ui/queues", as_admin=True)
    token = person.page.locator("[name=csrf_token]").first.input_value()
    for name, status in (("flamenco/render", 400), ("tork/x-jobs", 400), ("tork/none\0", 404)):
        form = {"csrf_token": token, "name": name}
        answer = person.context.request.post(f"{yard.url}/ui/queues/delete", form=form)
        assert answer.status == status, name


# -- schedules -------------------------------------------------------------------------------------


def test_a_schedule_is_run_paused_resumed_and_deleted(visit, yard):
    name = unique("nightly")
    schedule_id = schedule(yard, name, timezone="Europe/Berlin")
    person = visit("/ui/schedules?dialect=tork", as_admin=True)
    expect(row(person, name)).to_contain_text("at 02:30, on day 1 of the month, in January")
    person.page.get_by_role("link", name=name).click()
    page = person.page
    expect(page.locator("#schedule ol time")).to_have_count(5)
    person.press("Run now")
    expect(page).to_have_url(re.compile("/ui/jobs/[0-9a-f]{32}$"))
    job_id = page.url.rpartition("/")[2]
    person.go(f"/ui/schedules/{schedule_id}")
    jobs = page.get_by_role("region", name="Latest jobs").get_by_role("row")
    expect(jobs.filter(has=page.locator(f"a[href='/ui/jobs/{job_id}']"))).to_contain_text(
        "completed"
    )
    person.press("Pause")
    person.agree()
    expect(page.get_by_text("It is paused.")).to_be_visible()
    person.press("Resume")
    expect(page.locator("#schedule ol time")).to_have_count(5)
    person.press("Delete")
    person.agree()
    expect(page).to_have_url(f"{person.url}/ui/schedules")
    assert requests.get(f"{yard.url}/scheduled-jobs/{schedule_id}").status_code == 404
    assert yard.job(job_id)["state"] == "COMPLETED"


def test_a_schedule_that_somebody_else_pauses_changes_before_ones_eyes(visit, yard):
    schedule_id = schedule(yard, unique("watched"))
    person = visit(f"/ui/schedules/{schedule_id}")
    requests.put(f"{yard.url}/scheduled-jobs/{schedule_id}/pause", timeout=90)
    expect(person.page.locator("#schedule .state-paused")).to_be_visible()


# -- all of them -----------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_accessible(visit, yard, scheme):
    schedule_id = schedule(yard, unique("accessible"))
    worker_id = render_worker(yard, unique("accessible"))
    for options in ({"color_scheme": scheme}, {"color_scheme": scheme, "viewport": NARROW}):
        person = visit("/ui/workers", as_admin=True, **options)
        person.finds_no_fault()
        for path in (
            f"/ui/workers/{worker_id}",
            "/ui/queues",
            "/ui/schedules",
            f"/ui/schedules/{schedule_id}",
        ):
            person.go(path)
            person.finds_no_fault()


def test_the_keyboard_reaches_everything(visit, yard):
    schedule_id = schedule(yard, unique("keys"))
    person = visit(f"/ui/schedules/{schedule_id}", as_admin=True)
    person.reaches("Pause")
    person.page.keyboard.press("Enter")
    expect(person.page.locator("dialog[open]")).to_be_visible()
    person.page.keyboard.press("Enter")
    expect(person.page.locator("#schedule .state-paused")).to_be_visible()


def test_nothing_is_changed_without_a_token_of_a_form(yard):
    schedule_id = schedule(yard, unique("forged"))
    worker_id = render_worker(yard, unique("forged"))
    for path, form in (
        (f"/ui/workers/{worker_id}", {"wanted": "disable"}),
        (f"/ui/schedules/{schedule_id}", {"wanted": "pause"}),
        ("/ui/queues/delete", {"name": "tork/default"}),
    ):
        answer = requests.post(f"{yard.url}{path}", data=form, timeout=90)
        assert answer.status_code == 400
    eventually(yard.answers, "the server answers")
    shown = requests.get(f"{yard.url}/scheduled-jobs/{schedule_id}", timeout=90).json()
    assert shown["state"] == "ACTIVE"


@pytest.mark.parametrize(
    "path", ["/ui/schedules/nothing", "/ui/schedules/%00", "/ui/schedules/" + "x" * 3000]
)
def test_there_are_no_other_schedules(visit, path):
    person = visit("/ui/schedules")
    person.expected = {404}
    assert person.go(path) == 404
