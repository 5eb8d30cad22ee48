"""Install Debian packages: one transaction, tried three times, as root only."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Sequence

TRIES = 3
PAUSE_S = 5


class AptFailed(Exception):
    """The packages could not be had; the text is one line for the person at the keyboard."""


def install(packages: Sequence[str]) -> None:
    """Install all of `packages` together; raises AptFailed when that cannot be done here."""
    names = " ".join(packages)
    if shutil.which("apt-get") is None:
        raise AptFailed(f"there is no apt-get here; install by hand: {names}")
    if os.geteuid() != 0:
        raise AptFailed(f"not root; run: sudo apt-get install {names}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # Another apt may be running just now: wait for its lock rather than fail.
    apt = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=120"]
    steps = (
        [*apt, "update"],
        [*apt, "install", "-y", "--no-install-recommends", *packages],
    )
    for attempt in range(1, TRIES + 1):
        print(f"apt-get install {names} (try {attempt} of {TRIES})", flush=True)
        done = [
            subprocess.run(
                step,
                check=False,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for step in steps
        ]
        # A failed update alone is harmless when the lists are already there.
        if done[-1].returncode == 0:
            return
        if attempt < TRIES:
            time.sleep(PAUSE_S * attempt)
    last = done[-1].stdout.strip().splitlines()
    raise AptFailed(f"apt-get install {names} failed: {last[-1] if last else 'no output'}")
