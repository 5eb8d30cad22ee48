"""Job type `stage`: stages of workers that run side by side and are replaced when they fail.

A task is a worker. Its position is the worker's number in the job, which counts every worker there
ever was; its name says stage and index, the place that a replacement takes over. Workers of stage 0
only hold a place: they are composites that hold nothing, and take no slot of any machine.

What is remembered: `next`, the next free number; `places`, the present number by stage and index;
`over`, those of them that ended well; `failures`, when workers failed; `history` by place, for the
wait before the next replacement.
"""

import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from marshmallow import Schema, fields, validate

from app.hooks import (
    Advance,
    Answer,
    Command,
    Fail,
    Finish,
    JobInterface,
    JobView,
    Json,
    Step,
    TaskClose,
    TaskSpec,
    TaskView,
    WorkerView,
    hookimpl,
    no_nul,
)
from plugins.stage.replacing import delay_s, recent

MOST_WORKERS = 1500
RESUBMITTED = "resubmitted"
TOO_MANY = "too many workers failed"
_SINE = "sine.py"
_SOURCE = Path(__file__).with_name(_SINE).read_text("utf-8")
_ODD = re.compile(r"[^A-Z0-9]")


class ParameterSpec(Schema):
    """What a job was given. value: its workers find it in MANTIS_PARAM_<NAME>."""

    name = fields.String(required=True, validate=no_nul)
    value = fields.String(required=True, validate=no_nul)


class StageSpec(Schema):
    """What a job of stages needs.

    stages: how many workers, by number of the stage. command: what each runs, in place of the sine
    source. artifact, cluster, status_uri: told the workers. outside: whether workers count as
    started only once somebody says so. max_failures: so many in an hour fail no job.
    """

    stages = fields.Dict(
        keys=fields.String(validate=validate.Regexp(re.compile(r"(0|[1-9][0-9]{0,5})\Z"))),
        values=fields.Integer(strict=True, validate=validate.Range(1, MOST_WORKERS)),
        required=True,
        validate=validate.Length(min=1),
    )
    command = fields.String(load_default=None, allow_none=True, validate=no_nul)
    artifact = fields.String(load_default="", validate=no_nul)
    cluster = fields.String(load_default="", validate=no_nul)
    job = fields.String(load_default="", validate=no_nul)
    status_uri = fields.String(load_default="", validate=no_nul)
    parameters = fields.List(fields.Nested(ParameterSpec), load_default=list)
    outside = fields.Boolean(load_default=False)
    lease_s = fields.Float(load_default=90.0, validate=validate.Range(1, 1e9))
    max_failures = fields.Integer(strict=True, load_default=100, validate=validate.Range(min=0))


class Stage(JobInterface):
    """Workers in stages."""

    name = "stage"
    title = "Stages of workers"
    spec_schema = StageSpec

    def plan(self, job: JobView) -> Answer:
        """Give all workers, stage after stage."""
        number = int(job.state.get("next", 1))
        tasks: list[TaskSpec] = []
        places: dict[str, list[int]] = {}
        for stage in sorted(job.spec["stages"], key=int):
            count = _size(job, stage)
            places[stage] = list(range(number, number + count))
            tasks += [_worker(job, int(stage), index, number + index) for index in range(count)]
            number += count
        state = {"next": number, "places": places, "over": [], "failures": [], "history": {}}
        return Advance(tasks=tasks, state=state)

    def advance(self, job: JobView, task: TaskView) -> Answer:
        """Replace a worker that failed; end the job with the last one that ended well."""
        if task.state != "FAILED":
            state = {**job.state, "over": [*job.state["over"], task.position]}
            return Advance(state=state, end=_finished(state))
        failures = recent(job.state["failures"], job.at)
        if len(failures) >= job.spec["max_failures"]:
            return Fail(f"{TOO_MANY}: {task.error or 'no reason is known'}")
        stage, index = task.payload["stage"], task.payload["index"]
        key = f"{stage}/{index}"
        wait_s, history = delay_s(job.state["history"].get(key), job.at)
        state = {
            **job.state,
            "failures": [*failures, job.at],
            "history": {**job.state["history"], key: history},
        }
        return _replaced(job, state, task.position, task.payload, delay=wait_s)

    def change(self, job: JobView, wish: Json) -> Answer:
        """Do `resubmit`, the number of a worker, or `stage` with `workers`, how many it is to have.

        payload: that of the worker to be replaced.
        """
        if "resubmit" in wish:
            number = wish["resubmit"]
            stage, index = _place(job, number)
            if number in job.state["over"]:
                raise ValueError(f"worker {number} is over")
            payload = {**wish.get("payload", {}), "stage": stage, "index": index}
            answer = _replaced(job, job.state, number, payload)
            closes = [TaskClose(position=number, error=wish.get("reason") or RESUBMITTED)]
            return Advance(tasks=answer.tasks, state=answer.state, closes=closes)
        return self._scaled(job, str(wish["stage"]), int(wish["workers"]))

    def _scaled(self, job: JobView, stage: str, wanted: int) -> Answer:
        numbers = job.state["places"].get(stage)
        if numbers is None or stage == "0":
            raise ValueError(f"the job has no stage {stage} that can be scaled")
        if not 1 <= wanted <= MOST_WORKERS:
            raise ValueError(f"a stage has 1 to {MOST_WORKERS} workers")
        over = job.state["over"]
        gone = numbers[wanted:]
        first = job.state["next"]
        born = list(range(first, first + wanted - len(numbers)))
        state = {
            **job.state,
            "next": first + len(born),
            "places": {**job.state["places"], stage: [*numbers[:wanted], *born]},
            "over": [number for number in over if number not in gone],
        }
        tasks = [
            _worker(job, int(stage), len(numbers) + place, number)
            for place, number in enumerate(born)
        ]
        closes = [TaskClose(position=number) for number in gone if number not in over]
        return Advance(tasks=tasks, state=state, closes=closes, end=_finished(state))

    def bind(self, task: TaskView, worker: WorkerView) -> Command:
        """Give the command of the job, or the sine source."""
        del worker
        spec, place = task.spec, task.payload
        env = {
            "MANTIS_JOB_ID": spec["job"],
            "MANTIS_JOB_NAME": spec["cluster"],
            "MANTIS_STAGE": str(place["stage"]),
            "MANTIS_WORKER_INDEX": str(place["index"]),
            "MANTIS_WORKER_NUMBER": str(task.position),
            "MANTIS_ARTIFACT_URL": spec["artifact"],
            "MANTIS_STATUS_URI": spec["status_uri"],
        }
        for one in spec["parameters"]:
            env["MANTIS_PARAM_" + _ODD.sub("_", one["name"].upper())] = one["value"]
        command = spec["command"]
        sine = f"exec {shlex.quote(sys.executable)} -E -s -S -u {_SINE}\n"
        return Command(
            runtime="shell",
            main=Step(
                name=task.name,
                run=f"#!/bin/sh\n{sine if command is None else command}",
                env=env,
                files={_SINE: _SOURCE} if command is None else {},
            ),
            kill_after_s=3.0,
            ready_at_start=not spec["outside"],
            sink=True,
        )


def _size(job: JobView, stage: str) -> int:
    """Give how many workers a stage begins with: after a restart as many as it had."""
    places = job.state.get("places", {}).get(stage)
    return int(job.spec["stages"][stage]) if places is None else len(places)


def _worker(
    job: JobView,
    stage: int,
    index: int,
    number: int,
    *,
    delay: float = 0.0,
    replaces: int = 0,
    times: int = 0,
) -> TaskSpec:
    payload = {"stage": stage, "index": index, "replaces": replaces, "times": times}
    if stage == 0:
        return TaskSpec(name=f"{stage}/{index}", kind="composite", position=number, payload=payload)
    return TaskSpec(
        name=f"{stage}/{index}",
        position=number,
        payload=payload,
        service=True,
        max_losses=0,
        delay_s=delay,
        lease_s=job.spec["lease_s"],
    )


def _replaced(
    job: JobView, state: Json, number: int, payload: Mapping[str, Any], *, delay: float = 0.0
) -> Advance:
    stage, index, fresh = payload["stage"], payload["index"], state["next"]
    numbers = [fresh if one == number else one for one in state["places"][str(stage)]]
    task = _worker(
        job,
        stage,
        index,
        fresh,
        delay=delay,
        replaces=number,
        times=int(payload.get("times", 0)) + 1,
    )
    places = {**state["places"], str(stage): numbers}
    return Advance(tasks=[task], state={**state, "next": fresh + 1, "places": places})


def _place(job: JobView, number: int) -> tuple[int, int]:
    for stage, numbers in job.state["places"].items():
        if number in numbers:
            return int(stage), numbers.index(number)
    raise ValueError(f"{number} is no worker of the job at present")


def _finished(state: Json) -> Finish | None:
    """Tell whether all workers but those that only hold a place ended well."""
    over = set(state["over"])
    rest = (
        number
        for stage, numbers in state["places"].items()
        if stage != "0"
        for number in numbers
        if number not in over
    )
    return Finish() if next(rest, None) is None else None


@hookimpl
def job_interfaces() -> list[JobInterface]:
    """Give the one job type of this package."""
    return [Stage()]
