"""What a worker and its tracker tell each other."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, Self


class Result(IntEnum):
    """What became of a task. BACK: given back unharmed."""

    DONE = 0
    FAILED = 1
    BACK = 2


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who a worker is. The secret is shown by the server only once: save it."""

    worker_id: int
    secret: str

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what `save` wrote. Raises OSError, ValueError."""
        found = json.loads(Path(path).read_text())
        try:
            return cls(int(found["worker_id"]), str(found["secret"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"no credentials in {path}") from error

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write them to a file that only its owner can read."""
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(handle, "w") as file:  # noqa: PTH123 - by handle, which pathlib cannot
            json.dump(asdict(self), file)


@dataclass(frozen=True, slots=True)
class Project:
    """A queue of tasks."""

    id: int
    name: str
    priority: int
    public: bool
    paused: bool
    clone_url: str
    version: str
    motd: str

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Read the server's document."""
        return cls(
            id=document["id"],
            name=document["name"],
            priority=document["priority"],
            public=document["public"],
            paused=document["paused"],
            clone_url=document["clone_url"],
            version=document["version"],
            motd=document["motd"],
        )


@dataclass(frozen=True, slots=True)
class Task:
    """A task in this worker's hands. assign_s: for how long; 0 is the server's default, an hour."""

    id: int
    recipe: str
    priority: int
    retries: int
    max_retries: int
    assign_s: int
    verification_count: int
    project: Project

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Read the server's document."""
        return cls(
            id=document["id"],
            recipe=document["recipe"],
            priority=document["priority"],
            retries=document["retries"],
            max_retries=document["max_retries"],
            assign_s=document["max_assign_time"],
            verification_count=document["verification_count"],
            project=Project.of(document["project"]),
        )


@dataclass(frozen=True, slots=True)
class Release:
    """What a worker says of a task. verification: what several must agree on. error: why not."""

    task_id: int
    result: Result = Result.DONE
    verification: int = 0
    error: str = ""

    def document(self) -> dict[str, Any]:
        """Give it as the server reads it."""
        found: dict[str, Any] = {
            "task_id": self.task_id,
            "result": int(self.result),
            "verification": self.verification,
        }
        if self.error:
            found["error"] = self.error
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A task to be submitted. unique: a second one of this text is refused while this is open.

    assign_s: 0 is the server's default. not_before: Unix seconds; 0 is at once.
    """

    recipe: str
    priority: int = 0
    max_retries: int = 0
    assign_s: int = 0
    verification_count: int = 0
    unique: str = ""
    not_before: int = 0

    def document(self, project: int) -> dict[str, Any]:
        """Give it as the server reads it."""
        return {
            "project": project,
            "recipe": self.recipe,
            "priority": self.priority,
            "max_retries": self.max_retries,
            "max_assign_time": self.assign_s,
            "verification_count": self.verification_count,
            "unique_string": self.unique,
            "not_before": self.not_before,
        }
