"""Implements a hook with an argument that it does not have."""

from app.hooks import hookimpl


@hookimpl
def event_published(event: object, channel: object) -> None:
    """Ask for too much."""
