"""A worker outlives whatever becomes of its manager, and ends when it is told to."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.integration.farm_worker.manager import Drop
from tests.yard import alive, eventually

ROOT = Path(__file__).parents[3]
# Writes its own id and a child's, then stays.
FAMILY = (
    "import os, subprocess, sys, time\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    "print(os.getpid(), child.pid, flush=True)\n"
    "time.sleep(600)"
)
SLOWLY = (
    "import pathlib, time\nfor line in range(50): print('line', line, flush=True); time.sleep(0.01)"
)
WHOLE = "".join(f"line {number}\n" for number in range(50))


def family(manager, number):
    """Give the processes of the task FAMILY, once it has told of them."""
    text = eventually(lambda: manager.logs.get(number), "the ids")
    return [psutil.Process(int(word)) for word in text.split()]


def gone(processes):
    return not any(map(alive, processes))


@pytest.mark.parametrize("status", [403, 404, 409, 400])
def test_a_refused_report_ends_the_program_and_the_task(manager, working, status):
    number = manager.give(sys.executable, "-c", FAMILY)
    working()
    processes = family(manager, number)
    path = f"/tasks/{number}"
    with manager.lock:
        manager.held = None
        manager.meddle = lambda request: status if request.path == path else None
    eventually(lambda: gone(processes), "the end of the program and its child")
    last = len(manager.of("PATCH", path))
    polls = len(manager.of("PATCH", "/workers/1"))
    eventually(lambda: len(manager.of("PATCH", "/workers/1")) > polls, "another question")
    assert len(manager.of("PATCH", path)) == last
    assert number not in manager.ends


def test_rendering_goes_on_while_the_manager_is_away(manager, working, ended, tmp_path):
    done = tmp_path / "done"
    number = manager.give(sys.executable, "-c", f"{SLOWLY}\npathlib.Path({str(done)!r}).touch()")
    away = [True]

    def meddle(request):
        return 503 if away[0] and request.path == f"/tasks/{number}" and begun(request) else None

    def begun(request):
        return number in manager.logs

    with manager.lock:
        manager.meddle = meddle
    working()
    eventually(done.exists, "the end of the program")
    assert number not in manager.ends
    away[0] = False
    assert ended(number).fields["status"] == "finished"
    assert manager.logs[number] == WHOLE


def test_a_report_whose_answer_was_lost_is_not_counted_twice(manager, working, ended):
    number = manager.give(sys.executable, "-c", SLOWLY)
    dropped = []

    def after(request):
        # Every other report is obeyed and never answered.
        if request.path == f"/tasks/{number}" and "taskfile" not in request.files:
            dropped.append(len(dropped) % 2 == 1)
            if dropped[-1] and request.fields["status"] == "running":
                raise Drop

    with manager.lock:
        manager.after = after
    working()
    ended(number)
    assert any(dropped)
    assert manager.logs[number] == WHOLE


def test_the_last_report_is_repeated_until_it_is_answered(manager, working, ended):
    number = manager.give(sys.executable, "-c", "print('done')")
    tries = []

    def meddle(request):
        if request.fields.get("status") != "finished":
            return None
        tries.append(request)
        if len(tries) == 1:
            raise Drop
        return 502 if len(tries) < 4 else None

    with manager.lock:
        manager.meddle = meddle
    working()
    ended(number)
    assert len(tries) == 4
    assert manager.logs[number] == "done\n"


def test_an_output_that_is_too_large_fails_the_task(manager, working, ended):
    script = "import sys, pathlib; pathlib.Path(sys.argv[1], 'a').write_text('a')"
    number = manager.give(sys.executable, "-c", script, "==outputpath==")
    with manager.lock:
        manager.meddle = lambda request: 413 if request.files else None
    working()
    end = ended(number)
    assert (end.fields["status"], end.files) == ("failed", {})
    assert "size" in manager.logs[number]


def test_a_task_that_the_machine_has_no_place_for_fails_and_the_worker_goes_on(
    manager, working, ended, tmp_path
):
    (tmp_path / "farm" / "jobs").mkdir(parents=True)
    (tmp_path / "farm" / "jobs" / "3").write_text("in the way")
    first = manager.give(sys.executable, "-c", "", job_id=3)
    second = manager.give(sys.executable, "-c", "", job_id=4)
    working()
    assert ended(first).fields["status"] == "failed"
    assert "cannot go on" in manager.logs[first]
    assert ended(second).fields["status"] == "finished"


def test_a_worker_that_was_deleted_registers_anew(manager, working, ended):
    worker = working()
    eventually(lambda: manager.of("PATCH", "/workers/1"), "a question")
    with manager.lock:
        manager.known = {7}
    eventually(lambda: worker.id == 8, "another id")
    # It works on under its new name.
    ended(manager.give(sys.executable, "-c", ""))


def test_it_waits_for_a_manager_that_is_not_there_yet(manager, working):
    away = [True]

    def meddle(request):
        if away[0]:
            raise Drop

    with manager.lock:
        manager.meddle = meddle
    working()
    eventually(lambda: manager.of("GET", "/") == [] and manager.requests == [], "silence")
    away[0] = False
    eventually(lambda: manager.of("POST", "/workers"), "a registration")


def test_a_busy_machine_takes_nothing_and_says_so(manager, working, ended):
    worker = working()
    worker.toggle()

    def said():
        return [one.fields["status"] for one in manager.of("PATCH", "/workers/1")]

    eventually(lambda: "busy" in said(), "busy")
    number = manager.give(sys.executable, "-c", "")
    seen = said().count("busy")
    eventually(lambda: said().count("busy") > seen + 2, "more signs of life")
    assert number not in manager.ends
    worker.toggle()
    assert ended(number).fields["status"] == "finished"


def test_while_it_renders_a_change_of_mind_is_told_at_once(manager, working):
    number = manager.give(sys.executable, "-c", FAMILY)
    worker = working()
    family(manager, number)
    worker.toggle()
    eventually(lambda: manager.of("PATCH", "/workers/1")[-1].fields["status"] == "busy", "busy")
    assert number not in manager.ends


@pytest.fixture
def apart(manager, tmp_path):
    """Start workers in processes of their own."""
    started = []

    def start():
        words = [sys.executable, "-m", "jobyard_farm_worker", "--manager", manager.url]
        process = subprocess.Popen(
            [*words, "--folder", str(tmp_path / "farm"), "--poll", "0.05"],
            cwd=ROOT / "clients" / "farm_worker",
            env={**os.environ, "PYTHONPATH": "."},
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_what_a_killed_worker_left_running_is_ended_by_the_next_one(manager, apart):
    number = manager.give(sys.executable, "-c", FAMILY)
    first = apart()
    processes = family(manager, number)
    first.kill()
    first.wait()
    assert not gone(processes)
    with manager.lock:
        manager.held = None
    apart()
    eventually(lambda: gone(processes), "the end of the program and its child")


def test_two_workers_do_not_share_a_folder(manager, apart):
    apart()
    eventually(lambda: manager.of("POST", "/workers"), "a registration")
    _, said = (second := apart()).communicate(timeout=90)
    assert second.returncode == 1
    assert "give this one another --port" in said
    assert len(manager.of("POST", "/workers")) == 1


def test_sigterm_stops_the_program_and_tells_of_it(manager, apart, tmp_path):
    number = manager.give(sys.executable, "-c", FAMILY)
    process = apart()
    processes = family(manager, number)
    process.send_signal(signal.SIGTERM)
    assert process.wait(90) == 0
    assert gone(processes)
    assert manager.ends[number].fields["status"] == "aborted"
    assert manager.of("PATCH", "/workers/1")[-1].fields["status"] == "enabled"
    assert not (tmp_path / "farm" / "tasks" / str(number)).exists()
