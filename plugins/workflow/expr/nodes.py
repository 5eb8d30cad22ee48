"""The parsed form of an expression: immutable, safe to cache and to share between threads.

Runs of operators of the same bracket level are one `Fold` (first value, then steps applied from
left to right), runs of `.name`, `[i]` one `Path`. So a tree is only as deep as its text nests,
and `1 + 1 + ... + 1` needs no stack.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, string, boolean or nil."""

    value: object


@dataclass(frozen=True, slots=True)
class Name:
    """A top-level name."""

    name: str


@dataclass(frozen=True, slots=True)
class ListOf:
    """`[a, b]`."""

    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class MapOf:
    """`{a: 1, "b": 2, (c): 3}`; later keys win."""

    pairs: tuple[tuple["Node", "Node"], ...]


@dataclass(frozen=True, slots=True)
class Unary:
    """`-x`, `+x`, `not x` (also written `!x`)."""

    operator: str
    operand: "Node"


@dataclass(frozen=True, slots=True)
class Conditional:
    """`test ? yes : no`; `yes` is None in `test ?: no`, which gives the test's own value."""

    test: "Node"
    yes: "Node | None"
    no: "Node"


@dataclass(frozen=True, slots=True)
class Call:
    """`name(arguments)`."""

    name: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Closure:
    """A predicate, evaluated once per element; `size` is its length in tokens."""

    body: "Node"
    size: int


@dataclass(frozen=True, slots=True)
class Pointer:
    """`#` (name `""`), `#index`, `#acc`."""

    name: str


@dataclass(frozen=True, slots=True)
class Piped:
    """The value left of a pipe, as first argument of the call on the right."""


@dataclass(frozen=True, slots=True)
class Apply:
    """Step: an operator that needs both its sides; `negate` for `not in` and its like."""

    operator: str
    right: "Node"
    negate: bool


@dataclass(frozen=True, slots=True)
class Lazy:
    """Step: `and`, `or` or `??`, whose right side may stay unevaluated."""

    operator: str
    right: "Node"


@dataclass(frozen=True, slots=True)
class Compare:
    """Step: `< b`, or the chain `< b <= c`, which is true when every link is."""

    links: tuple[tuple[str, "Node"], ...]


@dataclass(frozen=True, slots=True)
class Pipe:
    """Step: `| f(x)`; somewhere at the start of `call` stands `Piped`."""

    call: "Node"


@dataclass(frozen=True, slots=True)
class Fold:
    """A value and the operator steps applied to it, left to right."""

    first: "Node"
    steps: tuple[Apply | Lazy | Compare | Pipe, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """Step: `.name`; `optional` for `?.name`."""

    name: str
    optional: bool


@dataclass(frozen=True, slots=True)
class Item:
    """Step: `[index]`; `optional` for `?.[index]`."""

    index: "Node"
    optional: bool


@dataclass(frozen=True, slots=True)
class Slice:
    """Step: `[low:high]`, either side may be None; `optional` for `?.[low:high]`."""

    low: "Node | None"
    high: "Node | None"
    optional: bool


@dataclass(frozen=True, slots=True)
class Method:
    """Step: `.name(arguments)`, known for times and durations only."""

    name: str
    arguments: tuple["Node", ...]
    optional: bool


@dataclass(frozen=True, slots=True)
class Path:
    """A value and the access steps applied to it; nil at an optional step ends it with nil."""

    first: "Node"
    steps: tuple[Field | Item | Slice | Method, ...]


Node = (
    Literal
    | Name
    | ListOf
    | MapOf
    | Unary
    | Conditional
    | Call
    | Closure
    | Pointer
    | Piped
    | Fold
    | Path
)
