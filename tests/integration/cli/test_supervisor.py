"""The supervisor where the machine is short of something."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from app.cli import supervisor as module
from app.cli.supervisor import Part, Supervisor
from tests.yard import eventually


def test_part_that_cannot_be_started_now_is_started_later(monkeypatch):
    part = Part("web", ["web"])
    supervisor = Supervisor([part], {}, stop_within_s=1.0)
    living = SimpleNamespace(poll=lambda: None)
    fork = [BlockingIOError(11, "no process to be had")]

    def spawn(self, started):
        if fork:
            raise fork.pop()
        return living

    monkeypatch.setattr(Supervisor, "_spawn", spawn)

    def look():
        supervisor._start_missing()
        return part.process

    assert look() is None
    assert eventually(look, "the part started") is living


@pytest.fixture
def died(monkeypatch):
    """Let the only part of a supervisor die again and again; give the pauses before each start."""

    def died(*ends):
        now, left, pauses = [1000.0], list(ends), []
        monkeypatch.setattr(module.time, "monotonic", lambda: now[0])

        def spawn(self, part):
            lived_s, status = left.pop(0) if left else (0.0, None)
            now[0] += lived_s
            return SimpleNamespace(poll=lambda: status)

        monkeypatch.setattr(Supervisor, "_spawn", spawn)
        part = Part("worker", ["worker"])
        supervisor = Supervisor([part], {}, stop_within_s=1.0)
        while not supervisor.refused and (left or part.process is None):
            supervisor._start_missing()
            supervisor._start_missing()
            if part.process is None and not supervisor.refused:
                pauses.append(round(part.again_at - now[0], 3))
                now[0] = part.again_at
        return supervisor.refused, pauses

    return died


def test_part_that_refuses_the_settings_at_its_start_ends_all(died):
    assert died((0.0, 2)) == ("worker", [])
    assert died((0.0, 1), (0.0, 2))[0] == "worker"


def test_part_that_has_worked_with_them_is_tried_again(died):
    refused, pauses = died((60.0, 0), (0.0, 2), (0.0, 2))
    assert refused == ""
    assert pauses == [0.1, 0.2, 0.4]


def test_part_that_keeps_ending_is_started_ever_more_rarely(died):
    assert max(died(*[(0.0, 1)] * 15)[1]) == 60.0
    assert max(died(*[(0.0, -9)] * 15)[1]) == 5.0


def test_serve_ends_when_a_part_cannot_work_with_the_settings(data_dir, monkeypatch):
    """The part reads the file once more, and it was changed meanwhile."""
    file = data_dir / "jobyard.toml"
    file.write_text("")
    program = (
        "import sys; from pathlib import Path; from app.cli import supervisor, run\n"
        "start = supervisor.Supervisor._start_missing\n"
        "def broken(self):\n"
        f"    Path({str(file)!r}).write_text('nonsense = 1')\n"
        "    start(self)\n"
        "supervisor.Supervisor._start_missing = broken\n"
        "sys.exit(run(sys.argv[1:]))"
    )
    words = ["serve", "--config", str(file), "--data-dir", str(data_dir), "--bind", "127.0.0.1:0"]
    done = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if line.startswith("jobyard:")]
    assert any("nonsense" in line for line in lines)
    assert lines[-1].endswith("cannot work with these settings")
