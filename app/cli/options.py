"""The options that every command has, and the settings they lead to."""

import functools
import os
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

import click

from config.settings import Settings, load

P = ParamSpec("P")
R = TypeVar("R")

_BIND = click.option(
    "--bind",
    metavar="HOST:PORT",
    help="Address the web part listens on (JOBYARD_BIND; else 127.0.0.1:8000).",
)
_DATA_DIR = click.option(
    "--data-dir",
    metavar="DIR",
    help="Folder of the database file, uploads and work folders (JOBYARD_DATA_DIR; else var).",
)
_CONFIG = click.option(
    "--config",
    metavar="FILE",
    help="Settings file, TOML (JOBYARD_CONFIG; else no file). See docs/settings.md.",
)


def with_settings(function: Callable[Concatenate[Settings, P], R]) -> Callable[..., R]:
    """Give a command the options `--bind`, `--data-dir` and `--config`.

    The function gets the loaded Settings as its first argument. Settings that cannot be used never
    reach it: `app.cli.run` tells what is wrong, line by line, and the exit status is 2.
    """

    @_BIND
    @_DATA_DIR
    @_CONFIG
    @functools.wraps(function)
    def loaded(*args: Any, **given: Any) -> R:
        options = {name: given.pop(name) for name in ("bind", "data_dir", "config")}
        return function(load(os.environ, options=options), *args, **given)

    return loaded
