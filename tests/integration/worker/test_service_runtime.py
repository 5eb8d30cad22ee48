"""The service runtime over processes and over containers: one contract for both."""

import os
import signal
import socket
import sys
import textwrap
import threading
import time
from contextlib import suppress

import pytest

from app.hooks.types import Command, Port, Service, Step
from app.worker.runtimes.base import Workspace
from app.worker.runtimes.health import answers
from app.worker.runtimes.service import ServiceRuntime
from app.worker.runtimes.shell import ShellRuntime
from tests.integration.worker.container_commands import SEAT, left_of
from tests.integration.worker.watching import alive, eventually, in_thread

IMAGE = "busybox"
PATIENCE_S = 60.0
SHELL_HTTP = f"echo began; exec {sys.executable} -I -S -m http.server --bind $JOBYARD_LISTEN"
KINDS = ["shell", pytest.param("container", marks=pytest.mark.podman)]


@pytest.fixture
def shell(tmp_path):
    return ShellRuntime(work_dir=tmp_path / "work")


@pytest.fixture
def services(shell, few_ports):
    """A runtime for processes alone."""
    return ServiceRuntime(shell=shell, container=None, ports=few_ports(10))


class Kind:
    """Services of one kind: scripts that serve, and what is left of them."""

    def __init__(self, runtime, image, left):
        self.runtime = runtime
        self.image = image
        self.left = left

    def command(self, script, **words):
        inside = 8000 if self.image else None
        port = Port(name="user-page", probe="http", inside=inside)
        words.setdefault("ports", (port,))
        kill_after_s = words.pop("kill_after_s", 3.0)
        return Command(
            runtime="service",
            main=Step(name="main", run=textwrap.dedent(script), image=self.image),
            service=Service(**{"start_s": PATIENCE_S, **words}),
            kill_after_s=kill_after_s,
        )

    @property
    def serving(self):
        """A script that becomes a web server."""
        if self.image:
            page = "mkdir /w; echo page > /w/index.html; echo began"
            return f"{page}; exec httpd -f -p $JOBYARD_LISTEN:$JOBYARD_PORT_USER_PAGE -h /w"
        return f"{SHELL_HTTP} $JOBYARD_PORT_USER_PAGE"

    def start(self, watch, command):
        return in_thread(lambda: self.runtime.run(command, Workspace("s1", 1, "s1-1"), watch))


@pytest.fixture(params=KINDS)
def kind(request, shell, few_ports, tmp_path):
    if request.param == "shell":
        return Kind(
            ServiceRuntime(shell=shell, container=None, ports=few_ports(10)),
            None,
            lambda: list((tmp_path / "work").iterdir()) if (tmp_path / "work").exists() else [],
        )
    client = request.getfixturevalue("client")
    containers = request.getfixturevalue("containers")
    runtime = ServiceRuntime(shell=shell, container=containers, ports=few_ports(10))
    return Kind(runtime, IMAGE, lambda: left_of(client, SEAT))


def fetch(address):
    host, _, number = address.rpartition(":")
    return answers(Port(name="p", probe="http", path="/"), host, int(number), 5.0)


def accepts(address):
    host, _, number = address.rpartition(":")
    with suppress(OSError), socket.create_connection((host, int(number)), 1):
        return True
    return False


def test_a_service_answers_is_reported_and_ends_when_it_is_cancelled(kind, watch):
    thread, outcomes = kind.start(watch, kind.command(kind.serving))
    watch.wait_for(lambda: bool(watch.addresses))
    (addresses,) = watch.addresses
    assert list(addresses) == ["user-page"]
    number = int(addresses["user-page"].removeprefix("127.0.0.1:"))
    assert kind.runtime.ports.first <= number <= kind.runtime.ports.last
    assert accepts(addresses["user-page"])
    assert b"began" in watch.text
    watch.cancelled.set()
    thread.join(PATIENCE_S)
    (outcome,) = outcomes
    assert outcome.cancelled
    assert not accepts(addresses["user-page"])
    assert kind.left() == []
    taken = kind.runtime.ports.take(10)
    assert taken is not None
    taken.give_back()


def test_two_at_once_get_different_ports(kind, watch, tmp_path):
    one, _ = kind.start(watch, kind.command(kind.serving))
    command = kind.command(kind.serving)
    two, _ = in_thread(lambda: kind.runtime.run(command, Workspace("s2", 1, "s2-1"), watch))
    watch.wait_for(lambda: len(watch.addresses) == 2)
    first, second = (addresses["user-page"] for addresses in watch.addresses)
    assert first != second
    watch.cancelled.set()
    one.join(PATIENCE_S)
    two.join(PATIENCE_S)


def test_one_that_ignores_the_signal_is_killed(kind, watch):
    script = f"trap '' TERM; ({kind.serving}) & while :; do sleep 1; done"
    thread, outcomes = kind.start(watch, kind.command(script, kill_after_s=0.5))
    watch.wait_for(lambda: bool(watch.addresses))
    watch.cancelled.set()
    thread.join(PATIENCE_S)
    assert outcomes[0].cancelled
    assert kind.left() == []


def test_one_that_ends_by_itself_is_noticed(kind, watch, tmp_path):
    page = "user-page"
    script = f"({kind.serving}) & sleep 3; echo last words; exit 7"
    thread, outcomes = kind.start(watch, kind.command(script))
    thread.join(PATIENCE_S)
    (outcome,) = outcomes
    assert outcome.error.startswith("exited: exit code 7: ")
    assert outcome.error.endswith("last words")
    assert outcome.exit_code == 7
    assert not accepts(watch.addresses[0][page])
    assert kind.left() == []


def test_one_that_ends_before_it_answers_failed_to_start(kind, watch):
    thread, outcomes = kind.start(watch, kind.command("echo no such version; exit 3"))
    thread.join(PATIENCE_S)
    assert outcomes[0].error == "start_failed: exit code 3: no such version"
    assert watch.addresses == []


def test_a_good_end_is_an_end_all_the_same(kind, watch):
    thread, outcomes = kind.start(watch, kind.command("echo done"))
    thread.join(PATIENCE_S)
    assert outcomes[0].error == "start_failed: exit code 0: done"


def test_one_that_never_answers_is_ended(kind, watch):
    script = "echo starting; while :; do sleep 1; done"
    thread, outcomes = kind.start(watch, kind.command(script, start_s=2.0, kill_after_s=0.5))
    thread.join(PATIENCE_S)
    assert outcomes[0].error == ("start_failed: port user-page did not answer within 2s: starting")
    assert not outcomes[0].cancelled
    assert kind.left() == []


def test_a_cancellation_during_the_start_is_one(kind, watch):
    thread, outcomes = kind.start(watch, kind.command("echo up; while :; do sleep 1; done"))
    watch.wait_for(lambda: b"up" in watch.text)
    watch.cancelled.set()
    thread.join(PATIENCE_S)
    assert outcomes[0].cancelled
    assert watch.addresses == []


def test_without_free_ports_there_is_no_room(kind, watch):
    taken = kind.runtime.ports.take(10)
    outcome = kind.runtime.run(kind.command(kind.serving), Workspace("s1", 1, "s1-1"), watch)
    assert (outcome.full, outcome.unable, outcome.error) == (True, False, "no free port")
    taken.give_back()


@pytest.mark.podman
def test_a_container_must_say_which_of_its_ports_are_meant(containers, shell, few_ports, watch):
    runtime = ServiceRuntime(shell=shell, container=containers, ports=few_ports(2))
    kind = Kind(runtime, IMAGE, None)
    command = kind.command(kind.serving, ports=(Port(name="web"),))
    outcome = runtime.run(command, Workspace("s1", 1, "s1-1"), watch)
    assert outcome.error == "start_failed: port web names no port of the container"


@pytest.mark.podman
def test_an_image_that_cannot_be_had_is_a_failed_start(containers, shell, few_ports, watch):
    runtime = ServiceRuntime(shell=shell, container=containers, ports=few_ports(2))
    kind = Kind(runtime, "no-such-image-of-ours:1", None)
    outcome = runtime.run(kind.command("true"), Workspace("s1", 1, "s1-1"), watch)
    assert outcome.error.startswith("start_failed: ")
    assert not outcome.unable


def test_an_interpreter_that_is_missing_is_a_failed_start(tmp_path, few_ports, watch):
    shell = ShellRuntime(work_dir=tmp_path / "work", cmd=("no-such-shell",))
    runtime = ServiceRuntime(shell=shell, container=None, ports=few_ports(2))
    command = Kind(runtime, None, None).command("true")
    outcome = runtime.run(command, Workspace("s1"), watch)
    assert outcome.error == "start_failed: no-such-shell was not found"


def test_all_its_processes_end_with_it(services, watch, tmp_path):
    file = tmp_path / "pid"
    script = f"""
        /usr/bin/setsid sh -c 'trap "" TERM; echo $$ > {file}; while :; do sleep 1; done' &
        {SHELL_HTTP} $JOBYARD_PORT_WEB
    """
    kind = Kind(services, None, None)
    command = kind.command(script, ports=(Port(name="web"),), kill_after_s=0.5)
    thread, _ = kind.start(watch, command)
    watch.wait_for(lambda: bool(watch.addresses))
    eventually(lambda: file.exists() and file.read_text().strip())
    watch.cancelled.set()
    thread.join(PATIENCE_S)
    assert not alive(int(file.read_text()))


def test_a_kill_from_outside_is_noticed(services, watch, tmp_path):
    file = tmp_path / "pid"
    kind = Kind(services, None, None)
    thread, outcomes = kind.start(watch, kind.command(f"echo $$ > {file}; {kind.serving}"))
    watch.wait_for(lambda: bool(watch.addresses))
    os.kill(int(file.read_text()), signal.SIGKILL)
    thread.join(PATIENCE_S)
    assert outcomes[0].error.startswith("exited: exit code 137: ")


def test_what_is_told_names_the_host_that_users_reach(shell, few_ports, watch):
    runtime = ServiceRuntime(
        shell=shell, container=None, ports=few_ports(4), listen="0.0.0.0", host="yard.example.org"
    )
    kind = Kind(runtime, None, None)
    thread, _ = kind.start(watch, kind.command(f"echo on $JOBYARD_LISTEN; {kind.serving}"))
    watch.wait_for(lambda: bool(watch.addresses))
    assert watch.addresses[0]["user-page"].startswith("yard.example.org:")
    assert b"on 0.0.0.0" in watch.text
    watch.cancelled.set()
    thread.join(PATIENCE_S)


def test_a_port_that_is_not_to_be_probed_is_not(services, watch):
    kind = Kind(services, None, None)
    ports = (Port(name="quiet", probe=None),)
    thread, _ = kind.start(watch, kind.command("sleep 1000", ports=ports))
    watch.wait_for(lambda: bool(watch.addresses))
    watch.cancelled.set()
    thread.join(PATIENCE_S)


def test_what_cannot_be_reported_ends_it_and_is_told(services, watch):
    def refuse(_addresses):
        raise RuntimeError("nobody takes it")

    watch.ready = refuse
    kind = Kind(services, None, None)
    with pytest.raises(RuntimeError, match="nobody takes it"):
        services.run(kind.command(kind.serving), Workspace("s1"), watch)
    taken = services.ports.take(10)
    assert taken is not None
    taken.give_back()


# -- probes -------------------------------------------------------------------------------------


class Talker:
    """A server that says what it is told to, to each who comes."""

    def __init__(self, *pieces, pause_s=0.0):
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.number = self._socket.getsockname()[1]
        self._pieces, self._pause_s = pieces, pause_s
        self._over = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                with connection, suppress(OSError):
                    for piece in self._pieces:
                        connection.sendall(piece)
                        self._over.wait(self._pause_s)

    def close(self):
        self._over.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@pytest.fixture
def talker():
    made = []

    def make(*pieces, pause_s=0.0):
        made.append(Talker(*pieces, pause_s=pause_s))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize(
    ("said", "well"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", True),
        (b"HTTP/1.0 302 Found\r\n\r\n", True),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", False),
        (b"HTTP/1.1 503 \r\n\r\n", False),
        (b"SSH-2.0-OpenSSH_9\r\n", False),
        (b"HTTP/1.1 2", False),
        (b"", False),
        (b"x" * 100_000, False),
    ],
)
def test_a_web_server_is_well_by_its_status(talker, said, well):
    port = Port(name="p", probe="http")
    assert answers(port, "127.0.0.1", talker(said).number, 10.0) is well


def test_a_server_that_trickles_is_not_waited_for(talker):
    slow = talker(*[b"H"] * 1000, pause_s=0.1)
    begin = time.monotonic()
    assert not answers(Port(name="p", probe="http"), "127.0.0.1", slow.number, 0.5)
    assert time.monotonic() - begin < PATIENCE_S


def test_one_that_accepts_and_hangs_up_has_nobody_behind_it(talker):
    number = talker(b"").number
    assert answers(Port(name="p"), "127.0.0.1", number, 5.0)
    assert not answers(Port(name="p", inside=80), "127.0.0.1", number, 5.0)
    assert answers(Port(name="p", inside=80), "127.0.0.1", talker(b"220 hello").number, 5.0)


def test_a_closed_port_answers_nothing(free_port):
    for probe in ("tcp", "http"):
        assert not answers(Port(name="p", probe=probe), "127.0.0.1", free_port, 1.0)
