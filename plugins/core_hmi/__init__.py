"""Job type `core_hmi`: an environment of one core and one hmi, kept until it is cancelled.

Two services: core, and an hmi that is told where core's ports are. Without settings both are the
bundled stand-ins; with an image they are containers.
"""

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from marshmallow import Schema, fields, validate

from app.hooks import (
    Answer,
    Command,
    JobInterface,
    JobView,
    Json,
    Limits,
    Service,
    Step,
    TaskSpec,
    TaskView,
    WorkerView,
    hookimpl,
)
from plugins.core_hmi.parts import STAND_IN_PORTS, Parts, ports_of

_STAND_IN = "stand_in.py"
_SOURCE = Path(__file__).with_name(_STAND_IN).read_text("utf-8")
#: What hmis look for, by core's ports.
_ADDRESSES = {"broker": "BROKER_ADDR", "file": "CORE_FILE_ADDR", "python": "PYTHON_ADDRESS"}


class CoreHmi(JobInterface):
    """An environment. settings: the table that `Parts` describes."""

    name = "core_hmi"
    title = "Core and HMI"

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Read the settings. Raises marshmallow's ValidationError."""
        self._parts: Json = Parts().load(dict(settings))
        self._hmis = {one["type"]: one for one in self._parts["hmis"]}
        self.spec_schema = _schema_of(self.options())  # type: ignore[misc]

    def options(self) -> Mapping[str, Any]:
        """Tell which versions, builds and types there are."""
        core = self._parts["core"]
        hmis = [{"type": one["type"], "versions": one["versions"]} for one in self._hmis.values()]
        return {"core": {"versions": core["versions"], "builds": core["builds"]}, "hmis": hmis}

    def task_count(self, spec: Json) -> int:
        """Count core and hmi."""
        del spec
        return 2

    def plan(self, job: JobView) -> Answer:
        """Give core, and the hmi that begins when core is ready.

        Each has a queue of its own: where cores alone took all slots, no hmi would ever get one.
        """
        return [
            TaskSpec(name="core", queue="core", service=True, position=1, payload=job.spec["core"]),
            TaskSpec(
                name="hmi",
                queue="hmi",
                service=True,
                position=2,
                payload=job.spec["hmi"],
                after_ready=("core",),
            ),
        ]

    def bind(self, task: TaskView, worker: WorkerView) -> Command:
        """Give the container or the stand-in of a part."""
        del worker
        words = {str(key): str(value) for key, value in task.payload.items()}
        if task.name == "core":
            part = self._parts["core"]
            env = {"CORE_VERSION": words["version"], "CORE_BUILD": words["build"]}
            ports = ports_of(part, STAND_IN_PORTS)
        else:
            part = self._hmis.get(words["type"])
            if part is None:  # taken from the settings since
                raise LookupError(f"there is no hmi of type {words['type']} any more")
            env = {"HMI_TYPE": words["type"], "HMI_VERSION": words["version"]}
            core = task.services.get("core", {})
            env |= {name: core.get(port, "") for port, name in _ADDRESSES.items()}
            ports = ports_of(part, ("user",))
        image = part["image"] and part["image"].format(**{"build": "", "type": "", **words})
        run = f"exec {shlex.quote(sys.executable)} -E -s -S -u {_STAND_IN} {task.name}"
        return Command(
            runtime="service",
            main=Step(
                name=task.name,
                image=image,
                run=None if image else run,
                env={**env, **part["env"]},
                files={} if image else {_STAND_IN: _SOURCE},
            ),
            limits=Limits(cpus=part["cpus"], memory_bytes=part["memory_bytes"])
            if image
            else Limits(),
            service=Service(ports=ports, start_s=self._parts["start_s"]),
            kill_after_s=self._parts["stop_s"],
        )


def _schema_of(options: Mapping[str, Any]) -> type[Schema]:
    """Make the schema of the parameters: only what there is can be asked for."""

    def one_of(words: list[str]) -> fields.String:
        return fields.String(required=True, validate=validate.OneOf(words))

    core = options["core"]
    versions = {one["type"]: one["versions"] for one in options["hmis"]}
    every = list(dict.fromkeys(version for some in versions.values() for version in some))

    class CoreSpec(Schema):
        version = one_of(core["versions"])
        build = one_of(core["builds"])

    class HmiSpec(Schema):
        type = one_of(list(versions))
        version = one_of(every)

    class EnvironmentSpec(Schema):
        """core: version and build. hmi: type and version."""

        core = fields.Nested(CoreSpec, required=True)
        hmi = fields.Nested(
            HmiSpec,
            required=True,
            validate=lambda hmi: validate.OneOf(versions[hmi["type"]])(hmi["version"]),
        )

    return EnvironmentSpec


@hookimpl
def job_interfaces(settings: Mapping[str, Any]) -> list[JobInterface]:
    """Give the one job type of this package, as the settings want it."""
    return [CoreHmi(settings)]
