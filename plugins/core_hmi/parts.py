"""What environments are made of: the settings of the plugin, and what they say of a part."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from app.hooks import Port

#: Ports of core, by what an image of it listens on; those of the stand-ins come first.
CORE_PORTS = {
    "broker": 9000,
    "tcp": 12345,
    "file": 3001,
    "log": 8888,
    "policy": 9898,
    "ws-server": 2020,
    "store": 3000,
    "python": 8081,
}
STAND_IN_PORTS = ("broker", "tcp", "file", "log")
HMI_PORTS = {"user": 8080}
#: Not looked at: to this port each look is an app that connects.
UNPROBED = frozenset({"tcp"})

_WORD = validate.Length(min=1, max=128)
_PORT = validate.Range(1, 65_535)


def _words(default: list[str]) -> Any:
    return fields.List(
        fields.String(validate=_WORD),
        load_default=lambda: list(default),
        validate=validate.Length(min=1),
    )


class _Part(Schema):
    """image: with {version}, {build}, {type} where they differ; none: the bundled stand-in.

    ports: inside the container, by name. cpus, memory_bytes: limits of one container. env: further
    variables.
    """

    image = fields.String(load_default=None, allow_none=True, validate=_WORD)
    cpus = fields.Float(
        load_default=None, allow_none=True, validate=validate.Range(0, min_inclusive=False)
    )
    memory_bytes = fields.Integer(
        strict=True, load_default=None, allow_none=True, validate=validate.Range(6 << 20, 1 << 50)
    )
    env = fields.Dict(keys=fields.String(), values=fields.String(), load_default=dict)

    @validates_schema
    def _check_image(self, data: Mapping[str, Any], **_kwargs: Any) -> None:
        try:
            (data["image"] or "").format(version="v", build="b", type="t")
        except (KeyError, IndexError, ValueError, AttributeError) as fault:
            text = "Knows only {version}, {build} and {type}."
            raise ValidationError(text, "image") from fault


def _ports(default: Mapping[str, int]) -> Any:
    return fields.Dict(
        keys=fields.String(validate=validate.Regexp(r"[a-z][a-z0-9-]{0,30}\Z")),
        values=fields.Integer(strict=True, validate=_PORT),
        load_default=lambda: dict(default),
    )


class CorePart(_Part):
    """What versions and builds there are; each may be had with each."""

    versions = _words(["4.5.1"])
    builds = _words(["default"])
    ports = _ports(CORE_PORTS)


class HmiPart(_Part):
    """One type of hmi."""

    type = fields.String(load_default="generic", validate=_WORD)
    versions = _words(["minimal"])
    ports = _ports(HMI_PORTS)


class Parts(Schema):
    """The table `[manticore.jobs]`.

    start_s: seconds that each part may take until it answers. stop_s: seconds between the request
    to end and the kill.
    """

    core = fields.Nested(CorePart, load_default=lambda: CorePart().load({}))
    hmis = fields.List(
        fields.Nested(HmiPart),
        load_default=lambda: [HmiPart().load({})],
        validate=validate.Length(min=1),
    )
    start_s = fields.Float(load_default=60.0, validate=validate.Range(1, 3600))
    stop_s = fields.Float(load_default=3.0, validate=validate.Range(0, 3))

    @validates_schema
    def _check_types(self, data: Mapping[str, Any], **_kwargs: Any) -> None:
        types = [one["type"] for one in data["hmis"]]
        if len(set(types)) < len(types):
            raise ValidationError("Each type must be there once.", "hmis")


def ports_of(part: Mapping[str, Any], stand_in: tuple[str, ...]) -> tuple[Port, ...]:
    """Give the ports of a part: those of its container, or of its stand-in."""
    pages = {"file", "user"}
    if part["image"] is None:
        inside: dict[str, int | None] = dict.fromkeys(stand_in)
    else:
        inside = dict(part["ports"])
    return tuple(
        Port(
            name=name,
            inside=number,
            probe=None
            if name in UNPROBED
            else "http"
            if name in pages and part["image"] is None
            else "tcp",
        )
        for name, number in inside.items()
    )
