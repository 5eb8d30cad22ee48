"""What every test may ask for: the real services, a database each, a short folder, a free port.

The addresses of the services come from scripts/services.py. A test that needs one which is not
there fails and names it; only JOBYARD_TEST_WITHOUT leaves such tests out.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import psycopg
import pytest
import redis

from app.data.db import Store
from app.data.schema import migrate

# service -> (variable with its address, fixture that needs it)
SERVICES = {
    "postgres": ("JOBYARD_TEST_POSTGRES", "postgres_server"),
    "redis": ("JOBYARD_TEST_REDIS", "redis_url"),
    "podman": ("JOBYARD_TEST_DOCKER", "docker_host"),
    "blender": ("JOBYARD_TEST_BLENDER", "blender"),
    "ffmpeg": ("JOBYARD_TEST_FFMPEG", "ffmpeg"),
    "chromium": ("JOBYARD_TEST_CHROMIUM", "chromium"),
}
# Folders whose tests start servers or crowds of processes; together they take minutes.
SLOW = {
    Path("tests", *parts)
    for parts in (
        ("acceptance",),
        ("browser",),
        ("concurrency",),
        ("deployment",),
        ("faults",),
        ("integration", "cli"),
        ("integration", "farm_worker"),
        ("integration", "http"),
    )
}
# Where temporary files are if there is so much room: what is written to memory nobody waits for,
# while a disk takes milliseconds for a commit, and longer beside another test process.
MEMORY, MEMORY_BYTES = "/dev/shm", 4 << 30
ADDRESSES = pytest.StashKey[dict[str, str]]()
WITHOUT = pytest.StashKey[list[str]]()

# No deadline: the machine is shared. The suite is repeatable; `make fuzz` is what explores.
hypothesis.settings.register_profile("suite", deadline=None, derandomize=True, database=None)
hypothesis.settings.register_profile(
    "fuzz",
    deadline=None,
    # Where CI is set, hypothesis would draw the same ones every time.
    derandomize=False,
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "5000")),
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("suite")


def pytest_configure(config: pytest.Config) -> None:
    """Take the addresses out of the environment: a server under test refuses unknown names."""
    tempfile.tempdir = _temporary_folder()
    given = getattr(config, "workerinput", None)
    if given is not None:
        config.stash[ADDRESSES], config.stash[WITHOUT] = given["addresses"], given["without"]
        return
    names = os.environ.pop("JOBYARD_TEST_WITHOUT", "").split(",")
    config.stash[WITHOUT] = sorted(name for name in names if name)
    if unknown := set(config.stash[WITHOUT]) - set(SERVICES):
        raise pytest.UsageError(f"JOBYARD_TEST_WITHOUT names no service: {sorted(unknown)}")
    config.stash[ADDRESSES] = {
        name: os.environ.pop(variable)
        for name, (variable, _) in SERVICES.items()
        if variable in os.environ
    }


def _temporary_folder() -> str:
    """Return a folder in memory, or else /tmp; the names of both suit Unix sockets within."""
    with contextlib.suppress(OSError):
        found = os.statvfs(MEMORY)
        fit = not found.f_flag & os.ST_NOEXEC and os.access(MEMORY, os.W_OK)
        if fit and found.f_bavail * found.f_frsize >= MEMORY_BYTES:
            return MEMORY
    return "/tmp"


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node) -> None:
    """Hand the addresses to an xdist process, whose environment lacks them by now."""
    node.workerinput["addresses"] = node.config.stash[ADDRESSES]
    node.workerinput["without"] = node.config.stash[WITHOUT]


@pytest.hookimpl(tryfirst=True)  # before -m looks at the markers
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests by what they use; leave out those whose service JOBYARD_TEST_WITHOUT names."""
    kept, left_out = [], []
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker("property")
        if not SLOW.isdisjoint(item.path.relative_to(config.rootpath).parents):
            item.add_marker("slow")
        for name, (_, fixture) in SERVICES.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(name)
        waived = any(item.get_closest_marker(name) for name in config.stash[WITHOUT])
        (left_out if waived else kept).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    """Say loudly what was not tested."""
    if config.stash[WITHOUT]:
        names = ", ".join(config.stash[WITHOUT])
        terminalreporter.section(f"NOT TESTED: whatever needs {names}", red=True, bold=True)


def address(config: pytest.Config, name: str) -> str:
    """Return where a service answers; fails the asking test when there is none."""
    found = config.stash[ADDRESSES].get(name)
    if found is None:
        pytest.fail(
            f"{name} is not available: run `make test`, which starts it and says why it cannot, "
            f"or set JOBYARD_TEST_WITHOUT={name}",
            pytrace=False,
        )
    return found


@pytest.fixture(scope="session")
def postgres_server(request: pytest.FixtureRequest) -> str:
    """Return the address of the server's database `postgres`, from which others are made."""
    return address(request.config, "postgres")


@contextlib.contextmanager
def _template(server: str) -> Iterator[str]:
    """Yield the name of an empty database; no connection to it may stay open."""
    name = f"template_{secrets.token_hex(4)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        yield name
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> Iterator[str]:
    """Yield the name of the database that each test's own is copied from; one a process.

    It is empty. A folder whose tests need tables overrides this with `postgres_tables`: a copy
    takes some 30 ms whatever is in it.
    """
    with _template(postgres_server) as name:
        yield name


@pytest.fixture(scope="session")
def postgres_tables(postgres_server: str) -> Iterator[str]:
    """Yield the name of a database that has the tables already."""
    with _template(postgres_server) as name:
        store = Store(postgres_server.rpartition("/")[0] + f"/{name}")
        migrate(store, store)
        store.release_all()
        yield name


@pytest.fixture
def postgres_url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    """Yield the address of a fresh database, dropped afterwards whoever is still connected."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {postgres_template}")
    yield postgres_server.rpartition("/")[0] + f"/{name}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def redis_url(request: pytest.FixtureRequest) -> str:
    """Return the address of an empty numbered database that this test process has to itself."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    url = f"{address(request.config, 'redis')}/{int(worker[2:])}"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture
def docker_host(request: pytest.FixtureRequest) -> str:
    """Return the socket of the Docker API; `ubuntu:mantic` and `busybox` are images there."""
    return address(request.config, "podman")


@pytest.fixture(scope="session")
def blender(request: pytest.FixtureRequest) -> str:
    """Return the path of Blender, which renders here without a display."""
    return address(request.config, "blender")


@pytest.fixture(scope="session")
def ffmpeg(request: pytest.FixtureRequest) -> Path:
    """Return the path of ffmpeg; ffprobe is in the same folder."""
    return Path(address(request.config, "ffmpeg"))


@pytest.fixture(scope="session")
def chromium(request: pytest.FixtureRequest) -> str:
    """Return the path of Chromium."""
    return address(request.config, "chromium")


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """Yield a fresh folder with a name short enough for Unix sockets within it."""
    folder = Path(tempfile.mkdtemp(prefix="jy"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, data_dir: Path) -> str:
    """Return the address of a fresh database: the test runs on SQLite and on PostgreSQL."""
    if request.param == "postgres":
        return request.getfixturevalue("postgres_url")
    return f"sqlite:///{data_dir / 'jobyard.db'}"


@pytest.fixture
def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
