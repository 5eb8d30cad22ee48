"""`kill -9` in the middle of polls, reports and uploads; what was answered stays true."""

import threading
from collections import Counter
from collections.abc import Iterator

import psutil
import pytest
import requests

from tests.acceptance.flamenco.client import PRINT, Flamenco, Worker, number, zipped
from tests.acceptance.flamenco.conftest import served
from tests.yard import eventually, with_suppressed

GONE = requests.RequestException


@pytest.fixture(scope="module")
def mortal() -> Iterator[Flamenco]:
    with served() as found:
        yield found


class Hand(threading.Thread):
    """A worker that goes on for as long as it is answered."""

    def __init__(self, flamenco: Flamenco) -> None:
        super().__init__(daemon=True)
        self.there = Flamenco(flamenco.yard)
        self.worker: Worker = self.there.worker()
        self.told: list[int] = []  # what was handed over, as far as it was heard
        self.ended: list[int] = []  # whose end was acknowledged
        self.failure: AssertionError | None = None

    def run(self) -> None:
        try:
            while (task := self.there.poll(self.worker)) is not None:
                self.told.append(task)
                self.there.report(task, self.worker, log=f"{task}\n")
                self.there.report(task, self.worker, "finished")
                self.ended.append(task)
        except GONE:
            return
        except AssertionError as failure:
            self.failure = failure


def again(mortal: Flamenco) -> None:
    mortal.yard.kill_all()
    mortal.yard.start()
    mortal.session.close()


def test_what_was_answered_is_true_after_a_crash(mortal: Flamenco):
    count = 400
    settings = {"filepath": "a", "frame_start": 1, "frame_end": count, "chunk_size": 1}
    group = mortal.task(settings=settings)
    hands = [Hand(mortal) for _ in range(6)]
    for hand in hands:
        hand.start()
    eventually(lambda: sum(len(hand.ended) for hand in hands) > 40, "some work")
    last, machine = mortal.task(), mortal.worker()
    job = mortal.long(last)["job_id"]
    mortal.delete(last)
    mortal.good("DELETE", f"/workers/{machine.id}", 204)
    again(mortal)
    # Numbers are not used again either.
    fresh = mortal.task()
    assert fresh > last
    assert mortal.long(fresh)["job_id"] > job
    assert mortal.worker().id > machine.id
    mortal.delete(fresh)
    for hand in hands:
        hand.join(90)
        assert hand.failure is None, hand.failure
    tasks = {each["id"]: each for each in mortal.listed(parent_id=group)}
    assert len(tasks) == count
    for hand in hands:
        for task in hand.ended:
            assert tasks[task]["status"] == "completed"
            assert tasks[task]["worker_id"] == hand.worker.id
        # An answer may have been lost, of a poll or of an end; the same worker finds out by asking.
        held = mortal.info(hand.worker)["current_task"]
        assert held is None or tasks[held]["worker_id"] == hand.worker.id
        found = mortal.poll(hand.worker)
        assert found is not None
        assert held in (None, found)
        mortal.report(found, hand.worker, "finished")
    assert max(each["attempts"] for each in tasks.values()) == 1
    rendering = [each["id"] for each in mortal.listed(status="rendering", parent_id=group)]
    assert rendering == []
    told = Counter(task for hand in hands for task in hand.told)
    assert set(told.values()) == {1}
    mortal.delete(group)


def test_an_upload_is_whole_or_nothing(mortal: Flamenco):
    job, content = number(), zipped(a=bytes(range(256)) * 40_000)
    new = zipped(a=bytes(reversed(range(256))) * 40_000)
    body = {"type": PRINT, "settings": '{"text": "a"}', "job_id": job}
    mortal.good("POST", "/tasks", 202, data=body, files={"jobfile": ("x.zip", content)})
    stop = threading.Event()

    def upload() -> None:
        there = Flamenco(mortal.yard)
        try:
            while not stop.is_set():
                there.ask("POST", "/tasks", data=body, files={"jobfile": ("x.zip", new)})
                there.ask("POST", "/tasks", data=body, files={"jobfile": ("x.zip", content)})
        except GONE:
            return

    hands = [threading.Thread(target=upload, daemon=True) for _ in range(2)]
    for hand in hands:
        hand.start()
    before = len(mortal.listed(job_id=job))
    eventually(lambda: len(mortal.listed(job_id=job)) > before + 2, "uploads")
    again(mortal)
    stop.set()
    for hand in hands:
        hand.join(90)
    answer = mortal.ask("GET", f"/tasks/zip/{job}")
    assert answer.status_code == 200
    assert answer.content in (content, new)
    left = [each["id"] for each in mortal.listed(job_id=job)]
    mortal.good("DELETE", "/tasks", 202, json={"tasks": left})


def test_a_web_process_that_dies_alone(mortal: Flamenco):
    """Others answer, another takes its place, and nobody notices but who spoke with it."""
    task, worker = mortal.rendering()
    victims = [each for each in mortal.yard.processes() if _web(each)]
    assert victims
    with_suppressed(victims[0].kill)

    def reported() -> bool:
        try:
            Flamenco(mortal.yard).report(task, worker, log="on\n")
        except GONE:
            return False
        return True

    for _ in range(10):
        eventually(reported, "an answer")
    mortal.session.close()
    mortal.report(task, worker, "finished")
    mortal.shows(task, status="completed", log="on\n", attempts=1)


def _web(process: psutil.Process) -> bool:
    """Tell whether it answers requests; it may end between any two looks at it."""
    try:
        return "gunicorn" in " ".join(process.cmdline()) and not process.children()
    except psutil.Error:
        return False
