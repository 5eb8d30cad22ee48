"""One HTTP POST to an address that anybody may have named.

Everything is bounded: five seconds for all of it together, from the name's look-up to the answer's
status, however slowly the other side drips; the size of the answer's head; where it may go. h11
writes and reads the protocol, and refuses what would be a second header or request.
"""

import base64
import ipaddress
import queue
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote_to_bytes, urlsplit

import h11

ATTEMPT_S = 5.0
DRAIN_S = 0.5
"""How long the rest of an answer is read, whose status is known, so that nobody sees a reset."""
DRAIN_BYTES = 64 * 1024
HEAD_BYTES = 64 * 1024
LONGEST_URL = 8 * 1024
LONGEST_HEADERS = 32 * 1024

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Where clouds tell a machine its credentials, beside the link-local 169.254.169.254.
_METADATA = (ipaddress.ip_address("fd00:ec2::254"), ipaddress.ip_address("100.100.100.200"))
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_.])?", re.IGNORECASE)
# What says where a request goes and where it ends is not for the sender's client to say.
_OURS = frozenset(
    {
        "connection", "content-length", "expect", "host", "keep-alive", "proxy-authorization",
        "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
    }
)  # fmt: skip


class Refused(Exception):
    """It cannot be sent, ever."""


class Unreached(Exception):
    """It was not answered; the next try may be. The text names no address."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a message goes. path: with the query, as it stands in the request."""

    scheme: str
    host: str
    port: int
    path: str
    authorization: str

    @property
    def named(self) -> str:
        """The host with its port, as the header Host has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = 443 if self.scheme == "https" else 80
        return host if self.port == usual else f"{host}:{self.port}"


def target(url: str) -> Target:
    """Read an address. Raises Refused."""
    if len(url) > LONGEST_URL:
        raise Refused("its address is too long")
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
        if parts.scheme not in ("http", "https"):
            raise Refused("its address is neither http nor https")
        path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
        query = quote(parts.query, safe="/%:@!$&'()*+,;=~?")
        authorization = _basic(parts.username, parts.password)
        host = _host(host)
    except ValueError as error:  # a bad port, brackets, a lone surrogate, a name that is none
        raise Refused("its address is none") from error
    usual = 443 if parts.scheme == "https" else 80
    return Target(
        scheme=parts.scheme,
        host=host,
        port=usual if port is None else port,
        path=f"{path}?{query}" if query else path,
        authorization=authorization,
    )


def _host(host: str) -> str:
    if ":" in host:
        return str(ipaddress.IPv6Address(host))
    name = host if host.isascii() else host.encode("idna").decode("ascii")
    if len(name) > 253 or not _HOST.fullmatch(name):
        raise ValueError("no host name")
    return name


def _basic(name: str | None, password: str | None) -> str:
    if name is None:
        return ""
    pair = unquote_to_bytes(name) + b":" + unquote_to_bytes(password or "")
    return f"Basic {base64.b64encode(pair).decode()}"


@dataclass(frozen=True, slots=True)
class Reach:
    """Which addresses may be reached. private: those that are not on the public internet, too.

    allowed: reached whatever they are.
    """

    private: bool = True
    allowed: tuple[Network, ...] = ()

    @classmethod
    def of(cls, allowed: Iterable[str], *, private: bool) -> "Reach":
        """Make one of texts such as `10.0.0.0/8`."""
        networks = tuple(ipaddress.ip_network(each, strict=False) for each in allowed)
        return cls(private, networks)

    def permits(self, text: str) -> bool:
        """Tell whether an address may be reached."""
        address: Address = ipaddress.ip_address(text.partition("%")[0])
        if isinstance(address, ipaddress.IPv6Address):
            inner = address.ipv4_mapped or address.sixtofour
            address = inner or address
        if any(address in network for network in self.allowed):
            return True
        if address.is_link_local or address.is_multicast or address in _METADATA:
            return False
        return self.private or address.is_global


def request(
    to: Target, given: Mapping[str, str], own: Mapping[str, str], body: bytes
) -> tuple[bytes, h11.Connection]:
    """Write a request; `own` headers win over the `given` ones. Raises Refused."""
    headers: dict[str, tuple[str, str]] = {
        "content-type": ("Content-Type", "application/json; charset=UTF-8")
    }
    if to.authorization:
        headers["authorization"] = ("Authorization", to.authorization)
    for name, value in given.items():
        if name.strip().lower() not in _OURS:
            headers[name.strip().lower()] = (name.strip(), value.strip())
    for name, value in own.items():
        headers[name.lower()] = (name, value)
    if sum(len(name) + len(value) for name, value in headers.values()) > LONGEST_HEADERS:
        raise Refused("its headers are too long")
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_BYTES)
    try:
        head = h11.Request(
            method="POST",
            target=to.path,
            headers=[
                (b"Host", to.named.encode()),
                *((name.encode("ascii"), value.encode()) for name, value in headers.values()),
                (b"Content-Length", b"%d" % len(body)),
                (b"Connection", b"close"),
            ],
        )
    except (h11.LocalProtocolError, ValueError) as error:  # also what no text of a header can be
        raise Refused("a header holds what no header may") from error
    pieces = (connection.send(head), connection.send(h11.Data(body)), b"")
    connection.send(h11.EndOfMessage())
    return b"".join(piece or b"" for piece in pieces), connection


def trust(more: Path | None = None) -> ssl.SSLContext:
    """Give what tells whom https may be spoken to: the system's authorities, and some more.

    more: a file of certificates in PEM form.
    """
    context = ssl.create_default_context()
    if more is not None:
        context.load_verify_locations(more)
    return context


def send(
    to: Target, data: bytes, connection: h11.Connection, reach: Reach, trusted: ssl.SSLContext
) -> int:
    """Send a request and give the answer's status. Raises Refused, Unreached."""
    until = time.monotonic() + ATTEMPT_S
    try:
        with _connected(to, reach, trusted, until) as sock:
            sock.settimeout(_left_s(until))
            sock.sendall(data)
            status = _status(sock, connection, until)
            with suppress(OSError, h11.RemoteProtocolError):
                _drain(sock, connection, min(until, time.monotonic() + DRAIN_S))
            return status
    except TimeoutError as error:
        raise Unreached(f"no answer within {ATTEMPT_S:g} s") from error
    except ssl.SSLError as error:
        raise Unreached(f"TLS failed: {_why(error)}") from error
    except OSError as error:
        raise Unreached(error.strerror or type(error).__name__) from error
    except h11.RemoteProtocolError as error:
        raise Unreached("the answer is not HTTP") from error


def _why(error: ssl.SSLError) -> str:
    """Say what was wrong with a certificate in OpenSSL's words, which name no address."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message.partition(',')[0]}"
    return error.reason or "closed"


def _left_s(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _connected(to: Target, reach: Reach, trusted: ssl.SSLContext, until: float) -> socket.socket:
    """Connect to the first address that answers; which one is checked is which one is used."""
    addresses = [each for each in _resolved(to, until) if reach.permits(each[4][0])]
    if not addresses:
        raise Refused("its address is one that webhooks may not reach")
    failed: OSError = TimeoutError()
    for family, kind, protocol, _, address in addresses:
        try:
            sock = _opened(socket.socket(family, kind, protocol), address, until)
            return _secured(sock, to, trusted) if to.scheme == "https" else sock
        except OSError as error:
            failed = error
    raise failed


def _opened(sock: socket.socket, address: Any, until: float) -> socket.socket:
    try:
        sock.settimeout(_left_s(until))
        sock.connect(address)
        sock.settimeout(_left_s(until))
    except OSError:
        sock.close()
        raise
    return sock


def _secured(sock: socket.socket, to: Target, trusted: ssl.SSLContext) -> socket.socket:
    try:
        return trusted.wrap_socket(sock, server_hostname=to.host)
    except OSError:
        sock.close()
        raise


def _resolved(to: Target, until: float) -> Sequence[Any]:
    """Look a name up; a resolver that hangs is left behind, since nothing interrupts it."""
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            answers.put(socket.getaddrinfo(to.host, to.port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    try:
        ipaddress.ip_address(to.host)
    except ValueError:
        threading.Thread(target=look_up, name="look-up", daemon=True).start()
    else:
        look_up()
    try:
        found = answers.get(timeout=_left_s(until))
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(found, UnicodeError):
        raise Refused("its address is none") from found
    if isinstance(found, OSError):
        raise found
    return found  # type: ignore[no-any-return]


def _status(sock: socket.socket, connection: h11.Connection, until: float) -> int:
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            sock.settimeout(_left_s(until))
            connection.receive_data(sock.recv(65536))
        elif isinstance(event, h11.Response):
            return event.status_code
        elif not isinstance(event, h11.InformationalResponse):
            raise h11.RemoteProtocolError("closed before an answer")


def _drain(sock: socket.socket, connection: h11.Connection, until: float) -> None:
    room = DRAIN_BYTES
    while room > 0:
        event = connection.next_event()
        if isinstance(event, h11.Data):
            room -= len(event.data)
        elif event is h11.NEED_DATA:
            sock.settimeout(_left_s(until))
            connection.receive_data(sock.recv(65536))
        else:
            return
