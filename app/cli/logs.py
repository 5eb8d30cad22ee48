"""`jobyard logs ID`."""

import click

from app.cli.client import WATCHING_S, Server
from app.cli.remote import AS_JSON, whole_id, with_server, write_json


@click.command("logs")
@click.argument("id", metavar="ID")
@click.option("-f", "--follow", is_flag=True, help="Go on until the job is over.")
@click.option("--task", type=click.IntRange(1), help="Only what this task of the job has written.")
@AS_JSON
@with_server
def command(
    server: Server,
    id: str,  # noqa: A002 - the argument's name
    follow: bool,
    task: int | None,
    as_json: bool,
) -> None:
    """Print what a job has written, oldest first. ID may be cut short.

    With --follow it goes on where it was when the connection is cut, and misses nothing. With
    --json each line is an object: one piece of output with its task, number and time.
    """
    job_id = whole_id(server, id)
    path = f"/jobs/{job_id}/log" if task is None else f"/tasks/{task}/log"
    if follow:
        server.patience_s = WATCHING_S
        for message in server.stream(f"{path}/stream"):
            if as_json:
                write_json(message.document)
            else:
                click.echo(message.document["contents"], nl=False)
    elif as_json:
        after = ""
        while (page := server.get(path, after=after, size=500))["items"]:
            for part in page["items"]:
                write_json(part)
            after = page["next"]
    else:
        for piece in server.text(f"{path}/text"):
            click.echo(piece, nl=False)
