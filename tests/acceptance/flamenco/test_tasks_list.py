"""The list of tasks, its filters and pages."""

import pytest

from tests.acceptance.flamenco.client import (
    BAKE,
    LISTED,
    NEVER,
    PRINT,
    RENDER,
    SHOT,
    STATES,
    TILED,
    Flamenco,
    number,
    urgent,
)
from tests.acceptance.flamenco.test_tasks_delete import place


def ids(found: list[dict]) -> list[int]:
    return [each["id"] for each in found]


def test_nothing_to_list(farm: Flamenco):
    assert farm.good("GET", "/tasks") == {"tasks": [], "total": 0}


def test_all_of_them_by_id(farm: Flamenco):
    made = [farm.task(priority=priority) for priority in (5, 90, 50, -1)]
    group = farm.task(settings={**SHOT, "chunk_size": 3})
    found = farm.good("GET", "/tasks")
    children = farm.long(group)["children"]
    assert ids(found["tasks"]) == [*made, group, *children]
    assert found["total"] == 7


def test_an_entry_is_the_long_form_without_the_log(flamenco: Flamenco):
    mark = number()
    task, worker = flamenco.rendering(task_id=mark)
    flamenco.report(task, worker, log="Fra:6 Mem:1M | Scene | Sample 1/2\n", time_cost=5)
    [found] = flamenco.listed(task_id=mark)
    assert set(found) == LISTED
    whole = flamenco.long(task)
    assert {**found, "log": whole["log"]} == whole


def test_reading_changes_nothing(flamenco: Flamenco):
    mark = number()
    task = flamenco.task(priority=urgent(), task_id=mark)
    before = flamenco.long(task)
    for query in ({"task_id": mark}, {"status": "ready"}, {"worker_id": flamenco.worker().id}):
        flamenco.listed(**query)
    assert flamenco.long(task) == before
    flamenco.patch(task, priority=0)


def test_filters(flamenco: Flamenco):
    job, mark = number(), number()
    mine = {"job_id": job}
    plain = flamenco.task(**mine, task_id=mark)
    text = flamenco.print(**mine)
    group = flamenco.task(**mine, settings={**SHOT, "chunk_size": 3})
    children = flamenco.long(group)["children"]
    held, worker = flamenco.rendering(**mine)
    flamenco.patch(text, status="paused")
    every = [plain, text, group, *children, held]
    cases = [
        ({}, every),
        ({"type": PRINT}, [text]),
        ({"type": RENDER}, [plain, group, *children, held]),
        ({"type": BAKE}, []),
        ({"type": "nope"}, []),
        ({"task_id": mark}, [plain]),
        ({"task_id": number()}, []),
        ({"parent_id": group}, children),
        ({"parent_id": plain}, []),
        ({"parent_id": NEVER}, []),
        ({"worker_id": worker.id}, [held]),
        ({"worker_id": NEVER}, []),
        ({"status": "paused"}, [text]),
        ({"status": "rendering"}, [held]),
        ({"status": "ready"}, [plain, group, *children]),
        ({"status": "completed"}, []),
        ({"status": "ready", "type": RENDER, "parent_id": group}, children),
        ({"status": "ready", "type": PRINT}, []),
        ({"unknown": "x"}, every),
    ]
    for query, wanted in cases:
        found = flamenco.good("GET", "/tasks", params={**mine, **query})
        assert (ids(found["tasks"]), found["total"]) == (wanted, len(wanted)), query
    assert flamenco.listed(job_id=number()) == []
    assert flamenco.listed(parent_id=group, limit=1) == [flamenco.listed(**mine)[3]]


@pytest.mark.parametrize("state", STATES)
def test_a_state_as_a_filter(flamenco: Flamenco, state: str):
    task, _ = place(flamenco, state)
    job = flamenco.long(task)["job_id"]
    for other in STATES:
        found = ids(flamenco.listed(job_id=job, status=other))
        assert found == ([task] if other == state else []), other


def test_groups_are_found_by_their_state(flamenco: Flamenco):
    job = number()
    group = flamenco.task(job_id=job, priority=urgent(), settings={**SHOT, "chunk_size": 3})
    assert flamenco.poll(flamenco.worker()) in flamenco.long(group)["children"]
    found = ids(flamenco.listed(job_id=job, status="rendering"))
    assert group in found
    assert group not in ids(flamenco.listed(job_id=job, status="ready"))
    flamenco.patch(group, status="canceled")
    assert group in ids(flamenco.listed(job_id=job, status="canceled"))


def test_tiles_are_found_by_their_type(flamenco: Flamenco):
    job = number()
    settings = {"filepath": "a", "frame_start": 1, "tiles": 2}
    group = flamenco.task(type=TILED, job_id=job, settings=settings)
    assert len(flamenco.listed(job_id=job, type=TILED)) == 3
    assert group in ids(flamenco.listed(job_id=job, type=TILED))


def test_pages(flamenco: Flamenco):
    job = number()
    made = [flamenco.task(job_id=job) for _ in range(5)]
    cases = [
        ({"limit": 2}, made[:2]),
        ({"limit": 2, "offset": 2}, made[2:4]),
        ({"limit": "2", "offset": "4"}, made[4:]),
        ({"offset": 0}, made),
        ({"offset": 3}, made[3:]),
        ({"offset": 5}, []),
        ({"offset": 2**53}, []),
        ({"limit": 1000}, made),
        ({"limit": 1}, made[:1]),
    ]
    for query, wanted in cases:
        found = flamenco.good("GET", "/tasks", params={"job_id": job, **query})
        assert (ids(found["tasks"]), found["total"]) == (wanted, 5), query


def test_a_page_has_at_most_a_thousand(farm: Flamenco):
    farm.task(settings={**SHOT, "frame_start": 1, "frame_end": 1100, "chunk_size": 1})
    found = farm.good("GET", "/tasks")
    assert (len(found["tasks"]), found["total"]) == (1000, 1101)
    rest = farm.good("GET", "/tasks", params={"offset": 1000})
    assert (len(rest["tasks"]), rest["total"]) == (101, 1101)
    assert ids(rest["tasks"])[0] > ids(found["tasks"])[-1]


BAD = {
    "status": ["running", "finished", "processing", "cancelled", "nope", "", "Ready", "ready,paused"],
    "limit": ["0", "-1", "1001", "x", "", "1.5", "99999999999999999999", "٣", "1e2", "true"],
    "offset": ["-1", "x", "", "1.5", "99999999999999999999", "0x1"],
    "job_id": ["x", "", "1.5", str(2**53 + 1), str(2**64), "1,2"],
    "parent_id": ["x", "", "1.5", str(2**64), "null"],
    "worker_id": ["x", "", "1.5", str(2**64), "null"],
    "task_id": ["x", "", "1.5", str(-(2**64)), "1;2"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in BAD.items() for value in values]
)
def test_unusable_filters(flamenco: Flamenco, name: str, value: str):
    flamenco.refused(400, "GET", "/tasks", blamed=name, params={name: value})


@pytest.mark.parametrize("value", ["' OR 1=1 --", "%", "_", "*", "x" * 5000, "\0", "ü"])
def test_an_odd_type_matches_nothing(flamenco: Flamenco, value: str):
    flamenco.task()
    answer = flamenco.ask("GET", "/tasks", params={"type": value})
    assert answer.status_code in (200, 400)
    if answer.status_code == 200:
        assert answer.json() == {"tasks": [], "total": 0}


def test_tasks_of_others_are_not_listed(farm: Flamenco):
    farm.yard.submit("true")
    assert farm.listed() == []
    worker = farm.worker()
    assert farm.poll(worker) is None
