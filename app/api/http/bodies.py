"""Reading request bodies whole, within the limit of the path's dialect."""

from typing import IO

from flask import Request, request
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge


class FormRequest(Request):
    """A request whose form is a BadRequest where its bytes make no sense, whoever reads it.

    Each server has errors of its own for framing that makes no sense; the client made it.
    """

    def _load_form_data(self) -> None:
        try:
            super()._load_form_data()
        except HTTPException:
            raise
        except Exception as error:
            raise BadRequest from error


def body() -> bytes:
    """Give the request's body. Raises RequestEntityTooLarge, and BadRequest for bad framing.

    A body sent in chunks has no length to judge by, and werkzeug cuts it off at the limit without
    a word; so one that fills the limit is asked for one more byte.
    """
    try:
        data = request.get_data(cache=False)
        most = request.max_content_length
        stream: IO[bytes] = request.environ["wsgi.input"]
        more = stream.read(1) if most is not None and len(data) >= most else b""
    except HTTPException:
        raise
    except Exception as error:
        # Framing that makes no sense, as for a form.
        raise BadRequest from error
    if more:
        raise RequestEntityTooLarge
    return data
