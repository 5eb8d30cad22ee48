"""Passwords: hashed slowly, and checked without holding up the process or telling who exists.

A check takes a tenth of a second or more of a processor and 64 MiB, so

- it runs in a real thread: under gevent every other request of the process would wait for it;
- few run at a time, few more wait, and all others are refused at once;
- its outcome is remembered for a while under a keyed digest of the credentials, together with the
  stored hash it was found against. The caller reads the account anew for every request, so a
  password that was changed, or an account that was disabled, counts from the next one on.

Somebody who does not exist costs as much as somebody who does.
"""

import base64
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b
from typing import NamedTuple, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.domain.errors import RateLimited
from app.engine.busy import in_a_real_thread

AT_ONCE = 2
"""Checks that run at the same time in one process; each is busy for its whole time."""
WAITING = 16
"""Checks that wait for these: some two seconds' worth."""
REMEMBERED = 2000
REMEMBERED_S = 300.0
RETRY_AFTER_S = 2

T = TypeVar("T")


class _Outcome(NamedTuple):
    good: bool
    against: str
    until: float


class Passwords:
    """Hashes and checks; one of a process."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._nobody = _impossible(self._hasher)
        self._secret = secrets.token_bytes(32)
        # Apart, so that guesses push out no outcome that saves work.
        self._good: OrderedDict[bytes, _Outcome] = OrderedDict()
        self._bad: OrderedDict[bytes, _Outcome] = OrderedDict()
        self._free = threading.Semaphore(AT_ONCE)
        self._inside = 0

    def hash(self, password: str) -> str:
        """Give a salted slow hash. Raises RateLimited when too many are being made already."""
        return self._slowly(lambda: self._hasher.hash(password))

    def match(self, who: str, password: str, password_hash: str | None) -> bool:
        """Tell whether a password is the one of a hash.

        who: whose it is said to be. password_hash: as stored at this moment; None when there is
        nobody, which takes as long and is never true. Raises RateLimited when too many wait.
        """
        against = password_hash or self._nobody
        text = f"{len(who)}:{who}{password}".encode("utf-8", "surrogatepass")
        key = blake2b(text, key=self._secret).digest()
        kept = self._good.get(key) or self._bad.get(key)
        if kept and kept.until > time.monotonic() and hmac.compare_digest(kept.against, against):
            return kept.good
        good = self._slowly(lambda: self._verify(against, password)) and password_hash is not None
        self._remember(key, _Outcome(good, against, time.monotonic() + REMEMBERED_S))
        return good

    def _verify(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError, UnicodeEncodeError):
            return False

    def _remember(self, key: bytes, outcome: _Outcome) -> None:
        kept, other = (self._good, self._bad) if outcome.good else (self._bad, self._good)
        other.pop(key, None)
        kept[key] = outcome
        kept.move_to_end(key)
        while len(kept) > REMEMBERED:
            kept.popitem(last=False)

    def _slowly(self, work: Callable[[], T]) -> T:
        if self._inside >= AT_ONCE + WAITING:
            raise RateLimited("too many passwords to check", retry_after_s=RETRY_AFTER_S)
        self._inside += 1
        try:
            with self._free:
                return in_a_real_thread(work)
        finally:
            self._inside -= 1


def _impossible(hasher: PasswordHasher) -> str:
    """Make a hash that costs what others do and that no password has."""
    salt, digest = (_base64(bytes(size)) for size in (hasher.salt_len, hasher.hash_len))
    costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${costs}${salt}${digest}"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).rstrip(b"=").decode()
