"""`jobyard ls`."""

from typing import Any

import click

from app.cli import screen
from app.cli.client import Server
from app.cli.remote import AS_JSON, with_server, write_json

MOST = 500


@click.command("ls")
@click.option("--state", help="Only jobs in one of these states, with commas between them.")
@click.option("--dialect", help="Only jobs submitted through it.")
@click.option("--type", help="Only jobs of this type.")
@click.option("--tag", multiple=True, help="Only jobs with this tag; may be repeated: any of them.")
@click.option("-q", "--query", "q", help="Only jobs with all these words in name or description.")
@click.option("--parent", help="Only jobs that a task of this job started (a whole id).")
@click.option(
    "-n",
    "--count",
    default=20,
    show_default=True,
    type=click.IntRange(1, 100_000),
    help="How many at most.",
)
@AS_JSON
@with_server
def command(
    server: Server, /, state: str | None, count: int, as_json: bool, **filters: Any
) -> None:
    """List jobs of all dialects, newest first."""
    found: list[dict[str, object]] = []
    after = ""
    while len(found) < count and after is not None:
        size = min(MOST, count - len(found))
        wanted = {**filters, "state": state and state.upper(), "size": size, "after": after}
        page = server.get("/jobs", **wanted)
        found += page["items"]
        after = page["next"]
    if as_json:
        write_json(found)
        return
    for line in screen.table(screen.JOB_HEADS, screen.job_rows(found)):
        click.echo(line)
