"""Every state by every word, from operators and from workers."""

import pytest

from tests.acceptance.flamenco.client import STATES, Flamenco, same
from tests.acceptance.flamenco.test_tasks_delete import place

WORDS = {
    **{state: state for state in STATES},
    "running": "rendering",
    "processing": "rendering",
    "finished": "completed",
    "cancelled": "canceled",
}
# What an operator's word makes of a state; "same" is a 204 without change, else it is a 409.
MOVES = {
    ("waiting", "ready"): "ready",
    ("waiting", "paused"): "paused",
    ("waiting", "canceled"): "canceled",
    ("ready", "ready"): "same",
    ("ready", "paused"): "paused",
    ("ready", "canceled"): "canceled",
    ("rendering", "rendering"): "same",
    ("rendering", "completed"): "completed",
    ("rendering", "failed"): "failed",
    ("rendering", "aborted"): "aborted",
    ("rendering", "ready"): "ready",
    ("rendering", "paused"): "paused",
    ("rendering", "canceled"): "canceled",
    ("paused", "ready"): "ready",
    ("paused", "paused"): "same",
    ("paused", "canceled"): "canceled",
    ("completed", "ready"): "ready",
    ("failed", "ready"): "ready",
    ("aborted", "ready"): "ready",
    ("aborted", "paused"): "paused",
    ("aborted", "canceled"): "canceled",
    ("canceled", "ready"): "ready",
    ("canceled", "canceled"): "same",
}


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("state", STATES)
def test_an_operators_word(flamenco: Flamenco, state: str, word: str):
    task, worker = place(flamenco, state)
    before = flamenco.long(task)
    move = MOVES.get((state, WORDS[word]))
    if move is None:
        flamenco.unpatched(409, task, status=word, log="never stored", time_cost=77, priority=7)
    else:
        flamenco.patch(task, status=word)
        after = flamenco.long(task)
        if move == "same":
            assert same(after, before)
        else:
            assert after["status"] == move
    if worker:
        held = flamenco.status(task) == "rendering"
        flamenco.sees(
            worker,
            current_task=task if held else None,
            status="rendering" if held else "enabled",
        )


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("state", ["rendering", "completed", "failed", "aborted"])
def test_the_word_of_the_worker_that_has_or_had_it(flamenco: Flamenco, state: str, word: str):
    task, worker = place(flamenco, state)
    before = flamenco.long(task)
    wanted = WORDS[word]
    report = {"worker_id": worker.id, "status": word}
    if state == "aborted":
        flamenco.unpatched(403, task, **report)
    elif state == "rendering":
        if wanted in ("rendering", "completed", "failed", "aborted"):
            flamenco.patch(task, **report)
            flamenco.shows(task, status=wanted)
        elif wanted == "waiting":
            flamenco.unpatched(409, task, **report)
    elif wanted == state:
        flamenco.patch(task, **report)
        assert same(flamenco.long(task), before)
    elif wanted in ("rendering", "completed", "failed", "aborted", "waiting"):
        flamenco.unpatched(409, task, log="never stored", time_cost=77, **report)


@pytest.mark.parametrize(
    "word", ["running", "finished", "failed", "aborted", "ready", "paused", "canceled"]
)
@pytest.mark.parametrize("state", STATES)
def test_the_word_of_another_worker(flamenco: Flamenco, state: str, word: str):
    task, _ = place(flamenco, state)
    stranger = flamenco.worker()
    flamenco.unpatched(403, task, worker_id=stranger.id, status=word, log="never stored")


def test_waiting_cannot_be_sent(flamenco: Flamenco):
    for state in STATES:
        task, _ = place(flamenco, state)
        flamenco.unpatched(409, task, status="waiting")


# -- what a move does besides ---------------------------------------------------------------------

LOG = "Fra:7 Mem:1M | Scene | Sample 1/2\nSaved: 'a' Time: 00:02.00\n"


def test_handing_out(flamenco: Flamenco):
    worker = flamenco.worker()
    task = flamenco.give(worker)
    flamenco.shows(task, status="rendering", worker_id=worker.id, frame_current=5, attempts=1)
    assert flamenco.long(task)["last_activity"]
    flamenco.sees(worker, status="rendering", current_task=task)


def test_a_completed_task(flamenco: Flamenco):
    task, worker = flamenco.rendering()
    flamenco.report(task, worker, log=LOG, time_cost=8)
    flamenco.report(task, worker, "completed")
    flamenco.shows(task, status="completed", progress=100, frame_current=10, eta=0,
                   worker_id=worker.id, log=LOG, time_cost=8, attempts=1)  # fmt: skip
    flamenco.sees(worker, status="enabled", current_task=None)


def test_a_failed_task(flamenco: Flamenco):
    task, worker = flamenco.rendering()
    flamenco.report(task, worker, log=LOG, time_cost=8)
    flamenco.report(task, worker, "failed")
    flamenco.shows(
        task, status="failed", frame_current=7, worker_id=worker.id, log=LOG, time_cost=8
    )
    flamenco.sees(worker, status="enabled", current_task=None)


def test_an_aborted_task_is_still_in_the_queue(farm: Flamenco):
    task, worker = farm.rendering()
    farm.report(task, worker, "aborted", log=LOG)
    farm.shows(task, status="aborted", worker_id=None, attempts=1)
    farm.sees(worker, status="enabled", current_task=None)
    other = farm.worker()
    assert farm.poll(other) == task
    farm.shows(task, status="rendering", worker_id=other.id, attempts=2, frame_current=5)
    farm.unpatched(403, task, worker_id=worker.id, status="running")


@pytest.mark.parametrize("end", ["completed", "failed", "aborted"])
def test_a_fresh_start(flamenco: Flamenco, end: str):
    task, worker = flamenco.rendering()
    flamenco.report(task, worker, log=LOG, time_cost=8)
    flamenco.report(task, worker, end)
    flamenco.patch(task, status="ready")
    flamenco.shows(
        task, status="ready", worker_id=None, log=None, activity=None, time_cost=None, eta=None,
        progress=0, frame_current=5, attempts=1,
    )  # fmt: skip
    assert flamenco.log(task) == ""


@pytest.mark.parametrize("word", ["paused", "canceled"])
def test_a_fresh_start_after_a_rest(flamenco: Flamenco, word: str):
    task, worker = flamenco.rendering()
    flamenco.report(task, worker, log=LOG, time_cost=8)
    flamenco.patch(task, status=word)
    flamenco.shows(task, status=word, worker_id=None)
    flamenco.patch(task, status="ready")
    flamenco.shows(task, status="ready", log=None, activity=None, time_cost=None, eta=None,
                   progress=0, frame_current=5)  # fmt: skip


@pytest.mark.parametrize("word", ["paused", "canceled", "ready"])
def test_a_task_taken_from_its_worker(flamenco: Flamenco, word: str):
    task, worker = flamenco.rendering()
    flamenco.patch(task, status=word, priority=-1)
    flamenco.shows(task, status=word, worker_id=None)
    flamenco.sees(worker, status="enabled", current_task=None)
    assert flamenco.beat(worker, "rendering") == {"task_id": None, "status": "enabled"}
    flamenco.unpatched(403, task, worker_id=worker.id, status="finished", log="late")


@pytest.mark.parametrize("word", ["paused", "canceled", "ready", "completed", "failed", "aborted"])
@pytest.mark.parametrize("other", ["busy", "enabled"])
def test_the_worker_is_free_afterwards(flamenco: Flamenco, word: str, other: str):
    task, worker = flamenco.rendering()
    flamenco.beat(worker, other)
    assert flamenco.info(worker)["status"] == ("busy" if other == "busy" else "rendering")
    flamenco.patch(task, status=word, priority=-1)
    flamenco.sees(worker, status=other, current_task=None)


def test_paused_and_ready_by_way_of_open_dependencies(flamenco: Flamenco):
    needed = flamenco.task()
    task = flamenco.task(depends_on=[needed])
    for word in ("paused", "canceled"):
        flamenco.patch(task, status=word)
        flamenco.shows(task, status=word)
        flamenco.patch(task, status="ready")
        flamenco.shows(task, status="waiting", depends_on=[needed])
    flamenco.patch(task, status="ready")
    flamenco.shows(task, status="ready")


def test_an_ended_task_waits_again_for_what_runs_again(flamenco: Flamenco):
    needed, worker = flamenco.ended()
    task = flamenco.give(worker, depends_on=[needed])
    flamenco.report(task, worker, "failed")
    flamenco.patch(needed, status="ready")
    flamenco.patch(task, status="ready")
    flamenco.shows(task, status="waiting")


def test_a_lost_answer_of_the_last_report(flamenco: Flamenco):
    for word, alias in (("completed", "finished"), ("failed", "failed")):
        task, worker = flamenco.rendering()
        last = {"worker_id": worker.id, "status": alias, "log_append": "end\n", "time_cost": 9}
        for _ in range(3):
            flamenco.patch(task, **last)
        flamenco.shows(task, status=word, log="end\n", time_cost=9, worker_id=worker.id)
        other = flamenco.give(worker)
        flamenco.patch(task, **last)
        flamenco.shows(task, status=word, log="end\n")
        flamenco.sees(worker, current_task=other, status="rendering")
        flamenco.unpatched(409, task, status=alias)  # nobody says it is that worker


def test_an_old_worker_says_nothing_of_itself(flamenco: Flamenco):
    task, worker = flamenco.rendering()
    flamenco.patch(task, status="running", log="a", time_cost=1)
    flamenco.patch(task, status="finished", log="ab")
    flamenco.shows(task, status="completed", worker_id=worker.id, log="ab", time_cost=1)
    flamenco.sees(worker, status="enabled", current_task=None)


def test_answers_use_the_words_of_the_contract_alone(flamenco: Flamenco):
    for word in ("running", "processing"):
        task, worker = flamenco.rendering()
        flamenco.report(task, worker, word)
        flamenco.shows(task, status="rendering")
        flamenco.patch(task, status="cancelled")
        flamenco.shows(task, status="canceled")
