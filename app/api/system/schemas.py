"""Shapes of the server's own answers, for their document."""

from marshmallow import INCLUDE, Schema, fields, validate

# ruff: noqa: N815 - members are spelled as on the wire


class Program(Schema):
    """Name and version."""

    name = fields.String(required=True)
    version = fields.String(required=True)


class Root(Schema):
    """What answers at the root."""

    ok = fields.Boolean(required=True)
    content = fields.Nested(Program, required=True)
    server = fields.Nested(Program, required=True)
    links = fields.Dict(keys=fields.String(), values=fields.String())


class Health(Schema):
    """How the server is. isHealthy: the same as `status`, for clients that read that."""

    class Meta:
        """More members may come."""

        unknown = INCLUDE

    status = fields.String(required=True, validate=validate.OneOf(["UP", "DOWN"]))
    version = fields.String(required=True)
    isHealthy = fields.Boolean(required=True)
    ready = fields.Boolean(metadata={"description": "For `ready=1`: what the status says."})
    unready = fields.List(
        fields.String(), metadata={"description": "For `ready=1`: APIs that cannot do their work."}
    )
    plugins = fields.List(
        fields.Dict(), metadata={"description": "Plugins that were refused or are not well."}
    )


class Document(Schema):
    """An OpenAPI document."""

    class Meta:
        """Its members are OpenAPI's."""

        unknown = INCLUDE

    openapi = fields.String(required=True)
