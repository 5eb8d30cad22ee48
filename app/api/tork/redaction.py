"""Masking secrets in everything the Tork dialect shows.

Works on finished JSON documents (jobs, summaries, scheduled jobs, tasks, log parts), never on what
is stored: tasks get the real values.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from app.domain.masking import ENCRYPTED, REDACTED, Masker

DEFAULT_PATTERNS: Final = ("*SECRET*", "*PASSWORD*", "*ACCESS_KEY*")
"""Keys whose values are masked wherever clients choose the keys themselves."""

# Objects and lists of objects that may hold something to mask.
_NESTED: Final = frozenset(
    {
        "context",
        "tasks",
        "execution",
        "pre",
        "post",
        "sidecars",
        "parallel",
        "each",
        "task",
        "subjob",
        "webhooks",
        "mounts",
        "job",
    }
)
# Mappings with keys of the client's choice, masked by key and by value.
_MAPS: Final = frozenset({"inputs", "env", "opts", "headers"})
# Texts that are templates or come from a running task, masked by value.
_TEXTS: Final = frozenset(
    {"name", "result", "error", "image", "queue", "var", "if", "url", "contents"}
)
_BRACES: Final = "{{"

Document: TypeAlias = Mapping[str, Any]
_Mask: TypeAlias = Callable[[str], str]


class Redactor:
    """Masks documents by the rules of one server.

    patterns: keys to mask, letter case ignored, `*` standing for any text.
    enabled: False makes every method return what it was given.
    """

    def __init__(self, patterns: Sequence[str] = DEFAULT_PATTERNS, *, enabled: bool = True) -> None:
        self._enabled = enabled
        any_key = "|".join(map(_pattern, patterns)) or r"(?!)"
        # A key with a line break in it must not slip past `*`.
        self._keys = re.compile(any_key, re.IGNORECASE | re.DOTALL)

    def document(self, document: Document, secrets: Iterable[str] = ()) -> Document:
        """Return a job, summary, scheduled job, task or log part fit for a client.

        secrets: values of the job's secrets, for documents that do not hold them themselves (a
        summary, a task, a log part); those found inside are added.
        Returns `document` itself where nothing is to be masked, else a copy that shares the parts
        left alone; never changes what it was given.
        """
        if not self._enabled:
            return document
        return self._object(document, Masker([*secrets, *secret_values(document)]))

    def documents(self, documents: Iterable[Document], secrets: Iterable[str]) -> list[Document]:
        """Return documents of one job, such as its log parts, masking the same `secrets` in all."""
        if not self._enabled:
            return list(documents)
        masker = Masker(secrets)
        return [self._object(document, masker) for document in documents]

    def _object(self, found: Document, mask: Masker) -> Document:
        changed = {}
        for key, value in found.items():
            masked = self._member(key, value, mask)
            if masked is not value:
                changed[key] = masked
        return {**found, **changed} if changed else found

    def _member(self, key: str, value: Any, mask: Masker) -> Any:
        if isinstance(value, str):
            return _same(value, mask) if key in _TEXTS else value
        if isinstance(value, Mapping):
            return self._mapping(key, value, mask)
        if isinstance(value, list):
            return self._list(key, value, mask)
        return value

    def _mapping(self, key: str, value: Document, mask: Masker) -> Document:
        if key == "secrets":
            return {name: _hidden(text) for name, text in value.items()}
        if key == "registry":
            return {
                name: _hidden(text) if name == "password" else _same(text, mask)
                for name, text in value.items()
            }
        if key in _MAPS:
            return self._map(value, mask)
        # `context.tasks` is a mapping of results, unlike every other `tasks`; its keys are `var`s.
        if key == "tasks":
            return self._map(_masked_keys(value, mask), mask)
        return self._object(value, mask) if key in _NESTED else value

    def _list(self, key: str, value: list[Any], mask: Masker) -> list[Any]:
        if key in _NESTED:
            return _each(value, lambda item: self._entry(item, mask))
        return _each(value, lambda item: _same(item, mask)) if key == "cmd" else value

    def _entry(self, item: Any, mask: Masker) -> Any:
        return self._object(item, mask) if isinstance(item, Mapping) else item

    def _map(self, found: Document, mask: Masker) -> Document:
        changed = {}
        for key, value in found.items():
            masked = _hidden(value) if self._keys.fullmatch(key) else _same(value, mask)
            if masked is not value:
                changed[key] = masked
        return {**found, **changed} if changed else found


def secret_values(document: Document) -> Iterator[str]:
    """Yield the secret values a document holds, those of sub-jobs and registries included.

    Inside tasks a secret may still be a template (`{{ secrets.token }}`): such text is no secret,
    and masking it elsewhere would spoil a definition that is submitted again.
    """
    for holder in (document, document.get("context")):
        if isinstance(holder, Mapping) and isinstance(holder.get("secrets"), Mapping):
            yield from _texts(holder["secrets"].values())
    yield from (value for value in _inner_secrets(document) if _BRACES not in value)


def _inner_secrets(found: Any) -> Iterator[str]:
    if isinstance(found, list):
        for item in found:
            yield from _inner_secrets(item)
    elif isinstance(found, Mapping):
        for key, value in found.items():
            if key in _NESTED:
                yield from _inner_secrets(value)
                if key == "subjob" and isinstance(value, Mapping):
                    yield from _texts((value.get("secrets") or {}).values())
            elif key == "registry" and isinstance(value, Mapping):
                yield from _texts([value.get("password")])


def _texts(values: Iterable[Any]) -> Iterator[str]:
    return (value for value in values if isinstance(value, str))


def _hidden(value: Any) -> str:
    """Hide a value whatever it is; one that this server cannot read says so."""
    return ENCRYPTED if value == ENCRYPTED else REDACTED


def _masked_keys(found: Document, mask: _Mask) -> Document:
    keys = {key: mask(key) for key in found}
    if all(masked == key for key, masked in keys.items()):
        return found
    return {keys[key]: value for key, value in found.items()}


def _same(value: Any, mask: _Mask) -> Any:
    """Mask a text, keeping the very object where nothing changed."""
    if not isinstance(value, str):
        return value
    masked = mask(value)
    return value if masked == value else masked


def _each(items: list[Any], change: Callable[[Any], Any]) -> list[Any]:
    changed = [change(item) for item in items]
    same = all(new is old for new, old in zip(changed, items, strict=True))
    return items if same else changed


def _pattern(text: str) -> str:
    return "(?:" + ".*".join(map(re.escape, text.split("*"))) + ")"
