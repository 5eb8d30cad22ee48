"""The file of a backup: a gzipped tar archive that is written and read in one pass.

`manifest.json` comes first and says what follows: for each table a run of members
`tables/<table>/<number>.jsonl`, each of some megabytes, one row a line, a row being the JSON array
of its values in the manifest's order of columns. What JSON lacks is an object: `{"base64": …}` for
bytes, `{"float": "inf"}` for numbers that are not finite.
"""

import base64
import gzip
import io
import math
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO, cast

import orjson

from app.data.db import Row

FORMAT = "jobyard-backup"
FORMAT_VERSION = 1
MANIFEST = "manifest.json"
PART_BYTES = 4 << 20
_MANIFEST_LIMIT_BYTES = 16 << 20
_COMPRESSION = 4
_BROKEN = (tarfile.TarError, EOFError, zlib.error, OSError)


class ArchiveError(Exception):
    """A backup or a restore cannot be done, and nothing was changed."""


class ArchiveInvalid(ArchiveError):
    """The file is not a backup that can be used; the text says why."""


@dataclass(frozen=True, slots=True)
class TableEntry:
    """What the file holds of one table. highest_id: the highest its counter ever gave, or 0."""

    name: str
    columns: tuple[str, ...]
    rows: int
    highest_id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup holds.

    jobyard: version of the program that wrote it. created_at: RFC 3339. backend: the database it
    came from. steps: applied schema steps, by the table that notes them.
    """

    jobyard: str
    created_at: str
    backend: str
    steps: dict[str, list[str]]
    tables: tuple[TableEntry, ...]

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(table.rows for table in self.tables)

    def to_json(self) -> bytes:
        """Give it as the text of the file's first member."""
        document = {"format": FORMAT, "format_version": FORMAT_VERSION, **asdict(self)}
        return orjson.dumps(document, option=orjson.OPT_INDENT_2)

    @classmethod
    def from_json(cls, text: bytes) -> "Manifest":
        """Read what `to_json` gave. Raises ArchiveInvalid."""
        try:
            document = orjson.loads(text)
            if document.pop("format") != FORMAT:
                raise ArchiveInvalid("it is not a backup of Jobyard")
            if (version := document.pop("format_version")) != FORMAT_VERSION:
                raise ArchiveInvalid(f"it has format {version}, and this program reads format 1")
            entries = tuple(
                TableEntry(
                    str(each["name"]),
                    tuple(str(column) for column in each["columns"]),
                    int(each["rows"]),
                    int(each["highest_id"]),
                )
                for each in document.pop("tables")
            )
            return cls(**document, tables=entries)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ArchiveInvalid("its manifest cannot be read") from error


class Writer:
    """Writes a backup to a file that need not be seekable."""

    def __init__(self, tar: tarfile.TarFile, mtime: int) -> None:
        self._tar = tar
        self._mtime = mtime

    def manifest(self, manifest: Manifest) -> None:
        """Write the first member."""
        self._member(MANIFEST, manifest.to_json())

    def table(self, name: str, rows: Iterable[Row]) -> int:
        """Write the rows of a table; give how many there were."""
        number, written = 0, 0
        part = bytearray()
        for row in rows:
            part += _packed(row)
            part += b"\n"
            written += 1
            if len(part) >= PART_BYTES:
                number += 1
                self._member(f"tables/{name}/{number:06d}.jsonl", part)
                part.clear()
        if part:
            self._member(f"tables/{name}/{number + 1:06d}.jsonl", part)
        return written

    def _member(self, name: str, content: bytes | bytearray) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mtime, member.mode = len(content), self._mtime, 0o600
        self._tar.addfile(member, io.BytesIO(content))


class Reader:
    """Reads a backup from its beginning to its end."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar

    def manifest(self) -> Manifest:
        """Read the first member. Raises ArchiveInvalid."""
        member = self._tar.next()
        if member is None or member.name != MANIFEST or member.size > _MANIFEST_LIMIT_BYTES:
            raise ArchiveInvalid("it is not a backup of Jobyard")
        return Manifest.from_json(self._content(member).read())

    def rows(self) -> Iterator[tuple[str, Row]]:
        """Give the name of a table and a row of it, again and again. Raises ArchiveInvalid."""
        while member := self._tar.next():
            folder, _, rest = member.name.partition("/")
            name, _, part = rest.partition("/")
            if folder != "tables" or not part:
                raise ArchiveInvalid(f"it holds {member.name!r}, which no backup does")
            for line in self._content(member):
                yield name, _unpacked(line, member.name)

    def _content(self, member: tarfile.TarInfo) -> BinaryIO:
        content = self._tar.extractfile(member) if member.isfile() else None
        if content is None:
            raise ArchiveInvalid(f"it holds {member.name!r}, which is not a file")
        return cast("BinaryIO", content)


@contextmanager
def writing(target: BinaryIO, *, mtime: int) -> Iterator[Writer]:
    """Open a backup for writing; it is whole when the block has ended. mtime: Unix seconds."""
    with (
        gzip.GzipFile(
            fileobj=target, mode="wb", compresslevel=_COMPRESSION, mtime=mtime, filename=""
        ) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.USTAR_FORMAT) as tar,
    ):
        yield Writer(tar, mtime)


@contextmanager
def reading(source: BinaryIO) -> Iterator[Reader]:
    """Open a backup for reading. Raises ArchiveInvalid, at the end too when it is cut short."""
    try:
        with gzip.GzipFile(fileobj=source, mode="rb") as packed:
            with tarfile.open(fileobj=packed, mode="r|") as tar:
                yield Reader(tar)
            # The check sum of gzip stands at the very end.
            while packed.read(1 << 20):
                pass
    except _BROKEN as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ArchiveInvalid("it is cut short or damaged, or no backup of Jobyard") from error


def _packed(row: Row) -> bytes:
    if any(isinstance(value, float) and not math.isfinite(value) for value in row):
        row = tuple(
            {"float": str(value)}
            if isinstance(value, float) and not math.isfinite(value)
            else value
            for value in row
        )
    return orjson.dumps(row, default=_as_object)


def _as_object(value: object) -> dict[str, str]:
    if isinstance(value, bytes | memoryview):
        return {"base64": base64.b64encode(value).decode()}
    raise TypeError(f"a value of type {type(value).__name__}")


def _unpacked(line: bytes, member: str) -> Row:
    try:
        row = orjson.loads(line)
        if not isinstance(row, list):
            raise TypeError  # noqa: TRY301 - one road for all that no backup holds
        return tuple(_value(value) for value in row)
    except (ValueError, TypeError, KeyError) as error:
        raise ArchiveInvalid(f"{member} holds a line that is no row") from error


def _value(value: Any) -> Any:
    if isinstance(value, dict):
        return base64.b64decode(value["base64"]) if "base64" in value else float(value["float"])
    if isinstance(value, list):
        raise TypeError
    return value
