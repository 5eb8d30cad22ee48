"""The shell runtime with real processes."""

import hashlib
import os
import sys

import pytest

from app.hooks.types import Limits, Mount, Step
from app.worker.runtimes import processes
from app.worker.runtimes.shell import ShellRuntime
from tests.integration.worker.shell_commands import run
from tests.integration.worker.watching import (
    in_thread,
    names_in,
    open_descriptors,
)


@pytest.fixture
def runtime(tmp_path):
    return ShellRuntime(work_dir=tmp_path / "work")


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
    (runtime.work_dir / "t1-1" / "main" / "go").touch()
    thread.join()
    assert answers[0].error is None
    assert watch.percents == [100.0, 20.5]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_steps_run_as_another_user(watch, data_dir):
    data_dir.chmod(0o755)
    runtime = ShellRuntime(work_dir=data_dir / "work", uid=65534, gid=65534)
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
