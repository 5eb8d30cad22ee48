"""`jobyard env request` as its users run it."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys

import jwt
import pytest

from tests.integration.cli.conftest import environment, program
from tests.integration.cli.rough import RoughProxy
from tests.yard import PATIENCE_S, eventually

WORDS = ("env", "request", "--core", "4.5.1", "--hmi", "generic/minimal")


class Command:
    """One running command; its lines as they come."""

    def __init__(self, url: str, *more: str, **options) -> None:
        words = [sys.executable, "-u", "-m", "app.cli", *WORDS, *more]
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, **options}
        self.process = subprocess.Popen(words, env=environment(JOBYARD_SERVER=url), **options)
        if self.process.stdout:
            os.set_blocking(self.process.stdout.fileno(), False)
        self.text = ""

    def until(self, words: str) -> str:
        def there():
            self.text += (self.process.stdout.read() or b"").decode()
            return words in self.text

        eventually(there, f"{words} in {self.text}")
        return self.text

    def end(self, number=signal.SIGINT) -> int:
        self.process.send_signal(number)
        status = self.process.wait(PATIENCE_S)
        self.text += (self.process.stdout.read() or b"").decode()
        self.process.stdout.close()
        return status


@pytest.fixture
def run(manticore):
    started = []

    def command(*more, url=None):
        started.append(Command(url or manticore.server.url, *more))
        return started[-1]

    yield command
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()
        each.process.stdout.close()


def requests(manticore) -> int:
    return sum(manticore.server.get("/api/v2/queue").json[name]
               for name in ("waiting", "starting", "running"))  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_waits_shows_the_addresses_and_gives_back(manticore, run, number):
    manticore.passcode("first")
    manticore.passcode("second")
    command = run("--id", "me")
    command.until("2 ahead of you")
    for user in ("second", "first"):
        manticore.leave(user)
    manticore.tick()
    command.until("it is being started")
    manticore.work(2)
    command.until("Ctrl-C gives it back")
    assert "main" in command.text
    assert manticore.server.post("/api/v2/info", {"id": "me"}).status == 200
    assert command.end(number) == 0
    assert command.text.endswith("given back\n")
    assert requests(manticore) == 0


def test_it_survives_cut_connections(manticore, run):
    proxy = RoughProxy(manticore.server.port, sparing=200, most=3000)
    try:
        manticore.passcode("first")
        command = run(url=proxy.url)
        command.until("1 ahead of you")
        manticore.leave("first")
        manticore.tick()
        command.until("it is being started")
        manticore.work(2)
        command.until("Ctrl-C gives it back")
        assert command.end() == 0
    finally:
        proxy.close()
    assert requests(manticore) == 0


def test_an_environment_that_ends_is_told_of_with_its_reason(manticore, run):
    command = run()
    command.until("it is being started")
    [task] = manticore.work()
    manticore.engine.attempts.fail(task.lease, "start_failed: no \x1b[31mimage", retry=False)
    command.until("jobyard: the environment is gone: start_failed (no \ufffd[31mimage)\n")
    assert command.process.wait(PATIENCE_S) == 1


@pytest.mark.parametrize(
    ("words", "status"),
    [(("--core", "9"), 1), (("--hmi", "generic"), 2), (("--hmi", "generic/9"), 1),
     (("--id", "a b"), 1), (("--build", "\u2028"), 1)],
)  # fmt: skip
def test_what_cannot_be_had_is_one_line(manticore, words, status):
    done = program(*WORDS, *words, JOBYARD_SERVER=manticore.server.url)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.startswith("jobyard: ")
    assert done.stderr.count("\n") == 1
    assert requests(manticore) == 0


def test_a_terminal_shows_one_line_that_lives(manticore):
    manticore.passcode("first")
    main, side = pty.openpty()
    command = Command(manticore.server.url, stdout=side, stderr=side)
    os.close(side)
    os.set_blocking(main, False)
    text = b""

    def seen(words):
        nonlocal text
        with contextlib.suppress(BlockingIOError):
            text += os.read(main, 65536)
        return words in text

    eventually(lambda: seen(b"1 ahead of you"), "the place")
    manticore.leave("first")
    manticore.tick()
    manticore.work(2)
    eventually(lambda: seen(b"Ctrl-C gives it back"), "the environment")
    command.process.send_signal(signal.SIGINT)
    assert command.process.wait(PATIENCE_S) == 0
    os.close(main)
    assert requests(manticore) == 0


def test_tokens_say_who_asks(manticores):
    secret = "s" * 64
    own = manticores.start(JWT_SECRET=secret)
    token = jwt.encode({"user_id": "me"}, secret, algorithm="HS256")
    assert program(*WORDS, JOBYARD_SERVER=own.server.url).returncode == 1
    command = Command(own.server.url, "--jwt", token)
    command.until("it is being started")
    headers = {"Authorization": f"Bearer {token}"}
    assert own.server.request("POST", "/api/v2/info", json.dumps({}), headers).status == 200
    assert command.end() == 0
