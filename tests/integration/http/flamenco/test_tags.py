"""Tasks that want a tag go to workers that have it; all others go to anybody."""

SHOT = {"filepath": "shot.blend", "frame_start": 1, "frame_end": 4}


def post(farm, tag=None, priority=50, **settings):
    body = {"type": "simple_blender_render", "settings": {**SHOT, **settings}, "tag": tag}
    return farm.ask("POST", "/tasks", 202, json={**body, "priority": priority})["id"]


def worker(farm, name, *tags):
    body = {"hostname": name, "tags": list(tags)}
    return next(iter(farm.ask("POST", "/workers", json=body).values()))["id"]


def free(farm, task):
    farm.ask("PATCH", f"/tasks/{task}", 204, json={"status": "paused"})


def test_a_tag_keeps_a_task_for_those_who_have_it(farm):
    plain, gpu = worker(farm, "a"), worker(farm, "b", "gpu", "big")
    tagged, other = post(farm, "gpu"), post(farm)
    assert farm.poll(plain) == other
    assert farm.poll(gpu) == tagged
    free(farm, other)
    free(farm, tagged)
    last = post(farm)
    assert farm.poll(gpu) == last


def test_the_most_urgent_of_all_that_fit_comes_first(farm):
    both = worker(farm, "a", "gpu", "big")
    made = [post(farm, "gpu", 5), post(farm, None, 9), post(farm, "big", 7), post(farm, "gpu", 7)]
    got = []
    while (task := farm.poll(both)) is not None:
        got.append(task)
        farm.report(task, both, "finished")
    assert got == [made[1], made[2], made[3], made[0]]


def test_a_tag_is_shown_where_there_is_one(farm):
    group, plain = post(farm, "gpu", chunk_size=2), post(farm)
    assert farm.task(group)["tag"] == "gpu"
    assert [farm.task(one)["tag"] for one in farm.task(group)["children"]] == ["gpu", "gpu"]
    assert "tag" not in farm.task(plain)
    assert farm.ask("GET", "/tasks?tag=gpu")["total"] == 3
    assert farm.ask("GET", "/tasks?tag=gpu&status=ready")["total"] == 3
    assert farm.ask("GET", "/tasks?tag=none")["total"] == 0
    with_tags = worker(farm, "a", "gpu")
    assert farm.ask("GET", f"/workers/{with_tags}")["tags"] == ["gpu"]
    assert "tags" not in farm.ask("GET", f"/workers/{worker(farm, 'b')}")


def test_a_worker_may_change_its_tags(farm):
    one = worker(farm, "a")
    task = post(farm, "gpu")
    assert farm.poll(one) is None
    body = {"status": "available", "tags": "gpu, big"}
    assert farm.ask("PATCH", f"/workers/{one}", json=body)["task_id"] == task


def test_time_outs_and_failures_know_tagged_tasks(opened, clock):
    farm = opened(JOBYARD_FLAMENCO_TRIES="2")
    first, second = worker(farm, "a", "gpu"), worker(farm, "b", "gpu")
    task = post(farm, "gpu")
    assert farm.poll(first) == task
    clock.advance(301)
    assert farm.task(task)["status"] == "ready"
    assert farm.poll(first) == task
    farm.report(task, first, "failed")
    assert farm.poll(first) is None
    assert farm.poll(second) == task


def test_what_is_no_tag_is_refused(farm):
    body = {"type": "print_string", "settings": {"text": "a"}}
    for tag in ("a b", "a:b", "x" * 65, "ü", 5):
        farm.ask("POST", "/tasks", 400, json={**body, "tag": tag})
        farm.ask("POST", "/workers", 400, json={"hostname": "a", "tags": [tag]})
    assert farm.ask("GET", "/tasks")["total"] == 0
