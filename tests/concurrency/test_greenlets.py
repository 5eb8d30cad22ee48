"""The same code under gevent, as in the web processes and the worker daemon."""

import os
import subprocess
import sys
from pathlib import Path


def test_overlapping_transactions_of_greenlets_do_not_hang(database_url):
    here = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, str(here / "greenlets.py"), database_url],
        cwd=here.parents[1],
        env={**os.environ, "PYTHONPATH": str(here.parents[1])},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr
