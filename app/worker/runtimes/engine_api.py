"""The container engine's API: one client, and its errors in words.

Everything goes through the `docker` SDK's low-level client, to Docker or to Podman's service.
"""

import io
import socket
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import docker
import requests
import urllib3
from docker.errors import APIError, DockerException

from app.worker.runtimes.base import StepFailed, is_shortage

_TIMEOUT_S = 60
#: How long a sign of life may take; a host under load needs seconds for it.
_PING_S = 10
_REASON_CHARACTERS = 1000

NOT_AVAILABLE = "container runtime is not available"

Client = Any
"""A `docker.APIClient`, which has no types."""


class EngineGone(StepFailed):
    """The engine stopped answering."""


@contextmanager
def told(doing: str) -> Iterator[None]:
    """Turn whatever the engine says while `doing` ("creating a container") into StepFailed."""
    try:
        yield
    except APIError as error:
        raise StepFailed(f"error {doing}: {reason(error)}") from error
    except requests.HTTPError as error:
        said = "no reason given" if error.response is None else error.response.reason
        raise StepFailed(f"error {doing}: {said}") from error
    except requests.exceptions.Timeout as error:
        raise EngineGone(f"the container engine did not answer while {doing}") from error
    except (DockerException, urllib3.exceptions.HTTPError, OSError) as error:
        raise EngineGone(f"the container engine went away while {doing}") from error


def reason(error: APIError) -> str:
    """Give what the engine itself said about an error, without address and status line."""
    text = error.explanation or error.response.reason or "no reason given"
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    return str(text).replace("\0", "").strip()[:_REASON_CHARACTERS]


class Engine:
    """Where the engine is, and the client to it, made at first use.

    base_url: `unix:///…` or `tcp://host:port`. config_path: file with registry credentials in
    the engine's own format; None takes the one in the home directory, if any.
    """

    def __init__(self, base_url: str, config_path: str | None = None) -> None:
        self.local = base_url.startswith("unix:")
        self._base_url = base_url
        self._config_path = config_path
        self._lock = threading.Lock()
        self._client: Client | None = None

    @property
    def host(self) -> str:
        """Give the host where published ports can be reached."""
        return "127.0.0.1" if self.local else urllib3.util.parse_url(self._base_url).host or ""

    def client(self) -> Client:
        """Give the client, shared by all tasks; raises EngineGone when there is no engine."""
        with self._lock:
            if self._client is None:
                with told("connecting"):
                    self._knock()
                    # It asks for the version, and an engine may be there and silent.
                    client = docker.APIClient(
                        self._base_url, version="auto", timeout=_PING_S, max_pool_size=100
                    )
                    client.timeout = _TIMEOUT_S
                    if self.local:
                        # Over a Unix socket the SDK keeps a pool for every path ever asked
                        # for: no connection is used again, but 25 would stay open.
                        client.headers["Connection"] = "close"
                        client.close()  # the connection that asked for the version
                    if self._config_path:
                        client.reload_config(self._config_path)
                self._client = client
            return self._client

    def answers(self) -> bool:
        """Ask for a sign of life. Raises StepFailed for a shortage on this side."""
        try:
            client = self.client()
            with told("asking for a sign of life"):
                self._knock()
                return bool(client.get(f"{client.base_url}/_ping", timeout=_PING_S).ok)
        except StepFailed as failed:
            if is_shortage(failed):
                raise
            return False

    def _knock(self) -> None:
        """Raise OSError if nobody listens at a Unix socket, which costs the SDK much more."""
        if self.local:
            with socket.socket(socket.AF_UNIX) as door:
                door.settimeout(_PING_S)
                door.connect(self._base_url.removeprefix("unix://"))


def write_archive(entries: Mapping[str, tuple[int, bytes | None]]) -> bytes:
    """Give a tar archive of files and directories: name -> (mode, text; None for a directory)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, (mode, data) in entries.items():
            info = tarfile.TarInfo(name)
            info.mode = mode
            if data is None:
                info.type = tarfile.DIRTYPE
                archive.addfile(info)
            else:
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def has_path(client: Client, container_id: str, path: str) -> bool:
    """Say whether a container, started or not, has something at a path."""
    with told("looking into a container"):
        answer = client.head(_archive_url(client, container_id), params={"path": path})
        if answer.status_code == 404:
            return False
        answer.raise_for_status()
        return True


def read_file(client: Client, container_id: str, path: str, limit_bytes: int) -> bytes:
    """Give at most `limit_bytes` + 1 of a container's file; a missing one is empty.

    Raises StepFailed for what is not a plain file. No more is read than asked for, however big
    the file is.
    """
    with told("reading a file of a container"):
        answer = client.get(_archive_url(client, container_id), params={"path": path}, stream=True)
        try:
            if answer.status_code == 404:
                return b""
            answer.raise_for_status()
            with tarfile.open(fileobj=answer.raw, mode="r|") as archive:
                info = archive.next()
                if info is None or not info.isreg():
                    raise StepFailed(f"not a plain file any more: {path}")
                file = archive.extractfile(info)
                return file.read(limit_bytes + 1) if file else b""
        except tarfile.TarError as error:
            raise StepFailed(f"cannot read the file {path}: {error}") from error
        finally:
            answer.close()


def _archive_url(client: Client, container_id: str) -> str:
    version = client.api_version
    return f"{client.base_url}/v{version}/containers/{quote(container_id)}/archive"
