"""Projects of the tracker before an admin, a manager with one role, one without, and nobody."""

import itertools
import re
import secrets

import pytest
import requests
from playwright.sync_api import expect

from tests.browser.people import ADMIN, NARROW, PASSWORD, register

READ, EDIT, ACCESS, SECRET, CARE = 1, 2, 4, 8, 16
LATER = 2_000_000_000  # of a worker whose clock is wrong, in Unix seconds
_numbers = itertools.count(1)


def unique(word: str) -> str:
    return f"{word}{secrets.token_hex(2)}{next(_numbers)}"


class Tracker:
    """What programs say to the server: an admin, and workers."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.admin = requests.Session()
        self.ask(self.admin, "/login", {"username": ADMIN, "password": PASSWORD})

    def ask(self, by, path, body=None, **more):
        method = "GET" if body is None else "POST"
        answer = by.request(method, self.url + path, json=body, timeout=60, **more)
        assert answer.status_code == 200, answer.text
        return answer.json().get("content")

    def project(self, **fields) -> int:
        body = {"name": unique("project "), "public": True, **fields}
        return self.ask(self.admin, "/project/create", body)["id"]

    def of(self, project: int):
        return self.ask(self.admin, f"/project/get/{project}")["project"]

    def worker(self, alias: str = "worker") -> requests.Session:
        made = self.ask(requests, "/worker/create", {"alias": alias})["worker"]
        worker = requests.Session()
        worker.headers.update({"X-Worker-ID": str(made["id"]), "X-Secret": made["secret"]})
        return worker

    def submitter(self, project: int) -> requests.Session:
        """Make a worker that may get and submit tasks."""
        worker = self.worker()
        body = {"project": project, "assign": True, "submit": True}
        self.ask(worker, "/project/request_access", body)
        worker_id = worker.headers["X-Worker-ID"]
        self.ask(self.admin, f"/project/accept_request/{project}/{worker_id}", {})
        return worker

    def fail(self, worker, project: int, recipe: str) -> int:
        """Have a task fail for good."""
        self.ask(worker, "/task/submit", {"project": project, "recipe": recipe, "max_retries": 1})
        task = self.ask(worker, f"/task/get/{project}")["task"]["id"]
        self.ask(worker, "/task/release", {"task_id": task, "result": 1, "error": "no such host"})
        return task

    def manager(self, project: int, role: int) -> str:
        """Register a manager with a role; give the name."""
        name = unique("m")
        register(self.url, name)
        known = self.ask(self.admin, "/manager/list")["managers"]
        (number,) = [one["id"] for one in known if one["username"] == name]
        body = {"manager": number, "role": role}
        self.ask(self.admin, f"/manager/set_role_for_project/{project}", body)
        return name


@pytest.fixture(scope="module")
def tracker(yard):
    return Tracker(yard.url)


def test_figures_follow_what_workers_do(tracker, visit):
    project = tracker.project()
    worker = tracker.submitter(project)
    page = visit(f"/ui/projects/{project}").page
    cards = page.locator("#figures .card")
    expect(cards.filter(has_text="to be handed out")).to_contain_text("0")
    for recipe in ("one", "two", "three"):
        tracker.ask(worker, "/task/submit", {"project": project, "recipe": recipe})
    expect(cards.filter(has_text="to be handed out")).to_contain_text("3")
    task = tracker.ask(worker, f"/task/get/{project}")["task"]["id"]
    expect(cards.filter(has_text="assigned")).to_contain_text("1")
    tracker.ask(worker, "/task/release", {"task_id": task, "result": 0})
    expect(cards.filter(has_text=re.compile("closed$"))).to_contain_text("1")
    expect(page.locator("#assignees")).to_contain_text("unassigned")


def test_the_list_shows_what_one_may_see(tracker, visit):
    word = unique("seen")
    open_one, hidden = (
        tracker.project(name=f"{word} open"),
        tracker.project(name=f"{word} hidden", public=False, hidden=True),
    )
    reader = tracker.manager(hidden, READ)
    for person, count in ((visit("/ui/projects"), 1), (visit("/ui/projects", name=reader), 2),
                          (visit("/ui/projects", as_admin=True), 2)):  # fmt: skip
        person.page.get_by_label("Name").fill(word)
        person.page.keyboard.press("Enter")
        expect(person.page.get_by_role("row")).to_have_count(count + 1)
    nobody = visit(f"/ui/projects/{open_one}")
    expect(nobody.page.get_by_role("link", name="Edit")).to_have_count(0)
    nobody.expected = {403}
    for path in ("", "/edit", "/access", "/failed", "/secrets"):
        assert nobody.go(f"/ui/projects/{hidden}{path}") == 403
        expect(nobody.page.get_by_role("heading", level=1)).to_have_text("This is not for you")


@pytest.mark.parametrize(
    ("role", "link", "path"),
    [
        (EDIT, "Edit", "edit"),
        (ACCESS, "Workers and members", "access"),
        (CARE, "Failed tasks", "failed"),
        (SECRET, "Secrets", "secrets"),
    ],
)
def test_a_role_opens_one_door(tracker, visit, role, link, path):
    project = tracker.project()
    person = visit(f"/ui/projects/{project}", name=tracker.manager(project, role))
    doors = person.page.locator(".actions").get_by_role("link")
    expect(doors).to_have_text([link])
    person.expected = {403}
    for other in ("edit", "access", "failed", "secrets"):
        status = person.go(f"/ui/projects/{project}/{other}")
        assert status == (200 if other == path else 403)


def test_a_worker_is_let_in(tracker, visit):
    project = tracker.project(public=False)
    alias = unique("crawler ")
    worker = tracker.worker(alias)
    tracker.ask(worker, "/project/request_access", {"project": project, "assign": True})
    tracker.ask(tracker.submitter(project), "/task/submit", {"project": project, "recipe": "r"})
    name = tracker.manager(project, ACCESS)
    person = visit(f"/ui/projects/{project}/access", name=name)
    person.reaches("Accept")
    person.page.keyboard.press("Enter")
    expect(person.page.locator("p.said")).to_have_text("The worker has access now.")
    assert tracker.ask(worker, f"/task/get/{project}")["task"]["recipe"] == "r"
    person.press(f"Take away from {alias}")
    person.agree()
    expect(person.page.locator("p.said")).to_have_text("The worker has no access.")
    expect(person.page.get_by_text(alias)).to_have_count(0)
    # Pausing a worker everywhere is for admins.
    assert person.page.get_by_role("button", name=re.compile("^Pause")).count() == 0


def test_members_get_and_lose_roles(tracker, visit):
    project = tracker.project()
    name = unique("m")
    register(tracker.url, name)
    person = visit(f"/ui/projects/{project}/access", as_admin=True)
    page = person.page
    form = page.locator("form").filter(has_text="Another manager")
    form.get_by_label("User name").fill("nobody at all")
    form.get_by_label("edit").check()
    person.expected = {400}
    person.press("Give these roles")
    expect(page.get_by_role("alert")).to_have_text("There is no manager of that name.")
    form.get_by_label("User name").fill(name)
    form.get_by_label("edit").check()
    form.get_by_label("secret").check()
    person.press("Give these roles")
    expect(page.locator("p.said")).to_have_text(f"The roles of {name} are stored.")

    def role() -> int:
        found = tracker.ask(tracker.admin, f"/manager/list_for_project/{project}")["managers"]
        return {one["manager"]["username"]: one["role"] for one in found}.get(name, 0)

    assert role() == EDIT | SECRET
    group = page.get_by_role("group", name=name)
    group.get_by_label("edit").uncheck()
    group.get_by_label("secret").uncheck()
    person.press(f"Store the roles of {name}")
    expect(page.get_by_role("group", name=name)).to_have_count(0)
    assert role() == 0


def test_failed_tasks_begin_anew(tracker, visit):
    project = tracker.project()
    worker = tracker.submitter(project)
    one, other, third = (tracker.fail(worker, project, f"<b>recipe {n}</b>") for n in range(3))
    name = tracker.manager(project, CARE)
    person = visit(f"/ui/projects/{project}/failed", name=name)
    page = person.page
    expect(page.get_by_role("heading", level=2)).to_have_count(3)
    expect(page.locator("main")).to_contain_text("no such host")
    expect(page.locator("main")).to_contain_text("<b>recipe 0</b>")
    person.press(f"Delete task {one}")
    person.agree()
    expect(page.locator("p.said")).to_have_text(f"Task {one} is deleted.")
    person.press(f"Reset task {other}")
    expect(page.locator("p.said")).to_have_text(f"Task {other} begins anew.")
    person.press("Reset all failed")
    page.locator("dialog[open]").get_by_role("button", name="No").click()
    person.press("Reset all failed")
    person.agree()
    expect(page.locator("p.said")).to_have_text("1 failed tasks begin anew.")
    expect(page.locator("#figures .card").filter(has_text="failed")).to_contain_text("0")
    got = {tracker.ask(worker, f"/task/get/{project}")["task"]["id"] for _ in range(2)}
    assert got == {other, third}
    person.press("Take assigned ones back")
    person.agree()
    expect(page.locator("p.said")).to_have_text("2 tasks are taken back from their workers.")
    person.press("Delete all tasks")
    person.agree()
    expect(page.locator("p.said")).to_have_text("2 tasks are deleted.")


def test_a_project_is_made_changed_and_paused(tracker, visit):
    name, other = unique("made "), tracker.project()
    person = visit("/ui/projects/new", as_admin=True)
    page = person.page
    page.get_by_label("Name").fill(name)
    page.get_by_label("Handed out").fill("fast")
    person.expected = {400}
    person.press("Make it")
    expect(page.get_by_role("alert")).to_contain_text("rates are no negative numbers")
    expect(page.get_by_label("Name")).to_have_value(name)
    page.get_by_label("Handed out").fill("2.5")
    page.get_by_label("Closed tasks go on to").select_option(str(other))
    page.get_by_label("Message to workers").fill("Be gentle.\nPlease.")
    person.press("Make it")
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    project = int(page.url.rpartition("/")[2])
    found = tracker.of(project)
    assert (found["assign_rate"], found["chain"]) == (2.5, other)
    assert found["motd"] == "Be gentle.\nPlease."
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Name").fill(f"{name}!")
    page.get_by_role("radio", name=re.compile("^Hidden")).check()
    person.press("Store the changes")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{name}!")
    assert tracker.of(project) == {**found, "name": f"{name}!", "hidden": True, "public": False}
    person.press("Pause")
    expect(page.locator("p.said")).to_contain_text("paused")
    assert tracker.of(project)["paused"] is True
    person.press("Go on")
    expect(page.locator("p.said")).to_have_text("It goes on.")
    assert tracker.of(project) == {**found, "name": f"{name}!", "hidden": True, "public": False}


def test_secrets_are_set_and_never_shown_again(tracker, visit):
    project = tracker.project()
    name = tracker.manager(project, SECRET)
    person = visit(f"/ui/projects/{project}/secrets", name=name)
    page = person.page
    path = f"/project/webhook_secret/{project}"
    assert tracker.ask(tracker.admin, path)["webhook_secret"] not in page.content()
    page.locator("textarea[name=secret]").fill("hush-hush")
    page.get_by_role("button", name="Replace it").first.click()
    person.agree()
    expect(page.locator("p.said")).to_have_text("Workers get the new secret from now on.")
    assert "hush-hush" not in page.content()
    assert tracker.ask(tracker.admin, f"/project/secret/{project}")["secret"] == "hush-hush"
    page.get_by_role("button", name="Replace it").last.click()
    person.agree()
    expect(page.locator("p.said")).to_contain_text("shown this once")
    made = page.locator("p.said code").inner_text()
    assert tracker.ask(tracker.admin, path)["webhook_secret"] == made
    person.go(f"/ui/projects/{project}/secrets")
    assert made not in page.content()


def test_what_workers_report_is_read_by_level(tracker, visit):
    worker, word = tracker.worker(), unique("report")
    for level in ("warn", "error"):
        body = {"scope": "crawl", "message": f"{word} {level} <i>", "timestamp": LATER}
        tracker.ask(worker, f"/log/{level}", body)
    person = visit("/ui/projects/log")
    expect(person.page.get_by_text(re.compile(word))).to_have_count(2)
    person.page.get_by_label("Level").select_option("error")
    person.press("Show")
    expect(person.page.get_by_text(re.compile(word))).to_have_text([f"{word} error <i>"])


def test_forms_of_nobodys_and_of_others_are_refused(tracker, visit):
    project = tracker.project()
    paths = ("pause", "edit", "access/1", "roles", "workers/1", "care", "failed/1",
             "secrets/workers", "secrets/webhook")  # fmt: skip
    for path in paths:
        at = f"{tracker.url}/ui/projects/{project}/{path}"
        assert requests.post(at, data={"wanted": "clear", "decision": "drop"}).status_code == 400
    name = unique("m")
    register(tracker.url, name)
    person = visit(f"/ui/projects/{project}", name=name)
    token = person.page.locator("meta[name=csrf-token]").get_attribute("content")
    before = tracker.of(project)
    for path in paths:
        answer = person.context.request.post(
            f"{tracker.url}/ui/projects/{project}/{path}",
            form={"csrf_token": token, "wanted": "clear", "paused": "yes", "decision": "reset"},
        )
        assert answer.status == 403, path
    assert tracker.of(project) == before
    person.expected = {404}
    for path in ("0", "9" * 30, f"{project}x"):
        assert person.go(f"/ui/projects/{path}") == 404


@pytest.mark.parametrize("look", [{}, {"color_scheme": "dark"}, {"viewport": NARROW}])
def test_nobody_is_left_out(tracker, visit, look):
    name = f"{unique('')} <script>alert(1)</script> \u202e\U0001f600 " + "long" * 40
    project = tracker.project(name=name, clone_url="javascript:alert(1)", motd="x" * 3000)
    worker = tracker.submitter(project)
    tracker.fail(worker, project, "recipe " * 500)
    person = visit(f"/ui/projects/{project}", as_admin=True, **look)
    expect(person.page.get_by_role("heading", level=1)).to_contain_text("<script>alert(1)")
    assert person.page.locator("a[href^=javascript]").count() == 0
    person.finds_no_fault()
    for path in ("access", "failed", "secrets", "edit"):
        person.go(f"/ui/projects/{project}/{path}")
        person.finds_no_fault()
    person.go("/ui/projects")
    person.finds_no_fault()
    expect(person.page.get_by_role("link", name="New project")).to_be_visible()
