"""Jobs as a whole, and the pages that show them, on each database."""

import re

import pytest

from app.api.flamenco.errors import Refused
from app.api.flamenco.service import jobs
from app.api.flamenco.service.jobs import Steer

ALL = 2**62


def numbers(farm, shown: str = "", before: int = ALL, limit: int = 10) -> list[int]:
    return [one.id for one in jobs.page(farm.services, shown, before=before, limit=limit)]


def job_of(farm, task: int) -> int:
    return farm.task(task)["job_id"]


def end(farm, worker: int, status: str) -> int:
    task = farm.poll(worker)
    farm.report(task, worker, status)
    return task


def test_jobs_are_listed_from_the_newest_on(farm):
    made = [job_of(farm, farm.post(chunk_size=5)) for _ in range(4)]
    assert numbers(farm) == made[::-1]
    assert numbers(farm, limit=2) == made[:1:-1]
    assert numbers(farm, before=made[2]) == made[1::-1]
    assert numbers(farm, before=0) == []


def test_jobs_are_found_by_how_tasks_stand(farm):
    worker = farm.worker("a")
    first, second, third = (job_of(farm, farm.post(chunk_size=5)) for _ in range(3))
    end(farm, worker, "failed")
    end(farm, worker, "completed")
    farm.poll(worker)
    assert numbers(farm, "failed") == [first]
    assert numbers(farm, "rendering") == [second]
    assert numbers(farm, "ready") == [third, second]
    assert numbers(farm, "ready", before=third) == [second]
    assert numbers(farm, "no such word") == [third, second, first]


def test_a_job_adds_up_its_tasks(farm):
    worker = farm.worker("a")
    task = farm.post(chunk_size=2)
    end(farm, worker, "completed")
    end(farm, worker, "failed")
    farm.poll(worker)
    found = jobs.one(farm.services, job_of(farm, task))
    assert found.counts == {"completed": 1, "failed": 1, "rendering": 1, "ready": 2}
    assert (found.total, found.frames, found.status) == (5, (1, 10), "rendering")
    assert (found.progress, found.is_more) == (20.0, False)
    assert [one.frame_start for one in jobs.pieces(farm.services, found.id)] == [1, 3, 5, 7, 9]
    entries = jobs.entries(farm.services, found.id, after=0, limit=3)
    assert [one["status"] for one in entries] == ["rendering", "completed", "failed"]
    assert len(jobs.entries(farm.services, found.id, after=entries[-1]["id"], limit=9)) == 3


def test_a_job_that_is_none_is_refused(farm):
    for verb in (
        lambda: jobs.one(farm.services, 5),
        lambda: jobs.steer(farm.services, 5, Steer.PAUSE),
        lambda: jobs.prioritise(farm.services, 5, 1),
        lambda: jobs.delete(farm.services, 5),
    ):
        with pytest.raises(Refused) as refused:
            verb()
        assert refused.value.status == 404


def test_a_job_is_steered_as_a_whole(farm, monkeypatch):
    monkeypatch.setattr(jobs, "AT_A_TIME", 2)
    worker, services = farm.worker("a"), farm.services
    task = farm.post(chunk_size=2)
    job = job_of(farm, task)
    end(farm, worker, "completed")
    end(farm, worker, "failed")
    held = farm.poll(worker)

    def counts():
        return jobs.one(services, job).counts

    assert jobs.steer(services, job, Steer.PAUSE) == 3
    assert counts() == {"completed": 1, "failed": 1, "paused": 3}
    farm.report(held, worker, "running", 403)
    assert jobs.steer(services, job, Steer.RETRY) == 1
    assert jobs.steer(services, job, Steer.RETRY) == 0
    assert jobs.steer(services, job, Steer.START) == 3
    assert counts() == {"completed": 1, "ready": 4}
    assert jobs.steer(services, job, Steer.CANCEL) == 4
    assert counts() == {"completed": 1, "canceled": 4}
    assert jobs.steer(services, job, Steer.START) == 4
    jobs.prioritise(services, job, 99)
    assert {one["priority"] for one in jobs.entries(services, job, after=0, limit=9)} == {99}
    jobs.delete(services, job)
    assert numbers(farm) == []
    farm.ask("GET", f"/tasks/{task}", 404)


def test_pictures_come_newest_first(farm, clock):
    tasks = [farm.post() for _ in range(2)]
    job = farm.task(tasks[0])["job_id"]
    more = farm.ask("POST", "/tasks", 202, json={
        "type": "print_string", "settings": {"text": "x"}, "job_id": job})["id"]  # fmt: skip
    for task in (tasks[0], more, tasks[1]):
        clock.advance(1)
        with open(__file__, "rb") as picture:
            data = {"task_id": task, "file": (picture, "a.png")}
            farm.ask("POST", "/tasks/thumbnails", 204, data=data)
    found = jobs.pictures(farm.services, job, 5)
    assert [(one.task_id, one.frame) for one in found] == [(more, None), (tasks[0], 1)]
    assert len(jobs.pictures(farm.services, job, 1)) == 1


def test_a_page_tells_who_is_barred_and_forgives(opened):
    farm = opened(JOBYARD_FLAMENCO_BLOCK_AFTER="1")
    worker, job = farm.worker("a"), job_of(farm, farm.post(chunk_size=5))
    end(farm, worker, "failed")
    path = f"/ui/farm/workers/{worker}"
    page = farm.fetch(path).decode()
    assert f'<a href="/ui/farm/{job}">Job {job}</a>' in page
    assert "1 job" in farm.fetch("/ui/farm/workers").decode()
    token = re.search(r'name="csrf-token" content="([^"]+)"', page)[1]
    farm.ask("POST", f"{path}/forgive", 303, data={"csrf_token": token})
    assert "gets tasks of every job" in farm.fetch(path).decode()
    assert farm.ask("GET", "/workers/blocks") == {"blocks": []}


def test_a_picture_and_another_frame_are_told_to_who_watches(farm):
    worker, task = farm.worker("a"), farm.post()
    farm.poll(worker)
    before = farm.services.engine.events.last_position()
    farm.report(task, worker, "running", frame_current=4)
    farm.report(task, worker, "running", time_cost=3)
    with open(__file__, "rb") as picture:
        data = {"task_id": task, "file": (picture, "a.png")}
        farm.ask("POST", "/tasks/thumbnails", 204, data=data)
    told = farm.services.engine.events.after(before, limit=10)
    assert [(one.kind, one.task_id) for one in told] == [("task.progressed", task)] * 2
