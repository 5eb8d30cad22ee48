"""The shell runtime with real processes."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from conftest import alive, eventually, in_thread, names_in, open_descriptors

from app.hooks.types import Command, Limits, Mount, Step
from app.worker.runtimes import gate, processes
from app.worker.runtimes.base import Workspace
from app.worker.runtimes.folders import clean_up_leftovers
from app.worker.runtimes.shell import ShellRuntime

SLIPPERY = """
    pid={file}
    env -i /usr/bin/setsid /bin/sh -c '
        trap "" TERM; exec >/dev/null 2>&1; cd /; echo $$ > '"$pid"'; while :; do sleep 1; done' &
    while ! test -s $pid; do sleep 0.02; done
"""


@pytest.fixture
def runtime(tmp_path):
    return ShellRuntime(work_dir=tmp_path / "work")


def command(script="", /, **kwargs):
    main = {key: kwargs.pop(key) for key in ("env", "files") if key in kwargs}
    if "main" not in kwargs:
        kwargs["main"] = Step(name="main", run=textwrap.dedent(script), **main)
    kwargs.setdefault("output_env", "OUT")
    kwargs.setdefault("progress_env", "PROGRESS")
    return Command(runtime="shell", **kwargs)


def run(runtime, watch, script="", /, **kwargs):
    return runtime.run(command(script, **kwargs), Workspace("t1"), watch)


def pids_in(path: Path):
    return [int(line) for line in path.read_text().split()]


def test_output_of_both_streams_arrives_in_order_and_result_is_exact(runtime, watch):
    outcome = run(runtime, watch, "echo a; echo b >&2; echo c; printf ' r\\n\\n' > $OUT")
    assert outcome.error is None
    assert (outcome.result, outcome.exit_code) == (" r\n\n", 0)
    assert watch.text == b"a\nb\nc\n"


def test_directory_is_gone_afterwards_and_nothing_leaks(runtime, watch, tmp_path):
    run(runtime, watch, "true")
    before = open_descriptors()
    assert run(runtime, watch, "mkdir -p a/b; touch a/b/c; chmod 0 a").error is None
    assert open_descriptors() == before
    assert names_in(tmp_path / "work") == []
    assert not processes.spawned


def test_environment_is_exactly_what_was_asked_for(runtime, watch, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_SERVER", "x")
    env = {"A": "1", "HOME": "/tmp"}
    run(runtime, watch, "exec cat /proc/self/environ", env=env)
    found = dict(pair.split(b"=", 1) for pair in watch.text.split(b"\0") if pair)
    ours = [found.pop(name) for name in (b"OUT", b"PROGRESS", b"WORKDIR")]
    assert all(value.startswith(bytes(runtime.work_dir)) for value in ours)
    assert found.pop(b"PATH") == runtime.path.encode()
    for name in (b"PWD", b"SHLVL", b"_"):  # bash adds them
        found.pop(name, None)
    assert found == {b"A": b"1", b"HOME": b"/tmp"}


@pytest.mark.parametrize("odd", [{}, {"my.var-1": "kept", "LD_PRELOAD": ""}])
def test_values_are_passed_byte_for_byte(runtime, watch, odd):
    value = "a'b\"c\n$HOME `id` \\ \t*é\x01 "
    script = "#!/bin/cat /proc/self/environ\n"
    run(runtime, watch, script, env={"V": value, "E": "", **odd})
    pairs = watch.text.split(b"\0")
    for name, text in {"V": value, "E": "", **odd}.items():
        assert f"{name}={text}".encode() in pairs


def test_working_directory_holds_only_the_files_read_only(runtime, watch):
    files = {"a b.txt": "x\n", "sub/dir/f": "é"}
    outcome = run(
        runtime,
        watch,
        "pwd; echo $WORKDIR; find . | sort; stat -c %a *; cat sub/dir/f",
        files=files,
    )
    assert outcome.error is None
    lines = watch.text.decode().splitlines()
    assert lines[0] == lines[1]
    assert lines[2:] == [".", "./a b.txt", "./sub", "./sub/dir", "./sub/dir/f", "444", "755", "é"]


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "", "n\0ul", "x" * 300])
def test_bad_file_name_fails_the_task_only(runtime, watch, name, tmp_path):
    outcome = run(runtime, watch, "echo ran", files={name: "x"})
    assert outcome.error
    assert watch.text == b""
    assert names_in(tmp_path) == ["work"]


def test_script_may_be_longer_than_an_argument(runtime, watch):
    outcome = run(runtime, watch, "# " + "x" * 3_000_000 + "\necho $((6*7))\n")
    assert outcome.error is None
    assert watch.text == b"42\n"


def test_script_may_name_its_own_interpreter(runtime, watch):
    script = f"#!{sys.executable}\nprint(sum(range(10)))\n"
    assert run(runtime, watch, script).error is None
    assert watch.text == b"45\n"


def test_command_in_front_of_the_script_can_be_set(watch, tmp_path):
    runtime = ShellRuntime(work_dir=tmp_path / "my work dir", cmd=("/bin/sh", "-x", "-c"))
    assert run(runtime, watch, "echo hi").error is None
    assert watch.text.endswith(b"hi\n")
    assert watch.text.startswith(b"+ ")


def test_empty_script_completes(runtime, watch):
    assert run(runtime, watch, "").result == ""


def test_standard_input_is_empty(runtime, watch):
    assert run(runtime, watch, "cat; readlink /proc/self/fd/0").error is None
    assert watch.text == b"/dev/null\n"


def test_no_descriptor_of_the_daemon_reaches_the_task(runtime, watch):
    run(runtime, watch, "#!/bin/ls /proc/self/fd\n", env={"x.y": "z"})
    run(runtime, watch, "#!/bin/ls /proc/self/fd\n")
    listing = b"0\n1\n2\n3\n"  # 3 is the directory being listed
    lines = [line for line in watch.text.split(b"\n") if line.isdigit()]
    assert lines == listing.split() * 2


def test_failure_quotes_the_last_ten_lines(runtime, watch):
    outcome = run(runtime, watch, "seq 1 30; printf 'bad \\377\\0 byte\\n' >&2; exit 3")
    expected = [str(n) for n in range(22, 31)] + ["bad � byte"]
    assert outcome.error == "exit code 3: " + "\n".join(expected)
    assert (outcome.exit_code, outcome.result, outcome.cancelled) == (3, None, False)


def test_death_by_signal_is_128_and_its_number(runtime, watch):
    assert run(runtime, watch, "kill -KILL $$").exit_code == 137


@pytest.mark.parametrize(
    "env",
    [{"A": "x" * 200_000}, {"A": "nul\0"}, {"": "x"}, {"a=b": "x"}, {"odd.name": "x" * 200_000}],
)
def test_impossible_environment_fails_the_task_only(runtime, watch, env):
    outcome = run(runtime, watch, "echo ran", env=env)
    assert outcome.error
    assert b"ran" not in watch.text
    assert "Traceback" not in outcome.error + watch.text.decode()


def test_ten_megabytes_arrive_exactly(runtime, watch):
    outcome = run(runtime, watch, "head -c 10000000 /dev/urandom | tee copy; md5sum < copy > $OUT")
    assert len(watch.text) == 10_000_000
    assert outcome.result.split()[0] == hashlib.md5(watch.text).hexdigest()
    assert max(map(len, watch.pieces)) <= 64 * 1024


def test_result_text_is_cleaned_and_bounded(runtime, watch):
    assert run(runtime, watch, r"printf 'a\0b\377c' > $OUT").result == "ab�c"
    script = "head -c $N /dev/zero | tr '\\0' x > $OUT"
    assert run(runtime, watch, script, env={"N": "1000"}, result_bytes=1000).result == "x" * 1000
    outcome = run(runtime, watch, script, env={"N": "1001"}, result_bytes=1000)
    assert outcome.error == "the result is longer than 1000 bytes"
    assert outcome.result is None


@pytest.mark.parametrize("trick", ["ln -s /etc/passwd $OUT", "mkfifo $OUT", "mkdir $OUT"])
def test_result_that_is_no_plain_file_is_refused(runtime, watch, trick):
    outcome = run(runtime, watch, f"rm $OUT; {trick}")
    assert outcome.error
    assert "root" not in outcome.error


def test_removed_result_counts_as_empty(runtime, watch):
    assert run(runtime, watch, "rm $OUT").result == ""


def test_steps_run_in_order_in_directories_of_their_own(runtime, watch):
    step = "echo {0} $(ls); touch {0}; pwd >&2; echo {0} > $OUT"
    outcome = run(
        runtime,
        watch,
        pre=(Step(name="p1", run=step.format("p1")), Step(name="p2", run=step.format("p2"))),
        main=Step(run=step.format("m")),
        post=(Step(run=step.format("q")),),
    )
    assert outcome.result == "m\n"
    lines = watch.text.decode().splitlines()
    assert [line for line in lines if not line.startswith("/")] == ["p1", "p2", "m", "q"]
    assert len({line for line in lines if line.startswith("/")}) == 4


def test_failed_step_ends_the_rest(runtime, watch):
    failing, other = Step(run="echo no; exit 4"), Step(run="echo other")
    outcome = run(runtime, watch, pre=(failing,), main=other, post=(other,))
    assert outcome.error == "exit code 4: no"
    assert run(runtime, watch, main=failing, post=(other,)).exit_code == 4
    outcome = run(runtime, watch, main=Step(run="echo x > $OUT"), post=(failing,))
    assert (outcome.result, outcome.exit_code) == (None, 4)
    assert b"other" not in watch.text


@pytest.mark.parametrize(
    ("kwargs", "word"),
    [
        ({"mounts": (Mount(type="volume", target="/x"),)}, "mounts"),
        ({"networks": ("n",)}, "networks"),
        ({"sidecars": (Step(name="s"),)}, "sidecars"),
        ({"limits": Limits(cpus=1.0)}, "limits"),
        ({"main": Step(image="ubuntu:mantic")}, "image"),
        ({"main": Step(cmd=("x",))}, "cmd"),
        ({"main": Step(entrypoint=("x",))}, "entrypoint"),
        ({"main": Step(registry=("u", "p"))}, "registry"),
        ({"pre": (Step(cmd=("x",)),)}, "cmd"),
    ],
)
def test_what_needs_a_container_is_refused(runtime, watch, kwargs, word):
    error = run(runtime, watch, "echo ran", **kwargs).error
    assert error.startswith(word)
    assert error.endswith("not supported on shell runtime")
    assert watch.text == b""


def test_default_limits_gpus_and_workdir_are_ignored(runtime, watch):
    main = Step(run="true", workdir="/nowhere")
    limits = Limits(cpus=1.0, memory_bytes=1, own=False)
    assert run(runtime, watch, main=main, limits=limits, gpus="all").error is None


def test_progress_is_read_clamped_and_told_once(runtime, watch):
    script = """
        echo nonsense > $PROGRESS
        echo 150 > $PROGRESS; until test -e go; do sleep 0.05; done; echo 20.5 > $PROGRESS
    """
    thread, answers = in_thread(lambda: run(runtime, watch, script))
    watch.wait_for(lambda: watch.percents == [100.0])
    (runtime.work_dir / "t1-1" / "main" / "work" / "go").touch()
    thread.join()
    assert answers[0].error is None
    assert watch.percents == [100.0, 20.5]


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
    assert watch.text == b"before\n"


def test_time_out_of_a_step_bounds_that_step_alone(runtime, watch):
    pre = (Step(name="warm", run="sleep 1000", timeout_s=0.3),)
    outcome = run(runtime, watch, "echo ran", pre=pre, timeout_s=100, timeout_text="100s")
    assert outcome.error == "step warm timed out after 300ms"
    assert watch.text == b""


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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_steps_run_as_another_user(watch, tmp_path):
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(0o755)
    runtime = ShellRuntime(work_dir=tmp_path / "work", uid=65534, gid=65534)
    script = "id -u; id -g; id -G; touch new; cat f; echo 5 > $PROGRESS; echo r > $OUT"
    outcome = run(runtime, watch, script, files={"f": "file\n"}, env={"LD_PRELOAD": "/none.so"})
    assert outcome.error is None
    text = b"\n".join(line for line in watch.text.split(b"\n") if b"ld.so" not in line)
    assert text == b"65534\n65534\n65534\nfile\n"
    assert outcome.result == "r\n"


def test_unusable_shell_is_said_in_words(watch, tmp_path):
    runtime = ShellRuntime(work_dir=tmp_path, cmd=("no-such-shell", "-c"))
    assert "no-such-shell" in runtime.available()
    assert "no-such-shell" in run(runtime, watch, "true").error
    assert ShellRuntime(work_dir=tmp_path / "a" / "b").available() is None


def test_full_or_missing_place_fails_the_task_only(watch, tmp_path):
    (tmp_path / "file").write_text("x")
    runtime = ShellRuntime(work_dir=tmp_path / "file" / "work")
    assert run(runtime, watch, "true").error.startswith("cannot run on this worker")


DRIVER = """
import sys
from pathlib import Path
from app.hooks.types import Command, Step
from app.worker.runtimes.base import Signal, Workspace
from app.worker.runtimes.shell import ShellRuntime

class Watch:
    cancelled = Signal()
    def output(self, data): pass
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
    assert clean_up_leftovers(work) == 0  # its owner lives
    driver.kill()
    driver.wait()
    pids = pids_in(file) + pids_in(main)
    assert all(map(alive, pids))
    assert clean_up_leftovers(work, kill_after_s=0.2) == 1
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
