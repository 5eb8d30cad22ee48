"""`jobyard config`."""

from collections.abc import Iterator, Mapping
from typing import Any

import click
import orjson

from app.cli.options import with_settings
from config.settings import Settings, effective


@click.command("config")
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Lines for people, or one JSON object nested as the file is.",
)
@with_settings
def command(settings: Settings, style: str) -> None:
    """Print the settings in force and where each came from.

    Secrets are masked, also inside addresses. Durations are in seconds, sizes in bytes. Each line
    is a key, its value as JSON, and its origin: option, environment and the variable, file, or
    default. docs/settings.md says what each means.
    """
    tree = effective(settings)
    if style == "json":
        click.echo(orjson.dumps(tree, option=orjson.OPT_INDENT_2))
        return
    lines = list(_lines(tree, ""))
    width = max(len(key) for key, _, _ in lines)
    for key, value, origin in lines:
        click.echo(f"{key:<{width}}  {value}  ({origin})")
    for warning in settings.warnings:
        click.echo(f"jobyard: {warning}", err=True)


def _lines(tree: Mapping[str, Any], at: str) -> Iterator[tuple[str, str, str]]:
    for name, below in tree.items():
        key = f"{at}.{name}" if at else name
        if set(below) == {"value", "from"}:
            yield key, orjson.dumps(below["value"]).decode(), below["from"]
        else:
            yield from _lines(below, key)
