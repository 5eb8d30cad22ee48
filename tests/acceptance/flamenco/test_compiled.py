"""The command: polling in one step, one's own task, previews."""

import json

import pytest

from tests.acceptance.flamenco.client import (
    DISABLED,
    NEVER,
    PRINT,
    RENDER,
    SHOT,
    UNREGISTERED,
    Flamenco,
    address,
    check_compiled,
    number,
    unique,
    urgent,
    zipped,
)

PATH = "/tasks/compiled/{}"
JOB, SUPPORT = ["jobfile", "jobfile.zip"], ["jobsupportfile", "jobsupportfile.zip"]


def test_the_whole_answer(flamenco: Flamenco):
    job = number()
    task = flamenco.task(job_id=job, task_id=number())
    rest = [
        "-noaudio", "--background", "==jobpath==/shot.blend", "--render-output",
        "==outputpath==/####", "--python", "==jobpath==/pre_render.py", "--frame-start", "5",
        "--frame-end", "10", "--render-format", "PNG", "--render-anim", "--enable-autoexec",
    ]  # fmt: skip
    found = flamenco.compiled(task)
    command = json.loads(found["options"].pop("task_command"))
    assert command == ["==command==", *rest]
    assert found == {
        "options": {
            "task_id": task,
            "job_id": job,
            "task_parser": "blender_render",
            "type": RENDER,
            "settings": SHOT,
            "command": ["blender", *rest],
        },
        "files": {"jobfiles": [SUPPORT]},
    }


def test_a_task_without_parser(flamenco: Flamenco):
    found = flamenco.compiled(flamenco.print())
    assert found["options"]["task_parser"] is None
    assert found["options"]["command"] == ["echo", "hello"]
    assert found["files"] == {"jobfiles": []}


def test_the_files_that_are_there(flamenco: Flamenco):
    files = {"jobfile": ("x.zip", zipped(a="1"))}
    made = flamenco.create(files=files)["id"]
    assert flamenco.compiled(made)["files"]["jobfiles"] == [JOB, SUPPORT]
    made = flamenco.create(type=PRINT, settings={"text": "a"}, files=files)["id"]
    assert flamenco.compiled(made)["files"]["jobfiles"] == [JOB]


# -- preview -------------------------------------------------------------------------------------


def test_a_preview_hands_out_nothing(flamenco: Flamenco):
    task = flamenco.task(priority=urgent())
    before = flamenco.long(task)
    flamenco.compiled(task)
    assert flamenco.long(task) == before
    worker = flamenco.worker()
    assert flamenco.poll(worker) == task


@pytest.mark.parametrize(
    "state", ["paused", "canceled", "rendering", "completed", "failed", "aborted"]
)  # fmt: skip
def test_a_preview_in_any_state(flamenco: Flamenco, state: str):
    if state in ("paused", "canceled"):
        task = flamenco.task()
        flamenco.patch(task, status=state)
    else:
        task, worker = flamenco.rendering()
        if state != "rendering":
            flamenco.report(task, worker, state)
    before = flamenco.long(task)
    flamenco.compiled(task)
    assert flamenco.long(task) == before


@pytest.mark.parametrize("who", ["nobody", "worker", "owner of another"])
def test_a_group_has_no_command(flamenco: Flamenco, who: str):
    group = flamenco.task(settings={**SHOT, "chunk_size": 2})
    query = {}
    if who == "worker":
        query = {"worker_id": flamenco.worker().id}
    answer = flamenco.ask("GET", PATH.format(group), params=query)
    assert answer.status_code == 409


# -- one's own task -------------------------------------------------------------------------------


def test_the_task_that_was_given(flamenco: Flamenco):
    worker = flamenco.worker(system="Windows 7")
    task = flamenco.give(worker)
    before = flamenco.long(task)
    for _ in range(2):
        found = flamenco.compiled(task, worker_id=worker.id)
        assert found["options"]["task_id"] == task
        assert found["options"]["command"][0] == "blender.exe"
    flamenco.shows(task, status="rendering", attempts=1, worker_id=worker.id)
    assert flamenco.long(task)["frame_current"] == before["frame_current"]


def test_a_task_that_is_anothers(flamenco: Flamenco):
    task, _ = flamenco.rendering()
    other, worker = flamenco.rendering()
    ready = flamenco.task()
    for each in (task, ready):
        flamenco.refused(403, "GET", PATH.format(each), params={"worker_id": worker.id})
    flamenco.shows(task, status="rendering")
    flamenco.shows(ready, status="ready", worker_id=None)
    flamenco.shows(other, status="rendering", worker_id=worker.id)


@pytest.mark.parametrize("task", ["0", "theirs"])
def test_workers_that_may_not(flamenco: Flamenco, task: str):
    held, worker = flamenco.rendering()
    path = PATH.format(0 if task == "0" else held)
    for nobody in (NEVER, 0, -1, 2**53):
        query = {"worker_id": nobody}
        flamenco.refused(403, "GET", path, message=UNREGISTERED, params=query)
    flamenco.switch(worker, "disabled")
    flamenco.refused(403, "GET", path, message=DISABLED, params={"worker_id": worker.id})
    flamenco.shows(held, status="ready")
    flamenco.patch(held, priority=0)
    for value in ("x", "", "1.5", "true", str(2**64)):
        flamenco.refused(400, "GET", path, blamed="worker_id", params={"worker_id": value})


def test_an_unknown_task(flamenco: Flamenco):
    worker = flamenco.worker()
    for query in ({}, {"worker_id": worker.id}, {"system": "Darwin"}):
        flamenco.refused(404, "GET", PATH.format(NEVER), params=query)


# -- polling --------------------------------------------------------------------------------------


def test_polling_in_one_step(flamenco: Flamenco):
    worker = flamenco.worker(system="Darwin 14.1.0")
    task = flamenco.task(priority=urgent())
    for _ in range(2):  # the answer may have been lost
        found = flamenco.compiled(0, worker_id=worker.id)
        assert found["options"]["task_id"] == task
        assert found["options"]["command"][0].startswith("/Applications/")
    flamenco.shows(task, status="rendering", attempts=1, worker_id=worker.id, frame_current=5)
    flamenco.sees(worker, status="rendering", current_task=task)
    assert flamenco.poll(worker) == task
    flamenco.report(task, worker, "finished")
    flamenco.patch(flamenco.task(priority=urgent()), status="paused")


def test_no_work_is_a_204(farm: Flamenco):
    worker = farm.worker()
    path = PATH.format(0)
    answer = farm.ask("GET", path, params={"worker_id": worker.id})
    assert (answer.status_code, answer.content) == (204, b"")
    paused = farm.task()
    farm.patch(paused, status="paused")
    farm.task(depends_on=[paused])
    assert farm.ask("GET", path, params={"worker_id": worker.id}).status_code == 204
    farm.patch(paused, status="ready")
    assert farm.compiled(0, worker_id=worker.id)["options"]["task_id"] == paused


def test_a_busy_worker_gets_what_it_holds_and_nothing_new(flamenco: Flamenco):
    task, worker = flamenco.rendering()
    flamenco.beat(worker, "busy")
    assert flamenco.compiled(0, worker_id=worker.id)["options"]["task_id"] == task
    flamenco.shows(task, status="rendering", worker_id=worker.id)


# -- without a number: by the address -------------------------------------------------------------


def test_the_only_worker_of_an_address(flamenco: Flamenco, calling):
    there = calling(address())
    there.refused(403, "GET", PATH.format(0), message=UNREGISTERED)
    worker = there.worker()
    task = flamenco.task(priority=urgent())
    found = there.good("GET", PATH.format(0))
    check_compiled(found)
    assert found["options"]["task_id"] == task
    flamenco.shows(task, worker_id=worker.id)


def test_one_of_several_workers_of_an_address(flamenco: Flamenco, calling):
    there = calling(address())
    one, other = there.worker(), there.worker()
    there.refused(400, "GET", PATH.format(0))
    there.good("DELETE", f"/workers/{other.id}", 204)
    task = flamenco.task(priority=urgent())
    assert there.good("GET", PATH.format(0))["options"]["task_id"] == task
    flamenco.shows(task, worker_id=one.id)


def test_a_disabled_only_worker_of_an_address(flamenco: Flamenco, calling):
    there = calling(address())
    worker = there.worker()
    flamenco.switch(worker, "disabled")
    there.refused(403, "GET", PATH.format(0), message=DISABLED)


def test_the_address_is_the_last_registrations(flamenco: Flamenco, calling):
    one, other = calling(address()), calling(address())
    host, mac = unique("host"), number()
    worker = one.worker(hostname=host, mac_address=mac)
    assert other.worker(hostname=host, mac_address=mac) == worker
    one.refused(403, "GET", PATH.format(0), message=UNREGISTERED)
    task = flamenco.task(priority=urgent())
    assert other.good("GET", PATH.format(0))["options"]["task_id"] == task


def test_a_header_is_no_address(flamenco: Flamenco, calling):
    there, elsewhere = calling(address()), address()
    calling(elsewhere).worker()
    headers = {
        "X-Forwarded-For": elsewhere,
        "X-Real-IP": elsewhere,
        "Forwarded": f"for={elsewhere}",
    }
    there.refused(403, "GET", PATH.format(0), message=UNREGISTERED, headers=headers)
