"""Start the real services of the tests, run one command beside them, stop them all.

    services.py run [--in-memory] -- COMMAND...

Missing Debian packages are installed first (as root, in one transaction). Every service runs
from a private directory, on private ports, and the command finds its address in
JOBYARD_TEST_POSTGRES, JOBYARD_TEST_REDIS and JOBYARD_TEST_DOCKER. Programs that tests call are
kept like services: JOBYARD_TEST_BLENDER, JOBYARD_TEST_FFMPEG and JOBYARD_TEST_CHROMIUM are their
paths. What cannot be had leaves its variable unset, is named, and makes the exit status non-zero
even if the command succeeds. JOBYARD_TEST_WITHOUT=redis,podman leaves services out by intent.
With --in-memory that directory is in memory where there is room: tests want a fast database,
benchmarks an honest one.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import apt
from service_kinds import KINDS, Failed, Service
from service_process import FORWARDED, child_setup, remove_folder

# si_code of a signal that the terminal sent: the command, in the same group, has it already.
SI_KERNEL = 0x80
# Short paths, as Unix sockets need them. Memory is taken only where there is so much of it.
DISK, MEMORY, MEMORY_BYTES = Path("/tmp"), Path("/dev/shm"), 4 << 30  # noqa: S108 - mkdtemp is used


def main(arguments: list[str]) -> int:
    """Dispatch the forms; `sweep` is started by `run` only."""
    match arguments:
        case ["run", "--", command, *rest]:
            return run([command, *rest], DISK)
        case ["run", "--in-memory", "--", command, *rest]:
            return run([command, *rest], memory())
        case ["sweep", folder]:
            return sweep(Path(folder))
    print(__doc__, file=sys.stderr)
    return 2


def memory() -> Path:
    """Return a folder in memory with room for the services, or else one on disk."""
    try:
        found = os.statvfs(MEMORY)
    except OSError:
        return DISK
    fit = not found.f_flag & os.ST_NOEXEC and os.access(MEMORY, os.W_OK)
    return MEMORY if fit and found.f_bavail * found.f_frsize >= MEMORY_BYTES else DISK


def run(command: list[str], place: Path) -> int:
    """Run `command` beside the services, which keep their files in a folder in `place`.

    Returns its status, or 1 if a service is missing.
    """
    without = {name for name in os.environ.get("JOBYARD_TEST_WITHOUT", "").split(",") if name}
    unknown = without - {kind.name for kind in KINDS}
    if unknown:
        print(f"JOBYARD_TEST_WITHOUT names no service: {', '.join(sorted(unknown))}")
        return 2
    # Signals stay pending from here on and are taken one by one in `wait`.
    signal.pthread_sigmask(signal.SIG_BLOCK, {*FORWARDED, signal.SIGCHLD})
    folder = Path(tempfile.mkdtemp(prefix="jobyard-test-", dir=place))
    folder.chmod(0o711)  # the user postgres has to reach its own folder
    sweeper = start_sweeper(folder)
    started: list[Service] = []
    missing: dict[str, str] = {}
    try:
        kinds = [kind for kind in KINDS if kind.name not in without]
        wanted = sorted({package for kind in kinds for package in kind.missing_packages()})
        if wanted:
            try:
                apt.install(wanted)
            except apt.AptFailed as error:
                print(f"services: {error}", flush=True)
        environment = dict(os.environ)
        for kind in KINDS:
            environment.pop(kind.variable, None)
        for kind in kinds:
            began = time.monotonic()
            service = kind(folder / kind.name)
            started.append(service)
            try:
                environment[kind.variable] = service.start()
            except Failed as error:
                missing[kind.name] = str(error)
                print(f"services: NO {kind.name}: {error}", flush=True)
                continue
            took_s = time.monotonic() - began
            print(f"services: {kind.name} at {environment[kind.variable]} ({took_s:.1f} s)")
        if without:
            print(f"services: LEFT OUT by JOBYARD_TEST_WITHOUT: {', '.join(sorted(without))}")
        sys.stdout.flush()
        status = 130 if interrupted() else wait(command, environment)
    finally:
        for service in reversed(started):
            service.stop()
        remove_folder(folder)
        sweeper.communicate()
    for name, reason in missing.items():
        print(f"services: FAILED, {name} could not be had: {reason}")
    return status or bool(missing)


def interrupted() -> bool:
    """Tell whether somebody asked to stop while the services were starting."""
    return bool(signal.sigpending() & FORWARDED)


def wait(command: list[str], environment: dict[str, str]) -> int:
    """Run the command to its end, passing signals on; returns its status as a shell would."""
    process = subprocess.Popen(
        command,
        env=environment,
        preexec_fn=child_setup(signal.SIGTERM),  # noqa: PLW1509 - there are no threads
    )
    while process.poll() is None:
        # The time limit covers a SIGCHLD that was merged with another child's.
        info = signal.sigtimedwait({*FORWARDED, signal.SIGCHLD}, 1)
        if info and info.si_signo in FORWARDED and info.si_code != SI_KERNEL:
            process.send_signal(info.si_signo)
    code = process.returncode
    return 128 - code if code < 0 else code


def start_sweeper(folder: Path) -> subprocess.Popen[bytes]:
    """Start the process that cleans up should this one be killed outright.

    It waits for the end of its standard input, which the kernel closes whatever happens to us.
    """
    return subprocess.Popen(
        [sys.executable, __file__, "sweep", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )


def sweep(folder: Path) -> int:
    """Wait until the starter is gone; end what it left in `folder` and remove that."""
    sys.stdin.buffer.read()
    if folder.exists():
        for kind in KINDS:
            kind(folder / kind.name).sweep()
        remove_folder(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
