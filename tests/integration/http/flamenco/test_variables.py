"""One path for all systems: folded when it is handed in, unfolded for each worker."""

import pytest

PATHS = {
    "proj": {"Linux": "/mnt/proj/", "Darwin": "/Volumes/proj", "Windows": "S:\\proj"},
    "out": {"Linux": "/mnt/proj/out", "Windows": "O:"},
    "odd": 5,
    "no name": {"Linux": "/mnt"},
}


def command(farm, task, system):
    return farm.ask("GET", f"/tasks/compiled/{task}?system={system}")["options"]["command"]


@pytest.mark.parametrize("given", ["S:\\proj\\a\\shot.blend", "/mnt/proj/a/shot.blend"])
def test_a_path_is_folded_and_unfolded(farm, given):
    farm.ask("PATCH", "/settings/path_variables", json={"value": PATHS})
    task = farm.post(filepath=given)
    assert farm.task(task)["settings"]["filepath"] == "{proj}/a/shot.blend"
    for system, path in (
        ("Linux", "/mnt/proj/a/shot.blend"),
        ("Darwin 14", "/Volumes/proj/a/shot.blend"),
        ("Windows", "S:\\proj/a/shot.blend"),
    ):
        assert path in command(farm, task, system)


def test_the_longest_path_wins_and_outputs_are_unfolded_too(farm):
    farm.ask("PATCH", "/settings/path_variables", json={"value": PATHS})
    task = farm.post(output_path_linux="O:\\pictures", name="/mnt/project")
    settings = farm.task(task)["settings"]
    assert (settings["output_path_linux"], settings["name"]) == ("{out}/pictures", "/mnt/project")
    assert "/mnt/proj/out/pictures/####" in command(farm, task, "Linux")


def test_without_the_setting_nothing_is_replaced(farm):
    task = farm.post(filepath="{proj}/shot.blend")
    assert "==jobpath==/{proj}/shot.blend" in command(farm, task, "Linux")
    body = {"type": "simple_blender_render", "settings": {"filepath": "S:\\a", "frame_start": 1}}
    farm.ask("POST", "/tasks", 400, json=body)
