"""Submitting: what there is, forms made of schemas, texts with line numbers, the same job again."""

import re

import pytest
import requests
from playwright.sync_api import expect

from tests.browser.people import NARROW
from tests.yard import eventually

SHELL, WORKFLOW = "/ui/submit/shell", "/ui/submit/workflow"
HOSTILE = '<script>alert(1)</script> \u202e `"&amp; 🦊'


def job_at(page):
    """Wait for the page of the job that was submitted; give its id."""
    expect(page).to_have_url(re.compile(r"/ui/jobs/[0-9a-f]{32}$"))
    return page.url.rpartition("/")[2]


def stored(url, job):
    return requests.get(f"{url}/api/jobyard/v1/jobs/{job}", timeout=60).json()


def submit(person):
    person.page.locator("main .buttons").get_by_role("button", name="Submit", exact=True).click()


@pytest.mark.parametrize("path", ["/ui/submit", "/ui/submit/container", WORKFLOW])
def test_pages_are_accessible(visit, path):
    visit(path).finds_no_fault()
    visit(path, color_scheme="dark", viewport=NARROW).finds_no_fault()


def test_all_job_types_of_all_plugins_are_there(visit, yard):
    page = visit("/ui/submit").page
    types = requests.get(f"{yard.url}/api/jobyard/v1/job-types", timeout=60).json()["items"]
    links = page.locator("main li a")
    expect(links).to_have_count(len(types))
    card = page.locator("main li", has_text="Shell script")
    expect(card).to_contain_text("A script in a directory of its own")
    expect(card).to_contain_text("jobyard 0.1.0")
    card.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Shell script")


def test_a_job_is_submitted_by_its_form(visit, yard):
    person = visit(SHELL)
    person.expected = {404}  # the page of a job
    page = person.page
    page.locator("[id='job.name']").fill(HOSTILE)
    page.get_by_label("run (required)").fill("echo one\necho $WHO")
    person.press("Add to env")
    page.get_by_label("Name", exact=True).fill("WHO")
    page.get_by_label("Value", exact=True).fill("me")
    person.press("Add to tags")
    page.locator("[id='job.tags[0]']").fill("made-by-hand")
    person.finds_no_fault()
    page.get_by_label("retries").fill("2")
    submit(person)
    job = job_at(page)
    found = eventually(
        lambda: (now := stored(yard.url, job))["state"] == "COMPLETED" and now, "the end of the job"
    )
    assert found["name"] == HOSTILE
    assert found["tags"] == ["made-by-hand"]
    assert found["spec"]["run"] == "echo one\necho $WHO"
    assert found["spec"]["env"] == {"WHO": "me"}
    assert found["spec"]["retries"] == 2


def test_what_is_wrong_stands_at_its_field_and_nothing_is_lost(visit, yard):
    person = visit("/ui/submit/container")
    person.expected = {400, 404}
    page = person.page
    page.get_by_label("image (required)").fill("busybox")
    page.get_by_label("queue").fill("not a queue")
    person.press("Add to mounts")
    page.locator("[id='spec.mounts[0].target']").fill("/data")
    page.locator("[id='spec.mounts[0].type']").select_option("tmpfs")
    person.press("Add to mounts")
    person.press("Remove mounts 2")
    page.get_by_label("password").fill("hunter2hunter2")
    submit(person)
    expect(page.get_by_role("alert")).to_contain_text("cannot be submitted yet")
    queue = page.get_by_label("queue")
    expect(queue).to_have_attribute("aria-invalid", "true")
    expect(queue).to_have_accessible_description("Not the name of a queue.")
    user = page.get_by_label("username")
    expect(user).to_have_accessible_description("Missing data for required field.")
    expect(queue).to_have_value("not a queue")
    expect(page.locator("[id='spec.mounts[0].target']")).to_have_value("/data")
    expect(page.get_by_label("password")).to_have_value("hunter2hunter2")
    person.finds_no_fault()
    queue.fill("no-worker-here")
    user.fill("me")
    submit(person)
    spec = stored(yard.url, job_at(page))["spec"]
    assert spec["mounts"] == [{"type": "tmpfs", "source": "", "target": "/data", "opts": {}}]
    assert spec["registry"] == "********" or spec["registry"]["password"] == "********"


def test_a_form_works_without_script(visit, yard):
    person = visit(SHELL, java_script_enabled=False)
    person.expected = {404}
    page = person.page
    page.get_by_label("run (required)").fill("echo kept")
    person.press("Add to env")
    expect(page.get_by_label("run (required)")).to_have_value("echo kept")
    page.get_by_label("Value", exact=True).fill("x")
    page.get_by_label("Name", exact=True).fill("KEY")
    submit(person)
    assert stored(yard.url, job_at(page))["spec"]["env"] == {"KEY": "x"}


def test_parameters_go_over_into_a_text_and_back(visit, yard):
    person = visit(SHELL)
    person.expected = {400, 404}
    page = person.page
    page.get_by_label("run (required)").fill("echo a\necho b")
    person.press("Parameters as text")
    text = page.get_by_label("As JSON or YAML")
    expect(text).to_have_value("run: |-\n  echo a\n  echo b\n")
    text.fill("run: echo c\nunknown: 1\n")
    faults = page.locator("#faults")
    expect(faults).to_contain_text("Line 2, column 1 unknown: Unknown field.")
    person.press("Back to the form")
    expect(faults).to_contain_text("The form has no field for this.")
    text.fill("run: echo c\nretries: 1")
    expect(faults).to_have_text("Nothing is wrong with it.")
    person.press("Back to the form")
    expect(page.get_by_label("retries")).to_have_value("1")
    expect(page.get_by_label("run (required)")).to_have_value("echo c")
    submit(person)
    assert stored(yard.url, job_at(page))["spec"]["run"] == "echo c"


def test_an_earlier_job_comes_again_without_its_secrets(visit, yard):
    body = {
        "type": "shell",
        "name": "earlier",
        "tags": ["old"],
        "spec": {"run": "true", "env": {"A": "1", "MY_PASSWORD": "hunter2hunter2"}},
    }
    job = requests.post(f"{yard.url}/api/jobyard/v1/jobs", json=body, timeout=60).json()["id"]
    person = visit(f"/ui/submit?again={job}")
    person.expected = {404}
    page = person.page
    expect(page).to_have_url(re.compile(rf"/ui/submit/shell\?again={job}$"))
    expect(page.locator("main")).to_contain_text("type them anew")
    expect(page.locator("[id='job.name']")).to_have_value("earlier")
    secret = page.locator("[id='spec.env[1]']")
    expect(secret).to_have_value("")
    expect(secret).to_have_accessible_description("A secret stood here; type it anew.")
    assert "hunter2" not in page.content()
    person.finds_no_fault()
    secret.fill("another secret")
    page.get_by_label("run (required)").fill("false")
    submit(person)
    found = stored(yard.url, job_at(page))
    assert (found["name"], found["tags"], found["spec"]["run"]) == ("earlier", ["old"], "false")


def test_a_workflow_shows_its_faults_at_their_lines(visit, yard):
    person = visit(WORKFLOW)
    person.expected = {404}
    page = person.page
    text = page.get_by_label("Definition, as YAML or JSON")
    expect(text).to_have_value(re.compile("my first workflow"))
    text.fill(
        "name: x\ntasks:\n  - name: a\n    run: true\n    retry: {limit: 99}\n    nothing: 1\n"
    )
    faults = page.locator("#faults")
    expect(faults.get_by_role("listitem")).to_have_count(2)
    expect(faults).to_contain_text("tasks[0].retry.limit: must be between 1 and 10")
    expect(page.locator(".numbers b")).to_have_text(["5", "6"])
    person.finds_no_fault()
    faults.get_by_role("button", name="Line 6, column 5").click()
    at = "area => area.value.slice(0, area.selectionStart).split('\\n').length"
    assert text.evaluate(at) == 6
    text.fill("name: x\ntasks:\n  - [")
    expect(faults).to_contain_text(re.compile("Line [34], column"))
    text.fill("name: by hand\ntasks:\n  - name: a\n    run: echo hello\n")
    expect(faults).to_have_text("Nothing is wrong with it.")
    submit(person)
    job = job_at(page)
    found = requests.get(f"{yard.url}/jobs/{job}", timeout=60).json()
    assert found["name"] == "by hand"


def test_a_workflow_says_its_faults_without_script_as_well(visit):
    person = visit(WORKFLOW, java_script_enabled=False)
    page = person.page
    page.get_by_label("Definition, as YAML or JSON").fill("name: x\ntasks: 7\n")
    person.expected = {400}
    submit(person)
    expect(page.locator("#faults")).to_contain_text("Line 2 tasks: must be a list")
    expect(page.get_by_label("Definition, as YAML or JSON")).to_have_value("name: x\ntasks: 7\n")


def test_a_workflow_comes_again_and_asks_for_its_secrets(visit, yard):
    body = {
        "name": "with secrets",
        "secrets": {"key": "hunter2hunter2"},
        "tasks": [{"name": "a", "run": "true", "env": {"K": "{{ secrets.key }}"}}],
    }
    job = requests.post(f"{yard.url}/jobs", json=body, timeout=60).json()["id"]
    person = visit(f"/ui/submit?again={job}")
    page = person.page
    expect(page).to_have_url(re.compile("/ui/submit/workflow"))
    text = page.get_by_label("Definition, as YAML or JSON")
    expect(text).to_have_value(re.compile("with secrets"))
    expect(page.locator("#faults")).to_contain_text("secrets.key: A secret stood here")
    assert "hunter2" not in page.content()


def test_the_tab_key_indents_and_leads_on_after_escape(visit):
    person = visit(WORKFLOW)
    page = person.page
    text = page.get_by_label("Definition, as YAML or JSON")
    text.fill("a")
    page.keyboard.press("Tab")
    expect(text).to_have_value("a  ")
    page.keyboard.press("Escape")
    person.reaches("Submit", presses=4)


def test_a_form_is_filled_in_by_the_keyboard_alone(visit):
    person = visit(SHELL)
    page = person.page
    page.get_by_label("run (required)").focus()
    page.keyboard.type("echo typed")
    person.reaches("Add")
    page.keyboard.press("Enter")
    expect(page.locator("[id='spec.env[0].=']")).to_be_focused()
    page.keyboard.type("NAME")
    page.keyboard.press("Tab")
    page.keyboard.type("value")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("[id='spec.env']").get_by_role("button", name="Add to env")).to_be_focused()
    expect(page.get_by_label("run (required)")).to_have_value("echo typed")
