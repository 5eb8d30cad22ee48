"""`jobyard submit FILE`."""

import json
import uuid
from typing import IO, Any

import click
import yaml

from app.cli import Failed, Interrupted, screen, watching
from app.cli.client import Server
from app.cli.remote import AS_JSON, with_server, write_json

LARGEST_FILE = 16 << 20


@click.command("submit")
@click.argument("file", type=click.File("rb"))
@click.option("--watch", is_flag=True, help="Show the job until it is over.")
@AS_JSON
@with_server
def command(server: Server, file: IO[bytes], watch: bool, as_json: bool) -> None:
    """Submit a job from a YAML or JSON file, or from standard input for `-`.

    A file with `tasks` is a workflow in the language of Tork. One with `type` is a job of that
    type: `spec` holds its parameters; `name`, `description`, `tags` and `priority` may stand beside
    it.

    Prints the id of the job. With --watch the exit status is 0 when it completed and 1 when it
    failed or was cancelled; Ctrl-C leaves it running.
    """
    text = file.read(LARGEST_FILE + 1)
    if len(text) > LARGEST_FILE:
        raise Failed(f"{file.name}: larger than {LARGEST_FILE >> 20} MiB")
    document = _read(text, file.name)
    job = _submit(server, document, text, file.name)
    if not watch:
        write_json(job) if as_json else click.echo(job["id"])
        return
    if not as_json:
        click.echo(job["id"])
    try:
        ended = watching.watch(server, job["id"], quiet=as_json)
    except KeyboardInterrupt:
        short = job["id"][: screen.SHORT_ID]
        raise Interrupted(
            f"the job goes on; 'jobyard show {short}' shows it, 'jobyard cancel {short}' ends it"
        ) from None
    if as_json:
        write_json(ended)
    if ended["state"] != "COMPLETED":
        reason = f": {screen.printable(ended['error'])}" if ended["error"] else ""
        raise Failed(f"job {ended['id'][: screen.SHORT_ID]} is {ended['state']}{reason}")


def _read(text: bytes, name: str) -> dict[str, Any]:
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise Failed(f"{name}{where}: {screen.printable(problem)}") from error
    if not isinstance(document, dict) or not ("tasks" in document or "type" in document):
        raise Failed(f"{name}: neither a workflow (`tasks`) nor a job of some `type`")
    return document


def _submit(server: Server, document: dict[str, Any], text: bytes, name: str) -> dict[str, Any]:
    if "tasks" not in document:
        try:
            json.dumps(document, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise Failed(f"{name}: {error}") from error
        # Its own key makes it safe to be sent again when the connection is cut.
        made: dict[str, Any] = server.post("/jobs", document, key=uuid.uuid4().hex)
        return made
    mounted = {each["name"]: each["prefix"] for each in server.get("/server")["dialects"]}
    if "tork" not in mounted:
        raise Failed(f"{server.url}: takes no workflows, since its Tork API is off")
    kind = "application/json" if text.lstrip()[:1] == b"{" else "application/x-yaml"
    answer = server.request("POST", f"{mounted['tork']}/jobs", text, {"Content-Type": kind})
    job: dict[str, Any] = answer.json
    return job
