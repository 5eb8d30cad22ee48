"""What holds however many ask at once, and whichever process answers them."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.acceptance.flamenco.client import PRINT, SHOT, Flamenco, number, unique, zipped

CROWD = 12


def together(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Call all of them at once, and give what they gave."""
    gate = threading.Barrier(len(calls))

    def after(call: Callable[[], Any]) -> Any:
        gate.wait(60)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(after, calls))


def crowd(flamenco: Flamenco) -> list[Flamenco]:
    """Give clients with connections of their own."""
    return [Flamenco(flamenco.yard) for _ in range(CROWD)]


@pytest.mark.parametrize("how", ["poll", "compiled", "both"])
def test_each_task_goes_to_exactly_one(farm: Flamenco, how: str):
    count = 120
    farm.task(settings={**SHOT, "frame_start": 1, "frame_end": count, "chunk_size": 1})

    def drain(place: int, there: Flamenco) -> list[int]:
        worker, found = there.worker(), []
        by_poll = how == "poll" or (how == "both" and place % 2)
        while True:
            if by_poll:
                task = there.poll(worker)
            else:
                answer = there.ask("GET", "/tasks/compiled/0", params={"worker_id": worker.id})
                assert answer.status_code in (200, 204)
                task = answer.json()["options"]["task_id"] if answer.content else None
            if task is None:
                return found
            found.append(task)
            there.report(task, worker, "finished")

    taken = together(
        [lambda place=place, one=one: drain(place, one) for place, one in enumerate(crowd(farm))]
    )
    handed = [task for each in taken for task in each]
    assert len(handed) == len(set(handed)) == count
    assert {
        each["attempts"]
        for each in farm.listed(type="simple_blender_render")
        if not each["is_group"]
    } == {1}
    assert len(farm.listed(status="completed")) == count + 1


def test_a_worker_never_holds_two(farm: Flamenco):
    worker = farm.worker()
    for _ in range(CROWD):
        farm.print()
    for _ in range(3):
        found = together([lambda there=there: there.poll(worker) for there in crowd(farm)])
        [task] = set(found)
        assert len(farm.listed(status="rendering")) == 1
        farm.report(task, worker, "finished")


def test_one_of_many_last_reports_counts(farm: Flamenco):
    task, worker = farm.rendering()
    words = ["finished", "failed"] * (CROWD // 2)

    def report(there: Flamenco, word: str) -> tuple[int, str]:
        body = {"worker_id": worker.id, "status": word}
        return there.ask("PATCH", f"/tasks/{task}", json=body).status_code, word

    found = Counter(
        together(
            [
                lambda one=one, word=word: report(one, word)
                for one, word in zip(crowd(farm), words, strict=True)
            ]
        )
    )
    state = farm.status(task)
    won, lost = ("finished", "failed") if state == "completed" else ("failed", "finished")
    # The same once more is accepted, its answer may have been lost; the other is not.
    assert found == {(204, won): CROWD // 2, (409, lost): CROWD // 2}
    farm.sees(worker, status="enabled", current_task=None)


@pytest.mark.parametrize("turn", range(5))
def test_an_operator_against_the_worker(farm: Flamenco, turn: int):
    task, worker = farm.rendering()
    path, there = f"/tasks/{task}", Flamenco(farm.yard)
    report = {"worker_id": worker.id, "status": "finished"}
    calls = [
        lambda: farm.ask("PATCH", path, json=report).status_code,
        lambda: there.ask("PATCH", path, json={"status": "canceled"}).status_code,
    ]
    wanted = {"completed": [204, 409], "canceled": [403, 204]}
    found = together(calls)
    assert found == wanted[farm.status(task)]
    farm.sees(worker, status="enabled", current_task=None)


@pytest.mark.parametrize("turn", range(5))
def test_deleting_what_is_being_handed_out(farm: Flamenco, turn: int):
    task, worker = farm.task(), farm.worker()
    there = Flamenco(farm.yard)
    polled, deleted = together([lambda: farm.poll(worker), lambda: there.delete(task)])
    assert polled in (task, None)
    assert deleted["id"] == task
    farm.sees(worker, status="enabled", current_task=None)
    assert farm.listed() == []


def test_registering_the_same_machine_at_once(farm: Flamenco):
    host, mac = unique("host"), number()
    found = together(
        [
            lambda there=there: there.worker(hostname=host, mac_address=mac).id
            for there in crowd(farm)
        ]
    )
    assert len(set(found)) == 1
    assert list(farm.workers()) == [host]


def test_appending_at_once(farm: Flamenco):
    task, worker = farm.rendering(type=PRINT, settings={"text": "a"})

    def append(there: Flamenco, place: int) -> None:
        for turn in range(10):
            there.report(task, worker, log_append=f"<{place}.{turn}>")

    together(
        [lambda one=one, place=place: append(one, place) for place, one in enumerate(crowd(farm))]
    )
    parts = farm.log(task).removeprefix("<").removesuffix(">").split("><")
    assert sorted(parts) == sorted(
        f"{place}.{turn}" for place in range(CROWD) for turn in range(10)
    )
    for place in range(CROWD):
        mine = [part for part in parts if part.startswith(f"{place}.")]
        assert mine == [f"{place}.{turn}" for turn in range(10)]


def test_what_ends_at_once_lets_go_once(farm: Flamenco):
    places = [farm.rendering() for _ in range(CROWD)]
    task = farm.task(depends_on=[each for each, _ in places])
    together(
        [
            lambda there=there, place=place: there.report(*place, "finished")
            for there, place in zip(crowd(farm), places, strict=True)
        ]
    )
    farm.shows(task, status="ready")
    found = together([lambda worker=worker, there=there: there.poll(worker)
                      for there, (_, worker) in zip(crowd(farm), places, strict=True)])  # fmt: skip
    assert Counter(found) == {task: 1, None: CROWD - 1}


def test_fresh_jobs_at_once(farm: Flamenco):
    def create(there: Flamenco) -> int:
        return there.long(there.print())["job_id"]

    found = together([lambda there=there: create(there) for there in crowd(farm)])
    assert len(set(found)) == CROWD


def test_a_setting_at_once(farm: Flamenco):
    name = unique("set")
    together(
        [
            lambda there=there, place=place: there.good(
                "PATCH", f"/settings/{name}", json={"value": place}
            )
            for place, there in enumerate(crowd(farm))
        ]
    )
    assert farm.good("GET", f"/settings/{name}")["value"] in range(CROWD)


def test_files_replaced_while_they_are_fetched(farm: Flamenco):
    """Who fetches gets the old or the new one, never nothing."""
    job, (task, worker) = number(), farm.rendering()
    contents = [zipped(a=bytes([place]) * 200_000) for place in range(CROWD)]
    report = {"worker_id": worker.id, "status": "running"}

    def store(there: Flamenco, content: bytes) -> None:
        there.create(job_id=job, files={"jobfile": ("x.zip", content)})
        files = {"taskfile": ("x.zip", content)}
        there.good("PATCH", f"/tasks/{task}", 204, data=report, files=files)

    def fetch_or_store(place: int, there: Flamenco) -> set[bytes]:
        found = set()
        for _ in range(5):
            if place % 2:
                store(there, contents[place])
            for path in (f"/tasks/zip/{job}", f"/tasks/{task}/output"):
                found.add(there.ask("GET", path).content)
        return found

    store(farm, contents[0])
    found = together(
        [lambda at=at, one=one: fetch_or_store(at, one) for at, one in enumerate(crowd(farm))]
    )
    assert set().union(*found) <= set(contents)


def test_a_group_is_steered_while_it_renders(farm: Flamenco):
    """Pauses, priorities and a deletion among polls and reports: everybody agrees in the end."""
    settings = {**SHOT, "frame_start": 1, "frame_end": 60, "chunk_size": 1}
    groups = [farm.task(settings=settings) for _ in range(2)]
    done = threading.Event()

    def work(there: Flamenco) -> int:
        worker = there.worker()
        ended = 0
        while not done.is_set():
            if (task := there.poll(worker)) is not None:
                body = {"worker_id": worker.id, "status": "finished", "log": "x\n"}
                answer = there.ask("PATCH", f"/tasks/{task}", json=body)
                assert answer.status_code in (204, 403, 404), answer.text
                ended += answer.status_code == 204
        return ended

    def steer(there: Flamenco) -> int:
        try:
            for turn in range(8):
                for word in ("paused", "ready"):
                    body = {"status": word, "priority": turn}
                    answer = there.ask("PATCH", f"/tasks/{groups[turn % 2]}", json=body)
                    assert answer.status_code in (204, 409), answer.text
            there.delete(groups[0])
            there.patch(groups[1], status="canceled")
        finally:
            done.set()
        return 0

    together([lambda there=there: work(there) for there in crowd(farm)[:6]] + [lambda: steer(farm)])
    assert {each["status"] for each in farm.listed()} <= {"canceled", "completed"}
    for found in farm.workers().values():
        assert (found["status"], found["current_task"]) == ("enabled", None)
    farm.refused(404, "GET", f"/tasks/{groups[0]}")


@pytest.mark.parametrize("turn", range(4))
def test_a_child_named_while_it_is_handed_out(farm: Flamenco, turn: int):
    child, worker = farm.task(priority=99), farm.worker()
    there = Flamenco(farm.yard)
    body = {"type": PRINT, "settings": {"text": "a"}, "child_id": child, "priority": 1}
    polled, answer = together(
        [lambda: farm.poll(worker), lambda: there.ask("POST", "/tasks", json=body)]
    )
    if answer.status_code == 202:
        parent = answer.json()["id"]
        assert polled in (parent, None)
        farm.shows(child, status="waiting", depends_on=[parent])
    else:
        assert (answer.status_code, polled) == (400, child)
        farm.shows(child, status="rendering", depends_on=[])


@pytest.mark.parametrize("turn", range(4))
def test_what_is_waited_for_ends_while_somebody_begins_to_wait(farm: Flamenco, turn: int):
    needed, worker = farm.rendering()
    there = Flamenco(farm.yard)
    calls = [
        lambda: farm.report(needed, worker, "finished"),
        lambda: there.print(depends_on=[needed]),
    ]
    _, task = together(calls)
    farm.shows(task, status="ready")
    assert farm.poll(worker) == task


@pytest.mark.parametrize("turn", range(4))
def test_a_machine_starts_anew_while_it_polls(farm: Flamenco, turn: int):
    made = [farm.print() for _ in range(3)]
    worker = farm.worker()
    there = Flamenco(farm.yard)
    again = {"hostname": worker.hostname}
    together([lambda: farm.poll(worker), lambda: there.worker(**again), farm.workers])
    held = farm.info(worker)["current_task"]
    rendering = [each["id"] for each in farm.listed(status="rendering")]
    assert rendering == ([held] if held else [])
    assert farm.poll(worker) in made
