"""Compilers of strangers: what they give is checked, and what they print is read whole."""

from typing import Any

import pytest

from app.domain.errors import PluginFailed
from app.hooks import Compiler, Fail, JobView, Json, Parsed, Part, TaskView
from app.hooks.manager import PluginManager
from app.hooks.reading import LINE


class Sample(Compiler):
    name = "sample"
    parser = "words"

    def parse(self, task: TaskView, lines: Any, state: Json) -> Parsed | None:
        if "quiet" in lines:
            return None
        seen = [*state.get("seen", []), *lines]
        return Parsed(state={"seen": seen}, facts={"seen": seen, "asked": not lines})


TASK = TaskView(id=1, name="", payload={}, state="RUNNING")


def holding(**members: Any) -> tuple[PluginManager, Compiler]:
    compiler = type("Made", (Sample,), members)()
    return PluginManager.holding(compiler), compiler


def test_compilers_and_parsers_are_known_by_name() -> None:
    plugins, compiler = holding()
    assert plugins.compilers == {"sample": compiler}
    assert plugins.parsers == {"words": compiler}


def test_of_two_parsers_with_one_name_the_first_is_asked() -> None:
    first, second = Sample(), type("Other", (Sample,), {"name": "other"})()
    assert PluginManager.holding(first, second).parsers["words"] is first


def test_by_default_settings_are_one_task() -> None:
    plugins, compiler = holding()
    whole = Part(name="sample", type="sample", settings={"a": 1})
    assert plugins.parts(compiler, {"a": 1}, 10) == (whole,)
    assert plugins.label(compiler, {}) == "sample"
    assert plugins.frames(compiler, {}) is None
    plugins, compiler = holding(frames=lambda self, settings: (2, 5))
    assert plugins.label(compiler, {}) == "2-5"


def test_a_compiler_is_no_job_type_of_another_api() -> None:
    plugins, compiler = holding()
    answer = plugins.plan(compiler, JobView(id="1", name="", spec={}))
    assert isinstance(answer.end, Fail)
    assert "POST /tasks" in answer.end.error


PART = Part(name="a", type="sample", settings={})


@pytest.mark.parametrize(
    ("member", "gives", "fault"),
    [
        ("parts", [], "gave no part"),
        ("parts", None, "TypeError"),
        ("parts", ["a"], "is a str, not a Part"),
        ("parts", [Part(name=5, type="a", settings={})], "not a name"),  # type: ignore[arg-type]
        ("parts", [Part(name="a", type="", settings={})], "type: is empty"),
        ("parts", [Part(name="a", type="a", settings={"a": {1}})], "is not JSON"),
        ("parts", [Part(name="a", type="a", settings={}, frames=(2, 1))], "first and a last"),
        ("parts", [Part(name="a", type="a", settings={}, after=("b",))], "no task 'b'"),
        ("parts", [PART, PART, Part(name="b", type="a", settings={}, after=("a",))], "several"),
        ("frames", (1, 2, 3), "first and a last"),
        ("frames", (2, 1), "first and a last"),
        ("frames", ("1", "2"), "first and a last"),
        ("label", None, "not a name"),
        ("label", "\ud800", "surrogates"),
        ("label", "\0", "NUL"),
    ],
)
def test_what_makes_no_sense_is_the_plugins_fault(member: str, gives: Any, fault: str) -> None:
    plugins, compiler = holding(**{member: lambda self, settings: gives})
    words = (10,) if member == "parts" else ()
    with pytest.raises(PluginFailed, match=fault):
        getattr(plugins, member)(compiler, {}, *words)


def test_no_more_parts_are_taken_than_one_too_many() -> None:
    def parts(self: Any, settings: Json) -> Any:
        number = 0
        while True:
            number += 1
            yield Part(name=str(number), type="sample", settings={})

    plugins, compiler = holding(parts=parts)
    assert len(plugins.parts(compiler, {}, 7)) == 8


# -- reading --------------------------------------------------------------------------------


def seen(text: str, *more: str) -> tuple[Json, Any]:
    plugins, compiler = holding()
    reading = plugins.read(compiler, TASK, text, {})
    for each in more:
        reading = plugins.read(compiler, TASK, each, reading.memory)
    assert reading.parsed is not None
    return reading.memory, reading.parsed.facts["seen"]


def test_lines_are_whole_and_the_last_one_as_it_stands() -> None:
    memory, lines = seen("one\ntw", "o\r", "\nthree\r\n\nfo")
    assert lines == ["one", "two", "three", "", "fo"]
    assert memory == {"tail": "fo", "state": {"seen": ["one", "two", "three", ""]}}


def test_an_unfinished_line_is_not_remembered_as_one() -> None:
    assert seen("on", "e", "\n")[1] == ["one"]


def test_a_long_line_is_cut_and_kept_no_longer() -> None:
    memory, lines = seen("x" * LINE, "x" * LINE, "x" * LINE)
    assert lines == ["x" * LINE]
    assert len(memory["tail"]) == LINE + 1


def test_a_lone_surrogate_does_no_harm() -> None:
    assert seen("a\ud800\n")[1] == ["a?"]


def test_without_text_it_is_asked_anew() -> None:
    plugins, compiler = holding()
    first = plugins.read(compiler, TASK, "one\ntwo", {})
    again = plugins.read(compiler, TASK, "", first.memory)
    assert again.memory == first.memory
    assert again.parsed is not None
    assert again.parsed.facts == {"seen": ["one", "two"], "asked": True}


def test_a_parser_with_nothing_to_say_changes_nothing() -> None:
    plugins, compiler = holding()
    first = plugins.read(compiler, TASK, "one\n", {})
    again = plugins.read(compiler, TASK, "quiet\n", first.memory)
    assert again.parsed is None
    assert again.memory == first.memory


def test_facts_must_be_json() -> None:
    plugins, compiler = holding(parse=lambda *_: Parsed(facts={"a": {1}}))
    with pytest.raises(PluginFailed, match="facts: is not JSON"):
        plugins.read(compiler, TASK, "a\n", {})
