"""Job type `transcode`: cut a video into segments, then encode them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import Schema, fields, validate

from app.hooks import (
    Advance,
    Answer,
    Command,
    Finish,
    JobInterface,
    JobView,
    Json,
    Parsed,
    Step,
    TaskSpec,
    TaskView,
    WorkerView,
    hookimpl,
)

CODECS = ["av1", "h264"]
_PERCENT = re.compile(r"(\d{1,3})\s*%")


class TranscodeSpec(Schema):
    """source: the video. segments: how many pieces are encoded side by side."""

    source = fields.Url(required=True)
    segments = fields.Integer(strict=True, load_default=2, validate=validate.Range(1, 100))
    codec = fields.String(load_default="h264", validate=validate.OneOf(CODECS))


class Transcode(JobInterface):
    """One task cuts, one for each segment encodes, one joins."""

    name = "transcode"
    title = "Transcode a video"
    spec_schema = TranscodeSpec

    def options(self) -> Mapping[str, Any]:
        """Tell which codecs there are."""
        return {"codec": CODECS}

    def task_count(self, spec: Json) -> int:
        """Count the three steps."""
        return 3

    def plan(self, job: JobView) -> Answer:
        """Give all tasks at once; `after` keeps their order."""
        encodes = [
            TaskSpec(
                name=f"encode-{number}",
                queue="gpu",
                position=2,
                payload={"step": "encode", "codec": job.spec["codec"], "number": number},
                after=("cut",),
                max_attempts=3,
            )
            for number in range(job.spec["segments"])
        ]
        return [
            TaskSpec(name="cut", position=1, payload={"step": "cut", **job.spec}),
            *encodes,
            TaskSpec(
                name="join",
                position=3,
                payload={"step": "join"},
                after=tuple(task.name for task in encodes),
            ),
        ]

    def advance(self, job: JobView, task: TaskView) -> Answer:
        """Tell where the job is, and give the joined file as its result."""
        if task.state == "FAILED":
            return None  # the engine fails the job
        if task.name == "join":
            return Advance(end=Finish(task.result), progress=100, position=4)
        done = job.tasks_total - job.tasks_open
        return Advance(position=task.position, progress=100 * done / job.tasks_total)

    def bind(self, task: TaskView, worker: WorkerView) -> Command:
        """Give the command of one step."""
        env = {key.upper(): str(value) for key, value in task.payload.items()}
        program = "encoder.exe" if worker.system == "Windows" else "encoder"
        return Command(runtime="shell", main=Step(run=f"{program} $STEP", env=env))

    def parse(self, task: TaskView, lines: Sequence[str], state: Json) -> Parsed | None:
        """Read `42 %` from the encoder's output."""
        shown = [match for line in lines if (match := _PERCENT.search(line))]
        if not shown:
            return None
        return Parsed(progress=min(float(shown[-1][1]), 100.0))


@hookimpl
def job_interfaces() -> list[JobInterface]:
    """Give the one job type of this package."""
    return [Transcode()]
