"""Reading a JSON body into what a schema says."""

from typing import Any

import orjson
from flask import request
from marshmallow import Schema, ValidationError

from app.api.http.bodies import body
from app.api.jobyard.errors import BadRequest


def loaded(schema: Schema) -> dict[str, Any]:
    """Give the body of the request at hand. Raises BadRequest with faults by path."""
    if request.mimetype != "application/json":
        raise BadRequest("the Content-Type must be application/json")
    try:
        document = orjson.loads(body())
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"the body is not JSON: {error.msg}") from error
    if not isinstance(document, dict):
        raise BadRequest("the body must be a JSON object")
    try:
        found: dict[str, Any] = schema.load(document)
    except ValidationError as error:
        said = error.messages if isinstance(error.messages, dict) else {"": error.messages}
        faults = {str(key): _flat(each) for key, each in said.items()}
        raise BadRequest("the body is not valid", **faults) from error
    return found


def _flat(said: Any) -> str:
    if isinstance(said, dict):
        return "; ".join(f"{key}: {_flat(each)}" for key, each in said.items())
    return " ".join(map(str, said)) if isinstance(said, list) else str(said)
