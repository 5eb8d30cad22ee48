"""How many jobs of a group there are to be: which to start and which to stop; pure rules."""

from collections.abc import Sequence
from dataclasses import dataclass

HEADROOM = 3


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done. stop: ids of jobs, the newest first."""

    start: int = 0
    stop: tuple[str, ...] = ()


def decide(
    jobs: Sequence[tuple[str, bool]], *, least: int, most: int, headroom: int = HEADROOM
) -> Decision:
    """Decide for the open jobs of a group: id and whether it runs, the newest first.

    least: so many are to be open, the missing ones are started. most: once so many run, every older
    job is stopped; 0 is no limit. Newer ones that do not run yet do not count, but of those that do
    not run only the newest stay: as many as may still begin, and `headroom` more.
    """
    if len(jobs) < least:
        return Decision(start=least - len(jobs))
    if most <= 0:
        return Decision()
    running = 0
    stop: list[str] = []
    waiting: list[str] = []
    for job_id, runs in jobs:
        if running >= most:
            stop.append(job_id)
        elif runs:
            running += 1
        else:
            waiting.append(job_id)
    stop += waiting[most - running + headroom :]
    order = {job_id: place for place, (job_id, _) in enumerate(jobs)}
    return Decision(stop=tuple(sorted(stop, key=order.__getitem__)))
