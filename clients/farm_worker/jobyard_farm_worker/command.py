"""The command line: `jobyard-farm-worker`, which the one-file archive is as well."""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from .options import Options, default_hostname
from .seat import Taken
from .worker import Worker


def parser() -> argparse.ArgumentParser:
    """Make the parser of the arguments."""
    made = argparse.ArgumentParser(
        prog="jobyard-farm-worker",
        description="Render what a manager hands out. SIGTERM ends it, SIGUSR1 makes it busy"
        " or available again.",
    )
    made.add_argument("--manager", required=True, help="address, such as http://farm:8000")
    made.add_argument("--folder", type=Path, help="for files (else one in the temporary folder)")
    made.add_argument(
        "--hostname", default=default_hostname(), help="what it is called (%(default)s)"
    )
    made.add_argument(
        "--port",
        type=int,
        default=5000,
        help="tells workers of one machine apart, nothing listens there (%(default)s)",
    )
    made.add_argument("--token", help="where the manager asks for one")
    made.add_argument(
        "--poll", type=float, default=5.0, metavar="SECONDS", help="between questions (%(default)s)"
    )
    made.add_argument("--once", action="store_true", help="end when there is nothing to do")
    return made


def main(arguments: Sequence[str]) -> int:
    """Run a worker until it is told to end; gives the exit status."""
    given = parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s"
    )
    options = Options(
        manager=given.manager,
        folder=given.folder,
        hostname=given.hostname,
        port=given.port,
        token=given.token,
        poll_s=given.poll,
        once=given.once,
    )
    return serve(options)


def serve(options: Options) -> int:
    """Run a worker with these options; gives the exit status."""
    try:
        worker = Worker(options)
        worker.listen()
        worker.run()
    except (ValueError, OSError, Taken) as fault:
        sys.stderr.write(f"jobyard-farm-worker: {fault}\n")
        return 1
    return 0
