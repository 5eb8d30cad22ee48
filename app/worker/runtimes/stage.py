"""Everything of one attempt at the engine: its containers, volumes and networks, and their end."""

import select
import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from docker.errors import APIError, NotFound

from app.worker.runtimes.base import StepFailed
from app.worker.runtimes.engine_api import Client, EngineGone, told

SEAT_LABEL = "jobyard.seat"
TASK_LABEL = "jobyard.task"
ATTEMPT_LABEL = "jobyard.attempt"

#: A volume or network is busy for a moment after its container was removed.
_REMOVE_TRIES = 4
_REMOVE_PAUSE_S = 0.25
#: How often it is looked whether an engine that went away is back.
_LOOK_S = 0.5

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
    """What could not be removed when its task ended, or was left by a dead predecessor.

    folder: holds an empty file for each attempt that may have something at the engine, written
    before the attempt makes anything there; so the next daemon knows of it however this one dies.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._attempts: dict[str, list[Thing]] = {}

    def expect(self, attempt: str) -> None:
        """Write down that an attempt is about to make something. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / attempt).touch()

    def written(self) -> frozenset[str]:
        """Give the attempts that are written down."""
        with suppress(OSError):
            return frozenset(path.name for path in self._folder.iterdir())
        return frozenset()

    def add(self, attempt: str, things: list[Thing]) -> None:
        """Remember what is left of an attempt, to be removed later; nothing forgets it."""
        if things:
            with self._lock:
                self._attempts.setdefault(attempt, []).extend(things)
        else:
            (self._folder / attempt).unlink(missing_ok=True)

    def sweep(self, client: Client) -> None:
        """Try to remove everything remembered; what still cannot be removed stays remembered."""
        with self._lock:
            attempts, self._attempts = self._attempts, {}
        for attempt, things in attempts.items():
            self.add(attempt, [thing for thing in things if not _is_removed(client, thing)])

    def __bool__(self) -> bool:
        return bool(self._attempts)


def _is_removed(client: Client, thing: Thing) -> bool:
    try:
        remove(client, thing)
    except StepFailed:
        return False
    return True


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
        """Remove a thing before the rest; where that fails, with the rest."""
        if _is_removed(self.client, (kind, name)):
            self.things.remove((kind, name))

    def clear(self, patience_s: float) -> None:
        """Remove everything, the last made first; what cannot be goes to the debris.

        patience_s: how long to wait for an engine that does not answer. Its containers may run
        on, and once this returns the task may be run again.
        """
        end = time.monotonic() + patience_s
        left: list[Thing] = []
        while self.things:
            thing = self.things[-1]
            try:
                remove(self.client, thing)
            except EngineGone:
                if time.monotonic() < end:
                    time.sleep(_LOOK_S)
                    continue
                left.append(thing)
            except StepFailed:
                left.append(thing)
            self.things.pop()
        self.debris.add(self.labels[ATTEMPT_LABEL], left)


def remove_labelled(
    client: Client, seat: str, among: Collection[str] | None = None
) -> frozenset[str]:
    """Remove whatever bears the label of a seat; give the attempts whose containers stayed.

    among: only what belongs to these attempts. Raises StepFailed when the engine cannot be asked.
    """
    filters = {"label": f"{SEAT_LABEL}={seat}"}
    with told("looking for leftovers"):
        containers = client.containers(all=True, filters=filters) or []
        volumes = client.volumes(filters=filters).get("Volumes") or []
        networks = client.networks(filters=filters) or []
    left = set()
    for kind, things, key in (
        ("container", containers, "Id"),
        ("volume", volumes, "Name"),
        ("network", networks, "Id"),
    ):
        for thing in things:
            attempt = (thing.get("Labels") or {}).get(ATTEMPT_LABEL, "")
            if among is not None and attempt not in among:
                continue
            if not _is_removed(client, (kind, thing[key])) and kind == "container":
                left.add(attempt)
    return frozenset(left)
