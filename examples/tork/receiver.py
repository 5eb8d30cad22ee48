"""Receive webhooks and print them, each once.

    python3 receiver.py [PORT]

A message may come twice: when the answer to it was lost, it is sent again. Its name, in the header
`X-Jobyard-Delivery`, is the same at every try, so a receiver that keeps the names of those it has
handled acts once on each. This one keeps the last 10,000 in memory; one whose acts matter keeps
them in its database, in the same transaction as what it does.
"""

import argparse
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEPT = 10_000
MOST_BYTES = 16 * 1024 * 1024


class Names:
    """The names of the messages that were handled, oldest first."""

    def __init__(self, most: int = KEPT) -> None:
        self._most = most
        self._names: dict[str, None] = {}
        # Several messages may arrive at once, each in a thread of its own.
        self._lock = threading.Lock()

    def new(self, name: str) -> bool:
        """Keep a name; say whether it was unknown."""
        with self._lock:
            if name in self._names:
                return False
            self._names[name] = None
            if len(self._names) > self._most:
                del self._names[next(iter(self._names))]
            return True


class Handler(BaseHTTPRequestHandler):
    """Prints a message and answers: longer work goes elsewhere, as no sender waits beyond 5 s."""

    names = Names()
    timeout = 10  # of a sender that says nothing, in seconds

    def do_POST(self) -> None:
        """Take a message; print it unless it was here before."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MOST_BYTES:
            self.send_error(400)  # any status but 2xx, 429 and some 5xx: not to be tried again
            return
        try:
            told = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            self.send_error(400)
            return
        name = self.headers.get("X-Jobyard-Delivery")
        if name is None or self.names.new(name):
            print(printable(f"{self.path} {summed_up(told)}"), flush=True)
        else:
            print(printable(f"{self.path} came again"), flush=True)
        # Only now: a receiver that fell over before this is sent the message again.
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name above
        """Keep silent: what is to be seen is printed above."""


def printable(text: str) -> str:
    """Make it one line that does nothing to a terminal, whoever sent it."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def summed_up(told: Any) -> str:
    """Say what a message tells: the summary of a job or of a task."""
    if not isinstance(told, dict):
        return json.dumps(told)
    words = [told.get("name"), told.get("state"), told.get("result") or told.get("error")]
    return " ".join(str(word) for word in words if word)


def main() -> None:
    """Serve until it is interrupted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("port", nargs="?", type=int, default=9000, help="0 takes a free one")
    server = ThreadingHTTPServer(("127.0.0.1", parser.parse_args().port), Handler)
    print(f"listens on http://127.0.0.1:{server.server_port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


if __name__ == "__main__":
    main()
