"""Waiting until a sidecar answers."""

import http.client
import time

from app.hooks.types import Probe
from app.worker.runtimes.base import Deadline, Signal, StepFailed, duration
from app.worker.runtimes.containers import Container

_PAUSE_S = 1.0
_TRY_S = 1.0


def wait_until_healthy(
    container: Container, probe: Probe, *, host: str, cancelled: Signal, deadline: Deadline
) -> None:
    """Ask once a second until the answer is 200.

    host: where the container's published port is reached. Raises StepFailed when the probe's own
    time is over or the container ends, and what the deadline raises.
    """
    error = f"probe timed out after {duration(probe.timeout_s)}"
    bounded = deadline.sooner(probe.timeout_s, error)
    while True:
        state = container.inspect()
        if not state["State"]["Running"]:
            code = state["State"]["ExitCode"]
            raise StepFailed(f"sidecar ended with exit code {code} before it answered")
        begin = time.monotonic()
        left_s = bounded.check(cancelled)
        if _answers(host, container.published(state, probe.port), probe.path, min(left_s, _TRY_S)):
            return
        left_s = min(bounded.check(cancelled), begin + _PAUSE_S - time.monotonic())
        cancelled.wait(left_s)


def _answers(host: str, port: int | None, path: str, timeout_s: float) -> bool:
    if port is None:
        return False
    connection = http.client.HTTPConnection(host, port, timeout=max(timeout_s, 0.05))
    try:
        connection.request("GET", path if path.startswith("/") else f"/{path}")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        connection.close()
