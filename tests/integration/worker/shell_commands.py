"""Commands for the shell runtime's tests."""

import textwrap
from pathlib import Path

from app.hooks.types import Command, Step
from app.worker.runtimes.base import Workspace

SLIPPERY = """
    pid={file}
    env -i /usr/bin/setsid /bin/sh -c '
        trap "" TERM; exec >/dev/null 2>&1; cd /; echo $$ > '"$pid"'; while :; do sleep 1; done' &
    while ! test -s $pid; do sleep 0.02; done
"""


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
