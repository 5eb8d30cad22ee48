"""Zips that are made when they are asked for."""

import io
import tempfile
import zipfile
from pathlib import PurePosixPath
from typing import IO

from app.api.flamenco.errors import Refused
from app.api.flamenco.service import files
from app.api.flamenco.service.tasks import get
from app.api.flamenco.tables import files as table
from app.wiring import Services

IN_MEMORY = 8 << 20
GROWTH = 4
"""Outputs may unpack to so many times the size of the largest body; a bomb ends there."""
_DAY = (1980, 1, 1, 0, 0, 0)


def support(services: Services, job_id: int) -> bytes | None:
    """Give a zip of the support files of a job; None without any."""
    with services.engine.store.session():
        found = table.support(services.engine.store, job_id)
    if not found:
        return None
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in found.items():
            made.writestr(zipfile.ZipInfo(name, _DAY), text.encode())
    return out.getvalue()


def dependencies(services: Services, task_id: int) -> IO[bytes] | None:
    """Give a zip of the outputs of what a task waited for; None without any. Raises Refused."""
    get(services, task_id)
    engine = services.engine
    sources: list[int] = []
    for needed in engine.steering.needs([task_id]).get(task_id, []):
        sources += [needed, *engine.steering.members(needed)]
    with engine.store.session():
        found = table.some(engine.store, "output", sources)
    if not found:
        return None
    out = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - sent by the caller
    left = services.settings.flamenco.max_body_bytes * GROWTH
    taken: set[str] = set()
    # Stored as they are: pictures are compressed already.
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as made:
        for owner, file in found:
            try:
                with zipfile.ZipFile(files.path_of(services, file.place)) as given:
                    left = _copy(given, made, owner, taken, left)
            except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError):
                continue  # what cannot be read is as if it were not there
    out.seek(0)
    return out


def _copy(
    given: zipfile.ZipFile, made: zipfile.ZipFile, owner: int, taken: set[str], left: int
) -> int:
    for member in given.infolist():
        name = safe(member.filename)
        if name is None or member.is_dir():
            continue
        if name in taken:
            name = f"{owner}/{name}"
        taken.add(name)
        with given.open(member) as source, made.open(zipfile.ZipInfo(name, _DAY), "w") as target:
            while piece := source.read(files.PIECE):
                left -= len(piece)
                if left < 0:
                    raise Refused(413, "The outputs are too large")
                target.write(piece)
    return left


def safe(name: str) -> str | None:
    """Give a member's name as it may be unpacked; None for one that would leave the folder."""
    bare = name.replace("\\", "/")
    path = PurePosixPath(bare)
    if path.is_absolute() or ".." in path.parts or not path.parts or ":" in path.parts[0]:
        return None
    return str(path)
