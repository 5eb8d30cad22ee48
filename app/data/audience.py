"""Rows of `audience` and `audience_member`: the distinct sets of those whom something is for.

A job or schedule names one; without it, it is for everybody.
"""

import hashlib
import json
from collections.abc import Collection, Sequence

from app.data.db import Store

_FIND = "SELECT id FROM audience WHERE digest = ?"
_INSERT = "INSERT INTO audience (digest) VALUES (?) ON CONFLICT DO NOTHING RETURNING id"
_MEMBER = "INSERT INTO audience_member (who, audience_id) VALUES (?, ?)"


def of(store: Store, who: Collection[str]) -> int | None:
    """Give the audience of exactly these, made where it is new; None, for everybody, of nobody."""
    if not who:
        return None
    members = sorted(set(who))
    digest = hashlib.sha256(json.dumps(members).encode()).hexdigest()
    row = store.run(_FIND, (digest,)).fetchone()
    if row is None:
        row = store.run(_INSERT, (digest,)).fetchone()
        if row is not None:
            store.run_many(_MEMBER, [(member, row[0]) for member in members])
        else:
            # Another process made it at the same moment.
            row = store.run(_FIND, (digest,)).fetchone()
    return None if row is None else int(row[0])


def visible(column: str, viewer: Sequence[str]) -> tuple[str, Sequence[str]]:
    """Give SQL that is true of what a viewer may see, and its parameters.

    column: SQL of the audience of a job or schedule. viewer: every `who` the viewer counts as.
    """
    marks = ", ".join("?" * len(viewer)) or "NULL"
    seen = f"SELECT audience_id FROM audience_member WHERE who IN ({marks})"
    return f"({column} IS NULL OR {column} IN ({seen}))", viewer


def sees(store: Store, audience_id: int, viewer: Sequence[str]) -> bool:
    """Tell whether a viewer belongs to an audience."""
    marks = ", ".join("?" * len(viewer)) or "NULL"
    sql = f"SELECT 1 FROM audience_member WHERE audience_id = ? AND who IN ({marks}) LIMIT 1"
    return store.run(sql, (audience_id, *viewer)).fetchone() is not None
