"""Reading request bodies whole, within the limit of the path's dialect."""

from typing import IO

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge


def body() -> bytes:
    """Give the request's body. Raises RequestEntityTooLarge.

    A body sent in chunks has no length to judge by, and werkzeug cuts it off at the limit without
    a word; so one that fills the limit is asked for one more byte.
    """
    data = request.get_data(cache=False)
    most = request.max_content_length
    if most is not None and len(data) >= most:
        rest: IO[bytes] = request.environ["wsgi.input"]
        if rest.read(1):
            raise RequestEntityTooLarge
    return data
