"""Messages that wait to be sent: rows of `delivery`, and of `channel` to say when.

A channel is there while it has messages, and its row is what everybody locks: who adds a message,
and who ends one and looks whether it was the last. `due_at` says when its first message is tried
next. Whoever takes it moves that on, so the row is a lease as well: if the sender dies, the message
is due again at its end. So finding what is due never looks at the messages behind the first.
"""

from collections.abc import Sequence
from typing import NamedTuple

from app.data.codec import loads
from app.data.db import Store
from app.domain.clock import Instant
from app.domain.records import Job, Json
from app.domain.states import JobState

_INSERT = (
    "INSERT INTO delivery (channel, dialect, job_id, watch, about, created_at)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)
# Writing what is there already locks the row.
_OPEN = (
    "INSERT INTO channel (name, job_id, due_at) VALUES (?, ?, ?)"
    " ON CONFLICT (name) DO UPDATE SET due_at = channel.due_at"
)
_FIRST = (
    "SELECT d.id, d.channel, d.dialect, d.job_id, d.watch, d.about, d.created_at, c.attempts"
    " FROM delivery d JOIN channel c ON c.name = d.channel WHERE d.channel = ?"
    " ORDER BY d.id LIMIT 1"
)
_KEPT = (
    "id, dialect, type, name, description, spec, state_data, tags, task_count, created_by,"
    " parent_task_id, schedule_id, created_at"
)
_KEEP = (
    f"INSERT INTO deleted_job ({_KEPT}) SELECT {_KEPT} FROM job"
    " WHERE id = ? AND watches IS NOT NULL ON CONFLICT DO NOTHING"
)
_FORGET = (
    "DELETE FROM deleted_job WHERE NOT EXISTS"
    " (SELECT 1 FROM channel WHERE channel.job_id = deleted_job.id)"
)


class Message(NamedTuple):
    """A message to be told. about: whatever makes it, as JSON text. job_id: what it is about."""

    channel: str
    dialect: str
    job_id: str | None
    watch: int
    about: str


class First(NamedTuple):
    """The first message of a channel. attempts: made so far to send it."""

    id: int
    channel: str
    dialect: str
    job_id: str | None
    watch: int
    about: Json
    created_at: Instant
    attempts: int


def insert(store: Store, messages: Sequence[Message], now: Instant) -> None:
    """Put messages behind those of their channels; joins a transaction, at its end."""
    # In one order for all, or two that open the same channels would wait for each other.
    channels = {message.channel: message.job_id for message in messages}
    store.run_many(_OPEN, [(name, channels[name], now) for name in sorted(channels)])
    store.run_many(_INSERT, [(*message, now) for message in messages])


def due(
    store: Store, now: Instant, *, limit: int, again: bool, without: Sequence[str] = ()
) -> list[tuple[str, str]]:
    """Give (channel, host) of channels that are due, the longest waiting first, and lock them.

    again: those whose first message was tried before; else the others. without: hosts to be left
    alone. Those that somebody is just writing to are passed over.
    """
    places = ", ".join("?" for _ in without)
    rows = store.run(
        f"SELECT name, host FROM channel WHERE due_at <= ? AND attempts {'>' if again else '='} 0"
        f"{f' AND host NOT IN ({places})' if without else ''} ORDER BY due_at LIMIT ?"
        f"{' FOR UPDATE SKIP LOCKED' if store.backend == 'postgres' else ''}",
        (now, *without, limit),
    ).fetchall()
    return [(row[0], row[1]) for row in rows]


def hold(store: Store, channels: Sequence[str], until: Instant) -> None:
    """Let channels not be due before then."""
    rows = [(until, name) for name in channels]
    store.run_many("UPDATE channel SET due_at = ? WHERE name = ?", rows)


def is_due(store: Store, now: Instant) -> bool:
    """Tell whether any channel is due."""
    found = store.run("SELECT 1 FROM channel WHERE due_at <= ? LIMIT 1", (now,))
    return found.fetchone() is not None


def first(store: Store, channel: str) -> First | None:
    """Give the first message of a channel; None when there is none."""
    row = store.run(_FIRST, (channel,)).fetchone()
    if row is None:
        return None
    return First(row[0], row[1], row[2], row[3], row[4], store.vault.loads(row[5]), row[6], row[7])


def put_off(
    store: Store, channel: str, delivery_id: int, *, due_at: Instant, host: str, tried: bool
) -> bool:
    """Let the first message be due at another time; False when it is no longer there.

    host: where it goes to. tried: counts an attempt.
    """
    return (
        store.run(
            "UPDATE channel SET due_at = ?, host = ?, attempts = attempts + ? WHERE name = ?"
            " AND EXISTS (SELECT 1 FROM delivery WHERE id = ?)",
            (due_at, host, int(tried), channel, delivery_id),
        ).rowcount
        == 1
    )


def end(store: Store, channel: str, delivery_id: int, *, now: Instant, host: str) -> bool:
    """Forget a message, and the channel with its last one; False when it was gone already."""
    if store.run("DELETE FROM delivery WHERE id = ?", (delivery_id,)).rowcount != 1:
        return False
    # First the lock, then the look: nobody can add a message in between.
    store.run(
        "UPDATE channel SET due_at = ?, host = ?, attempts = 0 WHERE name = ?", (now, host, channel)
    )
    store.run(
        "DELETE FROM channel WHERE name = ?"
        " AND NOT EXISTS (SELECT 1 FROM delivery WHERE channel = channel.name)",
        (channel,),
    )
    return True


def count(store: Store) -> int:
    """Count the messages that wait."""
    row = store.run("SELECT COUNT(*) FROM delivery").fetchone()
    return int(row[0]) if row else 0


def keep_job(store: Store, job_id: str) -> None:
    """Keep what messages need of a watched job that is about to be deleted."""
    store.run(_KEEP, (job_id,))


def kept_job(store: Store, job_id: str) -> Job | None:
    """Give what was kept of a deleted job; its state and figures are those of no job at all."""
    row = store.run(f"SELECT {_KEPT} FROM deleted_job WHERE id = ?", (job_id,)).fetchone()
    if row is None:
        return None
    return Job(
        id=row[0],
        dialect=row[1],
        type=row[2],
        name=row[3],
        description=row[4],
        state=JobState.CANCELLED,
        version=0,
        spec=store.vault.loads(row[5]),
        state_data=store.vault.loads(row[6]),
        tags=tuple(loads(row[7])),
        task_count=row[8],
        created_by=row[9],
        parent_task_id=row[10],
        schedule_id=row[11],
        created_at=row[12],
    )


def forget_jobs(store: Store) -> int:
    """Forget deleted jobs of which there is nothing more to tell; give how many."""
    return store.run(_FORGET).rowcount


def about_text(store: Store, about: Json) -> str:
    """Write what makes a message."""
    return store.vault.dumps(about)
