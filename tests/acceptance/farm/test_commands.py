"""`jobyard render` and `jobyard farm-worker` with each other."""

import os
import subprocess
import sys

import pytest

from tests.acceptance.farm.farm import ROOT


@pytest.fixture
def jobyard(served):
    def run(*words):
        environment = {**os.environ, "JOBYARD_SERVER": served.yard.url}
        return subprocess.Popen(
            [sys.executable, "-m", "app.cli", *map(str, words)],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return run


@pytest.fixture
def scene(tmp_path):
    (tmp_path / "shot.blend").write_bytes(b"a scene")
    (tmp_path / "textures").mkdir()
    (tmp_path / "textures" / "wood.png").write_bytes(b"wood")
    return tmp_path / "shot.blend"


def test_a_scene_is_rendered_and_watched_and_its_pictures_fetched(served, jobyard, scene):
    others = scene.parent / "textures"
    words = ["--frames", "1-5", "--chunk", "2", "--with", others, "--save", scene.parent / "new"]
    watching = jobyard("render", scene, *words)
    number = int(watching.stdout.readline())
    folder = served.folder / "command"
    worker = jobyard("farm-worker", "--folder", folder, "--poll", "0.1", "--once")
    said, wrong = watching.communicate(timeout=90)
    assert (watching.returncode, wrong) == (0, "")
    worker.communicate(timeout=90)
    assert worker.returncode == 0
    lines = said.splitlines()
    assert lines[-1] == f"{number} shot.blend 1-5: completed 100%"
    parts = served.tasks(number)
    assert [part["name"] for part in parts] == ["1-2", "3-4", "5-5"]
    assert {f"{part['id']} {part['name']}: completed 100%" for part in parts} <= set(lines)
    saved = {path.name: path.read_bytes() for path in (scene.parent / "new").iterdir()}
    assert saved == {k: v for part in parts for k, v in served.output(part["id"]).items()}
    assert set(saved) == {f"{frame:04d}.png" for frame in range(1, 6)}
    job = served.task(number)["job_id"]
    assert (folder / "jobs" / str(job) / "textures" / "wood.png").read_bytes() == b"wood"


def test_a_failed_render_is_told(served, jobyard, scene):
    watching = jobyard("render", scene, "--frames", "1", "--format", "no format", "--watch")
    _, wrong = watching.communicate(timeout=90)
    assert watching.returncode == 1
    assert wrong == "jobyard: format must be made of letters, digits and _\n"


def test_what_is_not_beside_the_scene_cannot_go_along(jobyard, scene):
    asking = jobyard("render", scene, "--frames", "1", "--with", "/etc/hostname")
    _, wrong = asking.communicate(timeout=90)
    assert asking.returncode == 1
    assert "is not in the scene's folder" in wrong
