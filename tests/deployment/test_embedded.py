"""`JOBYARD_EMBEDDED=1 gunicorn -c config/gunicorn.py wsgi:app`: everything behind one command."""

import signal

import psutil
import pytest

from tests.deployment.program import Program, gunicorn
from tests.yard import alive, eventually

pytestmark = pytest.mark.slow


@pytest.fixture
def server(running, data_dir) -> Program:
    return running(gunicorn(JOBYARD_EMBEDDED="1", JOBYARD_DATA_DIR=str(data_dir))).serve()


def part(server: Program, name: str) -> psutil.Process:
    return eventually(lambda: server.found("app.cli", name, "--parent"), f"a part {name}")


def test_a_job_completes_with_nothing_else_started(server: Program):
    job = server.completes(server.submit("echo -n done > $TORK_OUTPUT"))
    assert job["execution"][0]["result"] == "done"


@pytest.mark.parametrize("name", ["serve", "ticker", "worker"])
def test_a_killed_part_comes_back(server: Program, name: str):
    dead = part(server, name)
    dead.kill()
    eventually(
        lambda: (new := server.found("app.cli", name, "--parent")) and new.pid != dead.pid,
        f"a new {name}",
    )
    server.completes(server.submit("echo still here"))


def test_the_keeper_itself_comes_back(server: Program):
    keeper = eventually(lambda: server.found("config.beside"), "the keeper")
    orphans = [part(server, name) for name in ("ticker", "worker")]
    keeper.kill()
    eventually(lambda: not any(map(alive, orphans)), "what it kept is gone")
    new = eventually(lambda: server.found("config.beside"), "a new keeper")
    assert new.pid != keeper.pid
    server.completes(server.submit("echo still here"))


def test_a_hangup_takes_new_settings_in_everywhere(running, data_dir):
    file = data_dir / "jobyard.toml"
    file.write_text('[worker.queues]\n"tork/default" = 1\n')
    server = running(
        gunicorn(JOBYARD_EMBEDDED="1", JOBYARD_DATA_DIR=str(data_dir), JOBYARD_CONFIG=str(file))
    ).serve()
    job = server.submit("echo nobody claims this yet", queue="other")
    server.completes(server.submit("echo somebody is there"))
    assert server.get(f"/jobs/{job}").json()["state"] != "COMPLETED"
    file.write_text('[worker.queues]\n"tork/other" = 1\n')
    server.process.send_signal(signal.SIGHUP)
    server.completes(job)
    family = server.family()
    assert server.stop() == 0
    eventually(lambda: not any(map(alive, family)), "all processes gone")


def test_sigterm_ends_everything(server: Program):
    part(server, "ticker"), part(server, "worker")
    family = server.family()
    assert server.stop() == 0
    eventually(lambda: not any(map(alive, family)), "all processes gone")


def test_the_death_of_the_master_ends_everything(server: Program):
    part(server, "ticker"), part(server, "worker")
    family = server.family()
    server.kill()
    eventually(lambda: not any(map(alive, family)), "all processes gone")
