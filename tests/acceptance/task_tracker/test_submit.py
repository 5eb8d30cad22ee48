"""Submitting tasks, one and many: rules, limits, order of refusals, hashes."""

import json

import pytest

from tests.acceptance.task_tracker.client import (
    DUPLICATE,
    UNREADABLE,
    Tracker,
    Worker,
    unique,
)

MOST_TEXT = 1_048_576
ONE = "/task/submit"
MANY = "/task/bulk_submit"
VECTORS = {
    "Hello, world": 8565956259293726066,
    "This one should work": -383734471695024599,
    "a": 5158252350249958646,
    "http://example.com/": 5107499575659212977,
}
INVALID = "Invalid task"
# field values -> the refusal of one; None where they are accepted
CASES = {
    "recipe at most": ({"recipe": "x" * MOST_TEXT}, None),
    "recipe at most, in bytes": ({"recipe": "ü" * (MOST_TEXT // 2)}, None),
    "recipe of one": ({"recipe": "x"}, None),
    "no recipe": ({"recipe": ""}, INVALID),
    "null recipe": ({"recipe": None}, INVALID),
    "long recipe": ({"recipe": "x" * (MOST_TEXT + 1)}, INVALID),
    "long recipe, in bytes": ({"recipe": "ü" * (MOST_TEXT // 2) + "x"}, INVALID),
    "NUL in recipe": ({"recipe": "a\0"}, INVALID),
    "priority at most": ({"priority": 32767}, None),
    "priority at least": ({"priority": -32768}, None),
    "high priority": ({"priority": 32768}, UNREADABLE),
    "low priority": ({"priority": -32769}, UNREADABLE),
    "priority 40000": ({"priority": 40000}, UNREADABLE),
    "retries at most": ({"max_retries": 32767}, None),
    "many retries": ({"max_retries": 32768}, UNREADABLE),
    "no retries": ({"max_retries": 0}, None),
    "negative retries": ({"max_retries": -1}, INVALID),
    "very negative retries": ({"max_retries": -32769}, UNREADABLE),
    "time at most": ({"max_assign_time": 2**31 - 1}, None),
    "long time": ({"max_assign_time": 2**31}, INVALID),
    "no time": ({"max_assign_time": 0}, None),
    "negative time": ({"max_assign_time": -1}, INVALID),
    "verification at most": ({"verification_count": 32767}, None),
    "much verification": ({"verification_count": 32768}, UNREADABLE),
    "negative verification": ({"verification_count": -1}, INVALID),
    "hash at most": ({"hash64": 2**63 - 1}, None),
    "hash at least": ({"hash64": -(2**63)}, None),
    "hash without sign": ({"hash64": 2**64 - 1}, None),
    "large hash": ({"hash64": 2**64}, UNREADABLE),
    "low hash": ({"hash64": -(2**63) - 1}, UNREADABLE),
    "large hash_u64": ({"hash_u64": 2**64}, UNREADABLE),
    "key at most": ({"unique_string": "k" * 65_536}, None),
    "key at most, in bytes": ({"unique_string": "ü" * 32_768}, None),
    "long key": ({"unique_string": "k" * 65_537}, INVALID),
    "long key, in bytes": ({"unique_string": "ü" * 32_768 + "k"}, INVALID),
    "long key by its other name": ({"unique_str": "k" * 65_537}, INVALID),
    "NUL in key": ({"unique_string": "a\0"}, INVALID),
    "hash and key": ({"unique_string": "a", "hash64": 1}, INVALID),
    "hash and key by other names": ({"unique_str": "a", "hash_u64": 1}, INVALID),
    "no hash and key": ({"unique_string": "a", "hash64": 0}, None),
    "hash and no key": ({"unique_string": "", "hash64": 7}, None),
    "no project": ({"project": 0}, INVALID),
    "null project": ({"project": None}, INVALID),
}


@pytest.mark.parametrize("kind", CASES)
def test_rules_of_a_task(tracker: Tracker, kind: str):
    fields, refusal = CASES[kind]
    project = tracker.project()
    worker = tracker.member(project)
    body = {"project": project, "recipe": "r", **fields}
    data = json.dumps(body, ensure_ascii=False).encode()
    if refusal is None:
        assert tracker.ask("POST", ONE, worker, data=data).json() == {"ok": True}
        task = tracker.must_take(worker, project)
        for name in ("recipe", "priority", "max_retries", "max_assign_time"):
            assert task[name] == body.get(name, 0)
        assert task["verification_count"] == (body.get("verification_count") or 1)
    else:
        tracker.refused(400, refusal, "POST", ONE, worker, data=data)
        assert tracker.take(worker, project) is None


@pytest.mark.parametrize("kind", CASES)
def test_rules_of_a_task_among_many(tracker: Tracker, kind: str):
    fields, refusal = CASES[kind]
    project = tracker.project()
    worker = tracker.member(project)
    bodies = [{"project": project, "recipe": "r"}, {"project": project, "recipe": "r", **fields}]
    data = json.dumps({"requests": bodies}, ensure_ascii=False).encode()
    if refusal is None:
        found = tracker.good("POST", MANY, worker, data=data)
        assert found == {"submitted": 2, "rejected": []}
    else:
        message = refusal if refusal == UNREADABLE else "Invalid request"
        tracker.refused(400, message, "POST", MANY, worker, data=data)
        assert tracker.take(worker, project) is None


def test_the_order_of_refusals(tracker: Tracker):
    project = tracker.project()
    worker = tracker.worker()
    good = {"project": 99999999, "recipe": "r"}
    tracker.refused(401, "worker id not specified", "POST", ONE, data="{")
    tracker.refused(400, UNREADABLE, "POST", ONE, worker, json={"priority": 40000})
    tracker.refused(400, INVALID, "POST", ONE, worker, json={**good, "max_retries": -1})
    tracker.refused(404, "Project not found", "POST", ONE, worker, json=good)
    tracker.refused(404, "Project not found", "POST", ONE, worker, json={**good, "project": -1})
    tracker.refused(404, "Project not found", "POST", MANY, worker, json={"requests": [good]})
    message = "unauthorized task submit"
    tracker.refused(400, message, "POST", ONE, worker, json={**good, "project": project})
    requests = {"requests": [{**good, "project": project}]}
    tracker.refused(400, message, "POST", MANY, worker, json=requests)


def test_a_duplicate_is_told_to_those_alone_who_may_submit(tracker: Tracker):
    project = tracker.project()
    tracker.submit(tracker.member(project), project, hash64=5)
    body = {"project": project, "recipe": "r", "hash64": 5}
    tracker.refused(400, "unauthorized task submit", "POST", ONE, tracker.worker(), json=body)


def test_a_paused_project_takes_tasks_and_gives_none(tracker: Tracker):
    project, name = tracker.project(), unique()
    worker = tracker.member(project)
    tracker.update(project, name=name, paused=True, public=True)
    tracker.submit(worker, project)
    assert tracker.bulk(worker, project, [{}]).status_code == 200
    assert tracker.take(worker, project) is None
    tracker.update(project, name=name, public=True)
    assert len(tracker.drain(worker, project)) == 2


# -- hashes -----------------------------------------------------------------------------------


def refused_twice(tracker: Tracker, worker: Worker, project: int, **fields: object) -> None:
    body = {"project": project, "recipe": "again", **fields}
    tracker.refused(400, DUPLICATE, "POST", ONE, worker, json=body)
    answer = tracker.bulk(worker, project, [fields])
    assert answer.status_code == 400
    assert answer.json() == {
        "ok": False,
        "message": DUPLICATE,
        "content": {"submitted": 0, "rejected": [{"index": 0, "message": DUPLICATE}]},
    }


@pytest.mark.parametrize("text", VECTORS)
@pytest.mark.parametrize("name", ["unique_string", "unique_str", "Unique_String"])
@pytest.mark.parametrize("hashed", ["hash64", "hash_u64"])
def test_texts_are_hashed_as_ever(tracker: Tracker, text: str, name: str, hashed: str):
    project = tracker.project()
    worker = tracker.member(project)
    value = VECTORS[text]
    tracker.submit(worker, project, **{name: text})
    refused_twice(tracker, worker, project, **{name: text})
    refused_twice(tracker, worker, project, **{hashed: value})
    refused_twice(tracker, worker, project, **{hashed: value % 2**64})
    tracker.submit(worker, project, **{hashed: value ^ 1})
    assert len(tracker.drain(worker, project)) == 2
    # All closed, so all hashes are free again, and collide the other way round.
    tracker.submit(worker, project, **{hashed: value})
    refused_twice(tracker, worker, project, **{name: text})


@pytest.mark.parametrize("value", [1, -1, 2**63 - 1, -(2**63), 2**53 + 1])
def test_numbers_wrap_to_signed_ones(tracker: Tracker, value: int):
    project = tracker.project()
    worker = tracker.member(project)
    tracker.submit(worker, project, hash64=value)
    refused_twice(tracker, worker, project, hash64=value % 2**64)
    tracker.submit(worker, project, hash64=value ^ 2)


def test_no_hash_never_collides(tracker: Tracker):
    project = tracker.project()
    worker = tracker.member(project)
    for fields in ({}, {"hash64": 0}, {"hash_u64": 0}, {"unique_string": ""}, {"unique_str": None}):
        tracker.submit(worker, project, **fields)
    assert len(tracker.drain(worker, project)) == 5


def test_the_first_of_two_spellings_wins(tracker: Tracker):
    project = tracker.project()
    worker = tracker.member(project)
    tracker.submit(worker, project, hash64=11, hash_u64=22)
    tracker.submit(worker, project, hash_u64=22)
    refused_twice(tracker, worker, project, hash64=11)
    tracker.submit(worker, project, unique_string="s", unique_str="t")
    tracker.submit(worker, project, unique_str="t")
    refused_twice(tracker, worker, project, unique_string="s")


def test_hashes_are_of_one_project(tracker: Tracker):
    for project in (tracker.project(), tracker.project()):
        tracker.submit(tracker.member(project), project, hash64=77)


def test_when_a_hash_is_free_again(tracker: Tracker):
    project = tracker.project()
    worker = tracker.member(project)
    tracker.submit(worker, project, hash64=9, max_retries=1)
    refused_twice(tracker, worker, project, hash64=9)  # waiting
    task = tracker.must_take(worker, project)
    refused_twice(tracker, worker, project, hash64=9)  # assigned
    assert tracker.release(worker, task, 2)
    refused_twice(tracker, worker, project, hash64=9)  # given back
    assert tracker.release(worker, tracker.must_take(worker, project), 1)
    refused_twice(tracker, worker, project, hash64=9)  # failed
    tracker.post(f"/project/reset_failed_tasks/{project}", tracker.admin)
    refused_twice(tracker, worker, project, hash64=9)  # reset
    assert tracker.release(worker, tracker.must_take(worker, project))
    tracker.submit(worker, project, hash64=9)  # closed
    refused_twice(tracker, worker, project, hash64=9)
    tracker.post(f"/project/hard_reset/{project}", tracker.admin)
    tracker.submit(worker, project, hash64=9)
    # Nobody is shown it.
    task = tracker.must_take(worker, project)
    assert not {"hash64", "hash_u64", "unique_string", "hash"} & set(task)


def test_a_duplicate_without_a_hash_is_none(tracker: Tracker):
    project = tracker.project()
    worker = tracker.member(project)
    for _ in range(3):
        tracker.submit(worker, project, "the same", priority=3)
    assert tracker.drain(worker, project) == ["the same"] * 3


# -- many at once -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "document",
    [{}, {"requests": None}, {"requests": []}, [], {"requests": 5}, {"requests": {}},
     {"requests": "x"}, 5, None, "x", {"Requests": []}, {"tasks": [{}]}],
)  # fmt: skip
def test_no_list_of_many(tracker: Tracker, document: object):
    tracker.refused(400, UNREADABLE, "POST", MANY, tracker.worker(), data=json.dumps(document))


@pytest.mark.parametrize("item", [5, None, "x", [], True])
def test_an_item_that_is_no_object(tracker: Tracker, item: object):
    tracker.refused(400, UNREADABLE, "POST", MANY, tracker.worker(), json={"requests": [item]})


@pytest.mark.parametrize("form", ["object", "large", "list"])
def test_both_forms_of_many(tracker: Tracker, form: str):
    project = tracker.project()
    worker = tracker.member(project)
    items = [{"project": project, "recipe": str(n)} for n in range(3)]
    document = {"object": {"requests": items}, "large": {"Requests": items}, "list": items}[form]
    answer = tracker.ask("POST", MANY, worker, json=document)
    assert answer.json() == {"ok": True, "content": {"submitted": 3, "rejected": []}}
    assert tracker.drain(worker, project) == ["0", "1", "2"]


def test_of_many_all_must_be_for_one_project(tracker: Tracker):
    one, two = tracker.project(), tracker.project()
    worker = tracker.member(one)
    items = [{"project": one, "recipe": "r"}, {"project": two, "recipe": "r"}]
    message = "All the tasks in a bulk submit must be of the same project"
    tracker.refused(400, message, "POST", MANY, worker, json={"requests": items})
    items[1]["project"] = 99999999
    tracker.refused(400, message, "POST", MANY, worker, json={"requests": items})
    items[1]["recipe"] = ""
    tracker.refused(400, "Invalid request", "POST", MANY, worker, json={"requests": items})
    assert tracker.take(worker, one) is None


def test_of_many_only_duplicates_are_left_out(tracker: Tracker):
    project = tracker.project()
    worker = tracker.member(project)
    tracker.submit(worker, project, "stored", hash64=VECTORS["a"])
    items = [
        {"recipe": "0", "hash64": 1},
        {"recipe": "1", "unique_string": "a"},
        {"recipe": "2", "hash_u64": 1},
        {"recipe": "3"},
        {"recipe": "4", "hash64": 2, "priority": 1},
        {"recipe": "5", "unique_str": "b"},
        {"recipe": "6", "unique_string": "b"},
    ]
    answer = tracker.bulk(worker, project, items)
    assert answer.status_code == 200
    rejected = [{"index": index, "message": DUPLICATE} for index in (1, 2, 6)]
    assert answer.json() == {"ok": True, "content": {"submitted": 4, "rejected": rejected}}
    assert tracker.drain(worker, project) == ["4", "stored", "0", "3", "5"]


def test_ten_thousand_at_once_and_not_one_more(tracker: Tracker):
    project = tracker.project()
    worker = tracker.member(project)
    items = [{"hash64": n + 1} for n in range(10_000)]
    items[9_999] = {"hash64": 1}
    answer = tracker.bulk(worker, project, items)
    assert answer.json()["content"] == {
        "submitted": 9_999,
        "rejected": [{"index": 9_999, "message": DUPLICATE}],
    }
    answer = tracker.bulk(worker, project, [{} for _ in range(10_001)])
    assert (answer.status_code, answer.json()["message"]) == (400, "Invalid request")
    answer = tracker.bulk(worker, project, items)
    assert answer.status_code == 400
    assert answer.json()["message"] == DUPLICATE
    assert len(answer.json()["content"]["rejected"]) == 10_000
    found = tracker.post(f"/project/hard_reset/{project}", tracker.admin)
    assert found == {"affected_tasks": 9_999}


@pytest.mark.parametrize(
    "recipe", ['{"url": "x", "n": 1.0}', " \t\n ", "\u2028\ufeff🚀", "\\u0041\\", "\x01\x7f",
               "a" * 70_000]
)  # fmt: skip
def test_a_recipe_comes_back_as_it_was(tracker: Tracker, recipe: str):
    project = tracker.project()
    worker = tracker.member(project)
    tracker.submit(worker, project, recipe)
    tracker.bulk(worker, project, [{"recipe": recipe}])
    assert tracker.drain(worker, project) == [recipe, recipe]
