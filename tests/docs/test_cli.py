"""The page on the command line names every command and option there is, and no other."""

import importlib
import re
from pathlib import Path

import click

from app.cli import COMMANDS, cli, module_of

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text("utf-8")


def commands():
    """Return every command and subcommand by its words."""
    found = {}
    for name in COMMANDS:
        command = importlib.import_module(module_of(name)).command
        found[name] = command
        if isinstance(command, click.Group):
            found |= {f"{name} {below}": one for below, one in command.commands.items()}
    return found


def test_every_command_has_a_section_and_no_other_does():
    assert re.findall(r"^### `jobyard (.+)`$", PAGE, re.MULTILINE) == list(commands())


def test_every_option_stands_in_its_commands_section_or_among_those_of_all():
    common, *sections = re.split(r"^### `jobyard ", PAGE, flags=re.MULTILINE)
    by_name = {section.partition("`")[0]: section for section in sections}
    for name, command in commands().items():
        for option in command.params:
            if isinstance(option, click.Option) and not option.hidden:
                for word in option.opts:
                    assert f"`{word}" in common + by_name[name], f"{name} {word}"
            elif isinstance(option, click.Argument):
                assert str(option.name).upper() in by_name[name], f"{name} {option.name}"
    for option in cli.get_params(click.Context(cli)):
        assert all(word in common for word in option.opts)


def test_no_option_is_told_of_that_is_none():
    words = {word for one in commands().values() for option in one.params for word in option.opts}
    words |= {word for option in cli.get_params(click.Context(cli)) for word in option.opts}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", PAGE)) <= words
