"""The list of jobs: finding, looking at what happens, changing many at once; the list of tasks."""

import re

import pytest
import requests
from playwright.sync_api import expect

from tests.browser.people import ADMIN, NARROW, Person, register
from tests.browser.submitting import API, fresh, reaches, shell, state, workflow
from tests.yard import Yard, eventually

HOSTILE = (
    "</a><script>alert(1)</script> \u202egnp.exe\u202c \"'&amp; javascript:alert(1) \U0001f98a "
)


def row(page, job_id):
    return page.locator(f"tr:has(#tick-{job_id})")


def rows(page):
    return page.locator("#list tbody tr")


@pytest.fixture(scope="module")
def ended(yard) -> tuple[str, list[str]]:
    """A tag, and three jobs with it that are over: two good, one not."""
    tag = fresh("ended")
    ids = [
        shell(yard, f"{tag} one", tags=[tag]),
        shell(yard, f"{tag} two", tags=[tag]),
        shell(yard, f"{tag} three", "exit 3", tags=[tag]),
    ]
    for job_id, word in zip(ids, ("COMPLETED", "COMPLETED", "FAILED"), strict=True):
        reaches(yard, job_id, word)
    return tag, ids


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible_and_fits(visit, ended, scheme):
    tag, ids = ended
    person = visit(f"/ui/jobs?tag={tag}", color_scheme=scheme)
    expect(rows(person.page)).to_have_count(3)
    expect(row(person.page, ids[2])).to_contain_text("failed")
    person.finds_no_fault()
    narrow = visit(f"/ui/jobs?tag={tag}", color_scheme=scheme, viewport=NARROW)
    narrow.finds_no_fault()
    narrow.go("/ui/tasks")
    narrow.finds_no_fault()


def test_filters_stand_in_the_address(visit, ended):
    tag, ids = ended
    person = visit("/ui/jobs")
    page = person.page
    page.get_by_label("Words in name").fill(tag)
    page.get_by_label("failed", exact=True).check()
    page.get_by_label("cancelled", exact=True).check()
    page.keyboard.press("Enter")
    expect(rows(page)).to_have_count(1)
    expect(page).to_have_url(re.compile(rf"/ui/jobs\?q={tag}&state=FAILED&state=CANCELLED$"))
    page.reload()
    expect(page.get_by_label("failed", exact=True)).to_be_checked()
    expect(page.get_by_label("Words in name")).to_have_value(tag)
    row(page, ids[2]).get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{tag} three")
    page.go_back()
    expect(rows(page)).to_have_count(1)
    expect(page.get_by_label("cancelled", exact=True)).to_be_checked()
    page.get_by_role("link", name="Clear filters").click()
    expect(page).to_have_url(re.compile(r"/ui/jobs$"))


def test_times_are_asked_for_in_the_viewers_zone(visit, yard, ended):
    tag, ids = ended
    person = visit(f"/ui/jobs?q={tag}", timezone_id="Asia/Tokyo")
    page = person.page
    created = requests.get(f"{yard.url}{API}/jobs/{ids[0]}", timeout=90).json()["created_at"]
    here = page.evaluate(
        "text => { const t = new Date(new Date(text).getTime() + 9 * 3600e3 + 2000);"
        " return t.toISOString().slice(0, 19) }",
        created,
    )
    page.locator("#more summary").click()
    page.get_by_label("Created before").fill(here)
    page.get_by_role("button", name="Find").click()
    expect(page.locator(f"#tick-{ids[0]}")).to_be_visible()
    expect(page.get_by_label("Created before")).to_have_value(here)
    person.go(f"/ui/jobs?q={tag}&created_before={created}")
    expect(page.get_by_text("No job matches.")).to_be_visible()


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("state=LOST", "state"),
        ("created_from=yesterday", "created_from"),
        ("after=nonsense", "after"),
        ("id=%3Cb%3E", "id"),
        ("size=0&q=%00", None),
    ],
)
def test_what_makes_no_sense_is_told(visit, query, told):
    person = visit("/ui/jobs")
    person.expected = {400}
    assert person.go(f"/ui/jobs?{query}") == (400 if told else 200)
    if told:
        expect(person.page.get_by_role("alert")).to_contain_text(told)


def test_nothing_matches(visit):
    page = visit(f"/ui/jobs?q={fresh('nothing')}").page
    expect(page.get_by_text("No job matches.")).to_be_visible()
    page.get_by_role("link", name="clear the filters").click()
    expect(page).to_have_url(re.compile(r"/ui/jobs$"))


def test_names_do_no_harm(visit, yard):
    mark = fresh("hostile")
    job_id = shell(yard, (f"{mark} {HOSTILE}" + "x" * 10_000)[:256], tags=[HOSTILE])
    person = visit(f"/ui/jobs?q={mark}")
    expect(row(person.page, job_id)).to_contain_text("</a><script>alert(1)</script>")
    person.finds_no_fault()
    person.go(f"/ui/jobs/{job_id}")
    expect(person.page.get_by_role("heading", level=1)).to_contain_text("<script>alert(1)")
    person.finds_no_fault()


def test_pages_go_on_and_back(visit, yard):
    tag = fresh("paged")
    for number in range(51):
        shell(yard, f"{tag} {number}", tags=[tag])
    page = visit(f"/ui/jobs?tag={tag}").page
    expect(rows(page)).to_have_count(50)
    page.get_by_role("link", name="Next", exact=True).click()
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text(f"{tag} 0")
    page.get_by_role("link", name="Back to the newest").click()
    expect(rows(page)).to_have_count(50)
    assert "after" not in page.url


def test_rows_follow_what_happens_and_keep_ticks_and_focus(visit, yard, tmp_path):
    tag, gate = fresh("live"), tmp_path / "gate"
    first = shell(yard, f"{tag} first", f"until [ -e {gate} ]; do sleep 0.1; done", tags=[tag])
    page = visit(f"/ui/jobs?tag={tag}").page
    expect(row(page, first)).to_contain_text("running")
    page.locator(f"#tick-{first}").check()
    page.locator(f"#tick-{first}").focus()
    second = shell(yard, f"{tag} second", tags=[tag])
    expect(row(page, second)).to_contain_text("completed")
    gate.touch()
    expect(row(page, first)).to_contain_text("completed")
    expect(row(page, first)).to_contain_text("1 of 1")
    expect(page.locator(f"#tick-{first}")).to_be_checked()
    expect(page.locator(f"#tick-{first}")).to_be_focused()
    expect(page.locator("#ticked")).to_have_text("1 ticked:")


def test_ticked_jobs_are_cancelled_after_a_yes(visit, yard):
    tag = fresh("bulk")
    ids = [shell(yard, f"{tag} {n}", "sleep 600", tags=[tag]) for n in range(2)]
    over = reaches(yard, shell(yard, f"{tag} over", tags=[tag]), "COMPLETED")
    person = visit(f"/ui/jobs?tag={tag}")
    page = person.page
    expect(page.get_by_role("button", name="Cancel", exact=True)).to_be_disabled()
    page.get_by_label("Tick all of this page").check()
    person.press("Cancel")
    expect(page.locator("#question-text")).to_have_text("Cancel 3 jobs, with all their tasks?")
    page.locator("dialog[open]").get_by_role("button", name="No").click()
    expect(page.get_by_role("button", name="Cancel", exact=True)).to_be_focused()
    assert all(state(yard, each) != "CANCELLED" for each in ids)
    person.press("Cancel")
    person.agree()
    expect(page.get_by_text("Cancelled 2 jobs.")).to_be_visible()
    expect(page.get_by_text("Refused 1 job: it is completed.")).to_be_visible()
    assert f"tag={tag}" in page.url
    assert [state(yard, each) for each in (*ids, over)] == ["CANCELLED", "CANCELLED", "COMPLETED"]
    row(page, ids[0]).get_by_role("checkbox").check()
    person.press("Delete")
    person.agree()
    expect(page.get_by_text("Deleted 1 job.")).to_be_visible()
    expect(rows(page)).to_have_count(2)


def test_all_that_match_are_restarted_and_deleted(visit, yard, tmp_path):
    tag, gate = fresh("every"), tmp_path / "gate"
    ids = [shell(yard, f"{tag} {n}", f"[ -e {gate} ]", tags=[tag]) for n in range(2)]
    good = reaches(yard, shell(yard, f"{tag} good", tags=[tag]), "COMPLETED")
    for job_id in ids:
        reaches(yard, job_id, "FAILED")
    gate.touch()
    person = visit(f"/ui/jobs?tag={tag}")
    page = person.page
    page.locator("#all summary").click()
    person.press("Restart all")
    expect(page.locator("#question-text")).to_contain_text("up to 1,000")
    person.agree()
    expect(page.get_by_text("Restarted 2 jobs.")).to_be_visible()
    for job_id in ids:
        reaches(yard, job_id, "COMPLETED")
    page.locator("#all summary").click()
    person.press("Delete all")
    person.agree()
    expect(page.get_by_text("Deleted 3 jobs.")).to_be_visible()
    expect(page.get_by_text("No job matches.")).to_be_visible()
    assert state(yard, good) == "GONE"


def test_a_job_is_found_by_the_keyboard_alone(visit, ended):
    tag, _ids = ended
    person = visit("/ui/jobs")
    page = person.page
    page.get_by_label("Words in name").focus()
    page.keyboard.type(f"{tag} three")
    page.keyboard.press("Enter")
    expect(rows(page)).to_have_count(1)
    person.reaches(f"{tag} three")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{tag} three")
    person.reaches("Restart")


def test_a_form_without_a_token_changes_nothing(yard, ended):
    _tag, ids = ended
    for path in ("/ui/jobs/delete", f"/ui/jobs/{ids[0]}/delete"):
        answer = requests.post(f"{yard.url}{path}", data={"id": ids[0]}, timeout=90)
        assert answer.status_code == 400
    assert state(yard, ids[0]) == "COMPLETED"


def test_jobs_of_several_dialects_stand_in_one_list(visit, yard):
    word = fresh("mixed")
    shell(yard, word)
    workflow(yard, word, {"name": "task", "run": "true"})
    page = visit(f"/ui/jobs?q={word}").page
    expect(rows(page)).to_have_count(2)
    page.get_by_label("Dialect").select_option("tork")
    page.get_by_role("button", name="Find").click()
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("workflow")


def test_tasks_are_listed_by_state_and_queue(visit, yard):
    queue = fresh("lane")
    name = fresh("queued")
    job_id = workflow(yard, name, {"name": "waits", "run": "true", "queue": queue})
    eventually(lambda: state(yard, job_id) == "SCHEDULED", "the task to wait")
    person = visit(f"/ui/tasks?queue=tork/{queue}&state=QUEUED")
    page = person.page
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("waits")
    requests.put(f"{yard.url}{API}/jobs/{job_id}/cancel", timeout=90)
    expect(page.get_by_text("No task matches.")).to_be_visible()
    page.get_by_label("queued", exact=True).uncheck()
    page.get_by_role("button", name="Find").click()
    expect(rows(page)).to_contain_text("cancelled")
    page.get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    person.expected = {400, 404}
    assert person.go("/ui/tasks?state=ODD") == 400
    assert person.go("/ui/tasks?before=x") == 400
    assert person.go("/ui/tasks/99999999999999999999") == 404


@pytest.fixture(scope="module")
def closed_yard(tmp_path_factory):
    """A server whose API wants tokens; its first manager is admin."""
    yard = Yard(tmp_path_factory.mktemp("closed"), JOBYARD_API_REQUIRE_TOKEN="true")
    try:
        yard.start()
        register(yard.url, ADMIN)
        register(yard.url, "clerk")
        yield yard
    finally:
        yard.end()


def test_where_tokens_are_wanted_only_admins_see_jobs(closed_yard, browser):
    job_id = closed_yard.submit("true")
    paths = (
        "/ui/jobs", f"/ui/jobs/{job_id}", f"/ui/jobs/{job_id}/log", "/ui/tasks", "/ui/tasks/1",
        f"/ui/jobs/{job_id}/log/text", f"/ui/jobs/{job_id}/log/stream", "/ui/tasks/1/log",
        f"/ui/jobs/{job_id}/log/earlier",
    )  # fmt: skip
    for path in paths:
        answer = requests.get(f"{closed_yard.url}{path}", allow_redirects=False, timeout=90)
        assert (answer.status_code, answer.headers["Location"][:9]) == (303, "/ui/login")
    for name, status in (("clerk", 403), (ADMIN, 200)):
        person = Person(browser, closed_yard.url)
        person.log_in(name)
        for path in paths:
            if not path.endswith("/stream"):
                answer = person.context.request.get(f"{closed_yard.url}{path}")
                assert (path, answer.status) == (path, status)
        person.context.close()
