"""Programs that are ended, whatever a test makes of them."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.deployment.environment import build_wheel
from tests.deployment.program import Program


@pytest.fixture
def running() -> Iterator[Callable[[Program], Program]]:
    """Take care of a program: what is left of it is killed afterwards."""
    kept: list[Program] = []

    def keep(program: Program) -> Program:
        kept.append(program)
        return program

    yield keep
    for program in reversed(kept):
        program.end()


@pytest.fixture
def server_settings(data_dir, postgres_url, redis_url) -> dict[str, str]:
    """Settings of the server shape; each host has a data directory of its own."""
    return {
        "JOBYARD_DATABASE_URL": postgres_url,
        "JOBYARD_REDIS_URL": redis_url,
        "JOBYARD_WEB_PROCESSES": "1",
    }


@pytest.fixture
def host(data_dir) -> Callable[[str], dict[str, str]]:
    """Name the data directory of a host by its name."""
    return functools.partial(_host, data_dir)


def _host(data_dir, name: str) -> dict[str, str]:
    folder = data_dir / name
    folder.mkdir(exist_ok=True)
    return {"JOBYARD_DATA_DIR": str(folder)}


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Jobyard's wheel, built from this checkout without any network."""
    return build_wheel(tmp_path_factory.mktemp("wheel"))
