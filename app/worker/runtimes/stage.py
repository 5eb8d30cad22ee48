"""Everything of one attempt at the engine: its containers, volumes and networks, and their end."""

import select
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from docker.errors import APIError, NotFound

from app.worker.runtimes.base import StepFailed
from app.worker.runtimes.engine_api import Client, told

SEAT_LABEL = "jobyard.seat"
TASK_LABEL = "jobyard.task"
ATTEMPT_LABEL = "jobyard.attempt"

#: A volume or network is busy for a moment after its container was removed.
_REMOVE_TRIES = 4
_REMOVE_PAUSE_S = 0.25

Thing = tuple[str, str]
"""`container`, `volume` or `network`, and an id."""


def remove(client: Client, thing: Thing) -> None:
    """Remove one thing with force, its anonymous volumes included; one gone already is fine.

    Raises StepFailed.
    """
    kind, name = thing
    calls: dict[str, Callable[[], None]] = {
        "container": lambda: client.remove_container(name, v=True, force=True),
        "volume": lambda: client.remove_volume(name, force=True),
        "network": lambda: client.remove_network(name),
    }
    for last in (False,) * (_REMOVE_TRIES - 1) + (True,):
        try:
            with told(f"removing a {kind}"):
                calls[kind]()
        except StepFailed as failed:
            if isinstance(failed.__cause__, NotFound):
                return
            if last or not isinstance(failed.__cause__, APIError):
                raise
            select.select([], [], [], _REMOVE_PAUSE_S)
        else:
            return


class Debris:
    """What could not be removed when its task ended, to be tried again."""

    def __init__(self) -> None:
        self._things: list[Thing] = []
        self._lock = threading.Lock()

    def add(self, thing: Thing) -> None:
        """Remember a thing."""
        with self._lock:
            self._things.append(thing)

    def sweep(self, client: Client) -> None:
        """Try to remove everything remembered; what still cannot be removed stays remembered."""
        with self._lock:
            things, self._things = self._things, []
        for thing in things:
            try:
                remove(client, thing)
            except StepFailed:
                self.add(thing)


@dataclass(slots=True)
class Stage:
    """What an attempt has made at the engine, in order, so that all of it can be taken away."""

    client: Client
    labels: Mapping[str, str]
    debris: Debris
    things: list[Thing] = field(default_factory=list)

    def add(self, kind: str, name: str) -> str:
        """Note a thing just made; gives its name back."""
        self.things.append((kind, name))
        return name

    def drop(self, kind: str, name: str) -> None:
        """Remove a thing before the rest."""
        self.things.remove((kind, name))
        self._remove((kind, name))

    def clear(self) -> None:
        """Remove everything, the last made first; what cannot be goes to the debris."""
        while self.things:
            self._remove(self.things.pop())

    def _remove(self, thing: Thing) -> None:
        try:
            remove(self.client, thing)
        except StepFailed:
            self.debris.add(thing)


def remove_labelled(client: Client, seat: str) -> int:
    """Remove whatever bears the label of a seat; give how many attempts that was.

    Raises StepFailed when the engine cannot be asked.
    """
    filters = {"label": f"{SEAT_LABEL}={seat}"}
    with told("looking for leftovers"):
        containers = client.containers(all=True, filters=filters) or []
        volumes = client.volumes(filters=filters).get("Volumes") or []
        networks = client.networks(filters=filters) or []
    attempts = {
        (thing.get("Labels") or {}).get(ATTEMPT_LABEL) for thing in containers + volumes + networks
    }
    for kind, things, key in (
        ("container", containers, "Id"),
        ("volume", volumes, "Name"),
        ("network", networks, "Id"),
    ):
        for thing in things:
            with suppress(StepFailed):  # the next start tries again
                remove(client, (kind, thing[key]))
    return len(attempts)
