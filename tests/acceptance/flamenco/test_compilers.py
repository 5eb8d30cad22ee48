"""Command lines, word by word, for three systems; and the files that go with them."""

import ast
import json

import pytest

from tests.acceptance.flamenco.client import (
    BAKE,
    MIX,
    PRINT,
    RENDER,
    TILED,
    Flamenco,
    number,
    unzipped,
)
from tests.rotation import rotated, short

SYSTEMS = {
    "Linux 6.1": "Linux",
    "Darwin 14.1.0": "Darwin",
    "Windows 7": "Windows",
    "": "Linux",
    "FreeBSD 14": "Linux",
    "Microsoft Windows NT": "Windows",
    "Darwin Windows": "Darwin",
    "windows 7": "Linux",
    "darwin": "Linux",
    "Linux Windows": "Windows",
}
PROGRAMS = {
    "Linux": "blender",
    "Darwin": "/Applications/Blender.app/Contents/MacOS/Blender",
    "Windows": "blender.exe",
}
OWN = {"Linux": "linux", "Darwin": "osx", "Windows": "win"}
JOB, OUT = "==jobpath==", "==outputpath=="


def lines(kind: str, scene: str, out: str, settings: dict) -> list[str]:
    """Give what follows the program."""
    first, last = (
        str(settings.get("frame_start")),
        str(settings.get("frame_end", settings.get("frame_start"))),
    )
    frames = ["--frame-start", first, "--frame-end", last]
    shape = ["--render-format", settings.get("format", "PNG")]
    end = ["--render-anim", "--enable-autoexec"]
    return {
        RENDER: [
            "-noaudio", "--background", scene, "--render-output", f"{out}/####",
            "--python", f"{JOB}/pre_render.py", *frames, *shape, *end,
        ],
        TILED: [
            "--background", "-noaudio", scene, "--render-output", f"{out}/tiled_{settings.get('tile')}_",
            "--python", f"{JOB}/tile_{settings.get('tile')}.py", *frames, *end,
        ],
        MIX: [
            "--background", "-noaudio", scene, "--render-output", f"{out}/",
            "--python", f"{JOB}/tile_mix.py", *frames, *shape, *end,
        ],
        BAKE: [
            "-noaudio", "--background", scene, "--python", f"{JOB}/bake_anim_cache.py",
            "--enable-autoexec",
        ],
    }[kind]  # fmt: skip


DEFINITIONS = {
    "render": (RENDER, {"filepath": "shots/a b.blend", "frame_start": 5, "frame_end": 10}),
    "render to JPEG": (RENDER, {"filepath": "a", "frame_start": "1", "frame_end": "2", "format": "JPEG"}),
    "render below 0": (RENDER, {"filepath": "a", "frame_start": -5, "frame_end": -1}),
    "tile": (TILED, {"filepath": "a.blend", "frame_start": 7, "tile": 2}),
    "tile of frames": (TILED, {"filepath": "a", "frame_start": 7, "frame_end": 9, "tile": "0", "format": "PNG"}),
    "mix": (MIX, {"filepath": "a.blend", "frame_start": 7}),
    "mix to EXR": (MIX, {"filepath": "a.blend", "frame_start": 7, "frame_end": 8, "format": "EXR", "tiles": 3}),
    "bake": (BAKE, {"filepath": "sub/a.blend"}),
}  # fmt: skip


def options(flamenco: Flamenco, task: int, system: str | None) -> dict:
    return flamenco.compiled(task, **({} if system is None else {"system": system}))["options"]


@pytest.mark.parametrize(
    ("kind", "system"), rotated(list(DEFINITIONS), [None, *SYSTEMS], rounds=4), ids=short
)
def test_the_words_in_a_preview(flamenco: Flamenco, kind: str, system: str | None):
    type_, settings = DEFINITIONS[kind]
    found = options(flamenco, flamenco.task(type=type_, settings=settings), system)
    wanted = lines(type_, f"{JOB}/{settings['filepath']}", OUT, settings)
    assert json.loads(found["task_command"]) == ["==command==", *wanted]
    program = PROGRAMS[SYSTEMS[system] if system is not None else "Linux"]
    assert found["command"] == [program, *wanted]
    assert (found["type"], found["settings"]) == (type_, settings)
    assert found["task_parser"] == "blender_render"


@pytest.mark.parametrize("system", ["Linux 6.1", "Darwin 14.1.0", "Windows 7", ""])
@pytest.mark.parametrize("kind", DEFINITIONS)
def test_the_words_for_a_worker(flamenco: Flamenco, kind: str, system: str):
    type_, settings = DEFINITIONS[kind]
    worker = flamenco.worker(system=system)
    task = flamenco.give(worker, type=type_, settings=settings)
    found = flamenco.compiled(task, worker_id=worker.id)["options"]
    wanted = lines(type_, f"{JOB}/{settings['filepath']}", OUT, settings)
    assert found["command"] == [PROGRAMS[SYSTEMS[system]], *wanted]
    flamenco.report(task, worker, "finished")


TEXTS = ["hello", "a b", "'q' \"d\"", "$(reboot) `x` ; & | > %PATH%", "-n", "--help", "ü日\U0001f3ac", "a\nb\tc",
         "\\n", "==command==", "==jobpath==", " lead", "x" * 5000, "{}", "[1]"]  # fmt: skip


ECHOES = [
    (None, ["echo"]), ("Linux", ["echo"]), ("Darwin 14", ["echo"]), ("Windows 7", ["cmd", "/c", "echo"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "echo"), rotated(TEXTS, ECHOES, rounds=2), ids=short)
def test_a_text_is_printed(flamenco: Flamenco, text: str, echo: tuple[str | None, list[str]]):
    system, words = echo
    task = flamenco.task(type=PRINT, settings={"text": text})
    found = options(flamenco, task, system)
    assert found["command"] == [*words, text]
    assert json.loads(found["task_command"]) == [*words, text]


# -- paths of one's own ---------------------------------------------------------------------------

ABSOLUTE = [
    "/mnt/farm/shot.blend",
    "\\\\host\\share\\x",
    "C:\\x\\y",
    "s:/a b",
    "z:x",
    "/",
    "//host/x",
]
RELATIVE = [
    "",
    "shot.blend",
    "#####",
    "a/b",
    "./x",
    "..",
    "\\x",
    "1:x",
    "~/x",
    " /x",
    "ü:x",
    "CC:/x",
]


ELSEWHERE = [
    (kind, system)
    for kind in ("render", "tile", "mix to EXR", "bake")
    for system in ("Linux", "Darwin", "Windows")
]


@pytest.mark.parametrize(
    ("where", "path"), rotated(ELSEWHERE, [*ABSOLUTE, *RELATIVE], rounds=3), ids=short
)
def test_scenes_and_output_elsewhere(flamenco: Flamenco, where: tuple[str, str], path: str):
    kind, system = where
    type_, settings = DEFINITIONS[kind]
    own = OWN[system]
    others = {f"{word}_path_{each}": f"/not/for/{system}" for word in ("file", "output")
              for each in OWN.values() if each != own}  # fmt: skip
    for word in ("file", "output"):
        given = {**settings, **others, f"{word}_path_{own}": path}
        found = options(flamenco, flamenco.task(type=type_, settings=given), system)
        scene, out = f"{JOB}/{settings['filepath']}", OUT
        if path in ABSOLUTE:
            scene, out = (path, OUT) if word == "file" else (scene, path)
        if path == "/" and word == "output":
            continue  # one slash or two is the same directory
        assert found["command"][1:] == lines(type_, scene, out, settings)


# -- programs of one's own ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def programs(flamenco: Flamenco):
    """Programs for the bake alone, so nobody else is confused."""
    commands = {
        "default": {"Linux": "/opt/blender", "Darwin": "", "Windows": "C:\\b.exe"},
        "nightly": {"Linux": "/opt/nightly", "Windows": None},
        "": {"Linux": "/opt/nameless"},
    }
    flamenco.good("PATCH", f"/settings/{BAKE}", json={"value": {"commands": commands}})
    yield
    default = {"commands": {"default": PROGRAMS}}
    flamenco.good("PATCH", f"/settings/{BAKE}", json={"value": default})


COMMANDS = [
    (None, "Linux", "/opt/blender"),
    (None, "Darwin", PROGRAMS["Darwin"]),
    (None, "Windows", "C:\\b.exe"),
    ("default", "Linux", "/opt/blender"),
    ("nightly", "Linux", "/opt/nightly"),
    ("nightly", "Darwin", PROGRAMS["Darwin"]),
    ("nightly", "Windows", "blender.exe"),
    ("unknown", "Linux", "/opt/blender"),
    ("unknown", "Darwin", PROGRAMS["Darwin"]),
    ("unknown", "Windows", "C:\\b.exe"),
    ("Nightly", "Linux", "/opt/blender"),
]


@pytest.mark.parametrize(("name", "system", "wanted"), COMMANDS)
def test_the_program_of_a_setting(flamenco: Flamenco, programs, name, system: str, wanted: str):
    settings = {"filepath": "a", **({} if name is None else {"command_name": name})}
    task = flamenco.task(type=BAKE, settings=settings)
    found = options(flamenco, task, system)
    assert found["command"][0] == wanted
    assert json.loads(found["task_command"])[0] == "==command=="
    plain = flamenco.task(settings={"filepath": "a", "frame_start": 1, "frame_end": 1})
    assert options(flamenco, plain, system)["command"][0] == PROGRAMS[system]


@pytest.mark.parametrize("value", [
    {}, {"commands": {}}, {"commands": {"default": {}}}, {"commands": []}, {"commands": {"default": "x"}},
    {"commands": {"default": {"Linux": 5}}}, {"commands": None}, {"commands": {"default": {"Linux": []}}},
    {"commands": {"default": {"linux": "/lower"}}}, {"x": 1},
])  # fmt: skip
def test_a_setting_that_names_no_program(flamenco: Flamenco, value: dict):
    answer = flamenco.ask("PATCH", f"/settings/{MIX}", json={"value": value})
    assert answer.status_code in (200, 400)
    task = flamenco.task(type=MIX, settings={"filepath": "a", "frame_start": 1})
    for system, program in PROGRAMS.items():
        assert options(flamenco, task, system)["command"][0] == program
    default = {"commands": {"default": PROGRAMS}}
    flamenco.good("PATCH", f"/settings/{MIX}", json={"value": default})


def test_the_program_of_a_print_is_not_set(flamenco: Flamenco):
    shown = flamenco.good("GET", f"/settings/{PRINT}")
    value = {"commands": {"default": {"Linux": "/bin/rm", "Darwin": "/bin/rm", "Windows": "rm"}}}
    flamenco.good("PATCH", f"/settings/{PRINT}", json={"value": value})
    found = options(flamenco, flamenco.print(), None)
    flamenco.good("PATCH", f"/settings/{PRINT}", json={"value": shown})
    assert found["command"] == ["echo", "hello"]


# -- support files --------------------------------------------------------------------------------


def support(flamenco: Flamenco, job: int) -> dict[str, str]:
    answer = flamenco.ask("GET", f"/tasks/zip/sup/{job}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/zip"
    found = {name: content.decode() for name, content in unzipped(answer.content).items()}
    for text in found.values():
        ast.parse(text)
    return found


FILES = {
    "render": "pre_render.py",
    "tile": "tile_2.py",
    "mix": "tile_mix.py",
    "bake": "bake_anim_cache.py",
}


@pytest.mark.parametrize("kind", FILES)
def test_a_support_file(flamenco: Flamenco, kind: str):
    job = number()
    type_, settings = DEFINITIONS[kind]
    task = flamenco.task(type=type_, settings=settings, job_id=job)
    found = flamenco.compiled(task)
    assert ["jobsupportfile", "jobsupportfile.zip"] in found["files"]["jobfiles"]
    files = support(flamenco, job)
    assert list(files) == [FILES[kind]]
    assert f"{JOB}/{FILES[kind]}" in found["options"]["command"]
    assert "bpy" in files[FILES[kind]]
    path = f"/static/storage/{job}/jobsupportfile_{job}.zip"
    assert unzipped(flamenco.ask("GET", path).content).keys() == files.keys()


def test_support_files_of_a_whole_job(flamenco: Flamenco):
    job = number()
    group = flamenco.task(
        type=TILED, job_id=job, settings={"filepath": "a", "frame_start": 3, "tiles": 3}
    )
    for task in flamenco.long(group)["children"]:
        flamenco.compiled(task)
    files = support(flamenco, job)
    assert set(files) >= {"tile_0.py", "tile_1.py", "tile_2.py", "tile_mix.py"}
    assert "WORKER_JOBPATH" in files["tile_mix.py"]
    assert len(set(files.values())) == len(files)


def test_support_files_when_a_worker_has_its_command(flamenco: Flamenco):
    worker = flamenco.worker()
    task = flamenco.give(worker)
    job = flamenco.compiled(0, worker_id=worker.id)["options"]["job_id"]
    assert set(support(flamenco, job)) == {"pre_render.py"}
    flamenco.report(task, worker, "finished")


def test_a_print_has_no_support_files(flamenco: Flamenco):
    job = number()
    task = flamenco.print(job_id=job)
    assert flamenco.compiled(task)["files"]["jobfiles"] == []
    flamenco.refused(404, "GET", f"/tasks/zip/sup/{job}")


PATHS = ["/a'b", '/a"b', "/a\\", "/a\nimport os", "/{x}", "/%s", "/'''", '/"""', "/ü\u2028"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", FILES)
def test_a_path_cannot_break_out_of_a_script(flamenco: Flamenco, kind: str, path: str):
    job = number()
    type_, settings = DEFINITIONS[kind]
    settings = {**settings, "output_path_linux": path, "filepath": path[1:], "job_id": path}
    found = flamenco.compiled(flamenco.task(type=type_, job_id=job, settings=settings))
    wanted = lines(type_, f"{JOB}/{path[1:]}", path, settings)
    assert found["options"]["command"][1:] == wanted
    assert list(support(flamenco, job)) == [FILES[kind]]


def test_bake_writes_where_the_worker_says(flamenco: Flamenco):
    job = number()
    flamenco.compiled(flamenco.task(type=BAKE, job_id=job, settings={"filepath": "a"}))
    assert "WORKER_OUTPUTPATH" in support(flamenco, job)["bake_anim_cache.py"]
