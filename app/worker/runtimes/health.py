"""Looking from outside whether a service answers."""

import http
import re
import select
import socket
import time
from contextlib import suppress
from urllib.parse import quote

from app.hooks.types import Port
from app.worker.runtimes.base import Signal

#: Whoever forwards to a container may accept for it before it listens, and hang up then.
_HANG_UP_S = 0.2
_LINE_BYTES = 1024
_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})[ \r\n]")


def wait_for(timeout_s: float, *signals: Signal) -> bool:
    """Wait until one of the signals is raised, or so long; say whether one is."""
    poll = select.poll()
    for signal in signals:
        poll.register(signal.fileno(), select.POLLIN)
    if not any(signal.is_set() for signal in signals):
        poll.poll(max(round(timeout_s * 1000), 0))
    return any(signal.is_set() for signal in signals)


def answers(port: Port, host: str, number: int, timeout_s: float) -> bool:
    """Say whether a port answers as it is to; takes no longer than the time given."""
    if port.probe == "http":
        return _answers_http(host, number, port.path, timeout_s)
    return port.probe is None or _accepts(
        host, number, timeout_s, forwarded=port.inside is not None
    )


def _accepts(host: str, number: int, timeout_s: float, *, forwarded: bool) -> bool:
    with suppress(OSError), socket.create_connection((host, number), timeout_s) as connection:
        if not forwarded:
            return True
        connection.settimeout(_HANG_UP_S)
        try:
            return connection.recv(1) != b""
        except TimeoutError:
            return True
    return False


def _answers_http(host: str, number: int, path: str, timeout_s: float) -> bool:
    """Say whether a GET is answered with a status below 400.

    By hand: a client library bounds each read, and one byte a second would keep it for hours.
    """
    deadline = time.monotonic() + timeout_s
    target = quote(path if path.startswith("/") else f"/{path}", safe="/?&=%:")
    request = f"GET {target} HTTP/1.0\r\nHost: {host}:{number}\r\n\r\n"
    answer = b""
    with suppress(OSError), socket.create_connection((host, number), timeout_s) as connection:
        connection.sendall(request.encode("ascii"))
        while b"\n" not in answer and len(answer) < _LINE_BYTES:
            connection.settimeout(max(deadline - time.monotonic(), 0.001))
            piece = connection.recv(_LINE_BYTES)
            if not piece:
                break
            answer += piece
    found = _STATUS.match(answer)
    return found is not None and int(found[1]) < http.HTTPStatus.BAD_REQUEST
