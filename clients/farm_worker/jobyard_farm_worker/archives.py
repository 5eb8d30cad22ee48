"""Zips from elsewhere are unpacked within one folder and within bounds; folders are packed."""

import os
import re
import shutil
import stat
import zipfile
from pathlib import Path

MOST_MEMBERS = 200_000

_DRIVE = re.compile(r"[A-Za-z]:")


class BadArchive(Exception):
    """An archive is broken, or would not stay within its folder or its bounds."""


def unpack(archive: Path, folder: Path, *, most_bytes: int) -> None:
    """Unpack a zip into `folder`, replacing what has the same name.

    Raises BadArchive before anything is written for a member that has an absolute name, goes up
    by `..`, or is a link, and for what says it is too much; and when more than that comes out.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = opened.infolist()
            _bounded(members, most_bytes)
            targets = [(member, folder / _relative(member)) for member in members]
            for member, target in targets:
                _write(opened, member, target, folder)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError) as fault:
        raise BadArchive(f"it is broken: {fault}") from fault
    except (EOFError, ValueError) as fault:
        raise BadArchive(f"it is broken: {fault or 'it ends too early'}") from fault
    except Exception as fault:
        # zlib and lzma have errors of their own.
        if type(fault).__name__ in ("error", "LZMAError"):
            raise BadArchive(f"it is broken: {fault}") from fault
        raise


def _bounded(members: list[zipfile.ZipInfo], most_bytes: int) -> None:
    if len(members) > MOST_MEMBERS:
        raise BadArchive(f"it has more than {MOST_MEMBERS} files")
    if sum(member.file_size for member in members) > most_bytes:
        raise BadArchive(f"it unpacks to more than {most_bytes} bytes")


def _relative(member: zipfile.ZipInfo) -> Path:
    """Give a member's name as a path below a folder."""
    name = member.filename
    parts = re.split(r"[/\\]", name)
    if not name or name[0] in "/\\" or _DRIVE.match(name) or ".." in parts or "\0" in name:
        raise BadArchive(f"the name {name[:200]!r} leads out of the folder")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise BadArchive(f"{name[:200]!r} is neither a file nor a folder")
    kept = [part for part in parts if part not in ("", ".")]
    return Path(*kept) if kept else Path()


def _write(opened: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, folder: Path) -> None:
    if member.is_dir() or target == folder:
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    # A program that ran here may have left a link in the place of a folder.
    if not target.parent.resolve().is_relative_to(folder.resolve()):
        raise BadArchive(f"{member.filename[:200]!r} leads out of the folder by a link")
    if target.is_symlink():
        target.unlink()
    with opened.open(member) as source, target.open("wb") as file:
        # What is said of a member's size is not trusted: it is read no further.
        left = member.file_size
        while left and (piece := source.read(min(1024 * 1024, left))):
            file.write(piece)
            left -= len(piece)


def pack(folder: Path, archive: Path) -> bool:
    """Pack the files of a folder into a new zip; False, and no zip, when there are none.

    Pictures and videos are compressed already, so that files are only stored. Links are left out.
    """
    found = [Path(base) / name for base, _, names in os.walk(folder) for name in names]
    files = sorted(path for path in found if path.is_file() and not path.is_symlink())
    if not files:
        return False
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED, strict_timestamps=False) as opened:
        for path in files:
            opened.write(path, path.relative_to(folder).as_posix())
    return True


def remove(folder: Path) -> None:
    """Remove a folder with all that is in it, as far as that is possible."""
    shutil.rmtree(folder, ignore_errors=True)
