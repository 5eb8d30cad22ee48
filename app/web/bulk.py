"""Doing the same to many jobs: one after the other, each with its own outcome."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from app.api.jobyard.service import jobs
from app.domain.errors import EngineError, IllegalMove, JobNotFound
from app.domain.states import FINAL_JOB, JobState
from app.web.filters import as_args
from app.wiring import Services

MOST = 1000
"""Jobs that one click changes."""
AT_ONCE_S = 20.0
"""How long one click may take; what is not done by then is left."""
PAGE = 500


@dataclass(frozen=True, slots=True)
class Action:
    """Something to do to jobs. past: what has been done. states: of those it can be done to."""

    name: str
    past: str
    do: Callable[[Services, str], object]
    states: tuple[JobState, ...]


ACTIONS: Mapping[str, Action] = {
    action.name: action
    for action in (
        Action(
            "cancel",
            "Cancelled",
            jobs.cancel,
            tuple(state for state in JobState if state not in FINAL_JOB),
        ),
        Action("restart", "Restarted", jobs.restart, (JobState.FAILED, JobState.CANCELLED)),
        Action("delete", "Deleted", jobs.delete, tuple(sorted(FINAL_JOB))),
    )
}


@dataclass(slots=True)
class Outcome:
    """What became of it. refused: how many, by the reason. left: not tried any more."""

    done: list[str] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    left: int = 0

    def sentences(self, action: Action) -> list[str]:
        """Tell it."""
        told = [f"{action.past} {_jobs(len(self.done))}."]
        told += [f"Refused {_jobs(count)}: {why}." for why, count in self.refused.most_common(5)]
        if self.left:
            told.append(f"{_jobs(self.left).capitalize()} or more are left; do it again for these.")
        return told


def matching(
    services: Services, action: Action, wanted: Mapping[str, str]
) -> tuple[list[str], bool]:
    """Give the newest jobs that a list shows and that this can be done to, and whether that is all.

    Raises BadRequest.
    """
    asked = [state for state in wanted.get("state", "").split(",") if state]
    states = [state for state in action.states if not asked or state in asked]
    if not states:
        return [], True
    args = as_args({**wanted, "state": ",".join(states), "size": str(PAGE)})
    found: list[str] = []
    while len(found) < MOST:
        page = jobs.find(services, args)
        found += [job["id"] for job in page["items"]]
        if page["next"] is None:
            return found, True
        args["after"] = page["next"]
    return found[:MOST], False


def done(services: Services, action: Action, job_ids: Sequence[str]) -> Outcome:
    """Do it to each; a job that refuses keeps no other from it."""
    outcome = Outcome()
    until = time.monotonic() + AT_ONCE_S
    for place, job_id in enumerate(job_ids):
        if time.monotonic() > until:
            outcome.left = len(job_ids) - place
            break
        try:
            action.do(services, job_id)
        except IllegalMove as error:
            outcome.refused[f"it is {str(error.facts.get('current', error)).lower()}"] += 1
        except JobNotFound:
            outcome.refused["it has been deleted"] += 1
        except EngineError as error:
            outcome.refused[str(error)] += 1
        else:
            outcome.done.append(job_id)
        # Under gevent nothing above lets others of this process run.
        time.sleep(0)
    return outcome


def _jobs(count: int) -> str:
    return f"{count:,} job" if count == 1 else f"{count:,} jobs"
