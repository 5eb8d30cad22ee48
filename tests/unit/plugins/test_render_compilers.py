"""The compilers of the farm: what they check, how they cut, the words of their commands."""

import itertools

import pytest

from app.api.http.forms import spec_schema
from app.domain.errors import SpecInvalid
from app.hooks import TaskView, WorkerView
from app.hooks.compiler import os_of
from app.hooks.manager import PluginManager
from app.testing import JobInterfaceContract
from plugins.render import job_interfaces

COMPILERS = {one.name: one for one in job_interfaces()}
PLUGINS = PluginManager.holding(*COMPILERS.values())
SCENE = {"filepath": "shots/shot 1.blend"}
RANGE = {**SCENE, "frame_start": 5, "frame_end": 10}
STILL = {**SCENE, "frame_start": 7}
VALID = {
    "simple_blender_render": RANGE,
    "tiled_blender_render": {**STILL, "tile": 0},
    "tiled_blender_render_simple_mix": STILL,
    "blender_bake_anim_cache": SCENE,
    "print_string": {"text": "hello"},
    "ffmpeg_encode": {"frame_start": 1, "frame_end": 4},
}


def loaded(kind, settings):
    return PLUGINS.load_spec(COMPILERS[kind], settings)


def command(kind, settings, system="Linux 6.1"):
    task = TaskView(id=1, name="", payload={"settings": loaded(kind, settings)}, state="LEASED")
    worker = WorkerView(name="w", hostname="h", system=system)
    return PLUGINS.bind(COMPILERS[kind], task, worker).main


def parts(kind, settings, most=10_000):
    return PLUGINS.parts(COMPILERS[kind], loaded(kind, settings), most)


def reasons(kind, settings):
    with pytest.raises(SpecInvalid) as refusal:
        loaded(kind, settings)
    return refusal.value.faults


class TestEachKeepsTheContractOfJobTypes(JobInterfaceContract):
    @pytest.fixture(autouse=True, params=COMPILERS)
    def _each(self, request):
        self.interface, self.valid_spec = COMPILERS[request.param], VALID[request.param]


# -- settings -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", VALID)
def test_unknown_keys_are_kept(kind):
    assert loaded(kind, {**VALID[kind], "note": [1, {"a": None}]})["note"] == [1, {"a": None}]


@pytest.mark.parametrize("kind", VALID)
def test_nothing_is_filled_in(kind):
    assert loaded(kind, VALID[kind]) == VALID[kind]


@pytest.mark.parametrize("kind", VALID)
def test_each_missing_field_is_named(kind):
    for name in VALID[kind].keys() - {"tile"} - ({"frame_end"} if "tile" in kind else set()):
        rest = {key: value for key, value in VALID[kind].items() if key != name}
        assert reasons(kind, rest) == {name: f"{name} is required"}
        assert reasons(kind, {**rest, name: None}) == {name: f"{name} is required"}


@pytest.mark.parametrize(
    "path", ["", "/a", "\\a", "c:a", "C:\\a", "..", "../a", "a/../b", "a\\..\\b", 5, None, ["a"]]
)
def test_only_relative_paths_are_taken(path):
    assert set(reasons("simple_blender_render", {**RANGE, "filepath": path})) == {"filepath"}


@pytest.mark.parametrize("path", ["a", "a/b", "..a/b..", "a b", "ü", "a\\b", "."])
def test_relative_paths_are_taken(path):
    assert loaded("blender_bake_anim_cache", {"filepath": path}) == {"filepath": path}


@pytest.mark.parametrize("frame", ["high", 1.5, True, [], "1.5", "", " 5", "+5", "5x", 2**53 + 1])
def test_only_integers_are_taken(frame):
    assert "frame_start" in reasons("simple_blender_render", {**RANGE, "frame_start": frame})


def test_digits_become_integers():
    settings = {**SCENE, "frame_start": "-5", "frame_end": "010", "chunk_size": "4"}
    assert loaded("simple_blender_render", settings) == {
        **SCENE,
        "frame_start": -5,
        "frame_end": 10,
        "chunk_size": 4,
    }


@pytest.mark.parametrize("kind", ["simple_blender_render", "tiled_blender_render", "ffmpeg_encode"])
def test_the_last_frame_is_not_before_the_first(kind):
    given = {**VALID[kind], "frame_start": 5, "frame_end": 4}
    assert reasons(kind, given) == {"frame_end": "frame_end must not be lower than frame_start"}


@pytest.mark.parametrize("value", ["P N", "PNG\n", "../PNG", "", "ä", 5])
def test_a_format_is_a_word(value):
    assert set(reasons("simple_blender_render", {**RANGE, "format": value})) == {"format"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"tiles": 0}, "tiles"),
        ({"tiles": 65}, "tiles"),
        ({"tile": 4}, "tile"),
        ({"tiles": 8, "tile": 8}, "tile"),
        ({"tile": -1}, "tile"),
    ],
)
def test_tiles_are_bounded(changes, field):
    assert set(reasons("tiled_blender_render", {**STILL, **changes})) == {field}
    assert loaded("tiled_blender_render", {**STILL, "tiles": 64, "tile": 63})


def test_chunks_are_of_one_frame_at_least():
    assert set(reasons("simple_blender_render", {**RANGE, "chunk_size": 0})) == {"chunk_size"}


@pytest.mark.parametrize("name", ["command_name", "render_settings", "file_path_win"])
def test_common_settings_are_texts_without_nul(name):
    for value in (5, "a\0"):
        assert set(reasons("blender_bake_anim_cache", {**SCENE, name: value})) == {name}


def test_a_text_to_print_may_be_empty_and_holds_no_nul():
    assert loaded("print_string", {"text": ""}) == {"text": ""}
    assert set(reasons("print_string", {"text": "\0"})) == {"text"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pictures", "frame.png"),
        ("pictures", "../####.png"),
        ("pictures", "##/##.png"),
        ("video", "-y.mp4"),
        ("video", "a/b.mp4"),
        ("codec", "x 264"),
        ("frame_rate", 0),
        ("frame_rate", "24;"),
        ("frame_rate", True),
        ("quality", 64),
        ("frame_start", -1),
    ],
)
def test_settings_of_a_video_are_checked(name, value):
    assert set(reasons("ffmpeg_encode", {**VALID["ffmpeg_encode"], name: value})) == {name}


@pytest.mark.parametrize("kind", COMPILERS)
def test_forms_are_told_what_each_setting_is(kind):
    shown = spec_schema(COMPILERS[kind].spec_schema)
    assert shown["additionalProperties"] is True
    for name, each in shown["properties"].items():
        assert each["type"] in {"integer", "string"}, name
        assert each["description"].endswith("."), name
        # A default that is shown is one that would be taken.
        if "default" in each:
            assert loaded(kind, {**VALID[kind], "tile": 0, name: each["default"]})


# -- cutting --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "names"),
    [
        (4, ["1-4", "5-8", "9-10"]),
        (5, ["1-5", "6-10"]),
        (9, ["1-9", "10-10"]),
        (10, ["1-10"]),
        (11, ["1-10"]),
        (None, ["1-10"]),
    ],
)
def test_a_range_is_cut_into_chunks(size, names):
    settings = {**SCENE, "frame_start": 1, "frame_end": 10, "chunk_size": size, "note": 1}
    cut = parts("simple_blender_render", settings)
    assert [part.name for part in cut] == names
    assert {part.type for part in cut} == {"simple_blender_render"}
    if len(cut) > 1:
        start, end = cut[0].frames
        own = {"frame_start": start, "frame_end": end}
        assert cut[0].settings == {**SCENE, "note": 1, **own}
    assert [frame for part in cut for frame in range(part.frames[0], part.frames[1] + 1)] == list(
        range(1, 11)
    )


def test_no_more_is_cut_than_a_job_may_have():
    endless = {**SCENE, "frame_start": -(2**53), "frame_end": 2**53, "chunk_size": 1}
    assert len(parts("simple_blender_render", endless, 100)) == 101


def test_a_list_of_frames_becomes_ranges():
    settings = {**SCENE, "frames": "1-4, 3-6,15,20-30x5"}
    cut = parts("simple_blender_render", settings)
    assert [part.name for part in cut] == ["1-6", "15-15", "20-20", "25-25", "30-30"]
    assert cut[0].settings == {**SCENE, "frame_start": 1, "frame_end": 6}
    compiler = COMPILERS["simple_blender_render"]
    assert PLUGINS.frames(compiler, loaded(compiler.name, settings)) == (1, 30)
    assert [part.name for part in parts(compiler.name, {**settings, "chunk_size": 4})] == [
        "1-4",
        "5-6",
        "15-15",
        "20-20",
        "25-25",
        "30-30",
    ]


def test_a_range_makes_a_list_mean_nothing():
    assert [part.name for part in parts("simple_blender_render", {**RANGE, "frames": "?"})] == [
        "5-10"
    ]


@pytest.mark.parametrize("text", ["", ",", "1-", "a", "5-1", "1-9x0", "1-2000000", 5, "1" * 20])
def test_a_list_that_is_none_is_refused(text):
    assert set(reasons("simple_blender_render", {**SCENE, "frames": text})) == {"frames"}


def test_coarse_order_begins_with_every_tenth():
    settings = {**SCENE, "frame_start": 1, "frame_end": 30, "frame_order": "coarse"}
    names = [part.frames[0] for part in parts("simple_blender_render", settings)]
    assert names[:5] == [1, 11, 21, 2, 3]
    assert sorted(names) == list(range(1, 31))
    assert set(reasons("simple_blender_render", {**settings, "frame_order": "x"})) == {
        "frame_order"
    }


def test_a_still_becomes_tiles_and_their_mixing():
    settings = {**STILL, "frame_end": 9, "tiles": 2, "format": "JPEG"}
    mix, *tiles = parts("tiled_blender_render", settings)
    assert (mix.name, mix.type) == ("Mixing", "tiled_blender_render_simple_mix")
    assert mix.after == tuple(tile.name for tile in tiles) == ("Tile 0", "Tile 1")
    still = {**settings, "frame_end": 7}
    assert mix.settings == still
    assert [tile.settings for tile in tiles] == [{**still, "tile": 0}, {**still, "tile": 1}]
    assert {part.frames for part in (mix, *tiles)} == {(7, 7)}
    assert len(parts("tiled_blender_render", STILL)) == 1 + 4


def test_one_tile_is_one_task():
    (part,) = parts("tiled_blender_render", {**STILL, "frame_end": 9, "tile": 3})
    assert (part.name, part.frames, part.after) == ("Tile 3", (7, 9), ())


@pytest.mark.parametrize(
    ("kind", "label", "frames"),
    [
        ("simple_blender_render", "5-10", (5, 10)),
        ("tiled_blender_render", "Tile 0", (7, 7)),
        ("tiled_blender_render_simple_mix", "Mixing", (7, 7)),
        ("blender_bake_anim_cache", "Bake Anim Cache - shots/shot 1.blend", None),
        ("print_string", "print_string", None),
        ("ffmpeg_encode", "Encode video.mp4", (1, 4)),
    ],
)
def test_names_and_frames(kind, label, frames):
    settings = loaded(kind, VALID[kind])
    assert PLUGINS.label(COMPILERS[kind], settings) == label
    assert PLUGINS.frames(COMPILERS[kind], settings) == frames


def test_parsers_are_known_by_name():
    assert {name: one.parser for name, one in COMPILERS.items()} == {
        "simple_blender_render": "blender_render",
        "tiled_blender_render": "blender_render",
        "tiled_blender_render_simple_mix": "blender_render",
        "blender_bake_anim_cache": "blender_render",
        "print_string": None,
        "ffmpeg_encode": "ffmpeg",
    }
    assert set(PLUGINS.parsers) == {"blender_render", "ffmpeg"}


# -- commands -------------------------------------------------------------------------------

J, F, OUT = "==jobpath==", "==jobpath==/shots/shot 1.blend", "==outputpath=="


def test_words_of_an_animation():
    main = command("simple_blender_render", RANGE)
    assert list(main.cmd) == [
        *("==command==", "-noaudio", "--background", F, "--render-output", f"{OUT}/####"),
        *("--python", f"{J}/pre_render.py", "--frame-start", "5", "--frame-end", "10"),
        *("--render-format", "PNG", "--render-anim", "--enable-autoexec"),
    ]
    assert set(main.files) == {"pre_render.py"}
    main = command("simple_blender_render", {**RANGE, "format": "JPEG"})
    assert main.cmd[main.cmd.index("--render-format") + 1] == "JPEG"


def test_words_of_a_tile():
    main = command("tiled_blender_render", {**STILL, "tile": 2})
    assert list(main.cmd) == [
        *("==command==", "--background", "-noaudio", F, "--render-output", f"{OUT}/tiled_2_"),
        *("--python", f"{J}/tile_2.py", "--frame-start", "7", "--frame-end", "7"),
        *("--render-anim", "--enable-autoexec"),
    ]
    assert set(main.files) == {"tile_2.py"}


def test_words_of_the_mixing():
    main = command("tiled_blender_render_simple_mix", {**STILL, "format": "JPEG"})
    assert list(main.cmd) == [
        *("==command==", "--background", "-noaudio", F, "--render-output", f"{OUT}/"),
        *("--python", f"{J}/tile_mix.py", "--frame-start", "7", "--frame-end", "7"),
        *("--render-format", "JPEG", "--render-anim", "--enable-autoexec"),
    ]
    assert set(main.files) == {"tile_mix.py"}


def test_words_of_baking():
    main = command("blender_bake_anim_cache", SCENE)
    assert list(main.cmd) == [
        *("==command==", "-noaudio", "--background", F),
        *("--python", f"{J}/bake_anim_cache.py", "--enable-autoexec"),
    ]
    assert set(main.files) == {"bake_anim_cache.py"}


def test_words_of_a_text():
    text = "a $HOME\n'b' ==jobpath=="
    assert command("print_string", {"text": text}).cmd == ("echo", text)
    assert command("print_string", {"text": text}, "Darwin 14.1.0").cmd == ("echo", text)
    assert command("print_string", {"text": text}, "Windows 7").cmd == ("cmd", "/c", "echo", text)


def test_words_of_a_video():
    settings = {
        "frame_start": 3,
        "frame_end": 10,
        "frame_rate": "30000/1001",
        "pictures": "a%b/###.jpg",
        "video": "film.mkv",
        "codec": "libx265",
        "quality": 20,
    }
    assert command("ffmpeg_encode", settings).cmd == (
        *("==command==", "-nostdin", "-hide_banner", "-y", "-loglevel", "warning"),
        *("-nostats", "-progress", "pipe:1", "-framerate", "30000/1001"),
        *("-start_number", "3", "-i", f"{J}/a%%b/%03d.jpg", "-frames:v", "8"),
        *("-c:v", "libx265", "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-pix_fmt", "yuv420p"),
        *("-crf", "20", f"{OUT}/film.mkv"),
    )


@pytest.mark.parametrize("kind", VALID)
def test_support_files_are_the_same_for_every_system_and_are_python(kind):
    systems = ("Linux", "Darwin 14", "Windows 10")
    first, *others = (command(kind, VALID[kind], system).files for system in systems)
    assert all(files == first for files in others)
    for name, text in first.items():
        compile(text, name, "exec")


@pytest.mark.parametrize(
    ("system", "short"),
    [("Linux 5.10", "linux"), ("Darwin 14.1.0", "osx"), ("Windows 7", "win"), ("", "linux")],
)
def test_shared_storage_takes_the_place_of_both_folders(system, short):
    paths = {"linux": "/mnt/a", "osx": "/Volumes/a/", "win": "S:\\a"}
    settings = {
        **RANGE,
        **{f"file_path_{name}": f"{path}.blend" for name, path in paths.items()},
        **{f"output_path_{name}": path for name, path in paths.items()},
    }
    words = command("simple_blender_render", settings, system).cmd
    assert words[3] == f"{paths[short]}.blend"
    assert words[5] == f"{paths[short].rstrip('/')}/####"


@pytest.mark.parametrize("path", ["#####", "", "a/b", "\\a", "~"])
def test_a_path_that_is_not_absolute_counts_for_nothing(path):
    settings = {**RANGE, "file_path_linux": path, "output_path_linux": path}
    assert (
        command("simple_blender_render", settings).cmd
        == command("simple_blender_render", RANGE).cmd
    )


@pytest.mark.parametrize("path", ["/a", "\\\\host\\a", "c:a", "Z:/a"])
def test_absolute_paths(path):
    assert command("simple_blender_render", {**RANGE, "file_path_linux": path}).cmd[3] == path


@pytest.mark.parametrize(
    ("system", "name"),
    [
        ("Darwin 14.1.0", "Darwin"),
        ("Windows 7", "Windows"),
        ("Linux 5.10", "Linux"),
        ("DarwinWindows", "Darwin"),
        ("darwin", "Linux"),
        ("", "Linux"),
    ],
)
def test_the_system_follows_from_what_a_worker_calls_it(system, name):
    assert os_of(system) == name


def test_programs():
    blender = {
        "Linux": "blender",
        "Darwin": "/Applications/Blender.app/Contents/MacOS/Blender",
        "Windows": "blender.exe",
    }
    of_blender = [one for one in COMPILERS.values() if one.parser == "blender_render"]
    assert len(of_blender) == 4
    assert all(one.programs == blender for one in of_blender)
    assert COMPILERS["print_string"].programs == {
        "Linux": "echo",
        "Darwin": "echo",
        "Windows": "cmd",
    }
    assert len(set(itertools.chain(*(one.programs for one in COMPILERS.values())))) == 3
