"""Reports and operators' changes, field by field."""

import json

import pytest

from tests.acceptance.flamenco.client import ACTIVITY, NEVER, RENDER, SHOT, Flamenco, urgent, zipped
from tests.acceptance.flamenco.test_tasks_create import NO_ZIPS

START = {
    "process": "",
    "remaining": None,
    "current_frame": None,
    "thumbnail": None,
    "path_not_found": None,
    "saved_file": None,
}


def test_nothing_known_changes_nothing(flamenco: Flamenco):
    task, worker = flamenco.rendering()
    before = flamenco.long(task)
    for body in ({}, {"unknown": 1}, {"job_id": 5, "task_id": 6}, {"worker_id": worker.id}):
        flamenco.patch(task, **body)
    after = flamenco.long(task)
    assert {**after, "updated_at": 0, "last_activity": 0} == {
        **before,
        "updated_at": 0,
        "last_activity": 0,
    }
    answer = flamenco.ask("PATCH", f"/tasks/{task}")
    assert (answer.status_code, answer.content) == (204, b"")


def test_the_old_workers_report(flamenco: Flamenco):
    task, worker = flamenco.rendering()
    job = flamenco.long(task)["job_id"]
    activity = {"process": "Sample 3/9", "remaining": 7, "current_frame": 6, "thumbnail": "/tmp/x",
                "path_not_found": None}  # fmt: skip
    fields = {"status": "running", "log": "some", "activity": json.dumps(activity), "job_id": "99",
              "time_cost": "12", "task_id": str(task)}  # fmt: skip
    flamenco.good("PATCH", f"/tasks/{task}", 204, data=fields)
    found = flamenco.shows(
        task, status="rendering", log="some", time_cost=12, task_id=None, frame_current=6,
        worker_id=worker.id, job_id=job, attempts=1,
    )  # fmt: skip
    wanted = {**START, "process": "Sample 3/9", "remaining": 7, "current_frame": 6}
    assert {name: found["activity"][name] for name in ACTIVITY} == wanted


# -- logs ---------------------------------------------------------------------------------------


def test_a_log_replaces_and_an_append_appends(flamenco: Flamenco):
    task, worker = flamenco.rendering()
    flamenco.report(task, worker, log_append="a")
    flamenco.report(task, worker, log_append="b\n")
    flamenco.shows(task, log="ab\n")
    flamenco.report(task, worker, log="c")
    flamenco.report(task, worker, log_append="")
    flamenco.report(task, worker, log_append="d")
    flamenco.shows(task, log="cd")
    flamenco.report(task, worker)
    flamenco.shows(task, log="cd")
    flamenco.report(task, worker, log="")
    assert flamenco.log(task) == ""


@pytest.mark.parametrize(
    "text", ["\r\n\t x\r", "grün 日本 \U0001f3ac", "<script>&amp;</script>", "\x1b[31mred\x1b[0m", "\ufeff",
             " lead and trail ", "\\ud800", "%s %(x)s {0} \\n", "\u2028\u2029\x85\x0b\x0c"]
)  # fmt: skip
def test_a_log_is_kept_as_it_is(flamenco: Flamenco, text: str):
    task, worker = flamenco.rendering()
    flamenco.report(task, worker, log=text)
    assert flamenco.shows(task, log=text)["log"] == flamenco.log(task)
    flamenco.report(task, worker, log_append=text)
    assert flamenco.log(task) == text * 2


def test_a_print_task_only_stores_its_log(flamenco: Flamenco):
    task, worker = flamenco.rendering(type="print_string", settings={"text": "t"})
    flamenco.report(task, worker, log="Fra:7 Mem:1M | Rendering 1/2\nSaved: 'x' Time: 00:01.00\n")
    flamenco.shows(task, activity=None, progress=0, eta=None, frame_current=None)
    assert flamenco.log(task).startswith("Fra:7")


# -- activity ------------------------------------------------------------------------------------

ACTIVITIES = {
    "text": ("rendering the sky", {"process": "rendering the sky"}),
    "text of a number": ("5", {"process": "5"}),
    "text of a list": ("[1]", {"process": "[1]"}),
    "broken object": ('{"process": "x"', {"process": '{"process": "x"'}),
    "text of a text": ('"x"', {"process": '"x"'}),
    "text of null": ("null", {"process": "null"}),
    "object as text": ('{"process": "x", "remaining": 5}', {"process": "x", "remaining": 5}),
    "object": ({"saved_file": "/a b.png", "path_not_found": True},
               {"saved_file": "/a b.png", "path_not_found": True}),
    "nulls": ({"process": None, "remaining": 4, "current_frame": None}, {"remaining": 4}),
    "thumbnail": ({"thumbnail": "/etc/passwd", "remaining": 1}, {"remaining": 1}),
}  # fmt: skip


@pytest.mark.parametrize("kind", ACTIVITIES)
def test_an_activity(flamenco: Flamenco, kind: str):
    sent, wanted = ACTIVITIES[kind]
    task, worker = flamenco.rendering()
    flamenco.shows(task, activity=None)
    flamenco.report(task, worker, activity=sent)
    found = flamenco.long(task)["activity"]
    assert {name: found[name] for name in ACTIVITY} == START | wanted


def test_activities_are_merged(flamenco: Flamenco):
    task, worker = flamenco.rendering()
    flamenco.report(task, worker, activity={"process": "a", "remaining": 9})
    flamenco.report(task, worker, activity='{"remaining": 8, "process": null, "current_frame": 6}')
    flamenco.report(task, worker, activity={"saved_file": "s", "thumbnail": "t"})
    found = flamenco.shows(task, frame_current=6)["activity"]
    wanted = {"process": "a", "remaining": 8, "current_frame": 6, "saved_file": "s"}
    assert {name: found[name] for name in ACTIVITY} == START | wanted
    flamenco.report(task, worker, activity="text")
    found = flamenco.long(task)["activity"]
    assert {name: found[name] for name in ACTIVITY} == START | wanted | {"process": "text"}


def test_the_activity_comes_after_the_log(flamenco: Flamenco):
    task, worker = flamenco.rendering()
    log = "Fra:6 Mem:1M | Time:00:01.00 | Remaining:00:20.00 | Scene | Sample 1/4\n"
    flamenco.report(task, worker, log=log, activity={"current_frame": 8, "process": "mine"})
    found = flamenco.shows(task, frame_current=8)
    assert found["activity"] == START | {"process": "mine", "current_frame": 8, "remaining": 20}


def test_what_a_log_does_not_hold_stays_as_it_was_reported(flamenco: Flamenco):
    task, worker = flamenco.rendering()
    flamenco.report(task, worker, activity={"current_frame": 6, "process": "mine", "remaining": 3})
    flamenco.report(task, worker, log="Remaining:00:20.00\n")
    found = flamenco.long(task)["activity"]
    assert found == START | {"process": "mine", "current_frame": 6, "remaining": 20}
    flamenco.report(task, worker, log="Saved: 'x.png'\n")
    found = flamenco.long(task)["activity"]
    assert found == START | {
        "process": "mine",
        "current_frame": 6,
        "remaining": 3,
        "saved_file": "x.png",
    }


@pytest.mark.parametrize(
    "value", [{}, {"a": 1}, {"process": 5}, {"remaining": "x"}, {"current_frame": "7"},
              {"current_frame": 1e300}, {"current_frame": [1]}, {"current_frame": 10**40},
              {"remaining": 10**400}, {"path_not_found": "yes"}, {"saved_file": {"a": []}},
              {"process": "x" * 100_000}, {"": ""}, {"a": {"b": {"c": [None] * 99}}}]
)  # fmt: skip
def test_odd_activities_do_no_harm(flamenco: Flamenco, value: dict):
    task, worker = flamenco.rendering()
    body = {"worker_id": worker.id, "status": "running", "activity": value}
    answer = flamenco.ask("PATCH", f"/tasks/{task}", json=body)
    assert answer.status_code in (204, 400)
    flamenco.shows(task, status="rendering", frame_end=10)
    flamenco.report(task, worker, "finished", log="Fra:7 | Sample 1/2\n")
    flamenco.shows(task, status="completed", frame_current=10)


# -- numbers ------------------------------------------------------------------------------------


def test_the_cost(flamenco: Flamenco):
    task, worker = flamenco.rendering()
    for cost in (0, 4, "5", 3, 2**53):
        flamenco.report(task, worker, time_cost=cost)
        flamenco.shows(task, time_cost=int(cost))


@pytest.mark.parametrize("frame", [5, 6, "7", 10])
def test_the_current_frame(flamenco: Flamenco, frame):
    task, worker = flamenco.rendering()
    flamenco.report(task, worker, frame_current=frame)
    done = int(frame) - 5
    flamenco.shows(task, frame_current=int(frame), progress=round(100 * done / 6, 1))


def test_a_frame_comes_after_the_activity_and_the_log(flamenco: Flamenco):
    task, worker = flamenco.rendering()
    log = "Fra:9 Mem:1M | Scene\n"
    flamenco.report(task, worker, log=log, activity={"current_frame": 8}, frame_current=6)
    flamenco.shows(task, frame_current=6)


def test_a_priority_counts_with_the_next_poll(flamenco: Flamenco):
    one, other = flamenco.task(priority=urgent()), flamenco.task(priority=urgent())
    flamenco.patch(one, priority=urgent())
    assert flamenco.poll(flamenco.worker()) == one
    flamenco.patch(other, priority=-5)
    flamenco.shows(other, priority=-5, status="ready")
    third = flamenco.task(priority=urgent())
    assert flamenco.poll(flamenco.worker()) == third


def test_a_report_in_one_go(flamenco: Flamenco):
    task, worker = flamenco.rendering()
    flamenco.report(
        task, worker, "finished", log_append="Fra:6 Mem:1M | Scene\n", time_cost=9, priority=3
    )
    found = flamenco.shows(
        task, status="completed", progress=100, frame_current=10, eta=0, time_cost=9, priority=3,
        worker_id=worker.id, log="Fra:6 Mem:1M | Scene\n",
    )  # fmt: skip
    assert found["activity"]["current_frame"] == 6


def test_the_workers_last_words_are_shown_with_it(flamenco: Flamenco):
    task, worker = flamenco.rendering()
    log = "a" * 1000 + "b" * 1000
    flamenco.report(task, worker, log=log, activity={"process": "p"}, time_cost=7)
    found = flamenco.sees(worker, time_cost=7, log=log[-1024:], current_task=task)
    assert json.loads(found["activity"]) == flamenco.long(task)["activity"]
    flamenco.report(task, worker, log_append="c")
    flamenco.sees(worker, log=(log + "c")[-1024:])


def test_an_operators_words_are_not_the_workers(flamenco: Flamenco):
    task, worker = flamenco.rendering()
    before = flamenco.info(worker)
    flamenco.patch(task, priority=4)
    assert flamenco.info(worker) == before


# -- output -------------------------------------------------------------------------------------


def test_the_output(flamenco: Flamenco):
    task, worker = flamenco.rendering()
    flamenco.refused(404, "GET", f"/tasks/{task}/output")
    for content in (zipped(a="1"), zipped(b="2")):
        data = {"worker_id": worker.id, "status": "running"}
        files = {"taskfile": ("../../out.zip", content, "application/zip")}
        flamenco.good("PATCH", f"/tasks/{task}", 204, data=data, files=files)
        answer = flamenco.ask("GET", f"/tasks/{task}/output")
        assert (answer.status_code, answer.content) == (200, content)
    flamenco.report(task, worker, "finished")
    assert flamenco.ask("GET", f"/tasks/{task}/output").content == content
    flamenco.delete(task)
    flamenco.refused(404, "GET", f"/tasks/{task}/output")


@pytest.mark.parametrize("kind", NO_ZIPS)
def test_output_that_is_no_zip(flamenco: Flamenco, kind: str):
    content = NO_ZIPS[kind]
    task, worker = flamenco.rendering()
    before = flamenco.long(task)
    data = {"worker_id": worker.id, "status": "finished", "log": "x", "time_cost": 3}
    files = {"taskfile": ("out.zip", content, "application/zip")}
    path = f"/tasks/{task}"
    flamenco.refused(400, "PATCH", path, blamed="taskfile", data=data, files=files)
    after = flamenco.long(task)
    assert (after["status"], after["log"]) == (before["status"], before["log"])
    flamenco.refused(404, "GET", f"/tasks/{task}/output")


@pytest.mark.parametrize("worker", [None, NEVER])
def test_output_of_a_report_that_is_refused(flamenco: Flamenco, worker):
    task = flamenco.task()
    data = {"status": "finished", **({"worker_id": worker} if worker else {})}
    files = {"taskfile": ("out.zip", zipped(a="1"))}
    flamenco.refused(403 if worker else 409, "PATCH", f"/tasks/{task}", data=data, files=files)
    flamenco.refused(404, "GET", f"/tasks/{task}/output")


def test_what_was_given_at_the_start_stays(flamenco: Flamenco):
    task = flamenco.task()
    flamenco.patch(task, name="x", parser="", type="print_string", child_id=task, depends_on=[1])
    flamenco.shows(
        task, name="5-10", parser="blender_render", type=RENDER, settings=SHOT, child_id=None
    )


@pytest.mark.parametrize("end", ["finished", "failed"])
def test_words_after_the_end_change_no_outcome(flamenco: Flamenco, end: str):
    task, worker = flamenco.rendering()
    flamenco.report(task, worker, end)
    before = flamenco.long(task)
    for who in ({"worker_id": worker.id}, {}):
        for more in ({"log": "Fra:7 | S | Sample 1/2\nSaved: 'a' Time: 00:02.00\n"}, {"activity": "late"},
                     {"activity": {"current_frame": 6}}, {"frame_current": 6}, {"time_cost": 5}):  # fmt: skip
            answer = flamenco.ask("PATCH", f"/tasks/{task}", json={**who, **more})
            assert answer.status_code in (204, 400, 403, 409)
            found = flamenco.shows(task, status=before["status"], worker_id=worker.id)
            if end == "finished":
                assert (found["progress"], found["eta"], found["frame_current"]) == (100, 0, 10)
    flamenco.sees(worker, status="enabled", current_task=None)
