"""Creating tasks: definitions, defaults, job numbers, children, scenes."""

import json

import pytest

from tests.acceptance.flamenco.client import (
    BAKE,
    MIX,
    NEVER,
    PRINT,
    RENDER,
    SHOT,
    TILED,
    Flamenco,
    check_short,
    number,
    urgent,
    zipped,
)

FILE = {"filepath": "shot.blend"}
ONE = {**FILE, "frame_start": 5}
RANGE = {**FILE, "frame_start": 5, "frame_end": 10}


def test_the_short_form_and_where_the_task_is(flamenco: Flamenco):
    answer = flamenco.ask("POST", "/tasks", json={"type": RENDER, "settings": SHOT})
    assert answer.status_code == 202
    found = answer.json()
    check_short(found)
    assert answer.headers["Location"] == f"/tasks/{found['id']}"
    assert found == {
        "id": found["id"],
        "worker_id": None,
        "priority": 50,
        "frame_start": 5,
        "frame_end": 10,
        "frame_current": 5,
        "status": "ready",
        "format": "",
    }
    assert found["id"] > 0


def test_the_long_form_of_a_new_task(flamenco: Flamenco):
    found = flamenco.long(flamenco.task())
    for name in ("task_id", "child_id", "parent_id", "activity", "eta", "time_cost", "log",
                 "worker_id", "last_activity"):  # fmt: skip
        assert found[name] is None, name
    assert (found["children"], found["depends_on"], found["is_group"]) == ([], [], False)
    assert (found["progress"], found["attempts"], found["status"]) == (0, 0, "ready")
    assert (found["name"], found["type"], found["parser"]) == ("5-10", RENDER, "blender_render")
    assert found["settings"] == SHOT


def test_ids_rise_and_are_never_used_again(flamenco: Flamenco):
    ids = [flamenco.task() for _ in range(3)]
    assert ids == sorted(set(ids))
    flamenco.delete(ids[-1])
    flamenco.delete(ids[-2])
    assert flamenco.task() > ids[-1]


TYPES = {
    RENDER: (RANGE, "5-10", (5, 10)),
    TILED: ({**ONE, "tile": 2}, "Tile 2", (5, 5)),
    MIX: (ONE, "Mixing", (5, 5)),
    BAKE: (FILE, "Bake Anim Cache - shot.blend", None),
    PRINT: ({"text": "a"}, "print_string", None),
}


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("parser", [None, "", "blender_render"])
def test_defaults_of_each_type(flamenco: Flamenco, kind: str, parser: str | None):
    settings, name, frames = TYPES[kind]
    made = flamenco.create(type=kind, settings=settings, parser=parser)
    check_short(made)
    own = None if kind == PRINT else "blender_render"
    first, last = frames or (None, None)
    flamenco.shows(
        made["id"], type=kind, name=name, parser=parser or own, settings=settings, priority=50,
        frame_start=first, frame_end=last, frame_current=first, progress=0, is_group=False,
        format="", status="ready",
    )  # fmt: skip


@pytest.mark.parametrize("kind", TYPES)
def test_a_name_of_ones_own(flamenco: Flamenco, kind: str):
    task = flamenco.task(type=kind, settings=TYPES[kind][0], name="Schuß 12 \U0001f3ac")
    flamenco.shows(task, name="Schuß 12 \U0001f3ac")


@pytest.mark.parametrize("whole", [False, True])
def test_settings_as_text_or_object(flamenco: Flamenco, whole: bool):
    settings = {**SHOT, "format": "PNG", "unknown": {"kept": [1, None, "ü", 1.5]}, "priority": 99}
    made = flamenco.create(settings=settings if whole else json.dumps(settings))
    assert (made["format"], made["priority"]) == ("PNG", 50)
    flamenco.shows(made["id"], settings=settings, format="PNG", priority=50)


@pytest.mark.parametrize("kind", [int, str])
@pytest.mark.parametrize(("first", "last"), [(1, 1), (0, 0), (-5, -1), (-3, 4), (99, 100000)])
def test_frames(flamenco: Flamenco, kind: type, first: int, last: int):
    settings = {**FILE, "frame_start": kind(first), "frame_end": kind(last)}
    made = flamenco.create(settings=settings)
    assert (made["frame_start"], made["frame_end"], made["frame_current"]) == (first, last, first)
    flamenco.shows(made["id"], name=f"{first}-{last}", frame_end=last)


def test_a_tile_may_have_more_frames(flamenco: Flamenco):
    for kind, more in ((TILED, {"tile": 0}), (MIX, {})):
        task = flamenco.task(type=kind, settings={**RANGE, **more})
        flamenco.shows(task, frame_start=5, frame_end=10, is_group=False)


GOOD = {
    "path in a folder": (RENDER, {**RANGE, "filepath": "a/b/c d.blend"}),
    "path with dots": (RENDER, {**RANGE, "filepath": "a..b/...c/.d.blend"}),
    "path that begins with two dots": (RENDER, {**RANGE, "filepath": "..a/b"}),
    "path with umlauts": (RENDER, {**RANGE, "filepath": "süß/日本.blend"}),
    "path with a colon": (RENDER, {**RANGE, "filepath": "shots/a:b.blend"}),
    "format": (RENDER, {**RANGE, "format": "MULTILAYER"}),
    "format with a low line": (RENDER, {**RANGE, "format": "OPEN_EXR"}),
    "format with digits": (RENDER, {**RANGE, "format": "JPEG2000"}),
    "command": (RENDER, {**RANGE, "command_name": "nightly"}),
    "render settings": (RENDER, {**RANGE, "render_settings": "high.py"}),
    "chunk of all": (RENDER, {**RANGE, "chunk_size": 6}),
    "chunk beyond": (RENDER, {**RANGE, "chunk_size": 2**53}),
    "paths": (RENDER, {**RANGE, "file_path_linux": "/a", "output_path_win": "C:\\x", "file_path_osx": ""}),
    "paths that are not absolute": (RENDER, {**RANGE, "output_path_linux": "#####"}),
    "tile": (TILED, {**ONE, "tile": 0}),
    "last tile": (TILED, {**ONE, "tile": 3}),
    "last tile of many": (TILED, {**ONE, "tile": "63", "tiles": "64"}),
    "only tile": (TILED, {**ONE, "tile": 0, "tiles": 1}),
    "mix": (MIX, {**ONE, "tiles": 64, "frame_end": 5, "format": "EXR"}),
    "bake": (BAKE, {**FILE, "command_name": "x", "frame_start": "unknown here"}),
    "text": (PRINT, {"text": "a b 'c' \"d\" $(e)\nü"}),
    "text that looks like an option": (PRINT, {"text": "-n"}),
}  # fmt: skip


@pytest.mark.parametrize("kind", GOOD)
def test_good_definitions(flamenco: Flamenco, kind: str):
    type_, settings = GOOD[kind]
    made = flamenco.create(type=type_, settings=settings)
    flamenco.shows(made["id"], settings=settings, is_group=False, format=settings.get("format", ""))


PATHS = ["", "/a", "/", "\\a", "\\\\host\\a", "C:a", "C:\\a", "c:/a", "z:", "..", "../a", "a/..",
         "a/../b", "a\\..\\b", "..\\a", "a/b\\..", 5, True, [], {}, ["a"], None, "a\0b"]  # fmt: skip
NUMBERS = ["x", "", "1.5", 1.5, True, [], {}, "٣", " 5", 2**53 + 1, -(2**53) - 1, str(2**64)]
FORMATS = ["P-N-G", "PNG ", " PNG", "../PNG", "PNG;ls", "PNG\n", "P\0", ".", 5, [], True]
TEXTS = ["command_name", "render_settings", "file_path_linux", "file_path_osx", "file_path_win",
         "output_path_linux", "output_path_osx", "output_path_win"]  # fmt: skip
LEAST = {RENDER: RANGE, TILED: {**ONE, "tile": 0}, MIX: ONE, BAKE: FILE}
FRAMED = (RENDER, TILED, MIX)
# type, what it is given instead of or beside the least it needs, and the values that are refused
WRONG: list[tuple[str, str, list]] = [
    *[(kind, "filepath", PATHS) for kind in LEAST],
    # One code reads all of them: each gets one of the values.
    *[
        (kind, name, [[5, [], {}, True][(first + second) % 4]])
        for first, kind in enumerate(LEAST)
        for second, name in enumerate(TEXTS)
    ],
    *[(kind, "frame_start", [*NUMBERS, 11] if kind == RENDER else NUMBERS) for kind in FRAMED],
    *[(kind, "frame_end", [*NUMBERS, 4, "4", -5]) for kind in FRAMED],
    *[(kind, "format", FORMATS) for kind in FRAMED],
    (RENDER, "chunk_size", [*NUMBERS, 0, -1, "0", "-1"]),
    (TILED, "tiles", [*NUMBERS, 0, -1, 65, "65"]),
    (MIX, "tiles", [*NUMBERS, 0, -1, 65, "65"]),
    (TILED, "tile", [*NUMBERS, -1, 4, "4"]),
]
BAD = {
    f"{kind}: {name} {value!r}": (kind, {**LEAST[kind], name: value})
    for kind, name, values in WRONG
    for value in values
}
for _kind, _least in LEAST.items():
    for _name in [name for name in _least if name != "tile"]:
        _less = {name: value for name, value in _least.items() if name != _name}
        BAD[f"{_kind}: no {_name}"] = _kind, _less
BAD["tile of fewer"] = TILED, {**ONE, "tile": 2, "tiles": 2}


@pytest.mark.parametrize("kind", BAD)
def test_bad_definitions(flamenco: Flamenco, kind: str):
    type_, settings = BAD[kind]
    mark = number()
    for given in (settings, json.dumps(settings)):
        body = {"type": type_, "settings": given, "task_id": mark}
        flamenco.refused(400, "POST", "/tasks", blamed="settings", json=body)
    assert flamenco.listed(task_id=mark) == []


@pytest.mark.parametrize(
    "text", ['{"filepath": NaN}', "{'a': 1}", "{", "", " ", "nope", "[1]", '"a"', "null", "true", "5",
             "{}{}", '{"text": "\\ud800"}', "[" * 50_000, '{"a":' * 50_000, "\ufeff{}"]
)  # fmt: skip
def test_text_that_is_no_object(flamenco: Flamenco, text: str):
    for form in ({"json": {"type": PRINT, "settings": text}},
                 {"data": {"type": PRINT, "settings": text}}):  # fmt: skip
        flamenco.refused(400, "POST", "/tasks", blamed="settings", **form)


@pytest.mark.parametrize("text", ['{"text": "a", "x": NaN}', '{"text": "a", "x": -Infinity}'])
def test_what_is_no_number_is_no_json(flamenco: Flamenco, text: str):
    flamenco.refused(
        400, "POST", "/tasks", blamed="settings", json={"type": PRINT, "settings": text}
    )


# -- job numbers --------------------------------------------------------------------------------


def test_a_fresh_job_is_above_all_used_so_far(flamenco: Flamenco):
    one, other = (flamenco.long(flamenco.task())["job_id"] for _ in range(2))
    assert 1 <= one < other
    given = other + 1000
    task = flamenco.task(job_id=given)
    flamenco.shows(task, job_id=given)
    flamenco.shows(flamenco.task(job_id=1), job_id=1)
    fresh = flamenco.long(flamenco.task())["job_id"]
    assert fresh > given
    flamenco.delete(task)
    last = flamenco.task()
    again = flamenco.long(last)["job_id"]
    assert again > fresh
    flamenco.delete(last)
    assert flamenco.long(flamenco.task())["job_id"] > again


def test_a_job_may_have_many_tasks(flamenco: Flamenco):
    job = number()
    ids = [flamenco.task(job_id=job) for _ in range(3)]
    assert [each["id"] for each in flamenco.listed(job_id=job)] == ids
    for task in ids:
        flamenco.shows(task, job_id=job)


def test_the_submitters_number_need_not_be_unique(flamenco: Flamenco):
    mark = number()
    ids = [flamenco.task(task_id=mark) for _ in range(2)]
    assert [each["id"] for each in flamenco.listed(task_id=mark)] == ids
    assert mark not in ids
    flamenco.refused(404, "GET", f"/tasks/{mark}")


# -- scenes -------------------------------------------------------------------------------------


def test_a_scene_is_stored_under_the_job(flamenco: Flamenco):
    job, first, second = number(), zipped(a__blend="1"), zipped(a__blend="2")
    for content in (first, second):
        flamenco.create(job_id=job, files={"jobfile": ("x.zip", content, "application/zip")})
        answer = flamenco.ask("GET", f"/tasks/zip/{job}")
        assert (answer.status_code, answer.content) == (200, content)
        assert answer.headers["Content-Type"] == "application/zip"
    flamenco.create(job_id=job)
    assert flamenco.ask("GET", f"/tasks/zip/{job}").content == second
    assert flamenco.good("GET", f"/tasks/file/{job}") == {"file": True}


NO_ZIPS = {
    "empty": b"",
    "letter": b"x",
    "begin": b"PK\x03\x04",
    "end": b"PK\x05\x06",
    "cut": zipped(a="b")[:-3],
    "cut shorter": zipped(a="b")[:-30],
    "nothing but zeros": bytes(999),
}


@pytest.mark.parametrize("kind", NO_ZIPS)
def test_what_is_no_zip_is_refused(flamenco: Flamenco, kind: str):
    content = NO_ZIPS[kind]
    job, mark = number(), number()
    body = {"type": RENDER, "settings": json.dumps(SHOT), "job_id": job, "task_id": mark}
    files = {"jobfile": ("job.zip", content, "application/zip")}
    flamenco.refused(400, "POST", "/tasks", blamed="jobfile", data=body, files=files)
    assert flamenco.listed(task_id=mark) == []
    assert flamenco.good("GET", f"/tasks/file/{job}") == {"file": False}


def test_a_refused_task_leaves_the_scene_as_it_was(flamenco: Flamenco):
    job, content = number(), zipped(a="1")
    flamenco.create(job_id=job, files={"jobfile": ("x.zip", content)})
    for bad in ({"type": "nope"}, {"settings": "{"}, {"priority": "x"}, {"depends_on": NEVER}):
        body = {"type": RENDER, "settings": json.dumps(SHOT), "job_id": job, **bad}
        files = {"jobfile": ("x.zip", zipped(a="2"))}
        flamenco.refused(400, "POST", "/tasks", data=body, files=files)
    assert flamenco.ask("GET", f"/tasks/zip/{job}").content == content


def test_a_scene_for_a_fresh_job(flamenco: Flamenco):
    content = zipped(a="1")
    made = flamenco.create(files={"jobfile": ("x.zip", content)}, priority=urgent())
    job = flamenco.long(made["id"])["job_id"]
    assert flamenco.ask("GET", f"/tasks/zip/{job}").content == content
