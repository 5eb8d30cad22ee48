"""`jobyard render SCENE`."""

import json
import re
import secrets
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import click

from app.cli import Failed, Interrupted, rendering
from app.cli.client import Server
from app.cli.remote import AS_JSON, with_server, write_json

COMPILER = "simple_blender_render"
PIECE = 1 << 20
_RANGE = re.compile(r"(-?\d+)(?:-(-?\d+))?")


@click.command("render")
@click.argument("scene", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--frames", required=True, help="Frames: `7`, `1-250` or `1-10,15,20-100x5`.")
@click.option("--chunk", type=click.IntRange(1), help="Frames that a machine renders at a time.")
@click.option("--coarse", is_flag=True, help="Render every tenth chunk first.")
@click.option("--format", "kind", metavar="NAME", help="Blender's name of a format (else PNG).")
@click.option("--priority", type=int, default=50, show_default=True, help="Higher goes first.")
@click.option(
    "--with",
    "others",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="A file or folder beside the scene that it needs; may be repeated.",
)
@click.option("--watch", is_flag=True, help="Show each chunk's progress until all are over.")
@click.option(
    "--save",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Watch, then write what was rendered into this folder.",
)
@AS_JSON
@with_server
def command(
    server: Server,
    *,
    scene: Path,
    frames: str,
    chunk: int | None,
    coarse: bool,
    kind: str | None,
    priority: int,
    others: tuple[Path, ...],
    watch: bool,
    save: Path | None,
    as_json: bool,
) -> None:
    """Render a Blender scene on the farm.

    The file SCENE is sent along, with what --with names. Prints the id of the task, or of the
    group when the frames are cut into chunks. With --watch the exit status is 0 when all was
    rendered and 1 when something failed or was cancelled; Ctrl-C leaves it rendering. With --save
    the pictures of every chunk that was rendered are fetched in the end.
    """
    mounted = {each["name"]: each["prefix"] for each in server.get("/server")["dialects"]}
    if "flamenco" not in mounted:
        raise Failed(f"{server.url}: is no render farm, since its Flamenco API is off")
    settings = {
        "filepath": scene.name,
        **frames_of(frames),
        **({"chunk_size": chunk} if chunk else {}),
        **({"frame_order": "coarse"} if coarse else {}),
        **({"format": kind} if kind else {}),
    }
    fields = {
        "type": COMPILER,
        "name": f"{scene.name} {frames}",
        "priority": str(priority),
        "settings": json.dumps(settings),
    }
    path = f"{mounted['flamenco']}/tasks"
    with tempfile.TemporaryFile() as archive:
        pack(archive, scene, others)
        made = _post(server, path, fields, archive)
    if not watch and save is None:
        write_json(made) if as_json else click.echo(made["id"])
        return
    if not as_json:
        click.echo(made["id"])
    try:
        ended = rendering.watch(server, path, made["id"], quiet=as_json)
    except KeyboardInterrupt:
        raise Interrupted(f"the farm goes on with it; it is task {made['id']}") from None
    if save is not None:
        rendering.save(server, path, ended, save)
    if as_json:
        write_json(ended)
    if ended["status"] != "completed":
        raise Failed(f"task {ended['id']} is {ended['status']}")


def frames_of(text: str) -> dict[str, Any]:
    """Give the settings of a range, or of a list, which the farm reads itself."""
    match = _RANGE.fullmatch(text.strip())
    if match is None:
        return {"frames": text}
    return {"frame_start": int(match[1]), "frame_end": int(match[2] or match[1])}


def pack(archive: IO[bytes], scene: Path, others: tuple[Path, ...]) -> None:
    """Write the zip of a scene and what it needs. Raises Failed for a file that cannot be read."""
    folder = scene.resolve().parent
    members = {scene.name: scene}
    for other in others:
        for path in sorted(other.rglob("*")) if other.is_dir() else [other]:
            whole = path.resolve()
            if not whole.is_relative_to(folder):
                raise Failed(f"{path}: is not in the scene's folder {folder}")
            if whole.is_file():
                members.setdefault(whole.relative_to(folder).as_posix(), path)
    try:
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as packed:
            for name, path in members.items():
                packed.write(path, name)
    except OSError as error:
        raise Failed(f"{error.filename or scene}: {error.strerror or error}") from error


def _post(server: Server, path: str, fields: dict[str, str], archive: IO[bytes]) -> dict[str, Any]:
    """Create the task; the zip is read as it is sent."""
    boundary = secrets.token_hex(16)
    head = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    head += (
        f"--{boundary}\r\nContent-Disposition: form-data; "
        'name="jobfile"; filename="jobfile.zip"\r\nContent-Type: application/zip\r\n\r\n'
    )
    start, end = head.encode("utf-8", "replace"), f"\r\n--{boundary}--\r\n".encode()
    size = archive.seek(0, 2)
    archive.seek(0)

    def body() -> Iterator[bytes]:
        yield start
        while piece := archive.read(PIECE):
            yield piece
        yield end

    headers = {
        "Content-Type": f"multipart/form-data; boundary={boundary}",
        "Content-Length": str(len(start) + size + len(end)),
        **server.authorization(),
    }
    made: dict[str, Any] = server.request("POST", path, body(), headers).json
    return made
