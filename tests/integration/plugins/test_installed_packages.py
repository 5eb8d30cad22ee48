"""Plugin packages as users have them: installed by pip, found by their entry points."""

import json
import shutil
import site
import subprocess
import sysconfig
import venv
from pathlib import Path
from typing import Any

import pytest

from app.hooks.skeleton import write_skeleton

PACKAGES = Path(__file__).parents[2] / "packages"
ROOT = Path(__file__).parents[3]

#: What a process with these packages finds and can do, as JSON. Our own entry points are given
#: here, so that the test does not depend on how this checkout is installed.
PROBE = """
import json, logging
from importlib.metadata import EntryPoint
from app.hooks import WorkerView
from app.hooks.loading import find
from app.hooks.manager import PluginManager
from app.testing import Simulation

logging.basicConfig(format="%(levelname)s %(message)s")
shell = EntryPoint("shell", "plugins.shell", "jobyard")
strangers = [one for one in find() if one.dist.name != "jobyard"]
manager = PluginManager.load(entry_points=[shell, *strangers])
found = {one.name: [one.status, one.distribution, one.version, list(one.job_types), one.reason]
         for one in manager.found}
commands = {}
for name in manager.interfaces.keys() - {"shell"}:
    spec = {"source": "https://example.com/v"} if name == "transcode" else {}
    interface = manager.interface(name)
    simulation = Simulation(interface=interface, spec=spec)
    simulation.start()
    view = simulation.view(simulation.running()[0])
    bound = manager.bind(interface, view, WorkerView(name="w", hostname="h"))
    commands[name] = bound.main.run
print(json.dumps({"found": found, "commands": commands}))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment that sees this checkout and the packages of the running one."""
    home = tmp_path_factory.mktemp("environment")
    venv.EnvBuilder(with_pip=False, symlinks=True).create(home)
    inside = Path(sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)}))
    paths = [str(ROOT), *site.getsitepackages()]
    (inside / "surroundings.pth").write_text("\n".join(paths) + "\n")
    return home / "bin" / "python"


def _run(*words: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(word) for word in words],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        cwd=cwd,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def _install(python: Path, package: Path, tmp_path: Path) -> None:
    """Install a copy, since a build leaves files beside the sources; without any network."""
    copy = tmp_path / "built" / package.name
    shutil.copytree(package, copy)
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    _run(python, "-m", "pip", "install", "--quiet", *options, copy)


def _probe(python: Path, tmp_path: Path) -> tuple[dict[str, Any], str]:
    done = _run(python, "-c", PROBE, cwd=tmp_path)
    return json.loads(done.stdout), done.stderr


@pytest.mark.slow
def test_installed_package_is_found_and_used(python: Path, tmp_path: Path) -> None:
    _install(python, PACKAGES / "jobyard-sample", tmp_path)
    seen, _ = _probe(python, tmp_path)
    assert seen["found"]["transcode"] == ["loaded", "jobyard-sample", "1.2", ["transcode"], ""]
    assert seen["commands"]["transcode"] == "encoder $STEP"
    tests = PACKAGES / "jobyard-sample" / "tests"
    _run(
        python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--noconftest", tests, cwd=tmp_path
    )


@pytest.mark.slow
def test_skeleton_installs_loads_and_passes_its_tests(python: Path, tmp_path: Path) -> None:
    fresh = tmp_path / "written"
    write_skeleton("make-cake", fresh)
    _install(python, fresh, tmp_path)
    seen, _ = _probe(python, tmp_path)
    assert seen["found"]["make-cake"][:4] == ["loaded", "jobyard-make-cake", "0.1", ["make-cake"]]
    assert seen["commands"]["make-cake"] == 'echo "$GREETING from make-cake"'
    _run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", fresh / "tests", cwd=tmp_path)


@pytest.mark.slow
def test_broken_plugins_are_skipped_whole_and_named(python: Path, tmp_path: Path) -> None:
    _install(python, PACKAGES / "jobyard-broken", tmp_path)
    seen, log = _probe(python, tmp_path)
    broken = {
        name: (status, reason)
        for name, (status, distribution, _, types, reason) in seen["found"].items()
        if distribution == "jobyard-broken" and not types
    }
    assert {name for name, (status, _) in broken.items() if status == "refused"} == {
        "raises-at-import", "exits-at-import", "raises-in-hook", "unknown-hook",
        "wrong-arguments", "no-hook", "no-list", "no-object", "bad-name", "taken-name",
        "same-name-twice", "no-plan", "missing-module",
    }  # fmt: skip
    reasons = {name: reason for name, (_, reason) in broken.items()}
    assert reasons["raises-at-import"] == (
        "it cannot be imported: RuntimeError: the licence server is away"
    )
    assert reasons["exits-at-import"] == "it cannot be imported: SystemExit: this is a script"
    assert reasons["raises-in-hook"] == "job_interfaces failed: KeyError: 'codec'"
    assert "job_interface" in reasons["unknown-hook"]
    assert "channel" in reasons["wrong-arguments"]
    assert "hookimpl" in reasons["no-hook"]
    assert reasons["no-list"] == "job_interfaces gave a Plain, not a list"
    assert reasons["no-object"] == "job_interfaces gave the class Plain, not an object of it"
    assert "'Not Allowed/here'" in reasons["bad-name"]
    assert reasons["taken-name"].startswith("the job type 'shell' is taken by plugin 'shell'")
    assert reasons["same-name-twice"] == "it gives the job type 'double' twice"
    assert reasons["no-plan"] == "the job type 'planless' has no method `plan`"
    assert "ModuleNotFoundError" in reasons["missing-module"]
    assert seen["found"]["shell"][0] == "loaded"
    for name, reason in reasons.items():
        assert f"ERROR plugin {name!r} of jobyard-broken 0.3 is skipped: {reason}" in log
