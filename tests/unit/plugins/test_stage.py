"""Job type `stage`: numbers and places of workers, replacements and their waits, scaling, ends."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

import plugins.stage
from app.hooks import Advance, Fail, Finish, JobView, TaskView, WorkerView
from app.hooks.manager import PluginManager
from app.testing import JobInterfaceContract
from plugins.stage import Stage
from plugins.stage.replacing import DELAYS_S, FORGOTTEN_S, WINDOW_S, delay_s, recent

AT = 1_700_000_000.0


class TestContract(JobInterfaceContract):
    interface = Stage()
    valid_spec: ClassVar = {"stages": {"0": 1, "1": 2, "2": 1}, "command": "true"}


class TestSine(JobInterfaceContract):
    interface = Stage()
    valid_spec: ClassVar = {"stages": {"1": 1}, "parameters": [{"name": "min", "value": "1"}]}


def a_job(**spec):
    loaded = PluginManager.holding(Stage()).load_spec(Stage(), {"stages": {"0": 1, "1": 2}, **spec})
    job = JobView(id="1" * 32, name="j", spec=loaded, at=AT)
    answer = Stage().plan(job)
    return replace(job, state=answer.state), answer.tasks


def ended(spec, *, ok):
    return TaskView(
        id=spec.position,
        name=spec.name,
        payload=dict(spec.payload),
        state="COMPLETED" if ok else "FAILED",
        position=spec.position,
        error=None if ok else "exit code 1",
    )


def test_workers_are_numbered_stage_after_stage():
    job, tasks = a_job(stages={"10": 1, "2": 2, "0": 1})
    assert [(one.position, one.name) for one in tasks] == [
        (1, "0/0"),
        (2, "2/0"),
        (3, "2/1"),
        (4, "10/0"),
    ]
    assert [one.kind for one in tasks] == ["composite", "work", "work", "work"]
    assert [one.service for one in tasks] == [False, True, True, True]
    assert job.state["next"] == 5


def test_a_restart_counts_on_and_keeps_the_sizes():
    job, _ = a_job()
    job = replace(job, state=Stage().change(job, {"stage": 1, "workers": 4}).state)
    again = Stage().plan(job)
    assert [one.position for one in again.tasks] == [6, 7, 8, 9, 10]


def test_a_failed_worker_is_replaced_in_its_place():
    job, tasks = a_job()
    answer = Stage().advance(job, ended(tasks[1], ok=False))
    (fresh,) = answer.tasks
    assert (fresh.name, fresh.position, fresh.delay_s) == ("1/0", 4, 0.0)
    assert fresh.payload == {"stage": 1, "index": 0, "replaces": 2, "times": 1}
    assert answer.state["places"] == {"0": [1], "1": [4, 3]}
    assert answer.end is None


def test_waits_grow_for_a_place_and_not_for_others():
    job, tasks = a_job()
    other, waits = tasks[2], []
    task = tasks[1]
    for _ in range(9):
        answer = Stage().advance(job, ended(task, ok=False))
        (task,) = answer.tasks
        waits.append(task.delay_s)
        job = replace(job, state=answer.state, at=job.at + task.delay_s + 1)
    assert waits == [0, 5, 10, 30, 60, 120, 600, 600, 600]
    assert Stage().advance(job, ended(other, ok=False)).tasks[0].delay_s == 0


def test_a_quiet_time_begins_the_waits_anew():
    delay, history = delay_s({"count": 3, "at": AT}, AT + FORGOTTEN_S - 1)
    assert (delay, history["count"]) == (30.0, 4)
    delay, history = delay_s({"count": 3, "at": AT}, AT + FORGOTTEN_S)
    assert (delay, history) == (0.0, {"count": 1, "at": AT + FORGOTTEN_S})


@given(st.lists(st.floats(0, 2000), max_size=30))
def test_waits_only_ever_step_through_the_list(gaps):
    history, now, last = None, AT, -1
    for gap in gaps:
        now += gap
        delay, history = delay_s(history, now)
        place = DELAYS_S.index(delay)
        assert place == 0 or place in (last, last + 1)
        now, last = now + delay, place


@pytest.mark.parametrize("allowed", [0, 1, 3])
def test_too_many_failures_end_the_job(allowed):
    job, tasks = a_job(max_failures=allowed)
    task = tasks[1]
    for _ in range(allowed):
        answer = Stage().advance(job, ended(task, ok=False))
        (task,) = answer.tasks
        job = replace(job, state=answer.state, at=job.at + 1000)
    answer = Stage().advance(job, ended(task, ok=False))
    assert isinstance(answer, Fail)
    assert "exit code 1" in answer.error


def test_failures_are_forgotten_after_an_hour():
    assert recent([AT, AT + 1], AT + WINDOW_S) == [AT + 1]
    job, tasks = a_job(max_failures=1)
    answer = Stage().advance(job, ended(tasks[1], ok=False))
    job = replace(job, state=answer.state, at=AT + WINDOW_S)
    assert isinstance(Stage().advance(job, ended(answer.tasks[0], ok=False)), Advance)


def test_the_job_is_complete_when_all_workers_are_but_those_of_stage_0():
    job, tasks = a_job()
    for task, over in ((tasks[2], False), (tasks[1], True)):
        answer = Stage().advance(job, ended(task, ok=True))
        assert isinstance(answer.end, Finish) is over
        job = replace(job, state=answer.state)


def test_growing_adds_workers_at_the_next_places():
    job, _ = a_job()
    answer = Stage().change(job, {"stage": 1, "workers": 4})
    assert [(one.name, one.position) for one in answer.tasks] == [("1/2", 4), ("1/3", 5)]
    assert not answer.closes
    assert answer.state["places"]["1"] == [2, 3, 4, 5]


def test_shrinking_closes_the_last_places():
    job, _ = a_job(stages={"1": 4})
    answer = Stage().change(job, {"stage": 1, "workers": 2})
    assert [(one.position, one.error) for one in answer.closes] == [(3, None), (4, None)]
    assert not answer.tasks
    assert answer.state["places"]["1"] == [1, 2]


def test_shrinking_leaves_those_alone_that_ended_and_may_end_the_job():
    job, tasks = a_job(stages={"1": 3})
    for task in (tasks[0], tasks[2]):
        job = replace(job, state=Stage().advance(job, ended(task, ok=True)).state)
    answer = Stage().change(job, {"stage": 1, "workers": 1})
    assert [one.position for one in answer.closes] == [2]
    assert isinstance(answer.end, Finish)


@pytest.mark.parametrize(
    "wish",
    [
        {"stage": 0, "workers": 2},
        {"stage": 7, "workers": 2},
        {"stage": 1, "workers": 0},
        {"stage": 1, "workers": 1501},
        {"resubmit": 9},
    ],
)
def test_wishes_that_cannot_be(wish):
    job, _ = a_job()
    with pytest.raises(ValueError, match=r"\w"):
        Stage().change(job, wish)


def test_a_replacement_by_hand_is_at_once_and_not_counted():
    job, tasks = a_job(max_failures=0)
    wish = {"resubmit": 2, "payload": dict(tasks[1].payload), "reason": "stuck"}
    answer = Stage().change(job, wish)
    assert [(one.position, one.error) for one in answer.closes] == [(2, "stuck")]
    (fresh,) = answer.tasks
    assert (fresh.position, fresh.delay_s, fresh.payload["times"]) == (4, 0.0, 1)
    assert answer.state["failures"] == []
    assert answer.state["history"] == {}


def test_a_worker_that_ended_is_not_replaced_by_hand():
    job, tasks = a_job()
    job = replace(job, state=Stage().advance(job, ended(tasks[1], ok=True)).state)
    with pytest.raises(ValueError, match="over"):
        Stage().change(job, {"resubmit": 2})


@given(st.lists(st.tuples(st.sampled_from("fsrc"), st.integers(0, 5)), max_size=25))
def test_places_and_numbers_stay_whole(steps):
    """Whatever happens: numbers are used once, every place is held, and none twice."""
    job, tasks = a_job(stages={"1": 3}, max_failures=1000)
    known = {one.position: one for one in tasks}
    for what, which in steps:
        numbers = [n for n in job.state["places"]["1"] if n not in job.state["over"]]
        if not numbers:
            break
        number = numbers[which % len(numbers)]
        if what == "f":
            answer = Stage().advance(job, ended(known[number], ok=False))
        elif what == "c":
            answer = Stage().advance(job, ended(known[number], ok=True))
        elif what == "r":
            payload = dict(known[number].payload)
            answer = Stage().change(job, {"resubmit": number, "payload": payload})
        else:
            answer = Stage().change(job, {"stage": 1, "workers": which + 1})
        for one in answer.tasks:
            assert one.position not in known
            known[one.position] = one
        job = replace(job, state=answer.state, at=job.at + 100)
        places = job.state["places"]["1"]
        assert [known[n].payload["index"] for n in places] == list(range(len(places)))
        assert job.state["next"] == max(known) + 1
        if answer.end is not None:
            assert set(places) <= set(job.state["over"])
            break


def bound(**spec):
    job, tasks = a_job(**spec)
    task = next(one for one in tasks if one.kind == "work")
    view = replace(ended(task, ok=True), state="LEASED", spec=job.spec)
    return Stage().bind(view, WorkerView(name="w", hostname="h"))


def test_a_worker_is_told_who_it_is():
    command = bound(
        command="echo",
        job="a-1",
        cluster="a",
        artifact="shell:x",
        status_uri="http://u",
        parameters=[{"name": "my.Param-1", "value": "v"}],
    )
    assert command.main.env == {
        "MANTIS_JOB_ID": "a-1",
        "MANTIS_JOB_NAME": "a",
        "MANTIS_STAGE": "1",
        "MANTIS_WORKER_INDEX": "0",
        "MANTIS_WORKER_NUMBER": "2",
        "MANTIS_ARTIFACT_URL": "shell:x",
        "MANTIS_STATUS_URI": "http://u",
        "MANTIS_PARAM_MY_PARAM_1": "v",
    }
    assert command.main.run == "#!/bin/sh\necho"
    assert (command.ready_at_start, command.kill_after_s, command.sink) == (True, 3.0, True)
    assert not bound(command="echo", outside=True).ready_at_start


SINE = Path(plugins.stage.__file__).with_name("sine.py")


def first_lines(count, **parameters):
    env = {f"MANTIS_PARAM_{name}": value for name, value in parameters.items()}
    process = subprocess.Popen(
        [sys.executable, "-u", str(SINE)],
        env={**os.environ, "MANTIS_PARAM_INTERVALSEC": "0.001", **env},
        stdout=subprocess.PIPE,
        text=True,
    )
    lines = [process.stdout.readline() for _ in range(count)]
    process.kill()
    process.communicate()
    return lines


def test_the_sine_source_is_as_it_always_was():
    assert first_lines(3) == [
        '{"x": 0.000000, "y": 0.000000}\n',
        '{"x": 2.000000, "y": 9.092974}\n',
        '{"x": 4.000000, "y": -7.568025}\n',
    ]


@pytest.mark.parametrize(
    "parameters",
    [
        {"AMPLITUDE": "2", "PHASE": "1.5707963267948966"},
        {"AMPLITUDE": "nonsense", "FREQUENCY": "nan"},
        {"USERANDOM": "true", "MIN": "5", "MAX": "7"},
        {"USERANDOM": "true", "MIN": "1e400", "MAX": "-1"},
        {"FREQUENCY": "1e308", "AMPLITUDE": "1e308"},
    ],
)
def test_the_sine_source_goes_on_with_any_parameters(parameters):
    for line in first_lines(20, **parameters):
        assert set(json.loads(line)) == {"x", "y"}
    if parameters.get("MAX") == "7":
        assert all(5 <= json.loads(line)["x"] <= 7 for line in first_lines(20, **parameters))
