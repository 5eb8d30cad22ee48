"""Which values of a workflow must never show.

They go down: a sub-job keeps the values its parents knew (`inherited_secrets` of its spec), for it
may be given them under any name and outlive who gave them. They go up: what a template made of a
sub-job's secrets is remembered (`secrets` of the state), for its result comes back.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from app.hooks import JobView, Json, Masker

INHERITED = "inherited_secrets"
#: Most values made for sub-jobs that a job remembers; each is looked for in all it shows.
MOST_REMEMBERED = 1000

_BRACES = "{{"
# Where tasks hold others, and what runs beside them.
_NESTED = ("tasks", "pre", "post", "sidecars", "parallel", "each", "task", "subjob")


class Secrets:
    """The values that one answer may not show, those it makes itself included."""

    def __init__(self, job: JobView) -> None:
        self._own = values(job.spec, {})
        self._remembered: list[str] = list(job.state.get("secrets") or ())
        self._known = {*self._own, *self._remembered}
        self._masker = Masker(self._known)

    def mask(self, text: str) -> str:
        """Give a text without the values the job had before."""
        return self._masker(text)

    def add(self, made: Iterable[str]) -> Masker:
        """Note values that a template made for a sub-job, and give what hides them alone."""
        fresh = [value for value in dict.fromkeys(made) if value and value not in self._known]
        self._known.update(fresh)
        self._remembered += fresh[: max(0, MOST_REMEMBERED - len(self._remembered))]
        return Masker(fresh)

    @property
    def inherited(self) -> Json:
        """Give what the spec of a sub-job says of them."""
        return {INHERITED: self._own} if self._own else {}

    @property
    def state(self) -> Json:
        """Give what the job's state says of those that were made."""
        return {"secrets": self._remembered} if self._remembered else {}


def values(spec: Json, state: Json) -> list[str]:
    """Give the secret values of a job: its own, its sub-jobs' and its parents'."""
    found = [*_texts(spec.get("secrets")), *_inner(spec)]
    found += spec.get(INHERITED) or ()
    found += state.get("secrets") or ()
    return list(dict.fromkeys(value for value in found if value))


def _inner(found: Any) -> Iterator[str]:
    """Yield the values in the tasks; one that is a template still is none, or hides itself."""
    if isinstance(found, list):
        for item in found:
            yield from _inner(item)
    elif isinstance(found, Mapping):
        for key in _NESTED:
            if key in found:
                yield from _inner(found[key])
        given = found.get("subjob")
        inside = given.get("secrets") if isinstance(given, Mapping) else None
        password = (found.get("registry") or {}).get("password")
        for text in [*_texts(inside), password]:
            if text and _BRACES not in text:
                yield text


def _texts(given: Any) -> list[str]:
    return [text for text in (given or {}).values() if isinstance(text, str)]
