"""How a setting is declared: a dataclass field that carries its kind, unit and text.

A section of settings is a frozen dataclass whose fields are made by `setting()`. Everything else
is derived from that one declaration: the key in the file (`<section>.<field>` unless `key` says
otherwise), the variable (`JOBYARD_` and the key in capitals, dots as underscores), the check of
the value, what `jobyard config` masks, and the line of the manual.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from typing import TypeVar, cast

from config.addresses import Url
from config.kinds import Kind, Tables

T = TypeVar("T")

PREFIX = "JOBYARD_"


@dataclass(frozen=True, kw_only=True)
class Declared:
    """One setting as declared: where it is found and what it may be.

    name: field of its section's dataclass; section: attribute of Settings that holds it.
    also: variables of other programs that give it too, weaker than ours.
    default_text: what the manual shows where the default is worked out from other settings.
    """

    section: str
    name: str
    key: str
    kind: Kind
    text: str
    unit: str
    default: object
    default_text: str
    secret: bool
    also: tuple[str, ...]
    in_file: bool

    @property
    def variable(self) -> str:
        """Our environment variable for it."""
        return variable(self.key)

    @property
    def quotable(self) -> bool:
        """Whether a fault may repeat what was given."""
        return not self.secret and not isinstance(self.kind, Url | Tables)


@dataclass(frozen=True, kw_only=True)
class _Spec:
    kind: Kind
    text: str
    unit: str
    key: str | None
    default_text: str
    secret: bool
    also: tuple[str, ...]
    in_file: bool


@dataclass(frozen=True, kw_only=True)
class Section:
    """Where the settings of one dataclass are found.

    at: table of the file, empty for the top level.
    own: prefix of the dialect's own variables (`TORK_`), empty where it has none.
    """

    at: str = ""
    own: str = ""


def variable(key: str, prefix: str = PREFIX) -> str:
    """Give the environment variable of a dotted key."""
    return prefix + key.upper().replace(".", "_").replace("-", "_")


def setting(
    default: T | Callable[[], T],
    kind: Kind,
    text: str,
    *,
    unit: str = "",
    key: str | None = None,
    default_text: str = "",
    secret: bool = False,
    also: tuple[str, ...] = (),
    in_file: bool = True,
) -> T:
    """Declare one setting as the default of a dataclass field.

    default: the value, or a function giving it where it is a mapping.
    key: dotted key below the section's table; the field's name when None.
    """
    spec = _Spec(
        kind=kind, text=text, unit=unit, key=key, default_text=default_text, secret=secret,
        also=also, in_file=in_file,
    )  # fmt: skip
    metadata = {"setting": spec}
    # Kept out of repr: settings end up in tracebacks, and a URL may hold a password.
    shown = not secret and not isinstance(kind, Url)
    if callable(default):
        return field(default_factory=default, metadata=metadata, repr=shown)
    return field(default=default, metadata=metadata, repr=shown)


def declared(name: str, section: type, where: Section) -> Iterator[Declared]:
    """Give the settings of one section in the order they are declared."""
    for each in fields(section):
        spec = cast("_Spec", each.metadata["setting"])
        factory = each.default_factory
        below = spec.key or each.name
        yield Declared(
            section=name,
            name=each.name,
            key=f"{where.at}.{below}" if where.at else below,
            kind=spec.kind,
            text=spec.text,
            unit=spec.unit,
            default=factory() if callable(factory) else each.default,
            default_text=spec.default_text,
            secret=spec.secret,
            also=spec.also + ((variable(below, where.own),) if where.own else ()),
            in_file=spec.in_file,
        )
