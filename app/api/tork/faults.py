"""What is wrong with a submitted document, each fault led by the path of its key."""

import json
import re
from collections.abc import Iterable
from typing import Final, NoReturn

MOST_FAULTS: Final = 20
"""No more than this many faults are reported at once, unless more are asked for."""
ALL_FAULTS: Final = 1000
"""So many are, by who asks for all: an answer stays readable."""

_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Invalid(ValueError):
    """A submitted document was refused.

    faults: texts such as `tasks[2].retry.limit: must be between 1 and 10`, in
    the order found; the first part is the path of the key, or `body` for the document as a whole.
    `str()` joins them with `; `. Values are never quoted, since they may be secrets.
    """

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(self.faults))


class Faults:
    """Collects faults; raises Invalid by itself once `most` are there."""

    def __init__(self, most: int = MOST_FAULTS) -> None:
        self._most = most
        self._texts: list[str] = []

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, path: str, text: str) -> None:
        """Note one fault of the key at `path`."""
        self._texts.append(fault(path, text))
        if len(self._texts) >= self._most:
            raise Invalid(self._texts)

    def raise_if_any(self) -> None:
        """Raise Invalid with everything noted so far, if there is anything."""
        if self._texts:
            raise Invalid(self._texts)


def fault(path: str, text: str) -> str:
    """Return `path: text`; the empty path is the document itself, shown as `body`."""
    return f"{path or 'body'}: {text}"


def refuse(text: str, path: str = "") -> NoReturn:
    """Raise Invalid with one fault."""
    raise Invalid([fault(path, text)])


def key_path(parent: str, key: str) -> str:
    """Return the path of `key` inside the mapping at `parent`.

    Keys come from clients: whatever is not a plain word is quoted and cut, so that a message stays
    on one line and short.
    """
    if _PLAIN_KEY.fullmatch(key):
        return f"{parent}.{key}" if parent else key
    quoted = json.dumps(key if len(key) <= 64 else key[:61] + "...")
    return f"{parent}[{quoted}]"


def item_path(parent: str, index: int) -> str:
    """Return the path of the list element `index` (from 0) at `parent`."""
    return f"{parent}[{index}]"
