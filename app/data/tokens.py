"""Rows of `api_token`. Of the token itself only a digest is stored."""

from peewee import BigIntegerField, Model, TextField

from app.data.codec import dumps, loads
from app.data.db import Row, Store
from app.domain.clock import Instant
from app.domain.errors import TokenNotFound
from app.domain.records import ApiToken


class Token(Model):
    """A key to our own API."""

    id = TextField(primary_key=True)
    name = TextField()
    prefix = TextField()
    digest = TextField()
    scopes = TextField()
    created_at = BigIntegerField()
    expires_at = BigIntegerField(null=True)
    last_used_at = BigIntegerField(null=True)

    class Meta:
        table_name = "api_token"


_COLUMNS = "id, name, prefix, scopes, created_at, expires_at, last_used_at"
_INSERT = f"INSERT INTO api_token ({_COLUMNS}, digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_BY_DIGEST = f"SELECT {_COLUMNS} FROM api_token WHERE digest = ?"
_LISTED = f"SELECT {_COLUMNS} FROM api_token ORDER BY created_at DESC, id LIMIT ?"
_USED = (
    "UPDATE api_token SET last_used_at = ? WHERE id = ?"
    " AND (last_used_at IS NULL OR last_used_at < ?)"
)


def _record(row: Row) -> ApiToken:
    return ApiToken(
        id=row[0],
        name=row[1],
        prefix=row[2],
        scopes=tuple(loads(row[3])),
        created_at=row[4],
        expires_at=row[5],
        last_used_at=row[6],
    )


def insert(store: Store, token: ApiToken, digest: str) -> None:
    """Store a new token."""
    store.run(
        _INSERT,
        (
            token.id,
            token.name,
            token.prefix,
            dumps(token.scopes),
            token.created_at,
            token.expires_at,
            token.last_used_at,
            digest,
        ),
    )


def by_digest(store: Store, digest: str) -> ApiToken:
    """Give the token of a digest, expired or not. Raises TokenNotFound."""
    row = store.run(_BY_DIGEST, (digest,)).fetchone()
    if row is None:
        raise TokenNotFound
    return _record(row)


def listed(store: Store, limit: int) -> list[ApiToken]:
    """Give tokens, newest first."""
    return [_record(row) for row in store.run(_LISTED, (limit,)).fetchall()]


def used(store: Store, token_id: str, now: Instant, *, unless_since: Instant) -> None:
    """Note a use, unless one was noted since then."""
    store.run(_USED, (now, token_id, unless_since))


def delete(store: Store, token_id: str) -> None:
    """Delete a token. Raises TokenNotFound."""
    if store.run("DELETE FROM api_token WHERE id = ?", (token_id,)).rowcount != 1:
        raise TokenNotFound(token_id=token_id)
