"""Commands of services are checked before a worker runs them."""

from typing import Any

import pytest

from app.domain.errors import PluginFailed
from app.hooks import Command, JobInterface, JobView, Port, Service, Step, TaskView, WorkerView
from app.hooks.manager import PluginManager


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ({"runtime": "service"}, "service: goes with the runtime"),
        ({"runtime": "shell", "service": Service()}, "service: goes with the runtime"),
        ({"service": {}}, "service: is a dict, not a Service"),
        ({"service": Service(start_s=-1)}, "start_s"),
        ({"service": Service(probe_s=0)}, "probe_s: must be more than 0"),
        ({"service": Service(ports=(Port(name="Web"),))}, r"ports\[0\].name"),
        ({"service": Service(ports=(Port(name="a"), Port(name="a")))}, "several ports are called"),
        ({"service": Service(ports=(Port(name="a", probe="udp"),))}, "none of tcp, http, None"),
        ({"service": Service(ports=(Port(name="a", inside=0),))}, "inside"),
        ({"service": Service(ports=(Port(name="a", path="\0"),))}, "path: has a NUL"),
    ],
)
def test_a_service_must_make_sense(words: Any, fault: str) -> None:
    class Bound(JobInterface):
        name = "bound"

        def plan(self, job: JobView) -> None:
            return None

        def bind(self, task: TaskView, worker: WorkerView) -> Command:
            return Command(**{"runtime": "service", "main": Step(run="x"), **words})

    interface = Bound()
    task = TaskView(id=1, name="a", payload={}, state="LEASED")
    with pytest.raises(PluginFailed, match=fault):
        PluginManager.holding(interface).bind(interface, task, WorkerView(name="w", hostname="h"))
