"""Job type `container`: one container, run by the engine of a worker."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from app.hooks import (
    Answer,
    Command,
    JobInterface,
    JobView,
    Limits,
    Mount,
    Step,
    TaskView,
    WorkerView,
    WorkSchema,
    hookimpl,
    work,
)

#: Least memory a container engine takes, in bytes.
LEAST_MEMORY_BYTES = 6 * 1024 * 1024


class MountSpec(Schema):
    """One thing mounted. type: `volume` (fresh, gone afterwards), `bind` (of the host), `tmpfs`."""

    type = fields.String(required=True, validate=validate.OneOf(["volume", "bind", "tmpfs"]))
    source = fields.String(load_default="")
    target = fields.String(required=True, validate=validate.Length(min=1))
    opts = fields.Dict(keys=fields.String(), values=fields.String(), load_default=dict)

    @validates_schema
    def _check_source(self, data: Mapping[str, Any], **_kwargs: Any) -> None:
        if (data["type"] == "bind") != bool(data["source"]):
            raise ValidationError("Goes with the type `bind`, and with it alone.", "source")


class LimitsSpec(Schema):
    """cpus: a number of cores, such as 0.5. memory_bytes: more than that ends the container."""

    cpus = fields.Float(
        load_default=None, allow_none=True, validate=validate.Range(0, min_inclusive=False)
    )
    memory_bytes = fields.Integer(
        strict=True,
        load_default=None,
        allow_none=True,
        validate=validate.Range(min=LEAST_MEMORY_BYTES, max=2**62),
    )


class RegistrySpec(Schema):
    """Who pulls the image."""

    username = fields.String(required=True)
    password = fields.String(required=True, metadata={"secret": True})


class ContainerSpec(WorkSchema):
    """What a container job needs.

    run: a script instead of the image's own command; cmd and entrypoint: their words, which win.
    networks: of the engine, to be joined. gpus: as the engine's own option has it, such as `all`.
    """

    image = fields.String(required=True, validate=validate.Length(min=1, max=512))
    run = fields.String(load_default=None, allow_none=True)
    cmd = fields.List(fields.String(), load_default=list)
    entrypoint = fields.List(fields.String(), load_default=list)
    workdir = fields.String(
        load_default=None, allow_none=True, validate=validate.Length(min=1, max=256)
    )
    mounts = fields.List(fields.Nested(MountSpec), load_default=list)
    networks = fields.List(fields.String(validate=validate.Length(min=1)), load_default=list)
    limits = fields.Nested(LimitsSpec, load_default=lambda: LimitsSpec().load({}))
    gpus = fields.String(load_default="")
    registry = fields.Nested(RegistrySpec, load_default=None, allow_none=True)


class Container(JobInterface):
    """A container that is removed, with its volumes, however it ends."""

    name = "container"
    title = "Container"
    spec_schema = ContainerSpec

    def plan(self, job: JobView) -> Answer:
        """Give the one task, again and whole after a restart."""
        return [work(job)]

    def bind(self, task: TaskView, worker: WorkerView) -> Command:
        """Give the container as it was asked for: it is the same on every worker."""
        del worker
        spec = task.payload
        registry = spec["registry"]
        return Command(
            runtime="container",
            main=Step(
                name=task.name,
                run=spec["run"],
                image=spec["image"],
                cmd=tuple(spec["cmd"]),
                entrypoint=tuple(spec["entrypoint"]),
                env=spec["env"],
                files=spec["files"],
                workdir=spec["workdir"],
                registry=registry and (registry["username"], registry["password"]),
            ),
            mounts=tuple(Mount(**mount) for mount in spec["mounts"]),
            networks=tuple(spec["networks"]),
            limits=Limits(**spec["limits"]),
            gpus=spec["gpus"],
            timeout_s=spec["timeout_s"],
        )


@hookimpl
def job_interfaces() -> list[JobInterface]:
    """Give the one job type of this package."""
    return [Container()]
