"""The plainest form of an error, for paths that are no dialect's."""

from marshmallow import Schema, fields

from app.api.http.dialect import Dialect, Failure, Terms
from app.api.http.problems import Problem


class Message(Schema):
    """An error of a path that no dialect owns."""

    message = fields.String(required=True, metadata={"description": "What is wrong."})


def failure(problem: Problem) -> Failure:
    """Give the message alone."""
    return Failure(
        status=problem.status, body={"message": problem.message}, headers=problem.headers
    )


NOBODY = Dialect(
    name="nobody",
    title="",
    about="",
    owns=lambda _path: True,
    terms=lambda _settings: Terms(max_body_bytes=64 * 1024),
    blueprints=lambda _settings: (),
    failure=failure,
    error_schema=Message,
)
