"""`python -m jobyard_farm_worker`, and the start of the one-file archive."""

import sys

from .command import main


def run() -> None:
    """Run the command that the process was started with."""
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
