"""One server for all, with workers of its own for each module."""

import shutil
import tempfile
from pathlib import Path

import pytest

from tests.acceptance.farm.farm import Farm
from tests.yard import Yard


@pytest.fixture(scope="session")
def _yard():
    folder = Path(tempfile.mkdtemp(prefix="jy"))
    yard = Yard(folder, JOBYARD_FLAMENCO_TRIES="3")
    try:
        yield yard.start()
    finally:
        yard.end()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def served(_yard, tmp_path_factory):
    """Yield a farm without workers and without tasks."""
    farm = Farm(_yard, tmp_path_factory.mktemp("farm"))
    left = [task["id"] for task in farm.ask("GET", "/tasks").json()["tasks"]]
    farm.ask("DELETE", "/tasks", 202, json={"tasks": left})
    for worker in farm.ask("GET", "/workers").json().values():
        farm.ask("DELETE", f"/workers/{worker['id']}", 204)
    farm.use("simple_blender_render")
    try:
        yield farm
        assert set(farm.end()) <= {0}
    finally:
        for process in farm.workers:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def farm(served):
    """Yield a farm with two workers."""
    served.worker()
    served.worker()
    return served
