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
