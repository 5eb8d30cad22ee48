"""Scenes, support files, output, what a task waited for, and thumbnails."""

import pytest

from tests.acceptance.flamenco.client import (
    NEVER,
    PRINT,
    Flamenco,
    number,
    unzipped,
    urgent,
    zipped,
)

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256))


def upload(flamenco: Flamenco, task: int, content: bytes, **fields: object) -> None:
    files = {"taskfile": ("out.zip", content, "application/zip")}
    flamenco.good("PATCH", f"/tasks/{task}", 204, data=fields, files=files)


# -- scenes -------------------------------------------------------------------------------------


def test_a_scene(flamenco: Flamenco):
    job, content = number(), zipped(shot__blend=bytes(range(256)) * 999)
    assert flamenco.good("GET", f"/tasks/file/{job}") == {"file": False}
    flamenco.refused(404, "GET", f"/tasks/zip/{job}")
    flamenco.refused(404, "GET", f"/static/storage/{job}/jobfile_{job}.zip")
    flamenco.create(job_id=job, files={"jobfile": ("x.zip", content)})
    assert flamenco.good("GET", f"/tasks/file/{job}") == {"file": True}
    for path in (f"/tasks/zip/{job}", f"/static/storage/{job}/jobfile_{job}.zip"):
        answer = flamenco.ask("GET", path)
        assert (answer.status_code, answer.content) == (200, content)
        assert answer.headers["Content-Type"] == "application/zip"
        assert answer.headers["Content-Length"] == str(len(content))


def test_a_scene_stays_byte_for_byte(flamenco: Flamenco):
    # A comment, and something before the archive: whatever was uploaded comes back.
    for content in (zipped(), zipped(a="1") + b"", b"#!/bin/sh\n" + zipped(a="1")):
        job = number()
        files = {"jobfile": ("x.zip", content)}
        body = {"type": PRINT, "settings": '{"text": "a"}', "job_id": job}
        answer = flamenco.ask("POST", "/tasks", data=body, files=files)
        if answer.status_code == 202:
            assert flamenco.ask("GET", f"/tasks/zip/{job}").content == content
        else:
            assert answer.status_code == 400


def test_a_scene_of_another_job(flamenco: Flamenco):
    one, other = number(), number()
    flamenco.create(job_id=one, files={"jobfile": ("x.zip", zipped(a="1"))})
    flamenco.create(job_id=other)
    assert flamenco.good("GET", f"/tasks/file/{other}") == {"file": False}
    flamenco.refused(404, "GET", f"/static/storage/{other}/jobfile_{one}.zip")


NAMES = ["../../evil.zip", "/etc/passwd", "a\\b.zip", "C:\\x.zip", "", "x" * 300, "ü.zip", "a'b;c", "..", ".",
         "%2e%2e%2f", "nul", "a\x7f", "jobfile_1.zip"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_clients_file_name_is_no_path(flamenco: Flamenco, name: str):
    job, content = number(), zipped(a=name or "x")
    files = {"jobfile": (name, content, "application/zip")}
    body = {"type": PRINT, "settings": '{"text": "a"}', "job_id": job}
    answer = flamenco.ask("POST", "/tasks", data=body, files=files)
    assert answer.status_code in ((202, 400) if not name else (202,))
    if answer.status_code == 202 and name:
        assert flamenco.ask("GET", f"/tasks/zip/{job}").content == content


# -- output and dependencies ------------------------------------------------------------------------


def test_what_a_task_waited_for(flamenco: Flamenco):
    places = [flamenco.rendering() for _ in range(2)]
    task = flamenco.task(depends_on=[each for each, _ in places])
    path, old = f"/tasks/zip/dep/{task}", f"/static/storage/1/dependencies_{task}.zip"
    flamenco.refused(404, "GET", path)
    flamenco.refused(404, "GET", old)
    contents = [zipped(tiled_0_0001__exr="zero", same="1"), zipped(tiled_1_0001__exr="one")]
    for (each, worker), content in zip(places, contents, strict=True):
        upload(flamenco, each, content, worker_id=worker.id, status="finished")
    for where in (path, old):
        answer = flamenco.ask("GET", where)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "application/zip"
        assert unzipped(answer.content) == {
            "tiled_0_0001.exr": b"zero",
            "tiled_1_0001.exr": b"one",
            "same": b"1",
        }


def test_what_nobody_waited_for(flamenco: Flamenco):
    task, worker = flamenco.rendering()
    upload(flamenco, task, zipped(a="1"), worker_id=worker.id, status="finished")
    flamenco.refused(404, "GET", f"/tasks/zip/dep/{task}")
    waits = flamenco.task(depends_on=[flamenco.task()])
    flamenco.refused(404, "GET", f"/tasks/zip/dep/{waits}")


def test_one_of_two_gave_something(flamenco: Flamenco):
    one, worker = flamenco.rendering()
    task = flamenco.task(depends_on=[one, flamenco.task()])
    upload(flamenco, one, zipped(a="1"), worker_id=worker.id, status="running")
    assert unzipped(flamenco.ask("GET", f"/tasks/zip/dep/{task}").content) == {"a": b"1"}


def test_tiles_reach_the_mix(flamenco: Flamenco):
    settings = {"filepath": "a", "frame_start": 1, "tiles": 2}
    group = flamenco.task(type="tiled_blender_render", settings=settings, priority=urgent())
    mix, *tiles = flamenco.long(group)["children"]
    worker = flamenco.worker()
    for place, tile in enumerate(tiles):
        assert flamenco.poll(worker) == tile
        content = zipped(**{f"tiled_{place}_0001__exr": f"{place}"})
        upload(flamenco, tile, content, worker_id=worker.id, status="finished")
    assert flamenco.poll(worker) == mix
    answer = flamenco.ask("GET", f"/tasks/zip/dep/{mix}")
    assert unzipped(answer.content) == {"tiled_0_0001.exr": b"0", "tiled_1_0001.exr": b"1"}
    flamenco.report(mix, worker, "finished")


def test_output_comes_with_the_last_report(flamenco: Flamenco):
    task, worker = flamenco.rendering()
    content = zipped(a="1")
    upload(
        flamenco, task, content, worker_id=worker.id, status="finished", time_cost=5, log_append="x"
    )
    flamenco.shows(task, status="completed", time_cost=5, log="x")
    answer = flamenco.ask("GET", f"/tasks/{task}/output")
    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["Content-Type"] == "application/zip"


# -- thumbnails -----------------------------------------------------------------------------------


def thumbnail(flamenco: Flamenco, task: object, name: str, content: bytes = PNG):
    data = {} if task is None else {"task_id": str(task)}
    return flamenco.ask("POST", "/tasks/thumbnails", data=data, files={"file": (name, content)})


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [("a.png", PNG, "image/png"), ("a.PNG", PNG, "image/png"), ("a.jpg", JPEG, "image/jpeg"),
     ("a.jpeg", JPEG, "image/jpeg"), ("a.JpEg", JPEG, "image/jpeg"), ("../../a.b.png", PNG, "image/png"),
     (".png", PNG, "image/png")],
)  # fmt: skip
def test_a_thumbnail(flamenco: Flamenco, name: str, content: bytes, kind: str):
    task = flamenco.task()
    flamenco.refused(404, "GET", f"/tasks/{task}/thumbnail")
    answer = thumbnail(flamenco, task, name, content)
    assert (answer.status_code, answer.content) == (204, b"")
    answer = flamenco.ask("GET", f"/tasks/{task}/thumbnail")
    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["Content-Type"] == kind
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    found = flamenco.long(task)["activity"]
    assert found == {
        "process": "",
        "remaining": None,
        "current_frame": None,
        "thumbnail": f"/tasks/{task}/thumbnail",
        "path_not_found": None,
        "saved_file": None,
    }


def test_the_last_thumbnail(flamenco: Flamenco):
    task, worker = flamenco.rendering()
    assert thumbnail(flamenco, task, "a.png").status_code == 204
    flamenco.report(task, worker, log="Fra:7 | a\n", activity={"thumbnail": "x", "remaining": 4})
    assert thumbnail(flamenco, task, "b.jpg", JPEG).status_code == 204
    answer = flamenco.ask("GET", f"/tasks/{task}/thumbnail")
    assert (answer.content, answer.headers["Content-Type"]) == (JPEG, "image/jpeg")
    found = flamenco.long(task)["activity"]
    assert found["thumbnail"] == f"/tasks/{task}/thumbnail"
    assert (found["remaining"], found["current_frame"], found["process"]) == (4, 7, "a")


@pytest.mark.parametrize(
    "name", ["a.gif", "a", "png", "a.png.exe", "a.svg", "a.png ", "a.html", "a.p", "a.jpe", "apng"]
)
def test_a_name_that_is_no_picture(flamenco: Flamenco, name: str):
    task = flamenco.task()
    answer = thumbnail(flamenco, task, name)
    assert answer.status_code == 400
    assert "file" in answer.json()["errors"]
    flamenco.refused(404, "GET", f"/tasks/{task}/thumbnail")
    flamenco.shows(task, activity=None)


def test_what_a_thumbnail_needs(flamenco: Flamenco):
    task = flamenco.task()
    path, data = "/tasks/thumbnails", {"task_id": str(task)}
    flamenco.refused(400, "POST", path, blamed="file", data=data)
    flamenco.refused(400, "POST", path, blamed="file", files={"file": (None, "text")}, data=data)
    flamenco.refused(400, "POST", path, blamed="file", json={"task_id": task, "file": "a.png"})
    assert thumbnail(flamenco, None, "a.png").status_code == 400
    for bad in ("x", "", "1.5", "1,2", "٣", str(2**64)):
        assert thumbnail(flamenco, bad, "a.png").status_code == 400
    for unknown in (NEVER, 0, -1, 2**53):
        assert thumbnail(flamenco, unknown, "a.png").status_code == 404
    flamenco.refused(404, "GET", f"/tasks/{task}/thumbnail")


def test_thumbnails_is_no_task(flamenco: Flamenco):
    flamenco.refused(405, "GET", "/tasks/thumbnails")


def test_files_go_with_the_task(flamenco: Flamenco):
    task, worker = flamenco.rendering()
    upload(flamenco, task, zipped(a="1"), worker_id=worker.id)
    assert thumbnail(flamenco, task, "a.png").status_code == 204
    waits = flamenco.task(depends_on=[task])
    flamenco.delete(task)
    flamenco.refused(404, "GET", f"/tasks/{task}/output")
    flamenco.refused(404, "GET", f"/tasks/{task}/thumbnail")
    flamenco.refused(404, "GET", f"/tasks/zip/dep/{waits}")


def test_large_files(flamenco: Flamenco):
    content = zipped(a=bytes(8 << 20))
    job = number()
    task, worker = flamenco.rendering(job_id=job)
    flamenco.create(job_id=job, files={"jobfile": ("x.zip", content)})
    upload(flamenco, task, content, worker_id=worker.id, status="finished")
    for path in (f"/tasks/zip/{job}", f"/tasks/{task}/output"):
        answer = flamenco.ask("GET", path)
        assert answer.content == content
