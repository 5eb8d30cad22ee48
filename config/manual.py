"""The tables of the settings manual, written from the declarations.

`python -m config.manual docs/settings.md` renews what stands between the two marks of that file.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from config.catalogue import ALIASES, OWN_PREFIXES, SECTIONS, SETTINGS, WITHOUT_EFFECT
from config.declare import Declared

BEGIN = "<!-- tables: written by python -m config.manual -->"
END = "<!-- end of tables -->"


def tables() -> str:
    """Give one Markdown table for each section, then the borrowed names and the idle ones."""
    return "\n".join(_lines())


def renewed(page: str) -> str:
    """Give the page with the tables between its marks renewed; ValueError without the marks."""
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page needs the lines {BEGIN} and {END}")
    return f"{head}{BEGIN}\n\n{tables()}\n{END}{tail}"


def _lines() -> Iterator[str]:
    for name, section, where in SECTIONS:
        yield f"### {f'`[{where.at}]`' if where.at else f'Top level: {name}'}\n"
        yield f"{section.__doc__}\n"
        yield "| Key | Variable | Value | Default | Meaning |"
        yield "| --- | --- | --- | --- | --- |"
        for one in SETTINGS:
            if one.section == name:
                yield _row(one)
        yield ""
    yield "### Names of the originals for what the server has once\n"
    yield "| Key | Variable | Stands for | Value |"
    yield "| --- | --- | --- | --- |"
    for alias in ALIASES:
        yield f"| `{alias.key}` | `{alias.variable}` | `{alias.ours}` | {alias.kind.word} |"
    yield ""
    yield "### Accepted without effect\n"
    yield "| Key | Variable | Why |"
    yield "| --- | --- | --- |"
    for key, why in WITHOUT_EFFECT.items():
        dialect, _, below = key.partition(".")
        own = OWN_PREFIXES[dialect] + below.upper().replace(".", "_")
        yield f"| `{key}` | `{own}` | {why} |"
    yield ""


def _row(one: Declared) -> str:
    key = f"`{one.key}`" if one.in_file else f"(option `--{one.key}`)"
    variables = "<br>".join(f"`{name}`" for name in (one.variable, *one.also))
    default = one.default_text or f"`{_default(one.default)}`"
    unit = f" ({one.unit})" if one.unit and one.unit not in one.kind.word.split() else ""
    secret = " Secret." if one.secret else ""
    return f"| {key} | {variables} | {one.kind.word}{unit} | {default} | {one.text}{secret} |"


def _default(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, dict):
        return ", ".join(f"{name} = {each}" for name, each in value.items()) or "empty"
    if isinstance(value, tuple):
        return ", ".join(value) or "empty"
    return str(value) or "empty"


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.write_text(renewed(target.read_text("utf-8")), "utf-8")
