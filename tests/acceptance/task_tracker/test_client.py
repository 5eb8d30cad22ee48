"""The Python client at work, and the example that is built on it."""

import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.acceptance.task_tracker.extras import Desk, serving
from tests.yard import eventually

ROOT = Path(__file__).parents[3]
CLIENT = ROOT / "clients" / "python"
LONG_S = 120


@pytest.fixture(scope="module", autouse=True)
def _client_at_hand():
    sys.path.insert(0, str(CLIENT))
    yield
    sys.path.remove(str(CLIENT))


@pytest.fixture(scope="module")
def desk():
    with serving() as yard:
        yield Desk(yard)


@pytest.fixture
def project(desk):
    return desk.project()


@pytest.fixture
def client(desk, project):
    return admitted(desk, project)


def admitted(desk, project, **more):
    from jobyard_worker import Client

    client = Client(desk.url, **more)
    made = client.register("from the client")
    assert client.request_access(project, assign=True, submit=True) is True
    assert client.request_access(project, assign=True, submit=True) is False
    assert desk.post(f"/project/accept_request/{project}/{made.worker_id}").json()["ok"]
    return client


def figures(desk, project):
    return desk.read(f"/project/stats/{project}").json()["content"]


class Running:
    """A loop in a thread."""

    def __init__(self, client, work, **more):
        from jobyard_worker import Loop

        self.loop = Loop(client, work, wait_s=1, **more)
        self.thread = threading.Thread(target=self.loop.run, daemon=True)
        self.thread.start()

    def end(self):
        self.loop.stop()
        self.thread.join(LONG_S)
        assert not self.thread.is_alive()


# -- plain calls ----------------------------------------------------------------------------------


def test_a_task_goes_through_all_calls(desk, project, client):
    from jobyard_worker import Release, Result, Work

    assert client.submit(project, Work(recipe="one", unique="u", priority=3)) is True
    assert client.submit(project, Work(recipe="one", unique="u")) is False
    (task,) = client.claim(project)
    assert (task.recipe, task.priority, task.project.id) == ("one", 3, project)
    assert client.renew(task.id) is True
    assert client.release(Release(task.id)) is True
    assert client.release(Release(task.id)) is False
    assert client.claim(project) == []
    works = [Work(recipe=str(number), unique=str(number % 4)) for number in range(6)]
    assert client.submit_many(project, works) == 4
    assert client.submit_many(project, works) == 0
    tasks = client.claim(None, count=10)
    ours = [task for task in tasks if task.project.id == project]
    releases = [Release(ours[0].id, Result.FAILED, error="why"), Release(ours[1].id)]
    assert client.release_many([*releases, Release(2**50)]) == [True, True, False]
    (failed,) = desk.read(f"/project/failed_tasks/{project}").json()["content"]["tasks"]
    assert failed["error"] == "why"


def test_a_worker_is_remembered_by_a_file_of_its_own(desk, tmp_path):
    from jobyard_worker import Client

    path = tmp_path / "credentials.json"
    first = Client(desk.url).become("w", path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Client(desk.url).become("w", path) == first
    path.write_text("[]")
    with pytest.raises(ValueError, match="no credentials"):
        Client(desk.url).become("w", path)


def test_refusals_and_silence_have_errors_of_their_own(desk, project):
    from jobyard_worker import Client, Credentials, RateLimited, Refused, Unreachable, Work

    stranger = Client(desk.url, Credentials(10**9, "AAAA"))
    with pytest.raises(Refused, match="does not match any") as refused:
        stranger.claim(project)
    assert refused.value.status == 403
    with pytest.raises(Unreachable):
        Client("http://127.0.0.1:9", timeout_s=1).claim(project)
    limited = desk.project(submit_rate=0.01)
    client = admitted(desk, limited)
    client.submit(limited, Work(recipe="r"))
    with pytest.raises(RateLimited) as late:
        client.submit(limited, Work(recipe="r"))
    assert 0 < late.value.delay_s <= 100


def test_other_calls(desk, project, client):
    assert project in [one.id for one in client.projects()]
    client.rename("renamed")
    assert client.secret(project) == "{}"
    client.log("info", "client", "hello", at=1_700_000_000)


# -- the loop -------------------------------------------------------------------------------------


def test_a_loop_does_what_there_is_and_what_comes(desk, project, client):
    from jobyard_worker import Work

    done = []
    client.submit_many(project, [Work(recipe=str(number)) for number in range(5)])
    running = Running(client, lambda task: done.append(task.recipe), project=project, batch=3)
    eventually(lambda: len(done) == 5, "the first tasks")
    client.submit(project, Work(recipe="late"))
    eventually(lambda: figures(desk, project)["closed"] == 6, "all closed")
    running.end()
    assert sorted(done) == ["0", "1", "2", "3", "4", "late"]


def test_work_that_raises_fails_the_task_and_the_loop_goes_on(desk, project, client):
    from jobyard_worker import GiveBack, Work

    given_back = []

    def work(task):
        if task.recipe == "bad":
            raise LookupError("nowhere")
        if task.recipe == "odd" and not given_back:
            given_back.append(task.id)
            raise GiveBack

    client.submit_many(project, [Work(recipe=each) for each in ("bad", "odd", "good")])
    running = Running(client, work, project=project)
    eventually(lambda: figures(desk, project)["closed"] == 2, "two closed")
    running.end()
    (failed,) = desk.read(f"/project/failed_tasks/{project}").json()["content"]["tasks"]
    assert failed["error"] == "LookupError: nowhere"
    assert len(given_back) == 1


def test_values_are_compared_between_workers(desk, project, client):
    from jobyard_worker import Work

    client.submit(project, Work(recipe="r", verification_count=2))
    others = [admitted(desk, project), client]
    running = [Running(each, lambda _task: 42, project=project) for each in others]
    eventually(lambda: figures(desk, project)["closed"] == 1, "agreement")
    for each in running:
        each.end()


def test_long_work_keeps_its_task(desk, project, client):
    from jobyard_worker import Work

    enough = threading.Event()
    renewed = []
    renew = client.renew
    client.renew = lambda task_id: renewed.append(task_id) or renew(task_id)
    client.submit(project, Work(recipe="r", assign_s=6))
    running = Running(client, lambda _task: enough.wait(LONG_S) and None, project=project)
    eventually(lambda: len(renewed) >= 2, "renewals")
    enough.set()
    eventually(lambda: figures(desk, project)["assigned"] == 0, "a report")
    running.end()


def test_a_stop_gives_back_what_was_not_begun(desk, project, client):
    from jobyard_worker import Work

    begun, on = threading.Event(), threading.Event()

    def work(_task):
        begun.set()
        on.wait(LONG_S)

    client.submit_many(project, [Work(recipe=str(number)) for number in range(4)])
    running = Running(client, work, project=project, batch=4)
    assert begun.wait(LONG_S)
    running.loop.stop()
    on.set()
    running.end()
    found = figures(desk, project)
    assert (found["waiting"], found["assigned"], found["closed"]) == (3, 0, 1)


def test_sigterm_ends_a_worker_after_its_task(desk, project, client, tmp_path):
    from jobyard_worker import Work

    client.credentials.save(tmp_path / "credentials.json")
    begun = tmp_path / "begun"
    script = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from jobyard_worker import Client, Loop\n"
        "url, folder, project = sys.argv[1:]\n"
        "client = Client(url)\n"
        "client.become('w', folder + '/credentials.json')\n"
        "def work(task):\n"
        "    (Path(folder) / 'begun').touch()\n"
        "    while not (Path(folder) / 'on').exists():\n"
        "        time.sleep(0.01)\n"
        "Loop(client, work, project=int(project), wait_s=1).run()\n"
    )
    words = [sys.executable, "-c", script, desk.url, str(tmp_path), str(project)]
    process = subprocess.Popen(words, env={**os.environ, "PYTHONPATH": str(CLIENT)})
    try:
        client.submit(project, Work(recipe="r"))
        eventually(begun.exists, "work under way")
        process.send_signal(signal.SIGTERM)
        (tmp_path / "on").touch()
        assert process.wait(LONG_S) == 0
    finally:
        process.kill()
    assert figures(desk, project)["closed"] == 1


def test_a_loop_outlives_a_server_that_does_not_answer():
    from jobyard_worker import Client, Credentials, Loop

    loop = Loop(Client("http://127.0.0.1:9", Credentials(1, "x")), lambda _task: None)
    thread = threading.Thread(target=loop.run, daemon=True)
    thread.start()
    eventually(lambda: loop._failures >= 2, "pauses")
    assert thread.is_alive()
    loop.stop()
    thread.join(LONG_S)
    assert not thread.is_alive()


# -- the example ----------------------------------------------------------------------------------


def test_the_example_finds_every_file(tmp_path, desk):
    for name in ("a.txt", "b/c.txt", "b/d/e f.txt", "b/d/g.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    words = [sys.executable, "examples/tracker/crawl.py", str(tmp_path), "--url", desk.url]
    ended = subprocess.run(
        words, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True, timeout=LONG_S
    )
    lines = ended.stdout.splitlines()
    assert [line.split(maxsplit=1)[1] for line in lines[:-1]] == [
        "a.txt",
        "b/c.txt",
        "b/d/e f.txt",
        "b/d/g.txt",
    ]
    assert lines[-1] == "4 files, 32 bytes, 0 failed"
