"""JSON in and out through orjson."""

from typing import Any

import orjson
from flask import Response
from flask.json.provider import DefaultJSONProvider


class OrjsonProvider(DefaultJSONProvider):
    """Flask's JSON provider, several times as fast on lists of plain dicts."""

    def dumps(self, obj: Any, **_kwargs: Any) -> str:
        """Write JSON as text."""
        return orjson.dumps(obj, default=self.default).decode()

    def loads(self, s: str | bytes, **_kwargs: Any) -> Any:
        """Read JSON. Raises ValueError."""
        return orjson.loads(s)

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """Make an answer; bytes all the way, without a detour through text."""
        body = orjson.dumps(self._prepare_response_obj(args, kwargs), default=self.default)
        return Response(body, mimetype=self.mimetype)
