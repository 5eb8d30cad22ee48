"""What process control promises, on whatever system this runs."""

import os
import sys

import psutil
import pytest

from clients.farm_worker.jobyard_farm_worker.processes import PosixProgram, WindowsProgram, start
from tests.yard import alive, eventually

CHILD = "import time; time.sleep(600)"
FAMILY = (
    "import subprocess, sys, time\n"
    f"child = subprocess.Popen([sys.executable, '-c', {CHILD!r}])\n"
    "print(child.pid, flush=True)\n"
    "{then}"
)
STUBBORN = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"


class TestProgram:
    """The contract of PosixProgram and WindowsProgram."""

    @pytest.fixture
    def output(self, tmp_path):
        return tmp_path / "log"

    @pytest.fixture
    def run(self, tmp_path, output):
        started = []

        def run(script, *words):
            given = [sys.executable, "-c", script, *words]
            started.append(start(given, folder=tmp_path, env=dict(os.environ), output=output))
            return started[-1]

        yield run
        for program in started:
            program.kill()
            program.wait(90)

    def child(self, output):
        """Give the process whose id the program printed."""
        return psutil.Process(int(eventually(lambda: output.exists() and output.read_text(), "id")))

    def gone(self, process):
        return not alive(process)

    def test_exit_code_is_given(self, run):
        assert run("raise SystemExit(3)").wait(90) == 3

    def test_none_is_given_while_it_runs(self, run):
        assert run(CHILD).wait(0.01) is None

    def test_both_kinds_of_output_go_to_the_file_and_nothing_is_overwritten(self, run, output):
        output.write_text("before ")
        script = "import sys; print('a', flush=True); print('b', file=sys.stderr)"
        run(script).wait(90)
        assert output.read_text().split() == ["before", "a", "b"]

    def test_words_reach_it_verbatim(self, run, output):
        words = ["a b", "$HOME", "%PATH%", "", "ü", '"', "*"]
        run("import sys; print(ascii(sys.argv[1:]))", *words).wait(90)
        assert output.read_text().strip() == ascii(words)

    def test_nothing_comes_from_standard_input(self, run):
        assert run("import sys; raise SystemExit(len(sys.stdin.read()))").wait(90) == 0

    def test_stop_ends_it_and_what_it_started(self, run, output):
        program = run(FAMILY.format(then="time.sleep(600)"))
        child = self.child(output)
        program.stop(90)
        assert program.wait(0) is not None
        eventually(lambda: self.gone(child), "the end of the child")

    def test_stop_does_not_wait_for_one_that_will_not_end(self, run, output):
        program = run(f"{STUBBORN}print('0', flush=True)\ntime.sleep(600)")
        eventually(lambda: output.exists() and output.read_text(), "a sign of life")
        program.stop(0.1)
        assert program.wait(0) is not None

    def test_kill_ends_what_a_program_left_behind(self, run, output):
        program = run(FAMILY.format(then=""))
        assert program.wait(90) == 0
        child = self.child(output)
        program.kill()
        eventually(lambda: self.gone(child), "the end of the child")

    def test_one_that_ended_by_itself_was_not_killed(self, run):
        program = run("raise SystemExit(1)")
        program.wait(90)
        program.kill()
        assert not program.killed

    def test_ending_what_is_over_does_nothing(self, run):
        program = run("")
        program.wait(90)
        program.ask()
        program.kill()
        program.stop(0)

    def test_one_that_cannot_start_raises(self, tmp_path, output):
        with pytest.raises(OSError, match="no-such-program"):
            start(["no-such-program"], folder=tmp_path, env={}, output=output)

    def test_a_kill_from_outside_is_told(self, run):
        program = run("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
        program.wait(90)
        assert program.killed


@pytest.mark.parametrize("kind", [PosixProgram, WindowsProgram])
def test_each_class_has_all_that_is_asked_for(kind):
    assert kind.__abstractmethods__ == frozenset()
