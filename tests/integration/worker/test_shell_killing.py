"""No process of a task outlives it, whatever it does and whoever dies."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from app.hooks.types import Step
from app.worker.runtimes import gate, processes
from app.worker.runtimes.folders import clean_up_leftovers
from app.worker.runtimes.shell import ShellRuntime
from tests.integration.worker.shell_commands import SLIPPERY, pids_in, run
from tests.integration.worker.watching import alive, eventually, in_thread, names_in


@pytest.fixture
def runtime(tmp_path):
    return ShellRuntime(work_dir=tmp_path / "work")


def test_cancel_ends_the_whole_tree_and_runs_no_post(runtime, watch, tmp_path):
    file, tree = tmp_path / "slippery", tmp_path / "tree"
    script = (
        SLIPPERY.format(file=file)
        + f"""
        (sleep 1000 & echo $! >> {tree}; wait) &
        echo $$ >> {tree}; echo ready; sleep 1000"""
    )
    post = (Step(run="echo post"),)
    thread, answers = in_thread(lambda: run(runtime, watch, script, post=post))
    watch.wait_for(lambda: b"ready" in watch.text)
    eventually(lambda: len(pids_in(tree)) == 2)
    pids = pids_in(file) + pids_in(tree)
    assert all(map(alive, pids))
    watch.cancelled.set()
    thread.join()
    assert answers[0].cancelled
    assert not any(map(alive, pids))
    assert b"post" not in watch.text
    assert names_in(runtime.work_dir) == []


def test_cancel_lets_a_process_end_by_itself_first(runtime, watch):
    script = "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
    thread, answers = in_thread(lambda: run(runtime, watch, script, kill_after_s=20.0))
    watch.wait_for(lambda: b"ready" in watch.text)
    watch.cancelled.set()
    thread.join()
    assert answers[0].cancelled
    assert b"bye" in watch.text


def test_cancel_before_the_start_runs_nothing(runtime, watch):
    watch.cancelled.set()
    assert run(runtime, watch, "echo ran").cancelled
    assert watch.text == b""


def test_time_out_of_the_command_kills_everything(runtime, watch, tmp_path):
    file = tmp_path / "slippery"
    script = SLIPPERY.format(file=file) + "echo before; sleep 1000"
    outcome = run(runtime, watch, script, timeout_s=1.5, timeout_text="1500ms")
    assert outcome.error == "task timed out after 1500ms"
    assert not outcome.cancelled
    assert not alive(pids_in(file)[0])
    # A bash that outlives the program it waited for says so.
    assert watch.text.replace(b"Terminated\n", b"") == b"before\n"


def test_time_out_of_a_step_bounds_that_step_alone(runtime, watch):
    pre = (Step(name="warm", run="sleep 1000", timeout_s=0.3),)
    outcome = run(runtime, watch, "echo ran", pre=pre, timeout_s=100, timeout_text="100s")
    assert outcome.error == "step warm timed out after 300ms"
    assert watch.text.replace(b"Terminated\n", b"") == b""


def test_background_processes_end_with_the_step(runtime, watch, tmp_path):
    file, held = tmp_path / "slippery", tmp_path / "held"
    script = SLIPPERY.format(file=file) + f"sleep 1000 & echo $! > {held}; echo end"
    outcome = run(runtime, watch, script, kill_after_s=0.3)
    assert outcome.error is None
    assert watch.text == b"end\n"
    assert not any(map(alive, pids_in(file) + pids_in(held)))


def test_what_still_writes_when_the_script_ends_is_heard(runtime, watch):
    script = "exec > >(sleep 0.1; cat; echo tail) 2>&1; seq 1 20000"
    assert run(runtime, watch, script).error is None
    assert watch.text == b"".join(b"%d\n" % n for n in range(1, 20001)) + b"tail\n"


def test_taker_that_fails_leaves_nothing_running(runtime, watch, tmp_path):
    file = tmp_path / "pid"

    def refuse(data):
        raise RuntimeError(data)

    watch.output = refuse
    with pytest.raises(RuntimeError):
        run(runtime, watch, f"echo $$ > {file}; echo x; sleep 1000")
    assert not alive(pids_in(file)[0])
    assert names_in(runtime.work_dir) == []


DRIVER = """
import sys
from pathlib import Path
from app.hooks.types import Command, Step
from app.worker.runtimes.base import Signal, Workspace
from app.worker.runtimes.shell import ShellRuntime

class Watch:
    cancelled = Signal()
    def output(self, data): pass
    def is_full(self): return False
    def progress(self, percent): pass

command = Command(runtime="shell", main=Step(run=sys.argv[2]))
ShellRuntime(work_dir=Path(sys.argv[1])).run(command, Workspace("t9"), Watch())
"""


def drive(work_dir, script):
    words = [sys.executable, "-c", DRIVER, str(work_dir), textwrap.dedent(script)]
    return subprocess.Popen(words, cwd=Path(__file__).parents[3])


def test_successor_ends_what_a_killed_daemon_left(tmp_path):
    file, main, work = tmp_path / "slippery", tmp_path / "main", tmp_path / "work"
    script = SLIPPERY.format(file=file) + f"echo $$ > {main}; sleep 1000"
    driver = drive(work, script)
    eventually(lambda: main.exists() and main.read_text().endswith("\n"))
    driver.kill()
    os.waitid(os.P_PID, driver.pid, os.WEXITED | os.WNOWAIT)  # dead, and nobody collects it
    pids = pids_in(file) + pids_in(main)
    assert all(map(alive, pids))
    assert clean_up_leftovers(work, kill_after_s=0.2) == 1
    driver.wait()
    assert not any(map(alive, pids))
    assert names_in(work) == []


def test_record_of_another_boot_or_another_process_ends_nobody(tmp_path, watch):
    bystander = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    try:
        start = processes.start_time(bystander.pid)
        record = {"pid": bystander.pid, "start": start, "tag": None, "boot": processes.boot_id()}
        for number, change in enumerate(({"boot": "other"}, {"start": start - 1}, {"pid": None})):
            folder = tmp_path / f"x-{number}"
            folder.mkdir()
            (folder / "process.json").write_text(json.dumps({**record, **change}))
        (tmp_path / "y-1").mkdir()
        (tmp_path / "y-1" / "process.json").write_text('{"pid": 1')
        assert clean_up_leftovers(tmp_path) == 4
        assert bystander.poll() is None
        assert names_in(tmp_path) == []
    finally:
        bystander.kill()
        bystander.wait()


def test_gate_that_is_never_opened_runs_nothing(tmp_path):
    words = ["/bin/sh", "-c", f"echo ran > {tmp_path}/ran"]
    for env in ({}, {"odd.name": "x"}):
        with Path(os.devnull).open("wb") as nothing:
            process = gate.spawn(words, env=env, folder=tmp_path, output=nothing.fileno())
        os.close(process._gate)
        process._gate = -1
        assert process.reap() == 125
    assert names_in(tmp_path) == []


def test_signal_goes_to_no_process_that_took_the_id(tmp_path):
    bystander = subprocess.Popen(["sleep", "1000"])
    try:
        processes.send([bystander.pid], processes.Mark(tag=123, session=None), signal.SIGKILL)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


SUBREAPER = """
import subprocess, sys, time, os
from app.worker.runtimes import processes
processes.become_subreaper()
known = subprocess.Popen(["sh", "-c", "exit 7"])
subprocess.run(["sh", "-c", "setsid sh -c 'sleep 0.1; exit 3' & setsid sleep 0.1 &"], check=True)
count = 0
end = time.monotonic() + 30
while count < 2 and time.monotonic() < end:
    count += processes.reap_orphans({known.pid})
print(count, known.wait())
"""


def test_orphans_are_reaped_and_no_status_is_stolen():
    words = [sys.executable, "-c", SUBREAPER]
    done = subprocess.run(words, cwd=Path(__file__).parents[3], capture_output=True, check=False)
    assert done.stdout == b"2 7\n", done.stderr


GREENLETS = '''
from gevent import monkey; monkey.patch_all()
import gevent, sys, time
from pathlib import Path
from app.hooks.types import Command, Step
from app.worker.runtimes import processes
from app.worker.runtimes.base import Signal, Workspace
from app.worker.runtimes.shell import ShellRuntime
processes.become_subreaper()
class Watch:
    def __init__(self): self.cancelled = Signal(); self.text = b""
    def output(self, data): self.text += data
    def is_full(self): return False
    def progress(self, percent): pass
runtime = ShellRuntime(work_dir=Path(sys.argv[1]))
script = """cd ../../..; echo 1; touch in-$N
    while test $(ls | grep -c in-) -lt 8; do sleep 0.05; done; exit $N"""
def one(n):
    watch = Watch()
    command = Command(runtime="shell", main=Step(run=script, env={"N": str(n)}))
    return runtime.run(command, Workspace(f"t{n}"), watch).exit_code, watch.text
jobs = [gevent.spawn(one, n) for n in range(8)]
gevent.joinall(jobs, timeout=60)
print([job.value for job in jobs] == [(n, b"1\\n") for n in range(8)], processes.reap_orphans())
'''


def test_greenlets_run_tasks_side_by_side(tmp_path):
    words = [sys.executable, "-c", GREENLETS, str(tmp_path)]
    done = subprocess.run(words, cwd=Path(__file__).parents[3], capture_output=True, check=False)
    assert done.stdout == b"True 0\n", done.stderr
