"""The wheel holds everything, and works outside the checkout."""

import re
import zipfile
from pathlib import Path

import pytest

from tests.deployment.environment import Environment, tracked
from tests.deployment.program import ROOT, Program

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return Environment(tmp_path_factory.mktemp("installed"), wheel)


@pytest.fixture
def server(installed: Environment, running, data_dir: Path) -> Program:
    settings = {"JOBYARD_DATA_DIR": str(data_dir), "JOBYARD_BIND": "127.0.0.1:0"}
    assert "0001_engine" in installed.jobyard("migrate", **settings).run()
    return running(installed.jobyard("serve", **settings)).serve()


def test_every_file_of_the_packages_is_inside(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    packages = ("app", "config", "plugins", "clients/__init__.py", "clients/farm_worker")
    wanted = {name for name in tracked(*packages) if not name.endswith((".md", "pyproject.toml"))}
    assert wanted | {"wsgi.py"} <= inside
    # And nothing else: no tests, no scripts, nothing that a deleted file left behind.
    extra = {name for name in inside if ".dist-info/" not in name} - wanted - {"wsgi.py"}
    assert {name for name in extra if not name.endswith(".md")} == set()


def test_the_installed_program_is_not_the_checkout(installed: Environment):
    told = installed.python("-c", "import app, wsgi; print(app.__file__)", JOBYARD_DATA_DIR="var")
    file = Path(told.run().strip())
    assert file.is_relative_to(installed.packages)
    assert not file.is_relative_to(ROOT)


def test_it_migrates_serves_and_runs_a_job(server: Program):
    job = server.completes(server.submit("echo -n done > $TORK_OUTPUT"))
    assert job["execution"][0]["result"] == "done"


def test_it_serves_the_pages_of_the_documents_with_all_their_files(server: Program):
    page = server.get("/api/docs/").text
    files = set(re.findall(r'(?:src|href)="(/[^"]+)"', page))
    assert len(files) >= 6
    for file in files:
        assert server.get(file).content, file


def test_it_finds_the_bundled_plugins(installed: Environment, server: Program, data_dir: Path):
    told = installed.jobyard("plugins", JOBYARD_DATA_DIR=str(data_dir)).run()
    rows = {line.split()[0]: line for line in told.splitlines()}
    for folder in sorted((ROOT / "plugins").iterdir()):
        if (folder / "__init__.py").exists():
            assert re.search(r" loaded +jobyard ", rows[folder.name]), told
    types = {one["name"] for one in server.get("/api/jobyard/v1/job-types").json()["items"]}
    assert {"shell", "container", "workflow"} <= types
    assert "plugins" not in server.get("/health").json()


def test_gunicorn_serves_it_without_the_checkout(installed: Environment, running, data_dir: Path):
    words = ["-m", "gunicorn", "-c", "python:config.gunicorn", "wsgi:app"]
    settings = {
        "JOBYARD_DATA_DIR": str(data_dir),
        "JOBYARD_BIND": "127.0.0.1:0",
        "JOBYARD_EMBEDDED": "1",
    }
    server = running(installed.python(*words, **settings)).serve()
    server.completes(server.submit("echo here"))
    assert server.stop() == 0
