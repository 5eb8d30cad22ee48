"""Engine records in Tork's words."""

import dataclasses

import pytest

from app.api.tork import people, words
from app.api.tork.words import Around, Family
from app.domain.records import Job, LogPart, Page, Queue, Task, Worker
from app.domain.states import JobState, TaskKind, TaskState

AT = 1_692_654_727_751_041
STAMP = "2023-08-21T21:52:07.751041Z"
JOB = Job(
    id="a" * 32,
    dialect="tork",
    type="workflow",
    name="n",
    state=JobState.PENDING,
    version=0,
    created_at=AT,
    spec={"tasks": [{"name": "t"}], "secrets": {"s": "x"}, "inputs": {"i": "1"}},
)
TASK = Task(
    id=7,
    public_id="b" * 32,
    job_id="a" * 32,
    queue="tork/default",
    name="t",
    state=TaskState.QUEUED,
    created_at=AT,
    payload={"name": "t", "run": "x", "plan": {"defaulted": ["limits"]}},
)
WORKER = Worker(
    id=1, dialect="", kind="daemon", public_id="W" * 22, name="w", started_at=AT, heartbeat_at=AT
)


@pytest.mark.parametrize("state", JobState)
def test_every_job_state_has_a_word_and_its_own_time(state):
    job = dataclasses.replace(JOB, state=state, scheduled_at=AT, started_at=AT + 1, ended_at=AT + 2)
    document = words.summary(job)
    assert document["state"] == ("PENDING" if state is JobState.WAITING else state)
    assert document["startedAt"] == STAMP
    assert ("completedAt" in document) == (state is JobState.COMPLETED)
    assert ("failedAt" in document) == (state is JobState.FAILED)


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (TaskState.CREATED, "CREATED"),
        (TaskState.HELD, "PENDING"),
        (TaskState.QUEUED, "SCHEDULED"),
        (TaskState.LEASED, "SCHEDULED"),
        (TaskState.RUNNING, "RUNNING"),
        (TaskState.COMPLETED, "COMPLETED"),
        (TaskState.FAILED, "FAILED"),
        (TaskState.CANCELLED, "CANCELLED"),
        (TaskState.SKIPPED, "SKIPPED"),
    ],
)
def test_every_task_state_has_a_word_and_its_own_time(state, word):
    document = words.task(dataclasses.replace(TASK, state=state, ended_at=AT), Family())
    assert document["state"] == word
    assert ("completedAt" in document) == (state in (TaskState.COMPLETED, TaskState.SKIPPED))
    assert ("failedAt" in document) == (state is TaskState.FAILED)


def test_nothing_empty_is_said_but_the_position():
    assert words.summary(JOB) == {
        "id": "a" * 32,
        "createdBy": people.NOBODY_KNOWN.user(None),
        "inputs": {"i": "1"},
        "name": "n",
        "state": "PENDING",
        "createdAt": STAMP,
        "position": 0,
    }


def test_whole_job_always_has_its_lists_and_context():
    bare = dataclasses.replace(JOB, spec={}, name="")
    document = words.job(bare, [])
    assert (document["tasks"], document["execution"]) == ([], [])
    assert document["context"] == {"job": {"id": "a" * 32, "name": ""}}


def test_parent_and_schedule_are_named():
    job = dataclasses.replace(JOB, schedule_id="c" * 32, parent_task_id=7)
    document = words.summary(job, Around(parent="d" * 32, cron="@daily"))
    assert document["parentId"] == "d" * 32
    assert document["schedule"] == {"id": "c" * 32, "cron": "@daily"}


def test_task_shows_no_counters_of_the_planner_and_no_prefix():
    document = words.task(TASK, Family(node="N", parent="P"))
    assert document == {
        "id": "b" * 32, "jobId": "a" * 32, "parentId": "P", "name": "t", "run": "x",
        "state": "SCHEDULED", "createdAt": STAMP, "queue": "default", "nodeId": "N",
    }  # fmt: skip


def test_composite_has_no_queue():
    held = dataclasses.replace(
        TASK, kind=TaskKind.COMPOSITE, payload={"parallel": {"tasks": []}}, children=3,
        children_open=1,
    )  # fmt: skip
    children = {"COMPLETED": 1, "SKIPPED": 1, "FAILED": 3, "RUNNING": 1}
    document = words.task(held, Family(children=children))
    assert "queue" not in document
    assert document["parallel"] == {"completions": 2}


def test_log_part_keeps_its_id_and_shares_it_with_no_other():
    part = LogPart(id=1, task_id=7, job_id=None, number=1, contents="x", at=AT)
    ids = {
        words.log_part(dataclasses.replace(part, number=number), task)["id"]
        for number in (1, 2, 11)
        for task in ("a" * 32, "b" * 32)
    }
    assert len(ids) == 6
    assert words.log_part(part, "a" * 32)["id"] in ids


def test_node_is_offline_after_a_minute_and_keeps_its_own_word():
    later = AT + 61_000_000
    assert words.node(WORKER, "Worker", now=AT, version="1")["status"] == "UP"
    assert words.node(WORKER, "Worker", now=later, version="1")["status"] == "OFFLINE"
    down = dataclasses.replace(WORKER, status="DOWN")
    assert words.node(down, "Worker", now=later, version="1")["status"] == "DOWN"


def test_page_tells_how_many_it_holds():
    page = words.page(Page([1, 2], 3, 10, 22), [{}, {}])
    assert page == {"items": [{}, {}], "number": 3, "size": 2, "totalPages": 3, "totalItems": 22}
    queue = words.queue(Queue(name="tork/a/b", size=1))
    assert queue == {"name": "a/b", "size": 1, "subscribers": 0, "unacked": 0}
