"""Stand-ins for core and hmi: small programs that really listen and really talk to each other.

Run as `python stand_in.py core` or `python stand_in.py hmi`, with the standard library alone. Core
has a broker (a websocket that passes every message on to all), a port for apps (a line is a
message), a file server and a log to follow (a websocket). The hmi is a page that shows what the
broker says, live. Whoever connects is a stranger: whatever is too long or not understood ends that
one connection.
"""

import asyncio
import base64
import hashlib
import html
import json
import os
import secrets
import struct
import sys
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeAlias

_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_LONGEST = 64 * 1024
_KEPT = 50
_PATIENCE_S = 10.0
_TICK_S = 5.0
_RETRY_S = 0.5
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
_LOST = (OSError, EOFError, ValueError, asyncio.LimitOverrunError, asyncio.TimeoutError)

Reader: TypeAlias = asyncio.StreamReader
Writer: TypeAlias = asyncio.StreamWriter
Serve: TypeAlias = Callable[[Reader, Writer], Awaitable[None]]


def write(line: str) -> None:
    """Write a line of the task's log."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class Channel:
    """What is said, to everybody who listens; newcomers hear the latest first."""

    def __init__(self) -> None:
        self.latest: deque[str] = deque(maxlen=_KEPT)
        self._ears: set[asyncio.Queue[str]] = set()

    def say(self, text: str) -> None:
        """Tell everybody. Who is too slow to listen misses something."""
        self.latest.append(text)
        for ear in self._ears:
            with suppress(asyncio.QueueFull):
                ear.put_nowait(text)

    def tell(self, who: str, text: str) -> None:
        """Say a message as the broker carries them."""
        self.say(json.dumps({"from": who, "text": text}))

    async def listen(self, hear: Callable[[str], Awaitable[None]]) -> None:
        """Hear everything from the latest on, until nobody takes it any more."""
        ear: asyncio.Queue[str] = asyncio.Queue(1000)
        for text in self.latest:
            ear.put_nowait(text)
        self._ears.add(ear)
        try:
            with suppress(*_LOST):
                while True:
                    await hear(await ear.get())
        finally:
            self._ears.discard(ear)


# -- websockets and HTTP, as much as is needed ----------------------------------------------------


async def request(reader: Reader) -> tuple[str, str, dict[str, str]]:
    """Read the head of an HTTP request: method, path, headers in small letters."""
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _PATIENCE_S)
    first, *lines = head.decode("latin-1").strip().split("\r\n")
    method, path, _ = first.split(" ", 2)
    pairs = (line.partition(":") for line in lines)
    return method, path.partition("?")[0], {k.strip().lower(): v.strip() for k, _, v in pairs}


def answer(writer: Writer, status: str, kind: str, body: str) -> None:
    """Answer an HTTP request, once for a connection."""
    data = body.encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}; charset=utf-8\r\n"
    writer.write(f"{head}Content-Length: {len(data)}\r\nConnection: close\r\n\r\n".encode() + data)


def token(key: str) -> str:
    """Give the proof that a server understood a websocket's key."""
    return base64.b64encode(hashlib.sha1(key.encode() + _MAGIC).digest()).decode()  # noqa: S324


def frame(text: str | bytes, opcode: int = _TEXT, *, masked: bool = False) -> bytes:
    """Make one frame; clients mask theirs."""
    data = text.encode() if isinstance(text, str) else text
    size, bit = len(data), 0x80 if masked else 0
    head = bytes((0x80 | opcode, bit | (size if size < 126 else 126 if size < 65_536 else 127)))
    if size >= 126:
        head += struct.pack(">H" if size < 65_536 else ">Q", size)
    if not masked:
        return head + data
    mask = secrets.token_bytes(4)
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))


async def message(reader: Reader, writer: Writer, *, masked: bool = False) -> str | None:
    """Read the next text; None at the end. Raises ValueError for what it does not understand.

    masked: whether we are the client.
    """
    while True:
        first, second = await reader.readexactly(2)
        size = second & 0x7F
        if size >= 126:
            wide = size == 127
            size = struct.unpack(
                ">Q" if wide else ">H", await reader.readexactly(8 if wide else 2)
            )[0]
        if size > _LONGEST or not first & 0x80:
            raise ValueError("too long, or in pieces")
        mask = await reader.readexactly(4) if second & 0x80 else bytes(4)
        data = bytes(b ^ mask[at % 4] for at, b in enumerate(await reader.readexactly(size)))
        opcode = first & 0x0F
        if opcode == _TEXT:
            return data.decode()
        if opcode == _CLOSE:
            writer.write(frame(data[:2], _CLOSE, masked=masked))
            return None
        if opcode == _PING:
            writer.write(frame(data, _PONG, masked=masked))


def following(channel: Channel, *, may_speak: bool) -> Serve:
    """Make a websocket on which a channel is heard; what is said there is passed on, or not."""

    async def serve(reader: Reader, writer: Writer) -> None:
        _, _, headers = await request(reader)
        key = headers.get("sec-websocket-key")
        if key is None:
            answer(writer, "426 Upgrade Required", "text/plain", "a websocket is here\n")
            return
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + f"Sec-WebSocket-Accept: {token(key)}\r\n\r\n".encode()
        )

        async def hear(text: str) -> None:
            writer.write(frame(text))
            await writer.drain()

        ear = asyncio.ensure_future(channel.listen(hear))
        try:
            while (text := await message(reader, writer)) is not None:
                if may_speak:
                    channel.say(text)
        finally:
            ear.cancel()

    return serve


async def listen(name: str, serve: Serve) -> None:
    """Serve at one of our ports; what goes wrong with a connection ends that one."""

    async def guarded(reader: Reader, writer: Writer) -> None:
        try:
            with suppress(*_LOST):
                await serve(reader, writer)
                await writer.drain()
        finally:
            writer.close()

    port = int(os.environ[f"JOBYARD_PORT_{name.upper()}"])
    host = os.environ["JOBYARD_LISTEN"]
    server = await asyncio.start_server(guarded, host, port, limit=_LONGEST)
    write(f"{name} listens on {host}:{port}")
    async with server:
        await server.serve_forever()


# -- core -----------------------------------------------------------------------------------------


async def core() -> None:
    """Be core."""
    broker, journal = Channel(), Channel()
    version, build = os.environ["CORE_VERSION"], os.environ["CORE_BUILD"]

    def note(text: str) -> None:
        write(text)
        journal.say(text)

    async def app(reader: Reader, writer: Writer) -> None:
        note("an app has connected")
        while line := await reader.readline():
            broker.tell("app", line.decode("utf-8", "replace").strip())
            writer.write(b"ok\n")
            await writer.drain()
        note("an app has left")

    async def files(reader: Reader, writer: Writer) -> None:
        _, path, _ = await request(reader)
        found = {"/": "version.json\n", "/version.json": json.dumps(about)}.get(path)
        status = "404 Not Found" if found is None else "200 OK"
        kind = "application/json" if path.endswith(".json") else "text/plain"
        answer(writer, status, kind, found or "no such file\n")

    async def tick() -> None:
        seconds = 0.0
        while True:
            broker.tell("core", f"up for {seconds:g} s")
            journal.say(f"up for {seconds:g} s")
            await asyncio.sleep(_TICK_S)
            seconds += _TICK_S

    about = {"version": version, "build": build}
    note(f"core {version} ({build}) begins")
    broker.tell("core", f"core {version} ({build}) is here")
    await asyncio.gather(
        listen("broker", following(broker, may_speak=True)),
        listen("tcp", app),
        listen("file", files),
        listen("log", following(journal, may_speak=False)),
        tick(),
    )


# -- hmi ------------------------------------------------------------------------------------------

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{name}</title></head>
<body><h1>{name}</h1><p>What the broker says:</p><ul id="said">{said}</ul>
<script>
new EventSource("events").onmessage = event => {{
  const item = document.createElement("li");
  item.textContent = event.data;
  document.getElementById("said").append(item);
}};
</script></body></html>
"""


async def hmi() -> None:
    """Be an hmi."""
    said = Channel()
    name = f"hmi {os.environ['HMI_TYPE']} {os.environ['HMI_VERSION']}"
    host, _, port = os.environ["BROKER_ADDR"].rpartition(":")

    async def follow() -> None:
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        reader, writer = await asyncio.open_connection(host.strip("[]"), int(port), limit=_LONGEST)
        try:
            head = f"GET / HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
            head += f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            writer.write(f"{head}Sec-WebSocket-Version: 13\r\n\r\n".encode())
            reply = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _PATIENCE_S)
            if token(key).encode() not in reply:
                raise ValueError("not a websocket")
            write(f"{name} follows the broker at {host}:{port}")
            hello = json.dumps({"from": "hmi", "text": f"{name} is here"})
            writer.write(frame(hello, masked=True))
            while (text := await message(reader, writer, masked=True)) is not None:
                said.say(" ".join(text.split()))
        finally:
            writer.close()

    async def always() -> None:
        while True:
            with suppress(*_LOST):
                await follow()
            await asyncio.sleep(_RETRY_S)

    async def page(reader: Reader, writer: Writer) -> None:
        _, path, _ = await request(reader)
        if path == "/":
            items = "".join(f"<li>{html.escape(text)}</li>" for text in said.latest)
            body = _PAGE.format(name=html.escape(name), said=items)
            answer(writer, "200 OK", "text/html", body)
        elif path == "/events":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n")
            writer.write(b"Cache-Control: no-store\r\nConnection: close\r\n\r\n")

            async def hear(text: str) -> None:
                writer.write(f"data: {text}\n\n".encode())
                await writer.drain()

            ear = asyncio.ensure_future(said.listen(hear))
            try:
                await reader.read()  # until the browser goes
            finally:
                ear.cancel()
        else:
            answer(writer, "404 Not Found", "text/plain", "there is only the page\n")

    await asyncio.gather(listen("user", page), always())


if __name__ == "__main__":
    asyncio.run({"core": core, "hmi": hmi}[sys.argv[1]]())
