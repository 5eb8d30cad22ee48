"""Failed tasks are tried on other workers, and workers that fail much get no more of a job."""

import pytest


def test_a_failure_counts_at_once_unless_told_otherwise(farm):
    task, first = farm.post(), farm.worker("a")
    farm.worker("b")
    farm.poll(first)
    farm.report(task, first, "failed")
    assert farm.task(task)["status"] == "failed"
    assert farm.ask("GET", "/workers/blocks") == {"blocks": []}


def test_each_worker_tries_a_task_once(opened):
    farm = opened(JOBYARD_FLAMENCO_TRIES="3")
    workers = [farm.worker(name) for name in "abcd"]
    task = farm.post()
    for worker in workers[:3]:
        assert farm.task(task)["status"] == "ready"
        assert farm.poll(worker) == task
        farm.report(task, worker, "failed")
        assert farm.poll(worker) is None
    found = farm.task(task)
    assert (found["status"], found["attempts"], found["worker_id"]) == ("failed", 3, workers[2])
    farm.ask("PATCH", f"/tasks/{task}", 204, json={"status": "ready"})
    assert farm.poll(workers[0]) == task


def test_a_worker_passes_over_what_it_failed(opened):
    farm = opened(JOBYARD_FLAMENCO_TRIES="3")
    first, second = farm.worker("a"), farm.worker("b")
    failing, other = farm.post(), farm.post()
    assert farm.poll(first) == failing
    farm.report(failing, first, "failed")
    assert farm.poll(first) == other
    assert farm.poll(second) == failing


def test_without_another_worker_the_failure_counts(opened):
    farm = opened(JOBYARD_FLAMENCO_TRIES="3")
    only = farm.worker("a")
    task = farm.post()
    assert farm.poll(only) == task
    farm.report(task, only, "failed")
    assert farm.task(task)["status"] == "failed"


@pytest.mark.parametrize("tries", ["1", "3"])
def test_a_broken_machine_is_barred_from_a_job(opened, tries):
    farm = opened(JOBYARD_FLAMENCO_BLOCK_AFTER="3", JOBYARD_FLAMENCO_TRIES=tries)
    broken, good = farm.worker("a"), farm.worker("b")
    group = farm.post(chunk_size=1)
    tasks = farm.task(group)["children"]
    for _ in range(3):
        farm.report(farm.poll(broken), broken, "failed")
    assert farm.poll(broken) is None
    (block,) = farm.ask("GET", "/workers/blocks")["blocks"]
    assert (block["worker_id"], block["type"]) == (broken, "simple_blender_render")
    assert {farm.task(one)["status"] for one in tasks} == {"ready"}
    done = []
    while (task := farm.poll(good)) is not None:
        farm.report(task, good, "finished")
        done.append(task)
    assert sorted(done) == tasks
    assert farm.task(group)["status"] == "completed"
    other = farm.post()
    assert farm.poll(broken) == other


def test_a_block_is_lifted(opened):
    farm = opened(JOBYARD_FLAMENCO_BLOCK_AFTER="1")
    broken = farm.worker("a")
    farm.worker("b")
    first, second = farm.post(chunk_size=5), None
    first, second = farm.task(first)["children"]
    assert farm.poll(broken) == first
    farm.report(first, broken, "failed")
    assert farm.poll(broken) is None
    assert farm.ask("DELETE", f"/workers/blocks?worker_id={broken + 1}") == {"lifted": 0}
    assert farm.ask("DELETE", f"/workers/blocks?worker_id={broken}") == {"lifted": 1}
    assert farm.poll(broken) == first
    assert second


def test_who_is_forgotten_leaves_no_block(opened):
    farm = opened(JOBYARD_FLAMENCO_BLOCK_AFTER="1")
    broken = farm.worker("a")
    task = farm.post()
    farm.poll(broken)
    farm.report(task, broken, "failed")
    farm.ask("DELETE", f"/workers/{broken}", 204)
    assert farm.ask("GET", "/workers/blocks") == {"blocks": []}


def test_compilers_describe_themselves(farm):
    found = farm.ask("GET", "/tasks/compiled/types")
    by_name = {one["name"]: one for one in found["compilers"]}
    render = by_name["simple_blender_render"]
    assert render["parser"] == "blender_render"
    assert {"filepath", "frame_start", "frame_end"} <= render["settings"]["properties"].keys()
    assert "blender_render" in found["parsers"]
