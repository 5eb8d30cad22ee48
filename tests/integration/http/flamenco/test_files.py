"""Files on the disk: whole before they are named, and gone when nothing names them."""

import io
import zipfile

from app.api.flamenco.service import files

DAY = 24 * 3600


def zipped(**members):
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return into.getvalue()


def stored(farm):
    return sorted(path for path in files.folder(farm.services).glob("*/*"))


def post(farm, content, **fields):
    data = {"type": "print_string", "settings": '{"text": "a"}', **fields}
    return farm.ask("POST", "/tasks", 202, data={**data, "jobfile": (io.BytesIO(content), "j.zip")})


def test_a_new_job_zip_takes_the_place_of_the_old_one(farm):
    first, second = zipped(a="1"), zipped(b="2")
    post(farm, first, job_id="7")
    post(farm, second, job_id="7")
    assert farm.fetch("/tasks/zip/7") == second
    assert farm.fetch("/static/storage/7/jobfile_7.zip") == second
    assert len(stored(farm)) == 1


def test_what_is_refused_leaves_no_file(farm):
    data = {"type": "print_string", "settings": "{}", "jobfile": (io.BytesIO(zipped()), "j.zip")}
    farm.ask("POST", "/tasks", 400, data=data)
    data = {"type": "print_string", "settings": '{"text": "a"}', "jobfile": (io.BytesIO(b"x"), "j")}
    farm.ask("POST", "/tasks", 400, data=data)
    data = {"type": "print_string", "settings": '{"text": "a"}', "depends_on": "999"}
    data["jobfile"] = (io.BytesIO(zipped(a="1")), "j.zip")
    farm.ask("POST", "/tasks", 400, data=data)
    assert stored(farm) == []
    assert farm.ask("GET", "/tasks")["total"] == 0


def test_deleted_tasks_leave_no_output(farm):
    task, worker = farm.post(), farm.worker("a")
    farm.poll(worker)
    content = zipped(a="1")
    body = {"worker_id": str(worker), "status": "finished", "log": "x"}
    farm.ask(
        "PATCH", f"/tasks/{task}", 204, data={**body, "taskfile": (io.BytesIO(content), "o.zip")}
    )
    assert farm.fetch(f"/tasks/{task}/output") == content
    farm.ask("DELETE", f"/tasks/{task}", 202)
    assert stored(farm) == []
    assert farm.services.engine.logs.last_number(task) == 0


def test_the_sweep_takes_what_nothing_names_and_nothing_else(farm, clock):
    made = post(farm, zipped(a="1"), job_id="7")
    (kept,) = stored(farm)
    left = kept.with_name("left.part")
    left.write_bytes(b"half")
    assert files.sweep_up(farm.services, clock.now()) == 0
    # Files bear the machine's time.
    late = int(kept.stat().st_mtime + 2 * DAY) * 1_000_000
    assert files.sweep_up(farm.services, late) == 1
    assert stored(farm) == [kept]
    farm.ask("DELETE", f"/tasks/{made['id']}", 202)
    assert files.sweep_up(farm.services, late) == 1
    assert stored(farm) == []
    farm.ask("GET", "/tasks/zip/7", 404)


def test_outputs_of_one_name_do_not_cover_each_other(farm):
    worker = farm.worker("a")
    tasks = [farm.post(), farm.post()]
    for task in tasks:
        assert farm.poll(worker) == task
        content = zipped(**{"same.png": str(task), "../up": "x"})
        body = {"worker_id": str(worker), "status": "finished"}
        body["taskfile"] = (io.BytesIO(content), "o.zip")
        farm.ask("PATCH", f"/tasks/{task}", 204, data=body)
    needs = {"type": "print_string", "settings": {"text": "a"}, "depends_on": tasks}
    waits = farm.ask("POST", "/tasks", 202, json=needs)["id"]
    with zipfile.ZipFile(io.BytesIO(farm.fetch(f"/tasks/zip/dep/{waits}"))) as found:
        texts = {name: found.read(name).decode() for name in found.namelist()}
    assert texts == {"same.png": str(tasks[0]), f"{tasks[1]}/same.png": str(tasks[1])}
