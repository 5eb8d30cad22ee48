"""Job type `core_hmi`: what it offers, what settings change, and what its parts are told."""

from typing import ClassVar

import pytest
from marshmallow import ValidationError

from app.domain.errors import PluginFailed, SpecInvalid
from app.hooks import JobView, TaskView, WorkerView
from app.hooks.manager import PluginManager
from app.testing import JobInterfaceContract
from plugins.core_hmi import CoreHmi

SPEC = {
    "core": {"version": "4.5.1", "build": "default"},
    "hmi": {"type": "generic", "version": "minimal"},
}
IMAGES = {
    "core": {
        "versions": ["8.0.0", "8.1.0"],
        "builds": ["default", "custom"],
        "image": "smartdevicelink/manticore-sdl-core:{build}-{version}",
        "memory_bytes": 250_000_000,
        "cpus": 0.5,
    },
    "hmis": [
        {
            "type": "generic",
            "versions": ["minimal", "0.12.0"],
            "image": "smartdevicelink/manticore-hmi-{type}:{version}",
            "env": {"THEME": "dark"},
        },
        {"type": "custom", "versions": ["1"]},
    ],
}
WORKER = WorkerView(name="w", hostname="h")
CORE_AT = {"broker": "127.0.0.1:20884", "file": "127.0.0.1:20615", "python": "127.0.0.1:20900"}


class TestBundled(JobInterfaceContract):
    interface = CoreHmi({})
    valid_spec: ClassVar = SPEC


class TestImages(JobInterfaceContract):
    interface = CoreHmi(IMAGES)
    valid_spec: ClassVar = {
        "core": {"version": "8.1.0", "build": "custom"},
        "hmi": {"type": "generic", "version": "0.12.0"},
    }


def bound(settings, name, payload, services=None):
    interface = CoreHmi(settings)
    task = TaskView(id=1, name=name, payload=payload, state="LEASED", services=services or {})
    return PluginManager.holding(interface).bind(interface, task, WORKER)


def loaded(settings, spec):
    interface = CoreHmi(settings)
    return PluginManager.holding(interface).load_spec(interface, spec)


def test_without_settings_it_offers_one_of_each():
    assert CoreHmi({}).options() == {
        "core": {"versions": ["4.5.1"], "builds": ["default"]},
        "hmis": [{"type": "generic", "versions": ["minimal"]}],
    }


def test_settings_say_what_it_offers():
    assert CoreHmi(IMAGES).options() == {
        "core": {"versions": ["8.0.0", "8.1.0"], "builds": ["default", "custom"]},
        "hmis": [
            {"type": "generic", "versions": ["minimal", "0.12.0"]},
            {"type": "custom", "versions": ["1"]},
        ],
    }


@pytest.mark.parametrize(
    ("part", "word", "value"),
    [
        ("core", "version", "4.5.2"),
        ("core", "build", "Default"),
        ("hmi", "type", "Generic"),
        ("hmi", "version", "maximal"),
    ],
)
def test_only_what_it_offers_can_be_asked_for(part, word, value):
    spec = {**SPEC, part: {**SPEC[part], word: value}}
    with pytest.raises(SpecInvalid) as refusal:
        loaded({}, spec)
    assert f"{part}.{word}" in refusal.value.faults


def test_a_version_belongs_to_its_type():
    spec = {
        "core": {"version": "8.0.0", "build": "default"},
        "hmi": {"type": "custom", "version": "minimal"},
    }
    with pytest.raises(SpecInvalid):
        loaded(IMAGES, spec)
    spec["hmi"]["version"] = "1"
    assert loaded(IMAGES, spec) == spec


def test_hmi_begins_when_core_is_ready():
    core, hmi = CoreHmi({}).plan(JobView(id="j", name="n", spec=SPEC))
    assert (core.name, core.service, core.after_ready) == ("core", True, ())
    assert (hmi.name, hmi.service, hmi.after_ready) == ("hmi", True, ("core",))
    assert core.queue != hmi.queue


def test_stand_ins_are_processes_with_the_usual_ports():
    core = bound({}, "core", SPEC["core"])
    assert core.main.image is None
    assert [port.name for port in core.service.ports] == ["broker", "tcp", "file", "log"]
    assert {port.name for port in core.service.ports if port.probe is None} == {"tcp"}
    assert core.main.env == {"CORE_VERSION": "4.5.1", "CORE_BUILD": "default"}
    assert core.kill_after_s == 3
    hmi = bound({}, "hmi", SPEC["hmi"], {"core": CORE_AT})
    assert [port.name for port in hmi.service.ports] == ["user"]
    assert hmi.main.env["BROKER_ADDR"] == "127.0.0.1:20884"


def test_images_become_containers_that_are_told_where_core_is():
    core = bound(IMAGES, "core", {"version": "8.1.0", "build": "custom"})
    assert core.main.image == "smartdevicelink/manticore-sdl-core:custom-8.1.0"
    assert core.main.run is None
    inside = {port.name: port.inside for port in core.service.ports}
    assert (inside["broker"], inside["tcp"], inside["python"]) == (9000, 12345, 8081)
    assert (core.limits.cpus, core.limits.memory_bytes) == (0.5, 250_000_000)
    hmi = bound(IMAGES, "hmi", {"type": "generic", "version": "0.12.0"}, {"core": CORE_AT})
    assert hmi.main.image == "smartdevicelink/manticore-hmi-generic:0.12.0"
    assert hmi.main.env == {
        "HMI_TYPE": "generic",
        "HMI_VERSION": "0.12.0",
        "BROKER_ADDR": "127.0.0.1:20884",
        "CORE_FILE_ADDR": "127.0.0.1:20615",
        "PYTHON_ADDRESS": "127.0.0.1:20900",
        "THEME": "dark",
    }


def test_a_type_that_the_settings_lost_fails_that_job_alone():
    with pytest.raises(PluginFailed, match="no hmi of type gone"):
        bound({}, "hmi", {"type": "gone", "version": "1"})


def test_addresses_are_named_by_part_and_port():
    job = JobView(
        id="j", name="n", spec=SPEC, services={"core": CORE_AT, "hmi": {"user": "127.0.0.1:1"}}
    )
    assert CoreHmi({}).services(job) == {
        "core-broker": "127.0.0.1:20884",
        "core-file": "127.0.0.1:20615",
        "core-python": "127.0.0.1:20900",
        "hmi-user": "127.0.0.1:1",
    }


@pytest.mark.parametrize(
    "settings",
    [
        {"cores": {}},
        {"core": {"versions": []}},
        {"core": {"image": "core:{tag}"}},
        {"core": {"image": "core:{0}"}},
        {"core": {"ports": {"Broker": 1}}},
        {"core": {"ports": {"broker": 70_000}}},
        {"hmis": []},
        {"hmis": [{"type": "a"}, {"type": "a"}]},
        {"stop_s": 30},
    ],
)
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(ValidationError):
        CoreHmi(settings)
