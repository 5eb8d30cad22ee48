"""Encryption of columns: what jobs are, hold and give, where it is stored.

With a key, whole columns are encrypted, of all jobs, so that no secret is forgotten wherever a
template put it. Names, descriptions, tags, states and times stay readable, since they are searched;
output is stored without secrets (`app.worker.veil`).

AES-256-GCM-SIV with a random nonce: authenticated, and a nonce that came twice would tell no more
than that two texts are equal. The AES key is made of the given text by scrypt, with a salt that is
the same everywhere, since rows of one database may come from another by backup and restore. A
stored text begins with a mark no other text can have, then says by which key it was made.
"""

import base64
import hashlib
import os
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from app.data.codec import dumps, escape, loads, unescape
from app.domain.sealed import SealedJson, SealedText

MARK = "\ue000\ue002"
"""`escape` never writes it, and no JSON begins like that."""
ID_CHARS = 8
PREFIX_CHARS = len(MARK) + ID_CHARS
_NONCE_BYTES = 12
_SALT = b"jobyard, columns at rest, 1"
_END = "\n"


class _Key(NamedTuple):
    id: str
    cipher: AESGCMSIV


class Vault:
    """Writes and reads columns.

    key: encrypts and decrypts; empty: what is written stays as it is. others: only decrypt. Making
    one takes a tenth of a second for each key.
    """

    def __init__(self, key: str = "", others: Sequence[str] = ()) -> None:
        self._key = _derived(key) if key else None
        keys = [_derived(each) for each in dict.fromkeys((key, *others)) if each]
        self._ciphers = {each.id: each.cipher for each in keys}

    @property
    def seals(self) -> bool:
        """Whether it encrypts what is written."""
        return self._key is not None

    @property
    def key_ids(self) -> frozenset[str]:
        """By which keys texts may be encrypted that it can read."""
        return frozenset(self._ciphers)

    def dumps(self, value: Any) -> str:
        """Give JSON as its column holds it."""
        if isinstance(value, SealedJson):
            return value.stored
        return dumps(value) if self._key is None else self._sealed(dumps(value), _names(value))

    def loads(self, text: str) -> Any:
        """Read what `dumps` wrote; a SealedJson without its key."""
        if text[:2] != MARK:
            return loads(text)
        opened = self._opened(text)
        return SealedJson(text, _names_in(text)) if opened is None else loads(opened)

    def write(self, text: str | None) -> str | None:
        """Give a text as its column holds it."""
        if text is None:
            return None
        if isinstance(text, SealedText):
            return text.stored
        return escape(text) if self._key is None else self._sealed(text, ())

    def read(self, text: str | None) -> str | None:
        """Read what `write` wrote; a SealedText without its key."""
        if text is None:
            return None
        if text[:2] != MARK:
            return unescape(text)
        opened = self._opened(text)
        return SealedText(text) if opened is None else opened

    def _sealed(self, text: str, names: tuple[str, ...]) -> str:
        key = self._key
        assert key is not None  # noqa: S101 - for the type checker
        nonce = os.urandom(_NONCE_BYTES)
        # Names of secrets are shown, so they stand beside; nobody may change them unseen.
        shown = orjson.dumps(names) if names else b""
        data = text.encode("utf-8", "surrogatepass")
        hidden = nonce + key.cipher.encrypt(nonce, data, key.id.encode() + shown)
        return f"{MARK}{key.id}{base64.b64encode(hidden).decode()}{_END}{shown.decode()}"

    def _opened(self, text: str) -> str | None:
        key_id = text[len(MARK) : PREFIX_CHARS]
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            return None
        hidden, _, shown = text[PREFIX_CHARS:].partition(_END)
        try:
            data = base64.b64decode(hidden, validate=True)
            given = (key_id + shown).encode()
            opened = cipher.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], given)
        except (InvalidTag, ValueError):  # changed by somebody, or cut short
            return None
        return opened.decode("utf-8", "surrogatepass")


OPEN = Vault()
"""Encrypts nothing."""


@lru_cache(maxsize=32)
def _derived(key: str) -> _Key:
    made = hashlib.scrypt(
        key.encode("utf-8", "surrogatepass"),
        salt=_SALT, n=2**15, r=8, p=1, maxmem=2**26, dklen=32 + ID_CHARS // 2,
    )  # fmt: skip
    return _Key(made[32:].hex(), AESGCMSIV(made[:32]))


def _names(value: Any) -> tuple[str, ...]:
    secrets = value.get("secrets") if isinstance(value, dict) else None
    return tuple(secrets) if isinstance(secrets, dict) else ()


def _names_in(text: str) -> tuple[str, ...]:
    shown = text.partition(_END)[2]
    try:
        return tuple(orjson.loads(shown)) if shown else ()
    except orjson.JSONDecodeError:
        return ()
