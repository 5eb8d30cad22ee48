"""Keeping secrets of jobs out of answers, whichever dialect they came through.

Here nobody knows the shape of a spec, so what a key says is secret is masked beside what the job
type names.
"""

from typing import Any

from app.domain.masking import Masker
from app.domain.records import Job
from app.hooks.secrecy import telling_values
from app.wiring import Services
from config.redaction import MASK, masked


class Mask:
    """Masks what is secret in one job: values under telling keys, and those values elsewhere."""

    def __init__(self, services: Services, job: Job) -> None:
        self._spec = job.spec
        known = services.plugins.secrets(job.type, job.spec, job.state_data)
        self._masker = Masker([*known, *telling_values(job.spec)], shown=MASK)

    def spec(self) -> Any:
        """Give the parameters without secrets."""
        return self._inside(masked(self._spec, depth=64))

    def text(self, text: str | None) -> str | None:
        """Give a text without the values."""
        return None if text is None else self._masker(text)

    def _inside(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self._inside(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self._inside(each) for each in value]
        return value
