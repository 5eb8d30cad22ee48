"""Whether the client of a request that waits is still there."""

import select
import socket

from flask import Request


def has_hung_up(request: Request) -> bool:
    """Tell whether the client has closed its side; it gets no answer any more.

    False where the server gives no access to the connection.
    """
    connection = request.environ.get("gunicorn.socket")
    if not isinstance(connection, socket.socket):
        return False
    try:
        poll = select.poll()
        poll.register(connection, select.POLLIN)
        if not poll.poll(0):
            return False
        # Its end is all that an empty answer means; a byte is the next request.
        return not connection.recv(1, socket.MSG_PEEK)
    except OSError:
        return True
    except ValueError:
        # TLS has no peeking.
        return False
