"""`jobyard restart ID`."""

import click

from app.cli.client import Server
from app.cli.remote import AS_JSON, whole_id, with_server, write_json


@click.command("restart")
@click.argument("id", metavar="ID")
@AS_JSON
@with_server
def command(server: Server, id: str, as_json: bool) -> None:  # noqa: A002 - the argument's name
    """Let a failed or cancelled job go on where it stopped. ID may be cut short."""
    job = server.put(f"/jobs/{whole_id(server, id)}/restart")
    write_json(job) if as_json else click.echo(f"{job['id']} restarted")
