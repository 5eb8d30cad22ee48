"""A worker in a thread, and a manager for it."""

import io
import threading
import zipfile

import pytest

from clients.farm_worker.jobyard_farm_worker import Options, Worker
from tests.integration.farm_worker.manager import Manager
from tests.yard import eventually


@pytest.fixture
def manager():
    server = Manager()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def quick(manager, tmp_path):
    """Options with which nothing waits for long."""
    return {
        "manager": manager.url,
        "folder": tmp_path / "farm",
        "hostname": "node-a",
        "poll_s": 0.05,
        "report_s": 0.05,
        "silent_s": 0.2,
        "patience_s": 0.2,
        "kill_after_s": 60,
    }


@pytest.fixture
def working(quick):
    """Start a worker; gives it. It is stopped at the end."""
    started = []

    def start(**options):
        worker = Worker(Options(**{**quick, **options}))
        thread = threading.Thread(target=worker.run)
        thread.start()
        started.append((worker, thread))
        return worker

    yield start
    for worker, _ in started:
        worker.stop()
    for _, thread in started:
        thread.join(90)
        assert not thread.is_alive()


@pytest.fixture
def ended(manager):
    """Wait for the last report of a task; gives it."""
    return lambda number: eventually(lambda: manager.ends.get(number), f"the end of {number}")


@pytest.fixture
def packed():
    """Make a zip of files by name."""

    def pack(**files):
        whole = io.BytesIO()
        with zipfile.ZipFile(whole, "w") as archive:
            for name, content in files.items():
                archive.writestr(name.replace("__", "/").replace("_", "."), content)
        return whole.getvalue()

    return pack
