"""What a dialect tells the factory: which paths are its own, and how it answers there."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask_smorest import Blueprint
from marshmallow import Schema

from app.api.http.callers import Guard
from app.api.http.cors import Cors
from app.api.http.problems import Problem
from app.domain.clock import Instant
from app.domain.records import Delivery, Post, Schedule
from app.wiring import Services
from config.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An error as a dialect words it. body: JSON."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the settings say about the paths of one dialect.

    enabled: False answers 404 there. prefix: what all of them are moved under.
    cors: None sends no such header. log_level: of the line about each request; None writes none.
    log_skip: requests without a line, as `METHOD /path`. json_type: Content-Type of JSON answers.
    guard: stands before all its paths; None lets everybody in.
    log_path: gives a path as it may be logged.
    """

    enabled: bool = True
    prefix: str = ""
    max_body_bytes: int = 1 << 20
    cors: Cors | None = None
    log_level: int | None = logging.INFO
    log_skip: frozenset[str] = frozenset()
    json_type: str = "application/json"
    guard: Guard | None = None
    log_path: Callable[[str], str] = str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One REST vocabulary.

    name: of its folder. title, about: for the API document.
    owns: whether a path, without the prefix, is this dialect's, known or not.
    blueprints: what to mount under these settings. failure: words an error.
    error_schema: shape of `Failure.body`. post: words a message to others outside, None when it is
    not to be sent after all; raises ValueError for one that cannot be made. health: what it adds to
    the answer of `/health`.
    run_once: what the leading ticker does for it every second, told the present instant, once there
    is a group or a remote worker; gives how much it did, and may run twice.
    fire: what a due schedule of the dialect does, in place of submitting its template, within the
    transaction that moves it on; False when that is nothing.
    ready: whether what it is there for works just now, for `/health?ready=1`.
    figures: what it tells Prometheus besides: by name of the gauge, what it is and its value.
    """

    name: str
    title: str
    about: str
    owns: Callable[[str], bool]
    terms: Callable[[Settings], Terms]
    blueprints: Callable[[Settings], Sequence[Blueprint]]
    failure: Callable[[Problem], Failure]
    error_schema: type[Schema]
    post: Callable[[Services, Delivery], Post | None] | None = None
    run_once: Callable[[Services, Instant], int] | None = None
    health: Callable[[Services], Mapping[str, Any]] | None = None
    fire: Callable[[Services, Schedule, Instant], bool] | None = None
    ready: Callable[[Services], bool] | None = None
    figures: Callable[[Services], Mapping[str, tuple[str, float]]] | None = None


@dataclass(frozen=True, slots=True)
class Mounted:
    """A dialect under the settings in force."""

    dialect: Dialect
    terms: Terms


class Owners:
    """Whose path is it? Asked for errors, body sizes and CORS, before and without any routing."""

    def __init__(self, mounted: Sequence[Mounted], nobody: Mounted) -> None:
        self.mounted = tuple(each for each in mounted if each.terms.enabled)
        self._nobody = nobody

    def of(self, path: str) -> Mounted:
        """Give the owner of a path; `nobody` for one that is no dialect's."""
        for each in self.mounted:
            prefix = each.terms.prefix
            if prefix:
                # Everything below a prefix of its own is the dialect's, known to it or not.
                if path.startswith(prefix + "/"):
                    return each
            elif each.dialect.owns(path):
                return each
        return self._nobody


def families(*roots: str) -> Callable[[str], bool]:
    """Give an `owns` for whole families: each root itself, and everything below it."""
    exact = frozenset(roots)
    below = tuple(f"{root}/" for root in roots)

    def owns(path: str) -> bool:
        return path in exact or path.startswith(below)

    return owns
