"""The shell runtime: what a task sees, and what it leaves."""

import uuid

import psutil
import pytest

from tests.acceptance.tork.client import Tork, named
from tests.yard import eventually


def test_the_environment_is_clean(tork: Tork):
    job = tork.done(
        {
            "env": {"MINE": "a b\"c'd$e`f\\g\nh", "EMPTY": "", "ÜML": "x"},
            "run": "env -0 | tr '\\0' '\\001' > $TORK_OUTPUT",
        }
    )
    pairs = dict(line.split("=", 1) for line in job["execution"][0]["result"].split("\x01") if line)
    for name in ("PWD", "SHLVL", "_", "OLDPWD"):
        pairs.pop(name, None)
    assert pairs.pop("MINE") == "a b\"c'd$e`f\\g\nh"
    assert pairs.pop("EMPTY") == ""
    pairs.pop("ÜML", None)
    assert set(pairs) == {"TORK_OUTPUT", "TORK_PROGRESS", "WORKDIR", "PATH", "HOME"}


def test_names_of_the_environment_cannot_be_taken_away(tork: Tork):
    job = tork.done({"env": {"FOO": "bar"}, "run": "echo -n $FOO > $TORK_OUTPUT"})
    assert job["execution"][0]["result"] == "bar"


def test_the_working_folder(tork: Tork):
    job = tork.done(
        {
            "files": {"a.txt": "one", "sub/b.txt": "zwei ü", "sub/deep/c": ""},
            "run": '[ "$PWD" = "$WORKDIR" ] && cat a.txt sub/b.txt && [ -f sub/deep/c ]'
            " && echo -n x > new && cat new > $TORK_OUTPUT && [ ! -w a.txt -o $(id -u) = 0 ]"
            " && [ $(stat -c %A a.txt | cut -c3) = - ]",
            "pre": [{"name": "p", "run": "[ ! -e a.txt ] && echo $PWD"}],
            "post": [{"name": "q", "files": {"own": "y"}, "run": "[ ! -e new ] && cat own"}],
        }
    )
    assert job["execution"][0]["result"] == "x"
    assert tork.text(job["execution"][0]["id"]).endswith("onezwei üy")


def test_output_streams_and_input(tork: Tork):
    job = tork.done("echo out; echo err >&2; cat; read x || echo none")
    text = tork.text(job["execution"][0]["id"])
    assert sorted(text.split()) == ["err", "none", "out"]


def test_bash_runs_the_script(tork: Tork):
    job = tork.done('a=(1 2 3); [[ ${#a[@]} == 3 ]] && echo -n "${a[@]:1}" > $TORK_OUTPUT')
    assert job["execution"][0]["result"] == "2 3"


def test_a_script_longer_than_any_argument(tork: Tork):
    job = tork.done({"run": ": " + "x" * 400_000 + "\necho -n end > $TORK_OUTPUT"})
    assert job["execution"][0]["result"] == "end"


def test_a_value_that_is_too_long_fails_the_task_alone(tork: Tork):
    job = tork.fails({"env": {"A": "x" * 300_000}, "run": "exit 0"})
    assert job["error"]
    tork.done("exit 0")


def test_an_odd_name_of_a_variable_fails_or_passes(tork: Tork):
    job = tork.run({"env": {"A=B": "x"}, "run": "exit 0"}, {"env": {"": "x"}, "run": "exit 0"})
    assert job["state"] in ("COMPLETED", "FAILED")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("mounts", [{"type": "volume", "target": "/x"}]),
        ("entrypoint", ["sh"]),
        ("cmd", ["x"]),
        ("networks", ["n"]),
        ("registry", {"username": "u", "password": "pass-phrase"}),
        ("sidecars", [{"name": "s", "image": "i", "run": "x"}]),
        ("limits", {"cpus": "1"}),
    ],
)
def test_what_the_shell_cannot_do(tork: Tork, key: str, value: object):
    job = tork.fails({key: value, "run": "echo ran"})
    found = job["execution"][0]
    assert found["error"].endswith("not supported on shell runtime"), found["error"]
    assert key in found["error"]
    assert tork.text(found["id"]) == ""


def test_what_the_shell_ignores(tork: Tork):
    tork.done(
        {"gpus": "all", "workdir": "/nowhere", "run": "exit 0"},
        defaults={"limits": {"cpus": "1", "memory": "10m"}},
    )


def test_exit_codes_and_the_last_lines(tork: Tork):
    job = tork.fails("for i in $(seq 1 15); do echo line $i; done; exit 42")
    lines = "\n".join(f"line {n}" for n in range(6, 16))
    assert job["error"].rstrip("\n") == f"exit code 42: {lines}"
    job = tork.fails("exit 1")
    assert job["error"].startswith("exit code 1: ")
    job = tork.fails("nosuchcommand")
    assert job["error"].startswith("exit code 127: ")
    assert "nosuchcommand" in job["error"]
    job = tork.fails("kill -9 $$")
    assert job["state"] == "FAILED"
    job = tork.fails("if then")
    assert job["error"].startswith("exit code 2: ")


def test_what_a_task_leaves_running_does_not_hold_it(tork: Tork):
    word = f"4711{uuid.uuid4().int % 10**9}"
    tork.done(f"sleep {word} & exit 0")
    eventually(
        lambda: (
            not [p for p in psutil.process_iter(["cmdline"]) if word in (p.info["cmdline"] or [])]
        ),
        "nothing left",
    )


def test_progress_of_a_shell_task_can_be_written_often(tork: Tork):
    tork.done("for i in $(seq 1 300); do echo $i > $TORK_PROGRESS; done")


def test_an_image_without_an_engine(tork: Tork):
    job = tork.fails({"image": "busybox", "run": "exit 0"})
    assert job["error"] == "container runtime is not available"
    assert named(job, "task")["error"] == "container runtime is not available"
    assert tork.get("/nodes")[1]["status"] == "UP"
