"""What `jobyard serve` takes while nobody asks anything of it: CPU and memory of its processes.

Memory is the proportional set size: what processes share is counted once, by shares.
"""

import time

import psutil

from bench._harness import report
from bench._server import folder, serve

SETTLE_S = 3.0
LOOK_S = 8.0


def family() -> list[psutil.Process]:
    """Give the processes of the one server that this driver has started."""
    return psutil.Process().children(recursive=True)


def used_s(processes: list[psutil.Process]) -> float:
    """Give the CPU seconds they have used, children they have ended included."""
    times = [process.cpu_times() for process in processes]
    return sum(t.user + t.system + t.children_user + t.children_system for t in times)


def main() -> None:
    """Start everything, let it come to rest, and look on."""
    with folder() as place:
        begun = time.perf_counter()
        with serve(place):
            answers_s = time.perf_counter() - begun
            time.sleep(SETTLE_S)
            processes = family()
            before = used_s(processes)
            time.sleep(LOOK_S)
            report(
                "idle",
                answers_s=answers_s,
                processes=len(processes),
                cpu_percent=(used_s(processes) - before) / LOOK_S * 100,
                pss_mb=sum(process.memory_full_info().pss for process in processes) / 2**20,
            )


if __name__ == "__main__":
    main()
