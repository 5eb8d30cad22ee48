"""scripts/prepare.py: what it asks for where Python lacks venv, and what makes it act again."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture
def prepare(monkeypatch, tmp_path):
    """Return the script as a module that works on an empty tree."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    module = importlib.import_module("prepare")
    metadata = tmp_path / "setup.cfg"
    metadata.write_text("[metadata]\n")
    (tmp_path / "requirements").mkdir()
    for name in ("run", "test"):
        (tmp_path / "requirements" / f"{name}.lock").write_text("")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    monkeypatch.setattr(module, "METADATA", (metadata,))
    return module


@pytest.fixture
def installs(prepare, monkeypatch):
    """Return the list of what pip is asked for; the virtual environment itself is real."""
    calls = []
    monkeypatch.setattr(prepare, "pip", lambda *arguments: calls.append(arguments))
    run = subprocess.run

    def without_pip(command, **options):
        return run([*command, "--without-pip"], **options)

    monkeypatch.setattr(prepare.subprocess, "run", without_pip)
    return calls


def test_second_time_does_nothing(prepare, installs):
    prepare.main(["run", "test"])
    assert [call[:2] for call in installs] == [
        ("install", "-r"),
        ("install", "--no-deps"),
        ("install", "-r"),
    ]
    installs.clear()
    prepare.main(["run", "test"])
    assert installs == []


@pytest.mark.parametrize(
    ("changed", "count"),
    [("setup.cfg", 2), ("requirements/run.lock", 2), ("requirements/test.lock", 1)],
)
def test_changed_source_is_installed_again(prepare, installs, changed, count):
    prepare.main(["run", "test"])
    installs.clear()
    (prepare.ROOT / changed).write_text("# changed\n")
    prepare.main(["run", "test"])
    assert len(installs) == count


def test_environment_of_another_place_is_made_anew(prepare, installs):
    prepare.main(["run"])
    (prepare.VENV / "made-for").write_text("elsewhere")
    installs.clear()
    prepare.main(["run"])
    assert len(installs) == 2


def test_failed_installation_is_tried_again(prepare, installs, monkeypatch):
    def fail(*_):
        raise SystemExit("no network")

    monkeypatch.setattr(prepare, "pip", fail)
    with pytest.raises(SystemExit):
        prepare.main(["run"])
    monkeypatch.setattr(prepare, "pip", lambda *arguments: installs.append(arguments))
    prepare.main(["run"])
    assert len(installs) == 2


def test_python_without_venv_asks_for_its_package_in_one_line(prepare, monkeypatch):
    monkeypatch.setattr(prepare.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(prepare.apt.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(prepare.apt.shutil, "which", lambda _: "/usr/bin/apt-get")
    with pytest.raises(SystemExit) as caught:
        prepare.ensure_venv_module()
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert str(caught.value) == (
        f"Python {version} lacks the module venv: "
        f"not root; run: sudo apt-get install python{version}-venv"
    )


def test_python_without_venv_gets_it_as_root(prepare, monkeypatch):
    asked = []
    monkeypatch.setattr(prepare.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(prepare.apt, "install", asked.extend)
    prepare.ensure_venv_module()
    assert asked == [f"python{sys.version_info.major}.{sys.version_info.minor}-venv"]
