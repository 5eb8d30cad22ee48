"""Images: pulled when absent, one pull of an image at a time, removed when long unused."""

import json
import threading
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

import docker
from docker.errors import APIError, NotFound

from app.domain.clock import Clock, Instant, seconds
from app.worker.runtimes.base import Deadline, Signal, StepFailed, apart
from app.worker.runtimes.engine_api import Client, Engine, EngineGone, reason, told
from app.worker.runtimes.stage import remove

_NO_LABELS: Mapping[str, str] = MappingProxyType({})


class Images:
    """The images of one engine.

    record: file that remembers which images this daemon pulled and when each was last used, so
    that none is ever removed that somebody else put there. verify: try each image that was pulled.
    labels: of what is made for that.
    """

    def __init__(
        self,
        engine: Engine,
        record: Path,
        clock: Clock,
        *,
        verify: bool = False,
        labels: Mapping[str, str] = _NO_LABELS,
    ) -> None:
        self._engine = engine
        self._record = record
        self._clock = clock
        self._verify = verify
        self._labels = labels
        self._guard = threading.Lock()
        self._pulls: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def ensure(
        self,
        image: str,
        registry: tuple[str, str] | None,
        *,
        cancelled: Signal,
        deadline: Deadline,
    ) -> None:
        """See that an image is here under exactly this name; pull it if not.

        registry: user and password; None uses the engine's own configuration. Raises StepFailed
        beginning with `error pulling image`, and what the deadline raises.
        """
        client = self._engine.client()
        if not self._present(client, image):
            apart(lambda: self._pull(client, image, registry), cancelled, deadline)
        self._note(image, pulled=False)

    def prune(self, ttl_s: float) -> list[str]:
        """Remove images that were pulled by us and not used for so long; give their names.

        For idle times: an image that a container still uses stays, and is tried again later.
        Raises OSError when the record cannot be read or written.
        """
        client = self._engine.client()
        limit = self._clock.now() - seconds(ttl_s)
        removed = []
        for image, used_at in self._load().items():
            if used_at > limit:
                continue
            try:
                with told("removing an image"), suppress(NotFound):
                    client.remove_image(image)
            except EngineGone:
                break
            except StepFailed:
                continue
            removed.append(image)
        with self._guard:
            kept = self._load()
            for image in removed:
                kept.pop(image, None)
            self._save(kept)
        return removed

    def _present(self, client: Client, image: str) -> bool:
        try:
            with told("looking for an image"):
                client.inspect_image(image)
        except StepFailed as failed:
            if isinstance(failed.__cause__, NotFound):
                return False
            if isinstance(failed.__cause__, APIError):  # a name that cannot be one
                raise _failure(image, reason(failed.__cause__)) from failed
            raise
        return True

    def _pull(self, client: Client, image: str, registry: tuple[str, str] | None) -> None:
        with self._guard:
            one_at_a_time = self._pulls[image]
        with one_at_a_time:
            if self._present(client, image):
                return
            auth = {"username": registry[0], "password": registry[1]} if registry else None
            name, tag = docker.utils.parse_repository_tag(image)
            try:
                with told("pulling"):
                    for line in client.pull(
                        name, tag=tag or "latest", auth_config=auth, stream=True, decode=True
                    ):
                        _check(image, line)
            except StepFailed as failed:
                if isinstance(failed.__cause__, APIError):
                    raise _failure(image, reason(failed.__cause__)) from failed
                if isinstance(failed, EngineGone):
                    raise _failure(image, str(failed)) from failed
                raise
            if self._verify:
                self._try(client, image)
            self._note(image, pulled=True)

    def _try(self, client: Client, image: str) -> None:
        """See that a container can be made of an image; else remove it, to be pulled anew.

        The container is never started: what an image runs is for its tasks to say. Making it lays
        out all layers, and asking what it changed reads them.
        """
        try:
            with told("trying the image"):
                labels = dict(self._labels)
                made = client.create_container(image, command=["true"], labels=labels)["Id"]
                try:
                    client.diff(made)
                finally:
                    remove(client, ("container", made))
        except EngineGone:
            raise
        except StepFailed as failed:
            with suppress(StepFailed), told("removing an image"):
                client.remove_image(image, force=True)
            raise _failure(image, f"it does not work: {failed}") from failed

    def _note(self, image: str, *, pulled: bool) -> None:
        # A record that cannot be written must not fail a task: the image then stays for ever.
        with self._guard, suppress(OSError):
            known = self._load()
            if pulled or image in known:
                known[image] = self._clock.now()
                self._save(known)

    def _load(self) -> dict[str, Instant]:
        try:
            known = json.loads(self._record.read_text("utf-8"))
            return {str(image): int(used_at) for image, used_at in known.items()}
        except (FileNotFoundError, ValueError, AttributeError, TypeError):
            return {}

    def _save(self, known: dict[str, Instant]) -> None:
        self._record.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._record.with_suffix(".new")
        fresh.write_text(json.dumps(known), "utf-8")
        fresh.replace(self._record)


def _check(image: str, line: Any) -> None:
    """Raise for a line of a pull that tells an error: the status was 200 long before."""
    if isinstance(line, dict) and line.get("error"):
        raise _failure(image, str(line["error"]))


def _failure(image: str, why: str) -> StepFailed:
    return StepFailed(f"error pulling image: {image}: {why[:1000]}")
