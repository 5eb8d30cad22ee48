"""The farm's routes in the test's own process, on each database, with a clock of the test's."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from app.data.schema import migrate
from app.factory import create_app
from app.testing import FakeClock
from app.wiring import build
from config.settings import load

SHOT = {"filepath": "shot.blend", "frame_start": 1, "frame_end": 10}


@pytest.fixture(scope="session")
def postgres_template(postgres_tables: str) -> str:
    return postgres_tables


class Farm:
    """Asks the application, and expects what a test says."""

    def __init__(self, services) -> None:
        self.services = services
        self.client = create_app(services.settings, services=services).test_client()

    def ask(self, method: str, path: str, status: int = 200, **words):
        answer = self.client.open(path, method=method, **words)
        assert answer.status_code == status, answer.get_data(as_text=True)
        return answer.get_json(silent=True)

    def fetch(self, path: str) -> bytes:
        """Give the body of a file."""
        with self.client.get(path) as answer:
            assert answer.status_code == 200, answer.status
            return answer.get_data()

    def post(self, **settings):
        """Hand in a render and give its id."""
        body = {"type": "simple_blender_render", "settings": {**SHOT, **settings}}
        return self.ask("POST", "/tasks", 202, json=body)["id"]

    def worker(self, name: str) -> int:
        (found,) = self.ask("POST", "/workers", json={"hostname": name}).values()
        return found["id"]

    def poll(self, worker: int):
        return self.ask("PATCH", f"/workers/{worker}", json={"status": "available"})["task_id"]

    def report(self, task: int, worker: int, status: str, code: int = 204, **more):
        body = {"worker_id": worker, "status": status, **more}
        self.ask("PATCH", f"/tasks/{task}", code, json=body)

    def task(self, task: int):
        return self.ask("GET", f"/tasks/{task}")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def opened(database_url, tmp_path, clock) -> Iterator[Callable[..., Farm]]:
    """Open the farm under settings of the test's."""
    with ExitStack() as stack:

        def open_farm(**settings: str) -> Farm:
            given = {"JOBYARD_DATABASE_URL": database_url, **settings}
            services = build(load(given, options={"data_dir": str(tmp_path)}), clock=clock)
            stack.callback(services.close)
            migrate(services.store, services.log_store)
            return Farm(services)

        yield open_farm


@pytest.fixture
def farm(opened) -> Farm:
    return opened()
