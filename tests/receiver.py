"""Somebody who is sent messages: a real HTTP server that answers as the test says."""

import json
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.parser import Parser
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.yard import eventually


@dataclass
class Message:
    """A request as it came in. headers: names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


#: A status, a whole answer as bytes, None to close without one, or a function that answers itself.
Answer = int | bytes | None | Callable[[Any], None]


class Receiver:
    """Keeps what it is sent; `answers` gives the answer to each message, 200 unless told."""

    def __init__(
        self,
        answer: Callable[[Message], Answer] = lambda _message: 200,
        *,
        identity: Path | None = None,
    ) -> None:
        """identity: a PEM file of certificate and key; it speaks HTTPS then, as `localhost`."""
        self.answer = answer
        self.messages: list[Message] = []
        self.closing = threading.Event()
        receiver = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                receiver._handle(self)

        tls = None
        if identity is not None:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(identity)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            request_queue_size = 128

            def finish_request(self, request: Any, client_address: Any) -> None:
                """Shake hands in the thread of the connection, not in that which accepts."""
                if tls is None:
                    super().finish_request(request, client_address)
                    return
                with tls.wrap_socket(request, server_side=True) as secured:
                    super().finish_request(secured, client_address)

            def handle_error(self, *_: object) -> None:
                """A sender that gives up is what some tests are about."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        self.url = f"https://localhost:{self.port}" if tls else f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _handle(self, handler: Any) -> None:
        method, path, _ = handler.rfile.readline().decode().split(" ")
        head = b""
        while (line := handler.rfile.readline()) not in (b"\r\n", b""):
            head += line
        given = Parser().parsestr(head.decode("utf-8", "surrogateescape")).items()
        headers = {name.lower(): value for name, value in given}
        body = handler.rfile.read(int(headers.get("content-length", 0)))
        message = Message(method, path, headers, body)
        self.messages.append(message)
        answer = self.answer(message)
        if callable(answer):
            answer(handler)
        elif isinstance(answer, bytes):
            handler.wfile.write(answer)
        elif answer is not None:
            handler.wfile.write(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % answer)

    def at(self, path: str) -> list[Message]:
        """What came to a path, in order."""
        return [each for each in list(self.messages) if each.path == path]

    def states(self, path: str) -> list[str]:
        return [each.json["state"] for each in self.at(path)]

    def until(self, path: str, states: Sequence[str]) -> list[Message]:
        """Wait until as many messages came to a path; they must be these, in this order."""
        eventually(lambda: len(self.at(path)) >= len(states), f"{len(states)} messages at {path}")
        assert self.states(path) == list(states)
        return self.at(path)

    def hang(self, handler: Any) -> None:
        """Answer nothing until the end of the test."""
        del handler
        self.closing.wait(120)

    def drip(self, handler: Any) -> None:
        """Answer byte by byte, and never come to an end."""
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not self.closing.wait(0.2):
            handler.wfile.write(b"x")
            handler.wfile.flush()

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()


def self_signed(folder: Path, name: str = "localhost") -> tuple[Path, Path]:
    """Make somebody who vouches for himself: (certificate, certificate and key) as PEM files."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    shown = made.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    certificate, identity = folder / f"{name}.pem", folder / f"{name}-with-key.pem"
    certificate.write_bytes(shown)
    identity.write_bytes(shown + secret)
    return certificate, identity
