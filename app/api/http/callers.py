"""Who asks: what a dialect's guard found out about a request before its view runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from flask import Request, g

from app.wiring import Services


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever made the request.

    name: of the account; None where nobody had to give one.
    sees: what the caller counts as when things are not for everybody (`JobFilter.viewer`); None
    sees everything.
    """

    name: str | None = None
    sees: tuple[str, ...] | None = None


ANYBODY = Caller()


class Guard(Protocol):
    """Stands before every path of a dialect. refusals: statuses it may answer with."""

    refusals: ClassVar[Sequence[int]]

    def prepare(self, services: Services) -> None:
        """Get ready at the start of a process; may raise StoreUnavailable."""

    def admit(self, services: Services, request: Request) -> Caller:
        """Say who asks. Raises what the dialect answers to those it does not let in."""


def caller() -> Caller:
    """Give the caller of the request at hand."""
    found: Caller = g.exchange.caller
    return found
