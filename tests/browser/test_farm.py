"""The render farm before people: frames that turn, pictures that arrive, workers that sleep."""

import re
from pathlib import Path

import pytest
import requests
from playwright.sync_api import expect

from tests.acceptance.farm.farm import Farm
from tests.browser.people import NARROW
from tests.yard import eventually

RENDER = "simple_blender_render"
SHOT = {"filepath": "scene.blend", "frame_start": 1, "frame_end": 4, "chunk_size": 1}
FROM_AFAR = {"X-Forwarded-For": "203.0.113.9"}


@pytest.fixture(scope="module")
def farm(yard, tmp_path_factory):
    return Farm(yard, tmp_path_factory.mktemp("farm"))


@pytest.fixture
def host(farm, request):
    """Register a worker under a name of the test's, and forget it at the end."""
    body = {"hostname": f"host-{request.node.name[:60]}", "system": "Linux 6.1", "tags": ["gpu"]}
    (found,) = farm.ask("POST", "/workers", json=body).json().values()
    yield found["id"]
    farm.ask("DELETE", f"/workers/{found['id']}", 204)


def job_of(farm, **more) -> int:
    """Hand in a render that only a worker with a tag of nobody's gets; give the job."""
    fields = {"tag": "nobody", "name": "Shot", **more}
    settings = {**SHOT, **fields.pop("settings", {})}
    return farm.task(farm.submit(RENDER, settings, **fields))["job_id"]


def poll(farm, worker: int):
    return farm.ask("PATCH", f"/workers/{worker}", json={"status": "available"}).json()["task_id"]


def counts(farm, job: int) -> dict[str, int]:
    found: dict[str, int] = {}
    for task in farm.ask("GET", f"/tasks?job_id={job}").json()["tasks"]:
        if not task["is_group"]:
            found[task["status"]] = found.get(task["status"], 0) + 1
    return found


def test_frames_turn_and_pictures_arrive_by_themselves(farm, visit):
    farm.use(RENDER)
    scene = b"RENDERER_FRAME_S=0.3\n"
    job = farm.task(farm.submit(RENDER, SHOT, scene, name="Harbour", priority=90))["job_id"]
    page = visit(f"/ui/farm/{job}").page
    expect(page.get_by_role("heading", level=1)).to_have_text("Harbour")
    expect(page.get_by_role("link", name="1 ready")).to_be_visible()
    expect(page.get_by_text("No picture has arrived yet.")).to_be_visible()
    page.evaluate("window.same = true")
    worker = farm.worker()
    try:
        for frame in range(1, 5):
            expect(page.get_by_role("link", name=f"{frame} completed")).to_be_visible()
        picture = page.locator("#newest img").first
        expect(picture).to_be_visible()
        eventually(lambda: picture.evaluate("it => it.naturalWidth"), "a picture that is one")
        expect(page.locator("#figures")).to_contain_text("100 %")
        expect(page.get_by_role("link", name=re.compile("Output of task")).first).to_be_visible()
        assert page.evaluate("window.same"), "nobody has loaded the page again"
    finally:
        worker.terminate()
        assert worker.wait(90) == 0


def test_what_is_rendered_can_be_fetched(farm, host, yard):
    job = job_of(farm, tag="gpu", priority=91)
    task = poll(farm, host)
    picture = (Path(__file__).parents[1] / "renderer.py").read_bytes()[:100]
    files = {"file": ("a.png", picture)}
    farm.ask("POST", "/tasks/thumbnails", 204, data={"task_id": task}, files=files)
    report = {"worker_id": host, "status": "completed", "log": "Fra:1 done"}
    farm.ask("PATCH", f"/tasks/{task}", 204, json=report)
    at = f"{yard.url}/ui/farm/tasks/{task}"
    found = requests.get(f"{at}/thumbnail?v=1")
    assert (found.content, found.headers["Content-Type"]) == (picture, "image/png")
    assert found.headers["X-Content-Type-Options"] == "nosniff"
    assert requests.get(f"{at}/log.txt").text == "Fra:1 done"
    assert requests.get(f"{at}/output.zip").status_code == 404
    assert requests.get(f"{yard.url}/ui/farm/{job}/files.zip").status_code == 404


def test_a_job_is_steered(farm, visit):
    job = job_of(farm)
    person = visit(f"/ui/farm/{job}")
    page = person.page
    said = page.locator("p.said")
    person.reaches("Pause")
    page.keyboard.press("Enter")
    expect(said).to_have_text("4 tasks are paused.")
    assert counts(farm, job) == {"paused": 4}
    person.press("Start")
    expect(said).to_have_text("4 tasks are ready again.")
    person.press("Retry what failed")
    expect(said).to_have_text("No task has failed.")
    page.get_by_label("Priority").fill("77")
    person.press("Set")
    expect(said).to_have_text("Its priority is 77 now.")
    (one, *_) = farm.ask("GET", f"/tasks?job_id={job}").json()["tasks"]
    assert one["priority"] == 77
    person.press("Cancel")
    page.locator("dialog[open]").get_by_role("button", name="No").click()
    assert counts(farm, job) == {"ready": 4}
    person.press("Cancel")
    person.agree()
    expect(said).to_have_text("4 tasks are canceled.")
    person.press("Delete")
    person.agree()
    expect(said).to_have_text(f"Job {job} is deleted.")
    assert counts(farm, job) == {}
    person.expected = {404}
    assert person.go(f"/ui/farm/{job}") == 404


def test_what_failed_alone_is_tried_again(farm, host, visit):
    job = job_of(farm, tag="gpu", priority=92)
    for status in ("failed", "completed"):
        task = poll(farm, host)
        farm.ask("PATCH", f"/tasks/{task}", 204, json={"worker_id": host, "status": status})
    person = visit(f"/ui/farm/{job}")
    expect(person.page.get_by_role("link", name="1 failed")).to_be_visible()
    person.press("Retry what failed")
    expect(person.page.locator("p.said")).to_have_text("1 failed tasks are tried again.")
    assert counts(farm, job) == {"ready": 3, "completed": 1}


def test_ten_thousand_frames_are_looked_at_in_parts(farm, visit):
    job = job_of(farm, settings={"frame_end": 10_000, "chunk_size": 2}, name="Long")
    person = visit(f"/ui/farm/{job}")
    page = person.page
    assert page.locator("a.frame").count() == 400
    assert page.locator("svg.strip rect").count() <= 120
    assert len(page.content()) < 150_000
    page.get_by_role("link", name="Later frames").click()
    expect(page.get_by_role("link", name="401 ready")).to_be_visible()
    page.get_by_label("From frame").fill("9990")
    person.press("Go")
    expect(page.get_by_role("link", name="10000 ready")).to_be_visible()
    page.get_by_role("link", name="Pictures").click()
    expect(page.get_by_role("link", name="9990 ready")).to_be_visible()
    requests.delete(f"{person.url}/tasks", json={"tasks": [farm.ask(
        "GET", f"/tasks?job_id={job}&limit=1").json()["tasks"][0]["id"]]})  # fmt: skip


def test_a_worker_sleeps_as_the_page_says(farm, host, visit):
    job_of(farm, tag="gpu", priority=93)
    person = visit(f"/ui/farm/workers/{host}")
    page = person.page
    for day in ("Sat", "Sun"):
        page.get_by_label(day).check()
    page.get_by_label("From", exact=True).fill("00:00")
    page.get_by_label("To", exact=True).fill("00:00")
    page.get_by_label("Time zone").fill("Nowhere/Else")
    person.expected = {400}
    person.press("Set the schedule")
    expect(page.get_by_role("alert")).to_contain_text("must be the name of a time zone")
    page.get_by_label("Time zone").fill("Europe/Vienna")
    person.press("Set the schedule")
    expect(page.locator("p.said")).to_have_text("The schedule is set. It sleeps now.")
    expect(page.locator("#standing")).to_contain_text("asleep")
    assert poll(farm, host) is None
    person.go("/ui/farm/workers?q=as_the_page_says")
    expect(page.locator("#workers")).to_contain_text("asleep")
    person.go(f"/ui/farm/workers/{host}")
    person.press("Wake up until then")
    expect(page.locator("p.said")).to_have_text("It is awake now.")
    assert poll(farm, host) is not None
    person.press("No schedule")
    person.agree()
    expect(page.locator("#sleeping")).to_contain_text("It is always awake.")


def test_a_worker_is_switched_off_and_forgiven(farm, host, visit):
    job_of(farm, tag="gpu", priority=94)
    task = poll(farm, host)
    person = visit(f"/ui/farm/workers/{host}")
    page = person.page
    expect(page.locator("#standing")).to_contain_text("rendering")
    person.press("Switch off")
    person.agree()
    expect(page.locator("#standing")).to_contain_text("disabled")
    assert farm.task(task)["status"] == "ready"
    person.press("Switch on")
    expect(page.locator("#standing")).to_contain_text("enabled")
    person.press("Forgive all its failures")
    expect(page.locator("p.said")).to_have_text("Forgiven: 0 blocks are lifted.")


def test_who_comes_from_elsewhere_logs_in_first(farm, visit):
    person = visit("/ui/farm", extra_http_headers=FROM_AFAR)
    expect(person.page).to_have_url(re.compile("/ui/login"))
    job = job_of(farm)
    for path in (f"{job}/delete", f"{job}/steer", "workers/1/forget"):
        answer = requests.post(f"{person.url}/ui/farm/{path}", data={"wanted": "pause"})
        assert (answer.status_code, counts(farm, job)) == (400, {"ready": 4})


def test_there_are_no_others(visit):
    person = visit("/ui/farm")
    person.expected = {404}
    huge = "9" * 30
    for path in (huge, "workers/0", f"workers/{huge}", f"tasks/{huge}/log.txt"):
        assert person.go(f"/ui/farm/{path}") == 404
    for query in ("?before=x", "?before=-1", "?status=nothing", f"?before={huge}"):
        assert person.go(f"/ui/farm{query}") == 200


@pytest.mark.parametrize("look", [{}, {"color_scheme": "dark"}, {"viewport": NARROW}])
def test_nobody_is_left_out(farm, host, visit, look):
    name = "<script>alert(1)</script> \u202eshot \U0001f600 " + "long" * 60
    job = job_of(farm, name=name)
    person = visit("/ui/farm", **look)
    expect(person.page.locator("#jobs")).to_contain_text("<script>alert(1)</script>")
    person.finds_no_fault()
    for path in (f"{job}", f"{job}?show=pictures", "workers", f"workers/{host}"):
        person.go(f"/ui/farm/{path}")
        person.finds_no_fault()
