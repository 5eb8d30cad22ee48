"""What lists of jobs and tasks are narrowed to, as it stands in their addresses.

A form sends a ticked box as a field of its own and every empty field as well; an address of ours
has the states with commas between them, as the API does, and no empty field.
"""

from collections.abc import Iterable, Mapping
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

FIELDS = (
    "q",
    "dialect",
    "type",
    "state",
    "tag",
    "created_from",
    "created_before",
    "schedule",
    "parent",
    "id",
)
BETWEEN_TAGS = "\n"


def given(args: MultiDict[str, str], fields: Iterable[str] = FIELDS) -> dict[str, str]:
    """Give what is asked for, each field once: states with commas, tags with line breaks."""
    found: dict[str, str] = {}
    for name in fields:
        values = dict.fromkeys(value.strip() for value in args.getlist(name))
        joined = (BETWEEN_TAGS if name == "tag" else ",").join(filter(None, values))
        if joined:
            found[name] = _zoned(joined) if name.startswith("created_") else joined
    return found


def as_query(wanted: Mapping[str, str], **more: str | None) -> str:
    """Give what is asked for as the query of an address; None leaves a field out."""
    together = {**wanted, **more}
    return urlencode({name: value for name, value in together.items() if value})


def as_args(wanted: Mapping[str, str]) -> MultiDict[str, str]:
    """Give what is asked for as the service reads it."""
    args = MultiDict({name: value for name, value in wanted.items() if name != "tag"})
    args.setlist("tag", [tag for tag in wanted.get("tag", "").split(BETWEEN_TAGS) if tag])
    return args


def _zoned(text: str) -> str:
    """Read a time without a zone, which forms send where no script runs, as UTC."""
    has_zone = text.endswith(("Z", "z")) or "+" in text[10:] or "-" in text[10:]
    return text if has_zone or len(text) < len("2026-01-31T12:00") else f"{text}Z"
