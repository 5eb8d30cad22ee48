"""Commands for the container runtime's tests."""

import os

from app.domain.clock import SECOND
from app.hooks.types import Command, Step
from app.worker.runtimes.base import Workspace
from tests.containers import beside, containers

IMAGE = "ubuntu:mantic"
SEAT = f"test-{os.getpid()}"


class FixedClock:
    def __init__(self):
        self.at = 1_000_000 * SECOND

    def now(self):
        return self.at


def left_of(client, seat):
    label = f"jobyard.seat={seat}"
    return [*containers(client, label), *beside(client, label)]


def run(runtime, watch, script=None, /, **kwargs):
    steps = ("env", "files", "workdir", "cmd", "entrypoint", "image")
    main = {key: kwargs.pop(key) for key in steps if key in kwargs}
    main.setdefault("image", IMAGE)
    command = Command(
        runtime="container",
        main=Step(name="Main One", run=script, **main),
        output_env="OUT",
        progress_env="PROGRESS",
        script_dir="/yard",
        **kwargs,
    )
    return runtime.run(command, Workspace("c1", 2, "attempt-9"), watch)
