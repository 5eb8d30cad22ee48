"""`jobyard doctor`."""

import click

from app.cli import FAILED
from app.cli.options import with_settings
from app.wiring import build
from config.settings import Settings


@click.command("doctor")
@with_settings
@click.pass_context
def command(ctx: click.Context, settings: Settings) -> None:
    """Look for jobs that cannot go on by themselves.

    Every job that is not over must have something that moves it: a task to claim, a live lease, a
    child job, a place in a waiting list, a due time. Reads a database in use and changes nothing.

    Findings that need a person (a task somebody paused, say) are listed by themselves and are no
    fault. The exit status is 1 when anything else is found.
    """
    services = build(settings)
    try:
        findings = services.engine.doctor.examine()
    finally:
        services.close()
    faults = [finding for finding in findings if not finding.needs_person]
    waiting = [finding for finding in findings if finding.needs_person]
    for title, found in (("Stuck:", faults), ("Waiting for a person:", waiting)):
        if found:
            click.echo(title)
        for finding in found:
            click.echo(f"  {_place(finding.job_id, finding.task_id)}{finding.kind}: {finding.text}")
    if not findings:
        click.echo("every job can go on")
    ctx.exit(FAILED if faults else 0)


def _place(job_id: str | None, task_id: int | None) -> str:
    words = [f"job {job_id}"] * (job_id is not None) + [f"task {task_id}"] * (task_id is not None)
    return f"{' '.join(words)}  " if words else ""
