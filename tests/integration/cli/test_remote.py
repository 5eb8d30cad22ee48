"""The commands that talk to a server, against a real one, and through a network that fails."""

import json
import os
import pty
import signal
import subprocess
import sys
import uuid

import pytest

from tests.integration.cli.conftest import DEADLINE_S, environment, program
from tests.integration.cli.rough import RoughProxy
from tests.yard import Yard, eventually

pytestmark = pytest.mark.slow

WORKFLOW = """
name: flow
tasks:
  - name: one
    run: echo first
  - name: two
    run: |
      echo second
      {end}
"""
LONG_ID = 32


@pytest.fixture(scope="module")
def yard(tmp_path_factory):
    yard = Yard(tmp_path_factory.mktemp("yard"))
    try:
        yield yard.start()
    finally:
        yard.end()


@pytest.fixture
def jobyard(yard):
    """Run `jobyard WORDS…` against the server."""

    def run(*words, **more):
        return program(*words, **{"JOBYARD_SERVER": yard.url, **more})

    return run


@pytest.fixture
def file(tmp_path):
    """Write a file to submit, and return its name."""

    def write(text, name="job.yaml"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.fixture
def proxy(yard):
    """Put a proxy that cuts connections in front of the server."""
    proxy = RoughProxy(int(yard.url.rpartition(":")[2]), sparing=400, most=6000)
    yield proxy
    proxy.close()


def shell(run, **more):
    return json.dumps({"type": "shell", "spec": {"run": run}, **more})


def submitted(jobyard, path):
    done = jobyard("submit", path)
    assert (done.returncode, len(done.stdout.strip())) == (0, LONG_ID), done.stderr
    return done.stdout.strip()


def told(done, status=1):
    """Return the one line that a failure is told in."""
    assert done.returncode == status, (done.stdout, done.stderr)
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("jobyard: ")
    return lines[0]


@pytest.mark.parametrize(("end", "status"), [("true", 0), ("exit 7", 1)])
def test_workflow_is_watched_and_its_outcome_is_the_exit_status(jobyard, file, end, status):
    done = jobyard("submit", file(WORKFLOW.format(end=end)), "--watch")
    assert done.returncode == status, done.stderr
    job_id, *lines = done.stdout.splitlines()
    assert len(job_id) == LONG_ID
    state = "FAILED" if status else "COMPLETED"
    assert lines[-1] == f"job {job_id[:8]}: {state}"
    assert any(line.endswith(f"two: {state}") for line in lines)
    assert "\x1b" not in done.stdout
    if status:
        assert f"job {job_id[:8]} is FAILED: exit code 7" in told(done)


def test_job_of_any_type_is_submitted_from_standard_input(yard):
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "submit", "-", "--watch", "--json"],
        env=environment(JOBYARD_SERVER=yard.url),
        input=shell("echo hello", name="mine", tags=["t"]),
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    job = json.loads(done.stdout)
    assert (done.returncode, job["state"], job["name"]) == (0, "COMPLETED", "mine")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tasks: [", "line 1"),
        ("- a", "neither a workflow"),
        ("name: x", "neither a workflow"),
        ("type: nonsense", "there is no job type"),
        ("type: shell\nspec: {}", "run: Missing data"),
        ("type: shell\nspec: {run: 2026-01-01}", "not JSON serializable"),
        ("tasks: [{name: a, nonsense: 1}]", "tasks[0].nonsense"),
        ("type: shell\nspec: {run: !!python/object:os.system x}", "could not determine"),
    ],
)
def test_bad_file_is_told_of_in_one_line(jobyard, file, text, said):
    assert said in told(jobyard("submit", file(text)))


def test_ids_may_be_cut_short_while_they_are_unique(jobyard, file):
    job_id = submitted(jobyard, file(shell("echo out")))
    assert job_id in jobyard("show", job_id[:12].upper()).stdout
    assert jobyard("logs", job_id[:12], "-f").stdout == "out\n"
    ids = {submitted(jobyard, file(shell("true"))) for _ in range(18)}
    firsts = [each[0] for each in ids]
    twice = next(first for first in firsts if firsts.count(first) > 1)
    assert f"several jobs' ids begin with {twice}: " in told(jobyard("show", twice))
    assert "there is no job whose id begins with" in told(jobyard("show", "f" * 31))
    assert "is not the id of a job" in told(jobyard("show", "../x"))
    assert "There is no such job" in told(jobyard("show", uuid.uuid4().hex))


def test_job_is_listed_shown_cancelled_and_restarted(jobyard, file):
    tag = uuid.uuid4().hex
    job_id = submitted(jobyard, file(shell("sleep 600", tags=[tag], name="a \x1b[31mred\nname")))
    listed = jobyard("ls", "--tag", tag)
    head, line = listed.stdout.splitlines()
    assert head.split() == ["ID", "STATE", "DONE", "AGE", "DIALECT", "TYPE", "NAME"]
    assert line.startswith(job_id[:8])
    assert "\x1b" not in listed.stdout
    assert [job["id"] for job in json.loads(jobyard("ls", "--tag", tag, "--json").stdout)] == [
        job_id
    ]
    assert jobyard("ls", "--tag", tag, "--state", "completed").stdout == ""
    shown = json.loads(jobyard("show", job_id, "--json").stdout)
    assert (shown["tags"], len(shown["tasks"])) == ([tag], 1)
    assert tag in jobyard("show", job_id).stdout
    assert jobyard("cancel", job_id).stdout == f"{job_id} cancelled\n"
    assert "it is CANCELLED by now" in told(jobyard("cancel", job_id))
    assert jobyard("restart", job_id).stdout == f"{job_id} restarted\n"
    assert json.loads(jobyard("cancel", job_id, "--json").stdout)["state"] == "CANCELLED"


def test_list_is_as_long_as_was_asked_for(jobyard, file, yard):
    for _ in range(3):
        submitted(jobyard, file(shell("true")))
    assert len(jobyard("ls", "-n", "2").stdout.splitlines()) == 3


def test_top_shows_everything_once(jobyard, file):
    job_id = submitted(jobyard, file(shell("sleep 600")))
    shown = jobyard("top", "--once").stdout
    for text in (job_id[:8], "jobyard/default", "coordinator", "daemon"):
        assert text in shown
    assert "\x1b" not in shown
    found = json.loads(jobyard("top", "--json").stdout)
    assert found.keys() == {"server", "jobs", "workers", "queues"}
    jobyard("cancel", job_id)


def test_logs_of_one_task_and_as_json(jobyard, file):
    job_id = submitted(jobyard, file(WORKFLOW.format(end="true")))
    assert jobyard("logs", job_id, "--follow").stdout == "first\nsecond\n"
    parts = [json.loads(line) for line in jobyard("logs", job_id, "--json").stdout.splitlines()]
    assert "".join(part["contents"] for part in parts) == "first\nsecond\n"
    task = str(parts[-1]["task_id"])
    assert jobyard("logs", job_id, "--task", task).stdout == "second\n"


def test_no_server_a_wrong_address_and_a_refused_token_are_one_line_each(jobyard, free_port):
    away = f"http://127.0.0.1:{free_port}"
    assert f"no server answers at {away}" in told(jobyard("ls", "--server", away))
    for address in ("ftp://x", "http://", "http://h:x"):
        assert "not the address of a server" in told(jobyard("ls", "--server", address))
    assert "unknown, revoked or expired" in told(jobyard("ls", "--token", "jy_wrong"))
    assert "cannot be made" in told(jobyard("ls", "--token", "a\nb"))


def test_server_that_is_none_of_ours_is_told_of(jobyard, data_dir):
    script = (
        "import http.server as h\n"
        "s = h.HTTPServer(('127.0.0.1', 0), type('H', (h.BaseHTTPRequestHandler,), {\n"
        "  'do_GET': lambda self: (self.send_response(200), self.end_headers(),"
        " self.wfile.write(b'<html>')), 'log_message': lambda *a: None}))\n"
        "print(s.server_port, flush=True)\n"
        "s.serve_forever()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
    ) as other:
        try:
            port = other.stdout.readline().strip()
            assert "no JSON" in told(jobyard("ls", "--server", f"127.0.0.1:{port}"))
        finally:
            other.kill()


def test_tokens_over_the_server_and_on_the_database(jobyard, yard):
    on_disk = ("--data-dir", yard.data_dir)
    first = program("token", "create", "root", "--scope", "admin", *on_disk).stdout.strip()
    made = jobyard("token", "create", "ci", "--scope", "read", "--expires", "1d", "--token", first)
    token = made.stdout.strip()
    assert jobyard("ls", "--token", token).returncode == 0
    listed = json.loads(program("token", "ls", "--json", *on_disk).stdout)
    assert {each["name"]: each["scopes"] for each in listed} == {"ci": ["read"], "root": ["admin"]}
    assert "ci" in jobyard("token", "ls", JOBYARD_TOKEN=first).stdout
    assert "out-of-scope" not in told(jobyard("token", "ls", JOBYARD_TOKEN=token))
    assert jobyard("token", "revoke", "ci", JOBYARD_TOKEN=first).returncode == 0
    assert "revoked" in told(jobyard("ls", "--token", token))
    assert program("token", "revoke", first, *on_disk).returncode == 0
    assert "no token is called that" in told(program("token", "revoke", "x", *on_disk))
    assert "a number with m, h or d" in told(jobyard("token", "create", "x", "--expires", "1"), 2)


def test_ctrl_c_leaves_the_job_running_and_says_so(jobyard, yard, file):
    # Who runs the tests in the background has the signal ignored, which children inherit.
    heeding = ["env", "--default-signal=INT", sys.executable, "-m", "app.cli"]
    watching = subprocess.Popen(
        [*heeding, "submit", str(file(shell("sleep 600"))), "--watch"],
        env=environment(JOBYARD_SERVER=yard.url, PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    job_id = watching.stdout.readline().strip()
    while "RUNNING" not in watching.stdout.readline():
        pass
    watching.send_signal(signal.SIGINT)
    _, said = watching.communicate(timeout=DEADLINE_S)
    assert watching.returncode == 130
    assert said.splitlines()[-1].startswith("jobyard: the job goes on")
    assert json.loads(jobyard("show", job_id, "--json").stdout)["state"] == "RUNNING"
    jobyard("cancel", job_id)


def test_progress_is_drawn_on_a_terminal(yard, file):
    master, slave = pty.openpty()
    words = ["submit", str(file(WORKFLOW.format(end="sleep 1"))), "--watch"]
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", *words],
        env=environment(JOBYARD_SERVER=yard.url, TERM="xterm-256color", COLUMNS="100"),
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    drawn = b""
    try:
        while data := os.read(master, 4096):
            drawn += data
    except OSError:
        pass  # the other end is gone
    assert process.wait(DEADLINE_S) == 0
    assert b"\x1b[" in drawn
    assert "━".encode() in drawn
    assert b"2 of 2 tasks" in drawn


def test_output_is_followed_through_cut_connections_without_a_gap(jobyard, file, proxy):
    run = "for i in $(seq 1 400); do echo line number $i of this output; sleep 0.01; done"
    job_id = submitted(jobyard, file(shell(run)))
    done = jobyard("logs", "-f", job_id, JOBYARD_SERVER=proxy.url)
    assert done.returncode == 0, done.stderr
    whole = "".join(f"line number {number} of this output\n" for number in range(1, 401))
    assert done.stdout == whole
    assert proxy.cuts > 2


def test_job_is_watched_through_cut_connections(file, proxy):
    for _ in range(3):
        path = file(shell("for i in 1 2 3 4; do sleep 0.3; done"))
        done = program("submit", path, "--watch", JOBYARD_SERVER=proxy.url)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1].endswith(": COMPLETED")
    assert proxy.connections > 10
    assert proxy.cuts > 0


def test_server_that_is_restarted_is_waited_for(jobyard, file, yard):
    job_id = submitted(jobyard, file(shell("echo before; sleep 3; echo after")))
    following = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "logs", "-f", job_id],
        env=environment(JOBYARD_SERVER=yard.url, PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert following.stdout.readline() == "before\n"
    yard.kill("web")
    eventually(yard.answers, "the next web part")
    rest, _ = following.communicate(timeout=DEADLINE_S)
    assert (following.returncode, rest) == (0, "after\n")
