"""The worker as one file, with nothing beside it."""

import subprocess
import sys
from pathlib import Path

import pytest

BUILD = Path(__file__).parents[3] / "scripts" / "archive.py"


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("archive") / "worker.pyz"
    subprocess.run([sys.executable, BUILD, path], check=True, capture_output=True)
    return path


def test_it_does_a_task_with_the_standard_library_alone(manager, archive, tmp_path):
    number = manager.give("echo", "hello")
    # Neither the packages of this environment nor the checkout are to be seen.
    words = [sys.executable, "-I", "-S", archive, "--manager", manager.url, "--once"]
    subprocess.run(
        [*words, "--folder", tmp_path / "farm", "--poll", "0.05"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        timeout=90,
    )
    assert manager.ends[number].fields["status"] == "finished"
    assert manager.logs[number] == "hello\n"


def test_the_same_sources_give_the_same_file(archive, tmp_path):
    again = tmp_path / "again.pyz"
    subprocess.run([sys.executable, BUILD, again], check=True, capture_output=True)
    assert again.read_bytes() == archive.read_bytes()


def test_a_wrong_address_is_told_in_one_line(archive):
    done = subprocess.run(
        [sys.executable, archive, "--manager", "farm"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "'farm' is not the address of a manager" in done.stderr
