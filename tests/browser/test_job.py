"""A job's page, its output, and a task's page, with real jobs."""

import re

import pytest
import requests
from playwright.sync_api import expect

from tests.browser.people import NARROW
from tests.browser.submitting import API, fresh, reaches, shell, state, tasks, workflow
from tests.yard import eventually

AT_END = (
    "() => { const box = document.getElementById('lines');"
    " return box.scrollHeight > box.clientHeight"
    " && box.scrollHeight - box.scrollTop - box.clientHeight < 5 }"
)


def heading(page):
    return page.get_by_role("heading", level=1)


def lines(page):
    return page.locator("#lines .written-line")


def waits_for(gate) -> str:
    return f"until [ -e {gate} ]; do sleep 0.1; done"


@pytest.fixture(scope="module")
def film(yard) -> str:
    """A workflow with steps, a parallel one, an each, and a retry; it is over."""
    job_id = workflow(
        yard,
        fresh("film"),
        {"name": "split", "run": "echo parts"},
        {
            "name": "encode",
            "each": {"list": "{{ sequence(1,4) }}", "task": {"name": "part", "run": "echo done"}},
        },
        {
            "name": "checks",
            "parallel": {
                "tasks": [{"name": "audio", "run": "true"}, {"name": "video", "run": "true"}]
            },
        },
        {"name": "join", "run": "exit 7", "retry": {"limit": 1}},
        secrets={"password": "hidden-from-all"},
    )
    return reaches(yard, job_id, "FAILED")


def test_pages_are_accessible_and_fit(visit, yard, film):
    last = tasks(yard, film)[-1]["id"]
    wide = visit(f"/ui/jobs/{film}", color_scheme="dark")
    wide.finds_no_fault()
    narrow = visit(f"/ui/jobs/{film}", viewport=NARROW)
    narrow.finds_no_fault()
    narrow.go(f"/ui/jobs/{film}/log")
    narrow.finds_no_fault()
    wide.go(f"/ui/tasks/{last}")
    wide.finds_no_fault()


def test_everything_of_a_job_is_there(visit, film):
    person = visit(f"/ui/jobs/{film}")
    page = person.page
    expect(page.locator("#error")).to_contain_text("exit code 7")
    graph = page.get_by_role("group", name=re.compile("boxes, from left to right"))
    expect(graph.get_by_role("link", name=re.compile("^part: completed"))).to_have_count(3)
    expect(graph.locator("path")).not_to_have_count(0)
    timeline = page.get_by_role("group", name=re.compile("^Attempts of"))
    expect(timeline.locator(".bar-failed").first).to_be_visible()
    expect(page.locator("#spec")).to_contain_text('"run": "exit 7"')
    expect(page.locator("#spec")).not_to_contain_text("hidden-from-all")
    events = page.locator("#events")
    expect(events).to_contain_text("job.submitted")
    expect(events).to_contain_text("job.failed")
    expect(page.get_by_role("link", name="Submit again with changes")).to_have_attribute(
        "href", f"/ui/submit/workflow?again={film}"
    )
    graph.get_by_role("link", name=re.compile("^split")).click()
    expect(heading(page)).to_have_text("split")
    expect(page.locator("#body tbody tr")).to_contain_text("done")
    page.get_by_role("link", name="Output").click()
    expect(lines(page)).to_contain_text(["parts"])


def test_a_job_is_seen_to_run(visit, yard, tmp_path):
    gate = tmp_path / "gate"
    job_id = workflow(
        yard,
        fresh("live"),
        {"name": "first", "run": waits_for(gate)},
        {"name": "second", "run": "true"},
    )
    page = visit(f"/ui/jobs/{job_id}").page
    expect(page.locator("#head .state").first).to_have_text("running")
    expect(page.locator("#graph .node")).to_have_count(1)
    gate.touch()
    expect(page.locator("#graph .node")).to_have_count(2)
    expect(page.locator("#head .state").first).to_have_text("completed")
    expect(page.locator("#head")).to_contain_text("2 of 2 tasks")
    expect(page.get_by_role("button", name="Delete")).to_be_visible()
    expect(page.locator("#timeline rect.bar-done")).to_have_count(2)


def test_a_job_is_cancelled_restarted_and_deleted(visit, yard, tmp_path):
    gate = tmp_path / "gate"
    job_id = shell(yard, fresh("steered"), waits_for(gate))
    reaches(yard, job_id, "RUNNING")
    person = visit(f"/ui/jobs/{job_id}")
    page = person.page
    person.press("Cancel")
    page.locator("dialog[open]").get_by_role("button", name="No").click()
    assert state(yard, job_id) == "RUNNING"
    person.press("Cancel")
    person.agree()
    expect(page.get_by_text("Cancelled this job.")).to_be_visible()
    expect(page.locator("#head .state").first).to_have_text("cancelled")
    gate.touch()
    person.press("Restart")
    person.agree()
    expect(page.get_by_text("Restarted this job.")).to_be_visible()
    expect(page.locator("#head .state").first).to_have_text("completed")
    person.press("Delete")
    person.agree()
    expect(page.get_by_text("Deleted the job steered")).to_be_visible()
    assert state(yard, job_id) == "GONE"
    person.expected = {404}
    assert person.go(f"/ui/jobs/{job_id}") == 404


def test_what_is_over_meanwhile_is_told(visit, yard, tmp_path):
    gate = tmp_path / "gate"
    job_id = shell(yard, fresh("quick"), waits_for(gate))
    reaches(yard, job_id, "RUNNING")
    person = visit(f"/ui/jobs/{job_id}/log")
    page = person.page
    page.evaluate("document.querySelector('#do-cancel').dataset.ask = ''")
    requests.put(f"{yard.url}{API}/jobs/{job_id}/cancel", timeout=90)
    # The page of the output asks for its head only when no more will come.
    page.evaluate(
        "job => { const form = document.getElementById('act');"
        " form.action = `/ui/jobs/${job}/cancel`; form.submit() }",
        job_id,
    )
    expect(page.get_by_text("That is not possible: the job is cancelled by now.")).to_be_visible()


def test_a_job_is_deleted_while_somebody_looks(visit, yard):
    job_id = reaches(yard, shell(yard, fresh("doomed")), "COMPLETED")
    page = visit(f"/ui/jobs/{job_id}").page
    expect(page.locator("#head")).to_contain_text("1 of 1 tasks")
    requests.delete(f"{yard.url}{API}/jobs/{job_id}", timeout=90)
    expect(heading(page)).to_have_text("This job has been deleted")


def test_output_is_followed_searched_and_downloaded(visit, yard, tmp_path):
    steps = [tmp_path / name for name in ("one", "two")]
    run = f"seq 1 300; {waits_for(steps[0])}; echo needle 1; {waits_for(steps[1])}; echo needle 2"
    job_id = shell(yard, fresh("writer"), run)
    person = visit(f"/ui/jobs/{job_id}/log")
    page = person.page
    expect(lines(page)).to_have_count(300)
    steps[0].touch()
    expect(lines(page)).to_have_count(301)
    eventually(lambda: page.evaluate(AT_END), "the end to be seen")
    page.get_by_label("Search in what is shown").fill("NEEDLE")
    expect(page.locator("#seek-found")).to_have_text("1 of 1 found")
    steps[1].touch()
    expect(page.locator("#seek-found")).to_have_text("1 of 2 found")
    expect(page.locator("#head .state")).to_have_text("completed")
    expect(page.get_by_label("Follow")).to_be_hidden()
    page.get_by_label("Search in what is shown").press("Enter")
    expect(page.locator("#seek-found")).to_have_text("2 of 2 found")
    expect(page.locator("mark.here")).to_have_count(1)
    person.press("Previous")
    expect(page.locator("#seek-found")).to_have_text("1 of 2 found")
    page.get_by_label("Search in what is shown").fill("")
    expect(page.locator("mark")).to_have_count(0)
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download all").click()
    assert waiting.value.suggested_filename == f"job-{job_id}.log"
    text = waiting.value.path().read_text()
    assert text == "".join(f"{n}\n" for n in range(1, 301)) + "needle 1\nneedle 2\n"


def test_following_stops_and_goes_on_where_it_was(visit, yard, tmp_path):
    steps = [tmp_path / name for name in ("one", "two")]
    run = f"echo begun; {waits_for(steps[0])}; echo missed; {waits_for(steps[1])}; echo end"
    job_id = shell(yard, fresh("paused"), run)
    page = visit(f"/ui/jobs/{job_id}/log").page
    expect(lines(page)).to_have_text([re.compile("begun$")])
    page.get_by_label("Follow").uncheck()
    steps[0].touch()
    whole = f"{yard.url}{API}/jobs/{job_id}/log/text"
    eventually(lambda: "missed" in requests.get(whole, timeout=90).text, "the second line")
    expect(lines(page)).to_have_count(1)
    page.get_by_label("Follow").check()
    expect(lines(page)).to_have_count(2)
    steps[1].touch()
    expect(lines(page)).to_have_text([re.compile(word) for word in ("begun", "missed", "end")])


def test_a_long_output_begins_at_its_end_and_is_read_backwards(visit, yard):
    job_id = shell(yard, fresh("long"), "seq 1 60000")
    reaches(yard, job_id, "COMPLETED")
    page = visit(f"/ui/jobs/{job_id}/log").page
    expect(lines(page).last).to_contain_text("60000")
    before = lines(page).count()
    assert before < 60_000
    page.get_by_role("link", name="Load earlier lines").click()
    expect(lines(page).nth(before)).to_be_attached()
    numbers = page.locator("#lines .text").all_inner_texts()
    assert numbers == [str(n) for n in range(60_001 - len(numbers), 60_001)]


def test_output_does_no_harm(visit, yard):
    run = (
        "printf '\\033[31mred\\033[0m</pre><script>alert(1)</script>\\n';"
        " head -c 9000 /dev/zero | tr '\\0' x; echo;"
        " printf '\\000\\001\\377\\200binary\\n'; echo $PASSWORD"
    )
    job_id = workflow(
        yard,
        fresh("nasty"),
        {"name": "task", "run": run, "env": {"PASSWORD": "do-not-show-me"}},
    )
    reaches(yard, job_id, "COMPLETED")
    person = visit(f"/ui/jobs/{job_id}/log")
    page = person.page
    expect(lines(page).first).to_contain_text("red</pre><script>alert(1)</script>")
    expect(lines(page).nth(1)).to_contain_text("5,000 more characters")
    expect(lines(page).nth(2)).to_contain_text("binary")
    assert "do-not-show-me" not in page.content()
    person.finds_no_fault()
    person.expected = {400, 404}
    assert person.go(f"/ui/jobs/{job_id}/log?before=nowhere") == 400
    assert person.go("/ui/tasks/x/log") == 404


def test_a_job_without_output_says_so(visit, yard):
    job_id = reaches(yard, shell(yard, fresh("silent")), "COMPLETED")
    page = visit(f"/ui/jobs/{job_id}/log").page
    expect(page.get_by_text("Nothing was written.")).to_be_visible()


def test_a_job_of_very_many_tasks_is_drawn_in_part(visit, yard):
    frame = {"name": "frame", "run": "true", "queue": fresh("none")}
    each = {"list": "{{ sequence(0,600) }}", "task": frame}
    job_id = workflow(yard, fresh("frames"), {"name": "all", "each": each})
    eventually(lambda: len(tasks(yard, job_id)) >= 50, "its tasks")
    person = visit(f"/ui/jobs/{job_id}")
    page = person.page
    expect(page.get_by_text("Tasks that are alike share a box.")).to_be_visible()
    expect(page.get_by_text(re.compile("The first 500 of 601 tasks are drawn"))).to_be_visible()
    expect(page.locator("#graph .node")).to_have_count(2)
    page.get_by_role("link", name="Next", exact=True).click()
    expect(page).to_have_url(re.compile(r"after="))
    page.get_by_role("link", name="First tasks").click()
    person.press("Cancel")
    person.agree()
    expect(page.get_by_text("Cancelled this job.")).to_be_visible()


def test_a_task_is_seen_to_run(visit, yard, tmp_path):
    gate = tmp_path / "gate"
    job_id = shell(yard, fresh("watched"), f"echo hello; {waits_for(gate)}; exit 4")
    eventually(lambda: tasks(yard, job_id), "its task")
    task_id = tasks(yard, job_id)[0]["id"]
    page = visit(f"/ui/tasks/{task_id}").page
    expect(page.locator("#head .state")).to_have_text("running")
    gate.touch()
    expect(page.locator("#head .state")).to_have_text("failed")
    expect(page.locator("#error")).to_contain_text("exit code 4")
    expect(page.locator("#body tbody tr")).to_have_count(1)
    page.get_by_role("link", name=re.compile("^watched")).click()
    expect(heading(page)).to_contain_text("watched")
