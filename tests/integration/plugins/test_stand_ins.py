"""The stand-ins of an environment: they listen, they talk, and no stranger disturbs them."""

import json
import os
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import requests
import simple_websocket

import plugins.core_hmi
from tests.yard import eventually

PROGRAM = Path(plugins.core_hmi.__file__).with_name("stand_in.py")


def free_ports(*names):
    held = {name: socket.create_server(("127.0.0.1", 0)) for name in names}
    numbers = {name: one.getsockname()[1] for name, one in held.items()}
    for one in held.values():
        one.close()
    return numbers


@pytest.fixture
def start():
    running = []

    def start(part, ports, **env):
        told = {f"JOBYARD_PORT_{name.upper()}": str(number) for name, number in ports.items()}
        process = subprocess.Popen(
            [sys.executable, "-E", "-s", "-S", "-u", PROGRAM, part],
            env={"PATH": os.defpath, "JOBYARD_LISTEN": "127.0.0.1", **told, **env},
        )
        running.append(process)
        for number in ports.values():
            eventually(lambda number=number: listens(number), f"{part} at {number}")
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()


def listens(number):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", number)) == 0


@pytest.fixture
def core(start):
    ports = free_ports("broker", "tcp", "file", "log")
    process = start("core", ports, CORE_VERSION="4.5.1", CORE_BUILD="default")
    yield ports
    assert process.poll() is None, "a stranger has ended it"


@pytest.fixture
def page(start, core):
    ports = free_ports("user")
    where = f"127.0.0.1:{core['broker']}"
    process = start("hmi", ports, HMI_TYPE="generic", HMI_VERSION="minimal", BROKER_ADDR=where)
    yield f"http://127.0.0.1:{ports['user']}"
    assert process.poll() is None, "a stranger has ended it"


def client(number):
    return closing(simple_websocket.Client(f"ws://127.0.0.1:{number}/"))


def heard(ear, wanted):
    """Listen until something is said that fits."""
    return eventually(lambda: (text := ear.receive(timeout=10)) and wanted(text) and text, "words")


def test_the_broker_passes_messages_on_to_all(core):
    with client(core["broker"]) as one, client(core["broker"]) as two:
        long = "x" * 40_000
        for said in ("hello", "käse", long):
            one.send(said)
            assert heard(two, lambda text, said=said: text == said)
            assert heard(one, lambda text, said=said: text == said)


def test_lines_of_an_app_reach_the_broker(core):
    with client(core["broker"]) as ear, socket.create_connection(("127.0.0.1", core["tcp"])) as app:
        app.sendall(b"register me\n")
        assert app.makefile().readline() == "ok\n"
        assert heard(ear, lambda text: json.loads(text) == {"from": "app", "text": "register me"})


def test_files_are_served(core):
    base = f"http://127.0.0.1:{core['file']}"
    answer = requests.get(f"{base}/version.json", timeout=30)
    assert answer.json() == {"version": "4.5.1", "build": "default"}
    assert requests.get(f"{base}/../etc/passwd", timeout=30).status_code == 404


def test_the_log_is_followed_and_takes_nothing(core):
    with client(core["log"]) as ear, client(core["log"]) as liar:
        liar.send("a lie")
        heard(ear, lambda text: text == "core 4.5.1 (default) begins")
        heard(ear, lambda text: text.startswith("up for") or pytest.fail(text))


def test_the_page_shows_what_the_broker_says(core, page):
    with client(core["broker"]) as mouth:
        mouth.send("<b>bold & new</b>")
    shown = eventually(
        lambda: (text := requests.get(page, timeout=30).text) and "bold" in text and text, "it"
    )
    assert "&lt;b&gt;bold &amp; new&lt;/b&gt;" in shown
    assert "hmi generic minimal" in shown
    assert requests.get(f"{page}/other", timeout=30).status_code == 404


def test_the_page_follows_live(core, page):
    with requests.get(f"{page}/events", stream=True, timeout=30) as stream:
        lines = stream.iter_lines(chunk_size=1)
        with client(core["broker"]) as mouth:
            mouth.send("live")
            assert eventually(lambda: next(lines) == b"data: live", "the message")


@pytest.mark.parametrize("name", ["broker", "tcp", "file", "log"])
@pytest.mark.parametrize(
    "noise",
    [
        b"",
        b"\n\n\n\r\n\r\n",
        b"GET\r\n\r\n",
        b"\0" * 200_000,
        b"GET / HTTP/1.1\r\nSec-WebSocket-Key: a\r\n\r\n\x81\xff" + b"\xff" * 20,
        b"GET / HTTP/1.1\r\nSec-WebSocket-Key: a\r\n\r\n\x01\x01a",
        b"GET / HTTP/1.1\r\nSec-WebSocket-Key: a\r\n\r\n\x81\x02\xff\xff",
    ],
)
def test_noise_ends_one_connection_at_most(core, name, noise):
    with socket.create_connection(("127.0.0.1", core[name]), timeout=30) as stranger:
        try:
            stranger.sendall(noise)
            stranger.shutdown(socket.SHUT_WR)
            while stranger.recv(65_536):
                pass
        except OSError:
            pass
    with client(core["broker"]) as ear:
        ear.send("still well")
        assert heard(ear, lambda text: text == "still well")
