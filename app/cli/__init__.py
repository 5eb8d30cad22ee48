"""The command line: `jobyard COMMAND`, each command in a file of its own.

A command's module is imported when the command is asked for, so that `jobyard --help` answers at
once and `jobyard migrate` never loads the web part. What may well go wrong is one line on standard
error that begins with `jobyard:`; a traceback is always a fault of the program.
"""

import importlib
import logging
import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import click

from app.domain.errors import EngineError
from config.sources import SettingsError

__all__ = ["COMMANDS", "Failed", "Interrupted", "cli", "main", "module_of", "run"]

DONE, FAILED, WRONG_USE, INTERRUPTED = 0, 1, 2, 130

#: Command -> what `--help` says of it. Its module has it as `command`.
COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "serve": "Start everything on one machine: web, ticker and worker, kept alive.",
        "web": "Start the web part: the job APIs, the streams and the pages.",
        "ticker": "Start the ticker: schedules, waiting lists, lost leases and clean-up.",
        "worker": "Start the worker daemon, which runs tasks on this machine.",
        "farm-worker": "Render on this machine what a farm's manager hands out.",
        "submit": "Submit a job from a YAML or JSON file, or from standard input for `-`.",
        "render": "Render a Blender scene on the farm.",
        "ls": "List jobs of all dialects, newest first.",
        "show": "Show a job and its tasks.",
        "logs": "Print what a job has written, oldest first.",
        "cancel": "Cancel a job that is not over, with all its tasks.",
        "restart": "Let a failed or cancelled job go on where it stopped.",
        "top": "Show the jobs that are not over, the workers and the queues, as they change.",
        "env": "Have an environment of a core and a hmi from the waiting list.",
        "token": "Make, list and revoke API tokens.",
        "migrate": "Bring the database to the present schema.",
        "check": "Look at settings and services, and say what must be mended.",
        "config": "Print the settings in force and where each came from.",
        "plugins": "List the installed plugins.",
        "plugin": "Begin a plugin of your own.",
        "user": "Manage the users of Tork's API and their roles.",
        "doctor": "Look for jobs that cannot go on by themselves.",
        "backup": "Write the whole database to FILE while the server goes on.",
        "restore": "Fill an empty database from a backup.",
    }
)

EPILOG = (
    "Exit status: 0 done, 1 failed or something must be mended, 2 wrong use or wrong settings."
    " docs/cli.md tells more, docs/settings.md lists every setting."
)


def module_of(name: str) -> str:
    """Tell which module has a command."""
    return f"app.cli.{name.replace('-', '_')}"


class Failed(click.ClickException):
    """A command could not do its work; the text is the whole of what its user is told."""

    exit_code = FAILED


class Interrupted(Failed):
    """Ctrl-C, where there is something to be said about it."""

    exit_code = INTERRUPTED


class LazyGroup(click.Group):
    """Knows every command by name and imports only the one that is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order of the help."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command; None when there is no such."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        found = importlib.import_module(module_of(cmd_name)).command
        assert isinstance(found, click.Command)  # noqa: S101 - for the type checker
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing one."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(
    None, "--version", package_name="jobyard", prog_name="jobyard", message="%(prog)s %(version)s"
)
def cli() -> None:
    """Jobyard: one job server that speaks five job APIs.

    `jobyard serve` starts all of it on http://127.0.0.1:8000 and needs nothing else.
    `jobyard COMMAND --help` explains a command.
    """


def main() -> None:
    """Run the command that the process was started with."""
    # What a short command has to say it prints itself; long-running ones set up their logs.
    logging.getLogger("app").addHandler(logging.NullHandler())
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command and give the exit status; expected failures are told in one line each."""
    try:
        status = cli.main(list(arguments), prog_name="jobyard", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return WRONG_USE
    except (click.Abort, click.ClickException, SettingsError, EngineError) as error:
        lines, status = _explained(error)
        for line in lines:
            click.echo(f"jobyard: {line}", err=True)
    return status if isinstance(status, int) else DONE


def _explained(error: Exception) -> tuple[Sequence[str], int]:
    """Say what went wrong, and the exit status that stands for it."""
    if isinstance(error, SettingsError):
        return error.faults, WRONG_USE
    if isinstance(error, click.Abort):
        return ["interrupted"], INTERRUPTED
    if isinstance(error, click.UsageError):
        path = error.ctx.command_path if error.ctx else "jobyard"
        return [f"{error.format_message()} Try '{path} --help'."], WRONG_USE
    if isinstance(error, click.ClickException):
        return [error.format_message()], error.exit_code
    return [str(error)], FAILED
