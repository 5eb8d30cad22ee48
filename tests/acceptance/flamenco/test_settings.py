"""Names and values that operators keep."""

import json

import pytest

from tests.acceptance.flamenco.client import BAKE, MIX, PRINT, RENDER, TILED, Flamenco, unique
from tests.acceptance.flamenco.test_compilers import PROGRAMS

DEFAULTS = {
    "worker_timeout": 300,
    "task_timeout": 600,
    **{kind: {"commands": {"default": PROGRAMS}} for kind in (RENDER, TILED, MIX, BAKE)},
    PRINT: {"commands": {"default": {"Linux": "echo", "Darwin": "echo", "Windows": "cmd"}}},
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_defaults(farm: Flamenco, name: str):
    assert farm.good("GET", "/settings")[name] == DEFAULTS[name]
    value = DEFAULTS[name]
    wanted = value if isinstance(value, dict) else {"value": value}
    assert farm.good("GET", f"/settings/{name}") == wanted


# sent -> shown in the list, shown alone
VALUES = [
    ("text", "text", {"value": "text"}),
    ("", "", {"value": ""}),
    ("5", 5, {"value": 5}),
    ("1.5", 1.5, {"value": 1.5}),
    ("true", True, {"value": True}),
    ("null", None, {"value": None}),
    ("[1, 2]", [1, 2], {"value": [1, 2]}),
    ('{"a": {"b": 1}}', {"a": {"b": 1}}, {"a": {"b": 1}}),
    ("{}", {}, {}),
    ('{"value": 1, "x": 2}', {"value": 1, "x": 2}, {"value": 1, "x": 2}),
    ('"quoted"', "quoted", {"value": "quoted"}),
    ("{broken", "{broken", {"value": "{broken"}),
    ("NaN", "NaN", {"value": "NaN"}),
    (" spaced ", " spaced ", {"value": " spaced "}),
    ("ü \U0001f3ac", "ü \U0001f3ac", {"value": "ü \U0001f3ac"}),
    ("/path/to", "/path/to", {"value": "/path/to"}),
]


@pytest.mark.parametrize(("value", "listed", "alone"), VALUES)
@pytest.mark.parametrize("how", ["patch", "post", "patch form", "post form"])
def test_a_text(flamenco: Flamenco, value, listed, alone, how: str):
    name = unique("set")
    options = {"data" if how.endswith("form") else "json": None}
    if how.startswith("patch"):
        options = {next(iter(options)): {"value": value}}
        assert flamenco.good("PATCH", f"/settings/{name}", **options) == {"value": value}
    else:
        options = {next(iter(options)): {name: value}}
        flamenco.good("POST", "/settings", 204, **options)
    assert flamenco.good("GET", "/settings")[name] == listed
    assert flamenco.good("GET", f"/settings/{name}") == alone


@pytest.mark.parametrize(
    "value", [5, 0, -1, 1.5, True, False, [1, {"a": None}], {"a": [1]}, {}, [], "x"]
)
def test_any_json(flamenco: Flamenco, value):
    alone = value if isinstance(value, dict) else {"value": value}
    one, other = unique("set"), unique("set")
    assert flamenco.good("PATCH", f"/settings/{one}", json={"value": value}) == {"value": value}
    flamenco.good("POST", "/settings", 204, json={other: value})
    for name in (one, other):
        assert flamenco.good("GET", "/settings")[name] == value
        assert flamenco.good("GET", f"/settings/{name}") == alone


def test_only_the_names_given_are_touched(flamenco: Flamenco):
    one, other = unique("set"), unique("set")
    flamenco.good("POST", "/settings", 204, json={one: "1", other: "2"})
    flamenco.good("POST", "/settings", 204, json={other: "3"})
    flamenco.good("POST", "/settings", 204, json={})
    found = flamenco.good("GET", "/settings")
    assert (found[one], found[other]) == (1, 3)
    flamenco.good("PATCH", f"/settings/{one}", json={"value": "4"})
    flamenco.good("PATCH", f"/settings/{one}", json={"value": "5"})
    assert flamenco.good("GET", f"/settings/{one}") == {"value": 5}


def test_an_unknown_name(flamenco: Flamenco):
    assert flamenco.good("GET", f"/settings/{unique()}") == {}


@pytest.mark.parametrize(
    "name", ["x", "A", "-", "_", "9", "a-B_9", "x" * 128, "9" * 32, "__proto__"]
)
def test_names(flamenco: Flamenco, name: str):
    value = unique()
    assert flamenco.good("PATCH", f"/settings/{name}", json={"value": value}) == {"value": value}
    assert flamenco.good("GET", f"/settings/{name}") == {"value": value}
    flamenco.good("POST", "/settings", 204, json={name: "again"})
    assert flamenco.good("GET", "/settings")[name] == "again"


@pytest.mark.parametrize(
    "name", ["x" * 129, "a b", "a.b", "ü", "a%00", "a%0a", "%20", "a:b", "a;b", "a*", "٣", "a+b"]
)
def test_no_names(flamenco: Flamenco, name: str):
    flamenco.refused(400, "GET", f"/settings/{name}")
    flamenco.refused(400, "PATCH", f"/settings/{name}", json={"value": "x"})


@pytest.mark.parametrize(
    "name", ["x" * 129, "", "a b", "a.b", "a/b", "ü", "a\0", "a\n", "\n", " a", "a ", "٣"]
)
def test_no_names_among_many(flamenco: Flamenco, name: str):
    other = unique("set")
    flamenco.refused(400, "POST", "/settings", json={other: "x", name: "y"})
    flamenco.refused(400, "POST", "/settings", json={name: "y", other: "x"})
    assert flamenco.good("GET", f"/settings/{other}") == {}


@pytest.mark.parametrize("name", ["worker_timeout", "task_timeout"])
@pytest.mark.parametrize(
    "value", [0, -1, "0", "-1", "x", "", "1.5", 1.5, True, [], {}, [5], "null", "٣", "1e3", 2**53 + 1,
              "9" * 100, "5 x"]
)  # fmt: skip
def test_no_time(flamenco: Flamenco, name: str, value):
    before = flamenco.good("GET", f"/settings/{name}")
    other = unique("set")
    flamenco.refused(400, "PATCH", f"/settings/{name}", json={"value": value})
    flamenco.refused(400, "POST", "/settings", json={other: "x", name: value})
    assert flamenco.good("GET", f"/settings/{name}") == before
    assert flamenco.good("GET", f"/settings/{other}") == {}


@pytest.mark.parametrize("value", [1, "1", 7, "86400", 2**31, 2**53])
def test_a_time(farm: Flamenco, value):
    name = "task_timeout"
    assert farm.good("PATCH", f"/settings/{name}", json={"value": value}) == {"value": value}
    assert farm.good("GET", f"/settings/{name}") == {"value": int(value)}
    assert farm.good("GET", "/settings")[name] == int(value)
    task, worker = farm.task(), farm.worker()
    farm.good("PATCH", f"/settings/{name}", data={"value": "600"})
    assert farm.poll(worker) == task
    farm.report(task, worker, "finished")


@pytest.mark.parametrize("name", [RENDER, TILED, MIX, BAKE, PRINT])
@pytest.mark.parametrize("value", ["blender", "[]", "5", "", '"x"', "{", [], 5, True, "null"])
def test_no_commands(flamenco: Flamenco, name: str, value):
    before = flamenco.good("GET", f"/settings/{name}")
    flamenco.refused(400, "PATCH", f"/settings/{name}", json={"value": value})
    flamenco.refused(400, "POST", "/settings", json={name: value})
    assert flamenco.good("GET", f"/settings/{name}") == before


@pytest.mark.parametrize("whole", [True, False])
def test_commands_as_text_or_object(farm: Flamenco, whole: bool):
    value = {"commands": {"default": {"Linux": "/opt/b"}, "x": {"Darwin": "/b"}}, "more": 1}
    given = value if whole else json.dumps(value)
    assert farm.good("PATCH", f"/settings/{RENDER}", json={"value": given}) == {"value": given}
    assert farm.good("GET", f"/settings/{RENDER}") == value
    task = farm.task()
    assert farm.compiled(task)["options"]["command"][0] == "/opt/b"
    farm.good("PATCH", f"/settings/{RENDER}", json={"value": DEFAULTS[RENDER]})
    assert farm.compiled(task)["options"]["command"][0] == "blender"


@pytest.mark.parametrize(
    "name", ["blender_path_linux", "blender_path_osx", "blender_path_win", "render_settings_path_linux",
             "render_settings_path_osx", "render_settings_path_win", "group"]
)  # fmt: skip
def test_names_of_old(farm: Flamenco, name: str):
    farm.good("PATCH", f"/settings/{name}", json={"value": "/opt/old"})
    assert farm.good("GET", "/settings")[name] == "/opt/old"
    assert farm.compiled(farm.task())["options"]["command"][0] == "blender"
    farm.good("PATCH", f"/settings/{name}", json={"value": ""})
