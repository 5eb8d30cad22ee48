"""One server with two workers for each module."""

import shutil
import tempfile
from pathlib import Path

import pytest

from tests.acceptance.farm.farm import Farm
from tests.yard import Yard


@pytest.fixture(scope="module")
def served():
    """Yield a farm without workers."""
    folder = Path(tempfile.mkdtemp(prefix="jy", dir="/tmp"))
    farm = Farm(Yard(folder / "data"), folder)
    (folder / "data").mkdir()
    try:
        farm.yard.start()
        farm.use("simple_blender_render")
        yield farm
        assert set(farm.end()) <= {0}
    finally:
        for process in farm.workers:
            process.kill()
        farm.yard.end()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def farm(served):
    """Yield a farm with two workers."""
    served.worker()
    served.worker()
    return served
