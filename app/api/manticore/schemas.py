"""Shapes of bodies, for the API document; at work they are read by hand, in a fixed order."""

from marshmallow import Schema, fields


class Error(Schema):
    """What is wrong."""

    error = fields.String(required=True)


class Core(Schema):
    """Which core."""

    version = fields.String(required=True)
    build = fields.String(required=True)


class Hmi(Schema):
    """Which hmi."""

    type = fields.String(required=True)
    version = fields.String(required=True)


class Who(Schema):
    """Who asks; with tokens, the token says so."""

    id = fields.Raw(metadata={"description": "Letters, digits and hyphens, or a whole number."})


class Environment(Who):
    """What is asked for."""

    core = fields.Nested(Core, required=True)
    hmi = fields.Nested(Hmi, required=True)


class CoreChange(Schema):
    """Another core; what is left out stays."""

    version = fields.String()
    build = fields.String()


class HmiChange(Schema):
    """Another hmi; what is left out stays."""

    type = fields.String()
    version = fields.String()


class Change(Who):
    """What is asked for instead."""

    core = fields.Nested(CoreChange)
    hmi = fields.Nested(HmiChange)


class CoreOptions(Schema):
    """Cores there are."""

    versions = fields.List(fields.String(), required=True)
    builds = fields.List(fields.String(), required=True)


class HmiOptions(Schema):
    """A type of hmi, and its versions."""

    type = fields.String(required=True)
    versions = fields.List(fields.String(), required=True)


class Options(Schema):
    """What can be asked for."""

    core = fields.Nested(CoreOptions, required=True)
    hmis = fields.List(fields.Nested(HmiOptions), required=True)


class Connection(Schema):
    """How to open the websocket: `<protocol>://<domain>:<port><path><passcode>`."""

    path = fields.String(required=True)
    protocol = fields.String(required=True, metadata={"description": "`ws` or `wss`."})
    passcode = fields.String(required=True)
    port = fields.Integer()
    domain = fields.String()


class Queue(Schema):
    """How many requests are where."""

    waiting = fields.Integer(required=True)
    starting = fields.Integer(required=True)
    running = fields.Integer(required=True)
    slots = fields.Integer(
        required=True, allow_none=True, metadata={"description": "null without a limit."}
    )


class Message(Schema):
    """What a websocket would have said."""

    type = fields.String(required=True)
    data = fields.Dict(required=True)


class Updates(Schema):
    """What is new, and the tag to ask with the next time."""

    messages = fields.List(fields.Nested(Message), required=True)
    tag = fields.String(required=True)


class Activity(Schema):
    """Whether it made a difference."""

    counted = fields.Boolean(required=True)
