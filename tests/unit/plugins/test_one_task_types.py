"""The job types `shell` and `container`: what they refuse and what they run."""

from typing import Any

import pytest

from app.domain.errors import SpecInvalid
from app.hooks import Command, JobInterface, Mount, TaskSpec, WorkerView
from app.testing import Simulation
from plugins.container import Container
from plugins.shell import Shell

WORKER = WorkerView(name="w", hostname="h")


def _first(interface: JobInterface, spec: dict[str, Any]) -> tuple[TaskSpec, Command]:
    simulation = Simulation(interface=interface, spec=spec, name="my job")
    simulation.start()
    task = simulation.tasks[1]
    return task.spec, simulation.plugins.bind(interface, simulation.view(task), WORKER)


def test_shell_runs_the_script_with_what_it_was_given() -> None:
    spec = {
        "run": "echo $A",
        "env": {"A": "1"},
        "files": {"in/a.txt": "text"},
        "queue": "big",
        "priority": 9,
        "retries": 2,
        "retry_delay_s": 1.5,
        "timeout_s": 60,
    }
    task, command = _first(Shell(), spec)
    assert (task.name, task.queue, task.priority) == ("my job", "big", 9)
    assert (task.max_attempts, task.retry_delay_s) == (3, 1.5)
    assert command.runtime == "shell"
    assert (command.main.run, command.main.image) == ("echo $A", None)
    assert (command.main.env, command.main.files) == ({"A": "1"}, {"in/a.txt": "text"})
    assert command.timeout_s == 60


def test_defaults_are_one_try_without_limits() -> None:
    task, command = _first(Shell(), {"run": "true"})
    assert (task.queue, task.priority, task.max_attempts) == ("default", 0, 1)
    assert command.timeout_s is None


def test_container_gets_image_words_and_limits() -> None:
    spec = {
        "image": "debian:12",
        "cmd": ["a"],
        "entrypoint": ["b"],
        "workdir": "/w",
        "mounts": [{"type": "bind", "source": "/s", "target": "/t"}],
        "networks": ["n"],
        "limits": {"cpus": 0.5, "memory_bytes": 1 << 30},
        "gpus": "all",
        "registry": {"username": "u", "password": "p"},
    }
    _, command = _first(Container(), spec)
    main = command.main
    assert command.runtime == "container"
    assert (main.image, main.cmd, main.entrypoint, main.workdir) == (
        "debian:12",
        ("a",),
        ("b",),
        "/w",
    )
    assert main.registry == ("u", "p")
    assert command.mounts == (Mount(type="bind", source="/s", target="/t"),)
    assert (command.networks, command.gpus) == (("n",), "all")
    assert (command.limits.cpus, command.limits.memory_bytes) == (0.5, 1 << 30)


def test_container_without_limits_or_registry_has_none() -> None:
    _, command = _first(Container(), {"image": "debian"})
    assert command.main.registry is None
    assert command.main.run is None
    assert (command.limits.cpus, command.limits.memory_bytes) == (None, None)


@pytest.mark.parametrize(
    ("interface", "change", "path"),
    [
        (Shell(), {"run": ""}, "run"),
        (Shell(), {"run": 5}, "run"),
        (Shell(), {"retries": 11}, "retries"),
        (Shell(), {"retries": "2"}, "retries"),
        (Shell(), {"priority": 10}, "priority"),
        (Shell(), {"timeout_s": 0}, "timeout_s"),
        (Shell(), {"timeout_s": -1}, "timeout_s"),
        (Shell(), {"queue": "../x"}, "queue"),
        (Shell(), {"queue": "a\n"}, "queue"),
        (Shell(), {"env": {"A=B": "1"}}, "env.A=B.key"),
        (Shell(), {"env": {"A": "a\0b"}}, "env.A.value"),
        (Shell(), {"env": {"A": 1}}, "env.A.value"),
        (Shell(), {"files": {"../x": ""}}, "files.../x.key"),
        (Shell(), {"files": {"/etc/x": ""}}, "files./etc/x.key"),
        (Shell(), {"files": {"": ""}}, "files..key"),
        (Shell(), {"image": "debian"}, "image"),
        (Container(), {"image": ""}, "image"),
        (Container(), {"mounts": [{"type": "disk", "target": "/t"}]}, "mounts[0].type"),
        (Container(), {"mounts": [{"type": "bind", "target": "/t"}]}, "mounts[0].source"),
        (
            Container(),
            {"mounts": [{"type": "tmpfs", "source": "/s", "target": "/t"}]},
            "mounts[0].source",
        ),
        (Container(), {"limits": {"cpus": 0}}, "limits.cpus"),
        (Container(), {"limits": {"memory_bytes": 1}}, "limits.memory_bytes"),
    ],
)
def test_bad_parameter_is_refused_by_path(
    interface: JobInterface, change: dict[str, Any], path: str
) -> None:
    good = {"run": "true"} if interface.name == "shell" else {"image": "debian"}
    with pytest.raises(SpecInvalid) as refusal:
        Simulation(interface=interface, spec={**good, **change})
    assert list(refusal.value.faults) == [path]
