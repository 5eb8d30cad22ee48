"""The bundled job types pass the tests that a stranger's must pass."""

from typing import ClassVar

from app.testing import JobInterfaceContract
from plugins.container import Container
from plugins.shell import Shell
from plugins.workflow import Workflow


class TestShell(JobInterfaceContract):
    interface = Shell()
    valid_spec: ClassVar = {"run": "echo $A", "env": {"A": "1"}, "retries": 2, "timeout_s": 5}


class TestContainer(JobInterfaceContract):
    interface = Container()
    valid_spec: ClassVar = {
        "image": "debian:12",
        "cmd": ["true"],
        "mounts": [{"type": "volume", "target": "/data"}],
        "limits": {"cpus": 0.5, "memory_bytes": 64 * 1024 * 1024},
        "registry": {"username": "u", "password": "p"},
    }


class TestWorkflowInOrder(JobInterfaceContract):
    interface = Workflow()
    valid_spec: ClassVar = {
        "inputs": {"who": "you"},
        "output": "{{ tasks.first }}",
        "defaults": {"retry": {"limit": 2}, "limits": {"cpus": ".5"}},
        "tasks": [
            {"name": "first", "var": "first", "run": "echo", "env": {"W": "{{ inputs.who }}"}},
            {"name": "never", "if": "{{ 1 == 2 }}"},
            {"name": "second {{ tasks.first }}", "image": "debian", "timeout": "5s"},
        ],
    }


class TestWorkflowOfComposites(JobInterfaceContract):
    interface = Workflow()
    valid_spec: ClassVar = {
        "tasks": [
            {
                "name": "both",
                "parallel": {
                    "tasks": [
                        {"name": "left", "retry": {"limit": 1}},
                        {"name": "skipped", "if": "false"},
                        {"name": "nested", "parallel": {"tasks": [{"name": "deep"}]}},
                    ]
                },
            },
            {
                "name": "all",
                "each": {"list": "1..5", "concurrency": 2, "task": {"name": "n{{ item.value }}"}},
            },
            {
                "name": "rows",
                "each": {
                    "list": "1..3",
                    "var": "row",
                    "concurrency": 1,
                    "task": {
                        "name": "row",
                        "each": {"list": "{{ ['a', 'b'] }}", "task": {"name": "{{ row.index }}"}},
                    },
                },
            },
            {"name": "none", "each": {"list": "[]", "task": {"name": "n"}}},
            {"name": "sub", "var": "s", "subjob": {"name": "sub", "tasks": [{"name": "t"}]}},
            {"name": "gone", "subjob": {"name": "sub", "detached": True, "tasks": [{"name": "t"}]}},
        ],
    }
