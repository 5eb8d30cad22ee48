"""What the plugin manager takes in, and what it makes of a plugin's answers."""

import logging
import sys
import types
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from typing import Any

import pytest
from marshmallow import Schema, fields

from app.domain.clock import Instant
from app.domain.errors import PluginFailed, SpecInvalid, UnknownJobType
from app.domain.events import Event, EventKind
from app.hooks import (
    Advance,
    Command,
    Fail,
    Finish,
    JobInterface,
    JobView,
    Parsed,
    Step,
    TaskEnd,
    TaskSpec,
    TaskView,
    WorkerView,
    hookimpl,
    loading,
)
from app.hooks.manager import PluginManager, PluginStatus

JOB = JobView(id="j", name="job", spec={})
TASK = TaskView(id=1, name="task", payload={}, state="COMPLETED")
WORKER = WorkerView(name="w", hostname="h")


class Scripted(JobInterface):
    """Gives whatever a test wants, from every member."""

    name = "scripted"

    def __init__(self, answer: object = None) -> None:
        self.answer = answer

    def _give(self, *_: object) -> Any:
        return self.answer(*_) if callable(self.answer) else self.answer

    plan = advance = bind = parse = services = options = task_count = check = secrets = _give


def _raises(fault: BaseException) -> Callable[..., Any]:
    def answer(*_: object) -> Any:
        raise fault

    return answer


def _plan(answer: object) -> Advance:
    interface = Scripted(answer)
    return PluginManager.holding(interface).plan(interface, JOB)


SPEC = {"api_token": "hushhush", "env": {"DB_PASSWORD": "abc", "A": "plain"}}


@pytest.mark.parametrize(
    ("answer", "secrets"),
    [
        (["a", "b"], ("a", "b")),
        ((), ()),
        ([1], ("hushhush",)),
        ("text", ("hushhush",)),
        (None, ("hushhush",)),
        (_raises(RuntimeError("no")), ("hushhush",)),
    ],
)
def test_secrets_are_what_the_plugin_says_or_else_what_the_keys_say(
    answer: object, secrets: tuple[str, ...]
) -> None:
    manager = PluginManager.holding(Scripted(answer))
    assert manager.secrets("scripted", SPEC, {}) == secrets
    assert manager.secrets("not-installed", SPEC, {}) == ("hushhush",)


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., EntryPoint]]:
    """Make a module with the given hooks that an entry point leads to."""

    def make(name: str, **hooks: Any) -> EntryPoint:
        module = types.ModuleType(f"made_{name}_{len(sys.modules)}")
        for hook, function in hooks.items():
            setattr(module, hook, hookimpl(function))
        monkeypatch.setitem(sys.modules, module.__name__, module)
        return EntryPoint(name, module.__name__, "jobyard")

    return make


# -- loading -----------------------------------------------------------------------------------


def test_sound_plugin_is_loaded_and_its_job_type_found_by_name(plugin: Any) -> None:
    interface = Scripted()
    manager = PluginManager.load(entry_points=[plugin("one", job_interfaces=lambda: [interface])])
    assert [(one.name, one.status, one.job_types) for one in manager.found] == [
        ("one", PluginStatus.LOADED, ("scripted",))
    ]
    assert manager.interface("scripted") is interface


def test_unknown_job_type_is_named() -> None:
    with pytest.raises(UnknownJobType, match="'nothing'"):
        PluginManager.holding().interface("nothing")


def test_blocked_plugin_is_not_even_imported() -> None:
    missing = EntryPoint("one", "module_that_is_not_there", "jobyard")
    manager = PluginManager.load(entry_points=[missing], blocked={"one"})
    assert [(one.status, one.reason) for one in manager.found] == [
        (PluginStatus.BLOCKED, "blocked by the settings")
    ]


def test_blocking_what_is_not_installed_is_told(caplog: pytest.LogCaptureFixture) -> None:
    PluginManager.load(entry_points=[], blocked={"typo"})
    assert "'typo' is not installed" in caplog.text


def test_second_plugin_with_a_taken_name_or_type_is_refused(plugin: Any) -> None:
    manager = PluginManager.load(
        entry_points=[
            plugin("one", job_interfaces=lambda: [Scripted()]),
            plugin("one", health_checks=lambda: None),
            plugin("two", job_interfaces=lambda: [Scripted()]),
        ]
    )
    assert [one.status for one in manager.found] == ["loaded", "refused", "refused"]
    assert "the name 'one' is taken" in manager.found[1].reason
    assert "'scripted' is taken by plugin 'one'" in manager.found[2].reason


def test_refused_plugin_is_logged_with_its_reason(
    plugin: Any, caplog: pytest.LogCaptureFixture
) -> None:
    PluginManager.load(entry_points=[plugin("one", job_interfaces=_raises(KeyError("codec")))])
    record = next(one for one in caplog.records if one.levelno == logging.ERROR)
    assert "plugin 'one'" in record.getMessage()
    assert "KeyError" in record.getMessage()
    assert record.exc_info is not None


def test_plugin_that_does_not_return_is_refused(
    plugin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "LIMIT_S", 0.05)

    def spin() -> None:
        while True:
            pass

    manager = PluginManager.load(entry_points=[plugin("one", job_interfaces=spin)])
    assert "Overrun" in manager.found[0].reason


@pytest.mark.parametrize(
    ("members", "what"),
    [
        ({"name": "Upper"}, "no good name"),
        ({"name": ""}, "no good name"),
        ({"name": None}, "no good name"),
        ({"name": "x" * 65}, "no good name"),
        ({"title": 3}, "title"),
        ({"spec_schema": Schema()}, "spec_schema"),
        ({"public_task_ids": "yes"}, "public_task_ids"),
        ({"max_running": 0}, "max_running"),
    ],
)
def test_unsound_fixed_member_is_refused(members: dict[str, Any], what: str) -> None:
    kind = type("Bad", (Scripted,), members)
    with pytest.raises(loading.Unsound, match=what):
        loading.sound(kind())


# -- parameters --------------------------------------------------------------------------------


class InnerSpec(Schema):
    limit = fields.Integer(strict=True, required=True)


class OuterSpec(Schema):
    tasks = fields.List(fields.Nested(InnerSpec))
    env = fields.Dict(keys=fields.String(), values=fields.String())
    size = fields.Integer(load_default=3)


class WithSchema(Scripted):
    spec_schema = OuterSpec


def test_parameters_are_loaded_with_defaults() -> None:
    interface = WithSchema()
    manager = PluginManager.holding(interface)
    assert manager.load_spec(interface, {"tasks": []}) == {"tasks": [], "size": 3}


def test_faults_in_parameters_are_told_by_path() -> None:
    interface = WithSchema()
    with pytest.raises(SpecInvalid) as refusal:
        PluginManager.holding(interface).load_spec(
            interface, {"tasks": [{"limit": 1}, {"limit": "x"}, {}], "bad": 1}
        )
    assert refusal.value.faults == {
        "tasks[1].limit": "Not a valid integer.",
        "tasks[2].limit": "Missing data for required field.",
        "bad": "Unknown field.",
    }
    assert "tasks[1].limit: Not a valid integer." in str(refusal.value)


@pytest.mark.parametrize("value", ["\ud800", 2**70, object()])
def test_parameters_that_json_cannot_hold_are_refused(value: object) -> None:
    interface = Scripted()
    with pytest.raises(SpecInvalid, match="not valid as JSON"):
        PluginManager.holding(interface).load_spec(interface, {"a": value})


def test_parameters_that_take_too_long_to_check_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.hooks.manager.SPEC_LIMIT_S", 0.05)

    def spin(_: object) -> None:
        while True:
            pass

    slow = Schema.from_dict({"a": fields.String(validate=spin)})
    interface = type("Slow", (Scripted,), {"spec_schema": slow})()
    with pytest.raises(SpecInvalid, match="too much to check"):
        PluginManager.holding(interface).load_spec(interface, {"a": "x"})


def test_schema_that_loads_something_unstorable_is_the_plugins_fault() -> None:
    class Times(Schema):
        at = fields.DateTime()

    interface = type("Timed", (Scripted,), {"spec_schema": Times})()
    with pytest.raises(PluginFailed, match="'scripted' failed in spec_schema: TypeError"):
        PluginManager.holding(interface).load_spec(interface, {"at": "2024-01-01T00:00:00"})


# -- answers -----------------------------------------------------------------------------------


def test_every_form_of_answer_becomes_a_full_one() -> None:
    task = TaskSpec(name="a")
    assert _plan(None) == Advance()
    assert _plan([]) == Advance()
    assert _plan([task]) == Advance(tasks=(task,))
    assert _plan((task,)) == Advance(tasks=(task,))
    assert _plan(Finish("r")) == Advance(end=Finish("r"))
    assert _plan(Fail("e")) == Advance(end=Fail("e"))
    full = Advance(tasks=[task], ends=[TaskEnd(task_id=1)], release={1: 2}, state={"a": [1]})
    assert _plan(full) == Advance(
        tasks=(task,), ends=(TaskEnd(task_id=1),), release={1: 2}, state={"a": [1]}
    )


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        ("abc", "gave a str"),
        (["a"], r"tasks\[0\]: is a str, not a TaskSpec"),
        ([TaskSpec(name=3)], r"tasks\[0\].name: is a int"),
        ([TaskSpec(name="a\0b")], "NUL"),
        ([TaskSpec(name="a\ud800")], "surrogates not allowed"),
        ([TaskSpec(name="a", queue="")], "queue: is empty"),
        ([TaskSpec(name="a", payload={"x": object()})], r"payload: is not JSON"),
        ([TaskSpec(name="a", payload={1: 2})], r"payload: is not JSON"),
        ([TaskSpec(name="a", payload=[1])], r"payload: is a list"),
        ([TaskSpec(name="a", kind="other")], "kind: 'other'"),
        ([TaskSpec(name="a", state="RUNNING")], "state: 'RUNNING'"),
        ([TaskSpec(name="a", kind="job")], "job: goes with"),
        ([TaskSpec(name="a", children=(TaskSpec(name="b"),))], "only a composite"),
        ([TaskSpec(name="a", priority=1.5)], "priority: is a float"),
        ([TaskSpec(name="a", priority=2**31)], "priority: is more than"),
        ([TaskSpec(name="a", priority=-(2**40))], "priority: is -1"),
        ([TaskSpec(name="a", max_attempts=0)], "max_attempts: is 0"),
        ([TaskSpec(name="a", delay_s=float("nan"))], "delay_s: is nan"),
        ([TaskSpec(name="a", delay_s=-1)], "delay_s: is -1"),
        ([TaskSpec(name="a", delay_s=1e30)], "delay_s: is 1e\\+30"),
        ([TaskSpec(name="a", lease_s=0)], "lease_s"),
        ([TaskSpec(name="a", after="b")], "after: is a str"),
        ([TaskSpec(name="a", after=("b",))], "there is no task 'b'"),
        ([TaskSpec(name="a", after=("a",))], "in a circle: a -> a"),
        (
            [TaskSpec(name="a", after=("b",)), TaskSpec(name="b", after=("a",))],
            "in a circle",
        ),
        (
            [TaskSpec(name="a"), TaskSpec(name="a"), TaskSpec(name="b", after=("a",))],
            "several tasks are called 'a'",
        ),
        (Advance(state={"a": {1, 2}}), "state: is not JSON"),
        (Advance(progress=101), "progress: is 101"),
        (Advance(position=-1), "position: is -1"),
        (Advance(position=2**70), "position: is more than"),
        (Advance(ends=["x"]), "ends: has a str"),
        (Advance(release={"x": 1}), "release"),
        (Advance(end="done"), "end: is a str"),
    ],
)
def test_unusable_answer_fails_with_what_is_wrong(answer: object, what: str) -> None:
    with pytest.raises(PluginFailed, match=what) as failure:
        _plan(answer)
    assert (failure.value.plugin, failure.value.hook) == ("scripted", "plan")
    assert failure.value.__cause__ is not None


def test_tasks_come_after_those_they_wait_for() -> None:
    first, second = TaskSpec(name="first"), TaskSpec(name="second", after=("first",))
    free = TaskSpec(name="free")
    assert _plan([free, first, second]).tasks == (free, first, second)
    assert _plan([second, first]).tasks == (first, second)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (ValueError("first\nsecond"), "plugin 'scripted' failed in plan: ValueError: first"),
        (RecursionError(), "plugin 'scripted' failed in plan: RecursionError"),
        (SystemExit(3), "plugin 'scripted' failed in plan: SystemExit: 3"),
    ],
)
def test_exception_names_plugin_and_member_and_is_kept(fault: BaseException, told: str) -> None:
    with pytest.raises(PluginFailed) as failure:
        _plan(_raises(fault))
    assert str(failure.value) == told
    assert failure.value.__cause__ is fault


def test_call_that_does_not_return_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.hooks.manager.LIMIT_S", 0.05)

    def spin(*_: object) -> None:
        while True:
            pass

    with pytest.raises(PluginFailed, match=r"failed in plan: Overrun: not back within 0.05 s"):
        _plan(spin)


def test_answer_may_raise_when_it_is_looked_at() -> None:
    class Trap(dict[str, Any]):
        def items(self) -> Any:
            raise RuntimeError("boo")

    with pytest.raises(PluginFailed, match="RuntimeError: boo"):
        _plan(Advance(release=Trap()))


def _ask(member: str, answer: object) -> Any:
    interface = Scripted(answer)
    values = {
        "advance": (JOB, TASK),
        "bind": (TASK, WORKER),
        "parse": (TASK, ["line"], {}),
        "services": (JOB,),
        "options": (),
        "task_count": ({},),
    }[member]
    return getattr(PluginManager.holding(interface), member)(interface, *values)


@pytest.mark.parametrize(
    ("member", "answer"),
    [
        ("bind", Command(runtime="shell", main=Step(run="x", env={"A": "1"}))),
        ("parse", None),
        ("parse", Parsed(progress=3.5)),
        ("services", {"web": "http://h:1"}),
        ("options", {"codecs": ["a"]}),
        ("task_count", 0),
    ],
)
def test_good_answer_is_given_on(member: str, answer: object) -> None:
    assert _ask(member, answer) == answer


@pytest.mark.parametrize(
    ("member", "answer"),
    [
        ("advance", 3),
        ("bind", None),
        ("bind", Command(runtime="", main=Step())),
        ("bind", Command(runtime="shell", main=Step(env={"A": 1}))),
        ("bind", Command(runtime="shell", main=Step(cmd="echo x"))),
        ("bind", Command(runtime="shell", main=Step(run=b"x"))),
        ("bind", Command(runtime="shell", main=Step(), pre=("x",))),
        ("bind", Command(runtime="shell", main=Step(), timeout_s=-1)),
        ("parse", "50 %"),
        ("parse", Parsed(state={"a": object()})),
        ("services", {"web": 80}),
        ("services", None),
        ("options", ["a"]),
        ("options", {"a": object()}),
        ("task_count", -1),
        ("task_count", True),
    ],
)
def test_bad_answer_fails_with_the_name_of_the_member(member: str, answer: object) -> None:
    with pytest.raises(PluginFailed) as failure:
        _ask(member, answer)
    assert failure.value.hook == member


def test_verdict_of_a_check_passes_and_a_fault_does_not() -> None:
    good, bad, broken = (
        Scripted(),
        Scripted(_raises(ValueError("no"))),
        Scripted(_raises(KeyError())),
    )
    PluginManager.holding(good).check(good, "kind", "text")
    with pytest.raises(ValueError, match="no"):
        PluginManager.holding(bad).check(bad, "kind", "text")
    with pytest.raises(PluginFailed):
        PluginManager.holding(broken).check(broken, "kind", "text")


# -- hooks of every plugin ---------------------------------------------------------------------


def test_event_reaches_every_plugin_past_one_that_raises(
    plugin: Any, caplog: pytest.LogCaptureFixture
) -> None:
    seen = []
    manager = PluginManager.load(
        entry_points=[
            plugin("bad", event_published=lambda event: 1 / 0),
            plugin("good", event_published=lambda event: seen.append(event)),  # noqa: PLW0108
        ]
    )
    event = Event(kind=EventKind.JOB_SUBMITTED, dialect="tork", at=Instant(0))
    manager.event_published(event)
    assert seen == [event]
    assert "plugin 'bad' failed in event_published: ZeroDivisionError" in caplog.text


def test_health_is_asked_at_most_once_in_ten_seconds(plugin: Any) -> None:
    asked = []
    now = [100.0]
    manager = PluginManager.load(
        entry_points=[
            plugin("good", health_checks=lambda: asked.append(1) or [("disk", True, "fine")]),
            plugin("bad", health_checks=_raises(OSError("gone"))),
            plugin("silent", health_checks=lambda: None),
        ],
        monotonic=lambda: now[0],
    )
    for at in (100.0, 105.0, 109.9, 110.0):
        now[0] = at
        checks = manager.health_checks()
    assert len(asked) == 2
    assert [(one.plugin, one.name, one.well, one.text) for one in checks] == [
        ("good", "disk", True, "fine"),
        ("bad", "health_checks", False, "OSError: gone"),
    ]
