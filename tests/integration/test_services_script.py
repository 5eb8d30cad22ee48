"""scripts/services.py itself: what it hands on, what it says, and that nothing outlives it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.yard import alive

SCRIPT = Path(__file__).parents[2] / "scripts" / "services.py"
DEADLINE_S = 60
# The command: tell where Redis is, then stay until told to go. It waits for signals rather than
# for input, because one that came just before such a call began would be noticed only after it.
STAY = """\
import os, signal
ends = {signal.SIGINT, signal.SIGTERM}
signal.pthread_sigmask(signal.SIG_BLOCK, ends)
print("ready", os.environ["JOBYARD_TEST_REDIS"], flush=True)
number = signal.sigwait(ends)
signal.signal(number, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_UNBLOCK, ends)
os.kill(os.getpid(), number)
"""


def start(*command, without="postgres,podman,blender,ffmpeg,chromium", setup=None, **variables):
    """Start the script beside nothing but Redis, or less. setup: what it does before it begins."""
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), "run", "--", *command],
        env={**os.environ, "JOBYARD_TEST_WITHOUT": without, **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=setup,  # noqa: PLW1509 - it changes a signal and nothing else
    )


def gone(family):
    """Tell whether all have ended, within the deadline; an unreaped orphan has ended too."""
    _, left = psutil.wait_procs(family, DEADLINE_S)
    return not any(map(alive, left))


def in_background():
    """Ignore what shells let the jobs ignore that they start with `&`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGQUIT, signal.SIG_IGN)


@pytest.fixture
def staying(request):
    """Yield (process, its family, its folder) once the command runs beside Redis.

    Its parameter, where there is one, is what the script does before it begins.
    """
    process = start(sys.executable, "-c", STAY, setup=getattr(request, "param", None))
    lines = []
    while not lines or not lines[-1].startswith("ready"):
        lines.append(process.stdout.readline())
        assert lines[-1], lines
    family = psutil.Process(process.pid).children(recursive=True)
    server = next(member for member in family if member.name().startswith("redis"))
    yield process, family, Path(server.cwd()).parent
    if process.poll() is None:
        process.kill()
    process.communicate()
    assert gone(family)


@pytest.mark.redis
def test_killed_outright_it_takes_everything_along(staying):
    process, family, folder = staying
    assert folder.is_dir()
    process.kill()
    process.wait()
    assert gone(family)
    assert not folder.exists()


@pytest.mark.redis
@pytest.mark.parametrize("staying", [None, in_background], indirect=True)
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_is_passed_on_and_everything_stops(staying, name):
    process, family, folder = staying
    process.send_signal(getattr(signal, name))
    assert process.wait(DEADLINE_S) == {"SIGTERM": 128 + 15, "SIGINT": 128 + 2}[name]
    assert gone(family)
    assert not folder.exists()


def test_status_of_the_command_is_handed_on():
    process = start("sh", "-c", "exit 7", without="postgres,redis,podman,blender,ffmpeg,chromium")
    said, _ = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 7
    assert (
        "LEFT OUT by JOBYARD_TEST_WITHOUT: blender, chromium, ffmpeg, podman, postgres, redis"
        in said
    )


@pytest.mark.ffmpeg
def test_a_program_is_handed_on_as_its_path():
    tell = 'import os; print("at", os.environ["JOBYARD_TEST_FFMPEG"])'
    process = start(sys.executable, "-c", tell, without="postgres,redis,podman,blender,chromium")
    said, _ = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0
    assert Path(said.splitlines()[-1].removeprefix("at ")).name == "ffmpeg"


def test_a_misspelt_waiver_is_refused():
    process = start("true", without="podmann")
    said, _ = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 2
    assert "podmann" in said


def test_a_service_that_cannot_be_had_is_named_and_fails_the_run(tmp_path):
    # Nothing is on such a path: neither the server nor apt-get to fetch it with.
    process = start(sys.executable, "-c", "", PATH=str(tmp_path))
    said, _ = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 1
    assert said.splitlines()[-1].startswith("services: FAILED, redis could not be had: ")
