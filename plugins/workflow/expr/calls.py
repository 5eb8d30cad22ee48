"""What a function of the language gets and is: the running evaluation, and its table entry."""

import random as random_module
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from plugins.workflow.expr.errors import ExpressionError
from plugins.workflow.expr.limits import Meter
from plugins.workflow.expr.text import key_text
from plugins.workflow.expr.values import fetch, type_name, whole

#: A predicate of the expression: (element, index, accumulator if any) -> value.
Predicate: TypeAlias = Callable[..., object]


@dataclass(frozen=True, slots=True)
class Scope:
    """What `#`, `#index` and `#acc` stand for; `acc` is empty outside reduce."""

    element: object
    index: int
    acc: tuple[object, ...]


class Run:
    """One evaluation: its names, its meter, and where time and chance come from."""

    __slots__ = ("clock", "meter", "names", "piped", "random", "scope")

    def __init__(
        self,
        names: Mapping[str, object],
        meter: Meter,
        clock: Callable[[], datetime],
        random: random_module.Random,
    ) -> None:
        self.names = names
        self.meter = meter
        self.clock = clock
        self.random = random
        self.scope: Scope | None = None
        self.piped: object = None

    def field(self, value: object, name: str) -> object:
        """The value under a key of a map; raises ExpressionError for anything but a map."""
        if type(value) is dict or isinstance(value, Mapping):
            return self.fetch(value, name)
        raise ExpressionError(f"cannot fetch {name[:40]} from {type_name(value)}")

    def fetch(self, value: object, key: object) -> object:
        """An element; what a top-level map lacks is the empty string, any other map nil."""
        if type(value) is dict or isinstance(value, Mapping):
            name = key if type(key) is str else key_text(key)
            if name in value:
                return value[name]
            return "" if any(value is known for known in self.names.values()) else None
        return fetch(value, key)


@dataclass(frozen=True, slots=True)
class Builtin:
    """A function of the language: what it does and how many arguments it takes.

    `call` gets the run and the arguments. `most` None means any number.
    """

    call: Callable[..., object]
    least: int
    most: int | None


def text_argument(name: str, value: object) -> str:
    """The argument if it is a string; raises ExpressionError naming the function otherwise."""
    if isinstance(value, str):
        return value
    raise ExpressionError(f"{name}: expected a string, got {type_name(value)}")


def int_argument(name: str, value: object) -> int:
    """The argument if it is a whole number; a float such as `4/2` counts as one."""
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer():
        return whole(int(value))
    raise ExpressionError(f"{name}: expected an int, got {type_name(value)}")


def number_argument(name: str, value: object) -> int | float:
    """The argument if it is a number; raises ExpressionError otherwise."""
    if type(value) is int or type(value) is float:
        return value
    raise ExpressionError(f"{name}: expected a number, got {type_name(value)}")


def list_argument(name: str, value: object) -> Sequence[object]:
    """The argument if it is a list; raises ExpressionError otherwise."""
    if isinstance(value, list | tuple):
        return value
    raise ExpressionError(f"{name}: expected a list, got {type_name(value)}")


def map_argument(name: str, value: object) -> Mapping[str, object]:
    """The argument if it is a map; raises ExpressionError otherwise."""
    if isinstance(value, Mapping):
        return value
    raise ExpressionError(f"{name}: expected a map, got {type_name(value)}")
