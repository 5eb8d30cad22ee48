"""Build the image of `deploy/Containerfile`, run it and let it do a job: `make try-image`.

Needs root, Podman and Debian's mirror, but no registry of images: what the Containerfile begins
FROM is made here by `debootstrap` and bears its name in a private store, which is removed again.
With images already at hand that is not the base they are built on, but the steps are the same.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, TypeVar

import apt
from service_kinds import Podman
from service_process import Failed, free_port, remove_folder, run

T = TypeVar("T")

ROOT = Path(__file__).resolve().parent.parent
BASE = "docker.io/library/python:3.11-slim"  # as the Containerfile says
PACKAGES = "python3,python3-venv,python-is-python3,ca-certificates"
MIRROR = "http://deb.debian.org/debian"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
ANSWER_S = 90
JOB = {"name": "try", "tasks": [{"name": "a", "var": "a", "run": 'id -un > "$TORK_OUTPUT"'}]}
JOB["output"] = "{{ tasks.a }}"


class Engine(Podman):
    """Podman on a private store, with what it takes to make a base image and an init process."""

    packages: ClassVar[dict[str, str]] = {
        **Podman.packages,
        "debootstrap": "debootstrap",
        "catatonit": "catatonit",
    }


def main() -> int:
    """Make the base, build, run, submit, stop; the first thing that fails is named."""
    folder = Path(tempfile.mkdtemp(prefix="jobyard-image-", dir="/tmp"))
    engine = Engine(folder / "podman")
    try:
        if wanted := sorted(engine.missing_packages()):
            apt.install(wanted)
        engine.start()
        step("base image", lambda: make_base(engine, folder / "base"))
        step("build", lambda: build(engine))
        step("run", lambda: check(engine))
    except (Failed, apt.AptFailed) as error:
        print(f"try_image: {error}", file=sys.stderr)
        return 1
    finally:
        engine.stop()
        remove_folder(folder)
    return 0


def step(name: str, work: Callable[[], str]) -> None:
    """Do one step and say what came out of it, and how long it took."""
    began = time.monotonic()
    told = work()
    print(f"{name}: {told} ({time.monotonic() - began:.0f} s)", flush=True)


def make_base(engine: Engine, root: Path) -> str:
    """Make Debian with its Python an image under the name the Containerfile asks for."""
    suite = run(["sh", "-c", ". /etc/os-release && echo $VERSION_CODENAME"]).decode().strip()
    program = str(engine.program("debootstrap"))
    run([program, "--variant=minbase", f"--include={PACKAGES}", suite, str(root), MIRROR])
    shutil.rmtree(root / "var/cache/apt")
    packed = subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE)
    try:
        run(engine.command("import", "-", BASE), env=engine.environment(), stdin=packed.stdout)
    finally:
        packed.communicate()
    return f"{BASE} from {suite}"


def build(engine: Engine) -> str:
    """Build it as the Containerfile's head says; packages come over the machine's network."""
    trust = f"--volume={CERTIFICATES}:{CERTIFICATES}:ro"  # of a proxy, where there is one
    containerfile = f"--file={ROOT / 'deploy/Containerfile'}"
    options = ["--format=docker", "--pull=never", "--network=host", trust, containerfile]
    engine.podman("build", *options, "--tag=jobyard", str(ROOT))
    return engine.podman("run", "--rm", "jobyard", "jobyard", "--version").decode().splitlines()[-1]


def check(engine: Engine) -> str:
    """Start all of it, let it do a job, start it anew on its volume, and stop it orderly."""
    port = free_port()
    options = [f"--publish=127.0.0.1:{port}:8000", "--volume=jobyard:/var/lib/jobyard", "--init"]
    options += ["--env=JOBYARD_ADMIN=admin:of-this-run-alone", "--name=jobyard"]
    options += ["--env=JOBYARD_ALLOW_ANONYMOUS=true"]
    address = f"http://127.0.0.1:{port}"
    engine.podman("run", "--detach", *options, "jobyard")
    wait_for("an answer", lambda: ask(f"{address}/health"))
    engine.podman("healthcheck", "run", "jobyard")
    job = f"{address}/jobs/{ask(f'{address}/jobs', JOB)['id']}"
    done = wait_for("the job's end", lambda: ended(ask(job)))
    if (done["state"], done.get("result")) != ("COMPLETED", "jobyard\n"):
        raise Failed(f"the job ended otherwise: {json.dumps(done)}")
    stop(engine)
    engine.podman("start", "jobyard")
    wait_for("the job after a restart", lambda: ended(ask(job)))
    stop(engine)
    return "healthy, a job done as its user, stopped orderly, started anew with its data"


def stop(engine: Engine) -> None:
    """Stop it as an operator does; it must end by itself, with status 0."""
    engine.podman("stop", "--time=60", "jobyard")
    status = engine.podman("inspect", "--format={{.State.ExitCode}}", "jobyard").decode().strip()
    if status != "0":
        raise Failed(f"it stopped with status {status}")


def ask(url: str, document: dict[str, object] | None = None) -> dict[str, object]:
    """Get a JSON document, or post one; empty while nobody answers."""
    body = None if document is None else json.dumps(document).encode()
    request = urllib.request.Request(  # noqa: S310 - our own address
        url, body, {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
            answer: dict[str, object] = json.load(response)
            return answer
    except (urllib.error.URLError, OSError):
        if document is not None:
            raise Failed(f"{url} did not take the job") from None
        return {}


def ended(job: dict[str, object]) -> dict[str, object]:
    """Give a job that is over, and nothing of one that is not."""
    return job if job.get("state") in ("COMPLETED", "FAILED", "CANCELLED") else {}


def wait_for(what: str, look: Callable[[], T]) -> T:
    """Look until there is something; raises Failed."""
    deadline = time.monotonic() + ANSWER_S
    while not (found := look()):
        if time.monotonic() > deadline:
            raise Failed(f"no {what} within {ANSWER_S} s")
        time.sleep(0.5)
    return found


if __name__ == "__main__":
    sys.exit(main())
