"""Frames and tiles cut into tasks, and groups of them."""

import json

import pytest

from tests.acceptance.flamenco.client import (
    MIX,
    RENDER,
    SHOT,
    TILED,
    Flamenco,
    Worker,
    check_short,
    number,
    urgent,
    zipped,
)


def chunked(flamenco: Flamenco, first: int, last: int, size: object, **more: object) -> int:
    settings = {**SHOT, "frame_start": first, "frame_end": last, "chunk_size": size}
    return flamenco.task(settings=settings, **more)


def tiled(flamenco: Flamenco, tiles: int | None = None, **more: object) -> int:
    settings = {"filepath": "shot.blend", "frame_start": 5, "format": "EXR"}
    if tiles:
        settings["tiles"] = tiles
    return flamenco.task(type=TILED, settings=settings, **more)


# -- frames -------------------------------------------------------------------------------------

CUTS = [
    (1, 10, 4, [(1, 4), (5, 8), (9, 10)]),
    (1, 10, "5", [(1, 5), (6, 10)]),
    (1, 10, 9, [(1, 9), (10, 10)]),
    (5, 7, 1, [(5, 5), (6, 6), (7, 7)]),
    (-3, 2, 4, [(-3, 0), (1, 2)]),
    (0, 1, 1, [(0, 0), (1, 1)]),
    (-10, -1, 3, [(-10, -8), (-7, -5), (-4, -2), (-1, -1)]),
]


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("text", [False, True])
def test_frames_are_cut(flamenco: Flamenco, cut, text: bool):
    first, last, size, wanted = cut
    settings = {**SHOT, "frame_start": first, "frame_end": last, "chunk_size": size, "x": [1]}
    job = number()
    given = json.dumps(settings) if text else settings
    made = flamenco.create(settings=given, priority=77, job_id=job)
    check_short(made)
    group = flamenco.shows(
        made["id"], is_group=True, frame_start=first, frame_end=last, frame_current=first,
        type=RENDER, parent_id=None, job_id=job, priority=77, worker_id=None, progress=0,
        status="ready", settings=settings,
    )  # fmt: skip
    assert len(group["children"]) == len(wanted)
    assert group["children"][0] > group["id"]
    found = flamenco.listed(parent_id=group["id"])
    assert [each["id"] for each in found] == group["children"]
    plain = {name: value for name, value in settings.items() if name != "chunk_size"}
    for each, (start, end) in zip(found, wanted, strict=True):
        assert each["name"] == f"{start}-{end}"
        assert each["settings"] == {**plain, "frame_start": start, "frame_end": end}
        assert (each["frame_start"], each["frame_end"]) == (start, end)
        assert (each["parent_id"], each["job_id"], each["priority"]) == (group["id"], job, 77)
        assert (each["type"], each["parser"], each["status"]) == (RENDER, "blender_render", "ready")
        assert (each["is_group"], each["children"], each["depends_on"]) == (False, [], [])
        assert each["child_id"] is None


@pytest.mark.parametrize(
    ("first", "last", "size"), [(1, 10, 10), (1, 10, 11), (5, 5, 1), (1, 9, 2**53)]
)
def test_one_chunk_is_no_group(flamenco: Flamenco, first: int, last: int, size: int):
    task = chunked(flamenco, first, last, size)
    flamenco.shows(task, is_group=False, children=[], parent_id=None, name=f"{first}-{last}")
    command = flamenco.compiled(task)["options"]["command"]
    assert command[command.index("--frame-end") + 1] == str(last)


def test_chunks_are_of_no_matter_to_other_types(flamenco: Flamenco):
    settings = {**SHOT, "tile": 1, "chunk_size": 1}
    flamenco.shows(flamenco.task(type=TILED, settings=settings), is_group=False)
    settings = {"text": "a", "chunk_size": 1}
    flamenco.shows(flamenco.task(type="print_string", settings=settings), is_group=False)


@pytest.mark.parametrize("last", [10_001, 10_002, 10**6, 2**53])
def test_too_many_tasks(flamenco: Flamenco, last: int):
    mark = number()
    body = {"type": RENDER, "task_id": mark,
            "settings": {**SHOT, "frame_start": 1, "frame_end": last, "chunk_size": 1}}  # fmt: skip
    flamenco.refused(400, "POST", "/tasks", blamed="settings", json=body)
    assert flamenco.listed(task_id=mark) == []


def test_very_many_tasks(farm: Flamenco):
    group = chunked(farm, 1, 9999, 1)
    assert farm.good("GET", "/tasks", params={"parent_id": group, "limit": 1})["total"] == 9999
    worker = farm.worker()
    first = farm.poll(worker)
    farm.shows(first, name="1-1")
    farm.report(first, worker, "finished")
    farm.shows(group, status="ready", frame_current=2)
    assert farm.delete(group)["status"] == "canceled"
    assert farm.listed() == []


def test_a_wide_range_is_one_task(flamenco: Flamenco):
    for first, last in ((1, 2**53), (-(2**53), 2**53)):
        task, worker = flamenco.rendering(
            settings={**SHOT, "frame_start": first, "frame_end": last}
        )
        flamenco.report(task, worker, log="Fra:7 | a\nSaved: 'x' Time: 00:01.00\n")
        flamenco.report(task, worker, "finished")
        flamenco.shows(task, progress=100, eta=0, frame_current=last)


def test_the_whole_group_has_one_scene(flamenco: Flamenco):
    content = zipped(a="1")
    made = flamenco.create(
        settings={**SHOT, "chunk_size": 2}, files={"jobfile": ("x.zip", content)}
    )
    job = flamenco.long(made["id"])["job_id"]
    assert flamenco.ask("GET", f"/tasks/zip/{job}").content == content
    child = flamenco.long(made["id"])["children"][1]
    assert ["jobfile", "jobfile.zip"] in flamenco.compiled(child)["files"]["jobfiles"]


# -- tiles --------------------------------------------------------------------------------------


@pytest.mark.parametrize("tiles", [None, 1, 2, 5, 64])
def test_tiles(flamenco: Flamenco, tiles: int | None):
    job = number()
    group = flamenco.long(tiled(flamenco, tiles, job_id=job, priority=3))
    count = tiles or 4
    assert (group["is_group"], group["status"], group["progress"]) == (True, "ready", 0)
    assert (group["frame_start"], group["frame_end"], group["frame_current"]) == (5, 5, 5)
    assert (group["type"], group["job_id"], group["format"]) == (TILED, job, "EXR")
    assert len(group["children"]) == count + 1
    mix, *rest = (flamenco.long(each) for each in group["children"])
    assert group["id"] < mix["id"] < rest[0]["id"]
    assert (mix["name"], mix["type"], mix["status"]) == ("Mixing", MIX, "waiting")
    assert sorted(mix["depends_on"]) == [each["id"] for each in rest]
    assert (mix["settings"]["filepath"], mix["frame_start"], mix["frame_end"]) == (
        "shot.blend",
        5,
        5,
    )
    for place, each in enumerate(rest):
        assert (each["name"], each["type"], each["status"]) == (f"Tile {place}", TILED, "ready")
        assert each["settings"]["tile"] == place
        assert (each["child_id"], each["depends_on"]) == (mix["id"], [])
    for each in (mix, *rest):
        assert (each["parent_id"], each["job_id"], each["priority"]) == (group["id"], job, 3)
        assert (each["frame_start"], each["frame_end"], each["is_group"]) == (5, 5, False)


@pytest.mark.parametrize("end", [5, 6, 100])
def test_a_tiled_picture_is_a_still(flamenco: Flamenco, end: int):
    settings = {"filepath": "a", "frame_start": 5, "frame_end": end, "tiles": 2}
    group = flamenco.long(flamenco.task(type=TILED, settings=settings))
    for task in (group["id"], *group["children"]):
        flamenco.shows(task, frame_start=5, frame_end=5)
    for task in group["children"]:
        command = flamenco.compiled(task)["options"]["command"]
        assert command[command.index("--frame-end") + 1] == "5"


def test_the_mix_waits_for_all_tiles(farm: Flamenco):
    group = tiled(farm, 3)
    mix, *rest = farm.long(group)["children"]
    workers = [farm.worker() for _ in range(4)]
    assert [farm.poll(worker) for worker in workers] == [*rest, None]
    for task, worker in zip(rest[:2], workers, strict=False):
        farm.report(task, worker, "finished")
        farm.shows(mix, status="waiting")
    farm.report(rest[2], workers[2], "failed")
    farm.shows(mix, status="waiting")
    assert farm.poll(workers[3]) is None
    farm.shows(group, status="failed")
    farm.patch(rest[2], status="ready")
    assert farm.poll(workers[3]) == rest[2]
    farm.report(rest[2], workers[3], "finished")
    farm.shows(mix, status="ready")
    assert farm.poll(workers[0]) == mix
    farm.report(mix, workers[0], "finished")
    farm.shows(group, status="completed", progress=100, frame_current=5)


# -- what a group shows ---------------------------------------------------------------------------


def steer(flamenco: Flamenco, group: int, *states: str) -> tuple[list[int], list[Worker]]:
    """Bring the tasks of a group into states, in order."""
    children = flamenco.long(group)["children"]
    workers = []
    for task, state in zip(children, states, strict=True):
        if state in ("rendering", "completed", "failed", "aborted"):
            workers.append(flamenco.worker())
            flamenco.patch(task, priority=urgent())
            assert flamenco.poll(workers[-1]) == task
            if state != "rendering":
                flamenco.report(task, workers[-1], state)
        elif state != "ready":
            flamenco.patch(task, status=state)
        flamenco.patch(task, priority=1)
    return children, workers


MIXED = [
    (("rendering", "ready", "failed"), "rendering"),
    (("rendering", "paused", "canceled"), "rendering"),
    (("completed", "rendering", "completed"), "rendering"),
    (("ready", "paused", "failed"), "ready"),
    (("aborted", "paused", "failed"), "ready"),
    (("aborted", "completed", "completed"), "ready"),
    (("completed", "ready", "canceled"), "ready"),
    (("paused", "failed", "completed"), "paused"),
    (("paused", "canceled", "canceled"), "paused"),
    (("failed", "canceled", "completed"), "failed"),
    (("failed", "failed", "failed"), "failed"),
    (("canceled", "canceled", "canceled"), "canceled"),
    (("completed", "canceled", "completed"), "completed"),
    (("completed", "canceled", "canceled"), "completed"),
    (("completed", "completed", "completed"), "completed"),
]


@pytest.mark.parametrize(("states", "wanted"), MIXED)
def test_the_state_of_a_group(flamenco: Flamenco, states: tuple[str, ...], wanted: str):
    group = chunked(flamenco, 1, 6, 2)
    children, _ = steer(flamenco, group, *states)
    assert [flamenco.status(task) for task in children] == list(states)
    found = flamenco.shows(group, status=wanted, worker_id=None)
    open_ = [2 * place + 1 for place, state in enumerate(states) if state != "completed"]
    assert found["frame_current"] == (min(open_) if open_ else 6)


def test_the_state_of_a_group_that_waits(flamenco: Flamenco):
    group = tiled(flamenco, 2)
    mix, one, other = flamenco.long(group)["children"]
    for task in (one, other):
        flamenco.patch(task, status="canceled")
    flamenco.shows(group, status="waiting")
    flamenco.shows(mix, status="waiting")
    flamenco.patch(one, status="ready")
    flamenco.patch(one, status="paused")
    flamenco.shows(group, status="paused")


def test_the_progress_of_a_group(flamenco: Flamenco):
    group = chunked(flamenco, 1, 8, 4, priority=urgent())
    one, other = flamenco.long(group)["children"]
    workers = [flamenco.worker(), flamenco.worker()]
    assert [flamenco.poll(worker) for worker in workers] == [one, other]
    flamenco.report(one, workers[0], log="Fra:3 | Scene | Sample 1/2\n")
    flamenco.shows(one, progress=62.5)
    assert flamenco.long(group)["progress"] in (31.2, 31.3)  # whichever way halves go
    flamenco.report(other, workers[1], log="Fra:7 | Scene | Sample 1/2\n")
    flamenco.shows(group, progress=62.5)
    flamenco.report(other, workers[1], "finished")
    flamenco.shows(group, frame_current=3)
    flamenco.report(one, workers[0], "finished")
    flamenco.shows(group, progress=100, status="completed", frame_current=8)


# -- steering a group -----------------------------------------------------------------------------


def test_a_priority_goes_to_all(flamenco: Flamenco):
    group = chunked(flamenco, 1, 6, 2, priority=5)
    flamenco.patch(group, priority=-9)
    for task in (group, *flamenco.long(group)["children"]):
        flamenco.shows(task, priority=-9)
    urgent_ = urgent()
    flamenco.patch(group, priority=urgent_)
    assert flamenco.poll(flamenco.worker()) == flamenco.long(group)["children"][0]


@pytest.mark.parametrize("word", ["rendering", "running", "processing", "completed", "finished",
                                  "failed", "aborted", "waiting"])  # fmt: skip
def test_words_that_are_not_for_groups(flamenco: Flamenco, word: str):
    group = chunked(flamenco, 1, 6, 2)
    flamenco.unpatched(409, group, status=word)
    for task in flamenco.long(group)["children"]:
        flamenco.shows(task, status="ready")


def test_other_fields_of_a_group_are_ignored(flamenco: Flamenco):
    group = chunked(flamenco, 1, 6, 2)
    before = flamenco.long(group)
    flamenco.patch(group, log="x", activity="y", time_cost=5)
    flamenco.patch(group, log_append="x", frame_current=3)
    after = flamenco.long(group)
    for name in ("log", "activity", "time_cost", "frame_current", "progress", "status"):
        assert after[name] == before[name], name


ALLOWED = [
    ("paused", ("ready", "completed", "failed", "aborted"), ("paused", "completed", "failed", "paused")),
    ("paused", ("rendering", "canceled", "ready", "ready"), ("paused", "canceled", "paused", "paused")),
    ("canceled", ("ready", "completed", "failed", "paused"), ("canceled", "completed", "failed", "canceled")),
    ("cancelled", ("rendering", "aborted", "ready", "ready"), ("canceled",) * 4),
    ("ready", ("paused", "completed", "failed", "aborted"), ("ready",) * 4),
    ("ready", ("canceled", "paused", "rendering", "ready"), ("ready",) * 4),
]  # fmt: skip


@pytest.mark.parametrize(("word", "states", "wanted"), ALLOWED)
def test_a_word_goes_to_all_that_allow_it(flamenco: Flamenco, word: str, states, wanted):
    group = chunked(flamenco, 1, 8, 2)
    children, workers = steer(flamenco, group, *states)
    flamenco.patch(group, status=word)
    assert [flamenco.status(task) for task in children] == list(wanted)
    for worker in workers:
        flamenco.sees(worker, status="enabled", current_task=None)
    flamenco.patch(group, status="canceled")


def test_a_group_is_paused_and_goes_on(flamenco: Flamenco):
    group = tiled(flamenco, 2)
    mix, one, other = flamenco.long(group)["children"]
    flamenco.patch(group, status="paused")
    for task in (mix, one, other):
        flamenco.shows(task, status="paused")
    flamenco.shows(group, status="paused")
    flamenco.patch(group, status="ready")
    flamenco.shows(one, status="ready")
    flamenco.shows(mix, status="waiting")


def test_a_group_is_never_handed_out(farm: Flamenco):
    group = chunked(farm, 1, 6, 2)
    children = farm.long(group)["children"]
    workers = [farm.worker() for _ in range(4)]
    assert [farm.poll(worker) for worker in workers] == [*children, None]


def test_a_group_has_a_log_of_nothing(flamenco: Flamenco):
    group = chunked(flamenco, 1, 6, 2)
    assert flamenco.log(group) == ""
    flamenco.refused(404, "GET", f"/tasks/{group}/output")


def test_a_group_is_no_workers(flamenco: Flamenco):
    task, worker = flamenco.rendering(settings={**SHOT, "frame_end": 7})
    group = chunked(flamenco, 1, 6, 2)
    for body in ({"priority": 9}, {"status": "paused"}, {"log": "x"}):
        flamenco.unpatched(403, group, worker_id=worker.id, **body)
    flamenco.report(task, worker, "finished")


def test_deleting_a_group_frees_its_workers(flamenco: Flamenco):
    group = chunked(flamenco, 1, 6, 2, priority=urgent())
    children = flamenco.long(group)["children"]
    workers = [flamenco.worker(), flamenco.worker()]
    assert [flamenco.poll(worker) for worker in workers] == children[:2]
    flamenco.delete(group)
    for task, worker in zip(children, workers, strict=False):
        assert flamenco.beat(worker, "rendering") == {"task_id": None, "status": "enabled"}
        body = {"worker_id": worker.id, "status": "finished"}
        flamenco.refused(404, "PATCH", f"/tasks/{task}", json=body)


@pytest.mark.parametrize("word", ["paused", "canceled", "ready"])
def test_steering_a_group_frees_its_workers(flamenco: Flamenco, word: str):
    group = chunked(flamenco, 1, 6, 2, priority=urgent())
    children = flamenco.long(group)["children"]
    worker = flamenco.worker()
    assert flamenco.poll(worker) == children[0]
    flamenco.patch(group, priority=-1)
    flamenco.patch(group, status=word)
    flamenco.sees(worker, status="enabled", current_task=None)
    flamenco.unpatched(403, children[0], worker_id=worker.id, status="finished")


def test_a_ready_group_waits_as_the_child_of_a_new_task(flamenco: Flamenco):
    group = chunked(flamenco, 1, 6, 2)
    parts = flamenco.long(group)["children"]
    worker = flamenco.worker()
    before = flamenco.give(worker, child_id=group)
    flamenco.shows(group, status="waiting", depends_on=[before])
    for part in parts:
        flamenco.shows(part, status="waiting", depends_on=[before])
    flamenco.report(before, worker, "finished")
    assert [flamenco.status(part) for part in parts] == ["ready"] * 3
    busy = flamenco.give(worker, child_id=group)
    flamenco.shows(group, status="waiting")
    flamenco.report(busy, worker, "finished")
    flamenco.shows(group, status="ready")
