"""Several tasks in one request: claims with `?count=` and `POST /task/bulk_release`."""

import pytest

from tests.acceptance.task_tracker.extras import Desk, serving

OK, FAIL, SKIP = range(3)


@pytest.fixture(scope="module")
def desk():
    with serving() as yard:
        yield Desk(yard)


@pytest.fixture
def project(desk):
    return desk.project()


@pytest.fixture
def worker(desk, project):
    return desk.worker(project)


def submit(worker, project, count, **more):
    items = [{"project": project, "recipe": str(number), **more} for number in range(count)]
    answer = worker.post("/task/bulk_submit", {"requests": items})
    assert answer.json()["content"]["submitted"] == count


def claim(worker, project, count):
    return worker.get(project, count=count).json()["content"]["tasks"]


def release(worker, *releases):
    return worker.post("/task/bulk_release", {"releases": list(releases)})


def test_a_claim_gives_as_many_tasks_as_there_are(worker, project):
    submit(worker, project, 7)
    answer = worker.get(project, count=5).json()["content"]
    assert [task["recipe"] for task in answer["tasks"]] == ["0", "1", "2", "3", "4"]
    assert answer["task"] == answer["tasks"][0]
    assert len(claim(worker, project, 100)) == 2
    assert worker.get(project, count=5).json() == {"ok": False, "message": "No task available"}


def test_a_plain_get_has_no_list(worker, project):
    submit(worker, project, 2)
    assert worker.get(project).json()["content"].keys() == {"task"}
    assert len(worker.get(project, count=1).json()["content"]["tasks"]) == 1


def test_tasks_of_several_projects_come_in_the_order_of_the_projects(desk):
    for each in desk.read("/project/list").json()["content"]["projects"]:
        desk.post(f"/project/hard_reset/{each['id']}")
    low, high = desk.project(priority=1_000_001), desk.project(priority=1_000_002)
    worker = desk.worker(low, high)
    submit(worker, low, 3)
    submit(worker, high, 3)
    tasks = claim(worker, None, 5)
    assert [task["project"]["id"] for task in tasks] == [high] * 3 + [low] * 2


def test_a_rate_counts_every_task(desk):
    project = desk.project(assign_rate=0.5)
    worker = desk.worker(project)
    submit(worker, project, 20)
    assert len(claim(worker, project, 10)) == 10
    late = worker.get(project, count=1)
    assert late.status_code == 429
    assert 10 < late.json()["rate_limit_delay"] <= 20


def test_a_bulk_release_tells_of_each(desk, project, worker):
    submit(worker, project, 4, max_retries=1)
    other = desk.worker(project)
    good, failed, back, theirs = claim(worker, project, 3) + claim(other, project, 1)
    answer = release(
        worker,
        {"task_id": good["id"]},
        {"task_id": failed["id"], "result": FAIL, "error": "why"},
        {"task_id": back["id"], "result": SKIP},
        {"task_id": theirs["id"]},
        {"task_id": 2**62},
        {"task_id": good["id"]},
    ).json()
    assert answer["ok"]
    assert [each["updated"] for each in answer["content"]["releases"]] == [
        True, True, True, False, False, False,
    ]  # fmt: skip
    assert [each["task_id"] for each in answer["content"]["releases"]][:2] == [
        good["id"],
        failed["id"],
    ]
    assert worker.task(project)["id"] == back["id"]
    assert other.release(theirs["id"])["content"]["updated"] is True


def test_verifications_count_in_bulk_as_they_do_alone(desk, project):
    first, second = desk.worker(project), desk.worker(project)
    submit(first, project, 3, verification_count=2)
    for worker, expected in ((first, [False] * 3), (second, [True, True, False])):
        tasks = claim(worker, project, 10)
        values = (1, 2, 3 if worker is first else 4)
        answer = release(
            worker,
            *(
                {"task_id": task["id"], "verification": value}
                for task, value in zip(tasks, values, strict=True)
            ),
        ).json()
        assert [each["updated"] for each in answer["content"]["releases"]] == expected
    assert claim(desk.worker(project), project, 10)[0]["recipe"] == "2"


def test_chained_tasks_are_copied(desk):
    target = desk.project()
    source = desk.project(chain=target)
    worker = desk.worker(source, target)
    submit(worker, source, 5)
    tasks = claim(worker, source, 5)
    release(worker, *({"task_id": task["id"]} for task in tasks))
    assert len(claim(worker, target, 10)) == 5


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Could not parse request"),
        ([], "Could not parse request"),
        ({"releases": []}, "Could not parse request"),
        ({"releases": None}, "Could not parse request"),
        ({"releases": "x"}, "Could not parse request"),
        ({"releases": [7]}, "Could not parse request"),
        ({"releases": [{"task_id": "1"}]}, "Could not parse request"),
        ({"releases": [{"task_id": 2**63}]}, "Could not parse request"),
        ({"releases": [{}]}, "Invalid request"),
        ({"releases": [{"task_id": 1, "result": 7}]}, "Invalid request"),
        ({"releases": [{"task_id": 1, "error": "\0"}]}, "Invalid request"),
        ({"releases": [{"task_id": 1}] * 101}, "Invalid request"),
    ],
)
def test_nonsense_is_refused_whole(worker, project, body, message):
    answer = worker.post("/task/bulk_release", body)
    assert (answer.status_code, answer.json()) == (400, {"ok": False, "message": message})


def test_a_bulk_release_needs_a_worker(worker, project):
    worker.http.headers["X-Secret"] = "AAAA"
    answer = release(worker, {"task_id": 1})
    assert (answer.status_code, answer.json()["message"]) == (403, "invalid secret")
