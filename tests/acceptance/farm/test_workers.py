"""The bundled workers with a real manager, and a stand-in for Blender."""

import pytest

from tests.yard import eventually

RENDER = "simple_blender_render"
SCENE = b"a scene"


def shot(first, last, **more):
    return {"filepath": "scene.blend", "frame_start": first, "frame_end": last, **more}


@pytest.mark.parametrize("generation", ["2.7", "2.8", "5"])
def test_every_generation_of_output_is_read(served, generation):
    worker = served.worker(RENDERER_LOG=generation)
    task = served.submit(RENDER, shot(5, 7), SCENE)
    found = served.completed(task)
    assert found["activity"]["current_frame"] == found["frame_current"] == 7
    assert found["activity"]["saved_file"].endswith("/0007.png")
    assert found["activity"]["process"].endswith(("4/4", "4 / 4 samples"))
    assert set(served.output(task)) == {"0005.png", "0006.png", "0007.png"}
    worker.terminate()
    assert worker.wait(90) == 0


def test_what_one_machine_cannot_render_another_one_does(served):
    bad = served.worker(RENDERER_FAIL_AT="2")
    # Without anybody else the task would have failed for good.
    (other,) = served.ask("POST", "/workers", json={"hostname": "another"}).json().values()
    task = served.submit(RENDER, shot(1, 3), SCENE)
    eventually(lambda: served.task(task)["attempts"] == 1, "a first try")
    eventually(lambda: served.task(task)["status"] == "ready", "its failure")
    good = served.worker()
    found = served.completed(task)
    assert found["attempts"] == 2
    assert set(served.output(task)) == {"0001.png", "0002.png", "0003.png"}
    served.ask("DELETE", f"/workers/{other['id']}", 204)
    for worker in (bad, good):
        worker.terminate()
        assert worker.wait(90) == 0


def test_a_worker_that_was_killed_comes_back_and_begins_anew(served):
    first = served.worker(RENDERER_FRAME_S="600")
    task = served.submit(RENDER, shot(1, 2), SCENE)
    worker = eventually(lambda: served.task(task)["log"] and served.task(task)["worker_id"], "log")
    first.kill()
    first.wait()
    second = served.worker(again=first)
    served.workers.remove(first)
    found = served.completed(task)
    assert (found["worker_id"], found["attempts"]) == (worker, 2)
    assert set(served.output(task)) == {"0001.png", "0002.png"}
    second.terminate()
    assert second.wait(90) == 0


def test_chunks_go_to_whoever_asks_and_each_once(farm):
    group = farm.submit(RENDER, shot(1, 12, chunk_size=1), SCENE)
    farm.completed(group)
    parts = farm.tasks(group)
    assert [part["attempts"] for part in parts] == [1] * 12
    assert [set(farm.output(part["id"])) for part in parts] == [
        {f"{frame:04d}.png"} for frame in range(1, 13)
    ]


def test_a_frame_list_renders_those_frames_alone(farm):
    settings = {"filepath": "scene.blend", "frames": "1-3,8,20-30x10", "frame_order": "coarse"}
    group = farm.submit(RENDER, settings, SCENE)
    farm.completed(group)
    made = set().union(*(farm.output(part["id"]) for part in farm.tasks(group)))
    assert made == {f"{frame:04d}.png" for frame in (1, 2, 3, 8, 20, 30)}


def test_output_of_what_came_before_is_in_the_folder_of_the_job(farm):
    first = farm.submit(RENDER, shot(1, 2), SCENE)
    # It reads a picture of the task it waited for as if it were the scene.
    second = {**shot(1, 1), "filepath": "0002.png"}
    farm.completed(farm.submit(RENDER, second, SCENE, depends_on=str(first)))


def test_deleting_a_task_ends_its_program(farm):
    task = farm.submit(RENDER, shot(1, 9), b"RENDERER_FRAME_S=600")
    worker = eventually(lambda: farm.task(task)["worker_id"], "a worker")
    eventually(lambda: farm.task(task)["log"], "its output")
    farm.ask("DELETE", f"/tasks/{task}", 202)
    # The worker is free for another one, which it could not be beside one that takes hours.
    for _ in range(2):
        farm.completed(farm.submit(RENDER, shot(1, 1), SCENE))
    assert farm.ask("GET", f"/workers/{worker}").json()["current_task"] is None


def test_a_restart_of_the_manager_in_mid_render_is_survived(farm):
    worker = farm.worker(RENDERER_FRAME_S="0.2")
    for other in farm.workers[:-1]:
        other.terminate()
        assert other.wait(90) == 0
    task = farm.submit(RENDER, shot(1, 12), SCENE)
    eventually(lambda: farm.task(task)["log"], "its output")
    farm.yard.stop()
    farm.yard.start()
    found = farm.completed(task)
    assert found["attempts"] == 1
    assert found["progress"] == 100.0
    lines = [line for line in found["log"].splitlines() if line.startswith("Saved:")]
    assert [line[-9:-1] for line in lines] == [f"{frame:04d}.png" for frame in range(1, 13)]
    assert worker.poll() is None
