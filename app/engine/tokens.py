"""Verbs on API tokens: who may use our own API, and for what.

A token is 256 random bits. What is stored of it is a SHA-256: that is enough to recognise it, and
a slow hash guards nothing more where nobody can guess.
"""

import hashlib
import secrets
import uuid
from collections.abc import Sequence

from app.data import tokens
from app.domain.clock import seconds
from app.domain.errors import TokenNotFound, Unavailable
from app.domain.records import ApiToken, Scope
from app.engine.transaction import Transactions

MARK = "jy_"
SHOWN = 8
"""Characters behind the mark by which a person recognises a token."""
MOST = 1000
USE_NOTED_S = 300.0
"""A use is noted at most so often: requests must not cost a write each."""


class Tokens:
    """Kept by digest; one that is revoked is gone, for every process, with its row."""

    def __init__(self, transactions: Transactions) -> None:
        self._tx = transactions
        self._store = transactions.store

    def create(
        self, name: str, scopes: Sequence[Scope], *, ttl_s: float | None = None
    ) -> tuple[ApiToken, str]:
        """Store a token, and give it with its secret text, which is never to be had again."""
        secret = MARK + secrets.token_urlsafe(32)
        now = self._tx.clock.now()
        token = ApiToken(
            id=uuid.uuid4().hex,
            name=name,
            prefix=secret[: len(MARK) + SHOWN],
            scopes=tuple(dict.fromkeys(scopes)),
            created_at=now,
            expires_at=None if ttl_s is None else now + seconds(ttl_s),
        )
        with self._tx():
            tokens.insert(self._store, token, _digest(secret))
        return token, secret

    def admit(self, secret: str) -> ApiToken:
        """Give the token of a secret text. Raises TokenNotFound: unknown, revoked or expired."""
        now = self._tx.clock.now()
        with self._store.session():
            token = tokens.by_digest(self._store, _digest(secret))
            if token.expires_at is not None and token.expires_at <= now:
                raise TokenNotFound(token_id=token.id)
            since = now - seconds(USE_NOTED_S)
            if token.last_used_at is None or token.last_used_at < since:
                self._note_use(token, since)
        return token

    def _note_use(self, token: ApiToken, since: int) -> None:
        try:
            with self._store.transaction():
                tokens.used(self._store, token.id, self._tx.clock.now(), unless_since=since)
        except Unavailable:
            return  # a busy database must not turn anybody away

    def listed(self) -> Sequence[ApiToken]:
        """Give the tokens, newest first, at most MOST."""
        with self._store.session():
            return tokens.listed(self._store, MOST)

    def revoke(self, token_id: str) -> None:
        """Forget a token: its next request is refused everywhere. Raises TokenNotFound."""
        with self._tx():
            tokens.delete(self._store, token_id)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
