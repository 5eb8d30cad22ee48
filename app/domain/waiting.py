"""Waiting lists: records of places and pools, and how long a wait may be."""

from dataclasses import dataclass
from typing import Literal

from app.domain.clock import Instant

Turn = Literal["front", "up", "down"]
"""Where in a waiting list a job is moved: before all who wait, or past one neighbour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingEntry:
    """A job's place in the waiting list of a pool; positions are 0, 1, … without gaps."""

    pool: str
    job_id: str
    position: int
    joined_at: Instant
    admitted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A limited number of slots, and who wants them.

    held: jobs that have one. starting: those of them whose start is under way. waiting: the rest.
    """

    name: str
    max_running: int
    waiting: int = 0
    starting: int = 0
    held: int = 0

    def eta_s(self, position: int, stay_s: float | None) -> float | None:
        """Guess how long somebody who waits has to wait; None where there is nothing to go by.

        stay_s: the mean time that jobs of the pool held their slots.
        """
        if stay_s is None or position < self.starting or self.max_running < 1:
            return None
        # One place becomes free in each share of a stay, and those ahead take theirs first.
        return stay_s / self.max_running * max(1, position + 1 - self.starting)
