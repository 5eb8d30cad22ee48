"""Answers: JSON, under the name that the client's `Accept` asks for."""

from typing import Any

from flask import Response, current_app, request

PLAIN = "application/json"
SCRIPT = "text/javascript"


def label() -> dict[str, str]:
    """Give the headers that tell what a JSON answer is."""
    names = {
        part.partition(";")[0].strip().lower()
        for part in request.headers.get("Accept", "").split(",")
    }
    kind = SCRIPT if SCRIPT in names and PLAIN not in names else PLAIN
    return {"Content-Type": kind, "Vary": "Accept"}


def document(body: Any, status: int = 200, **headers: str) -> Response:
    """Give a JSON answer. headers: by name, with `_` for the hyphen."""
    answer = Response(current_app.json.dumps(body), status=status)
    answer.headers.update(label())
    answer.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return answer


def nothing(status: int = 204, **headers: str) -> Response:
    """Give an answer without a body."""
    answer = Response(status=status)
    del answer.headers["Content-Type"]
    answer.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return answer
