"""`jobyard show ID`."""

import click

from app.cli import screen
from app.cli.client import Server
from app.cli.remote import AS_JSON, whole_id, with_server, write_json

TASKS_SHOWN = 500
_SHOWN = (
    "id", "name", "state", "dialect", "type", "description", "tags", "progress", "priority",
    "created_by", "created_at", "started_at", "ended_at", "result", "error",
)  # fmt: skip


@click.command("show")
@click.argument("id", metavar="ID")
@AS_JSON
@with_server
def command(server: Server, id: str, as_json: bool) -> None:  # noqa: A002 - the argument's name
    """Show a job and its tasks. ID may be cut short while it is that of one job alone."""
    job_id = whole_id(server, id)
    job = server.get(f"/jobs/{job_id}")
    page = server.get(f"/jobs/{job_id}/tasks", size=TASKS_SHOWN)
    if as_json:
        write_json({**job, "tasks": page["items"]})
        return
    for key in _SHOWN:
        value = ", ".join(job[key]) if key == "tags" else job[key]
        if value not in (None, "", 0):
            shown = screen.state(value) if key == "state" else screen.printable(str(value))
            click.echo(f"{key + ':':<14}{shown}")
    lines = screen.table(screen.TASK_HEADS, screen.task_rows(page["items"]))
    for line in ["", *lines] if lines else ():
        click.echo(line)
    if page["next"] is not None:
        click.echo(f"… the first {TASKS_SHOWN} of {job['tasks_total']} tasks")
