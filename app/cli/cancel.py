"""`jobyard cancel ID`."""

import click

from app.cli.client import Server
from app.cli.remote import AS_JSON, whole_id, with_server, write_json


@click.command("cancel")
@click.argument("id", metavar="ID")
@AS_JSON
@with_server
def command(server: Server, id: str, as_json: bool) -> None:  # noqa: A002 - the argument's name
    """Cancel a job that is not over, with all its tasks. ID may be cut short."""
    job = server.put(f"/jobs/{whole_id(server, id)}/cancel")
    write_json(job) if as_json else click.echo(f"{job['id']} cancelled")
