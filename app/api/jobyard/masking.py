"""Keeping secrets of jobs out of answers, whichever dialect they came through.

Here nobody knows the shape of a spec, so what a key says is secret is masked beside what the job
type names.
"""

from collections.abc import Iterable
from typing import Any, Self

from app.domain.masking import Masker
from app.domain.records import Job, Json
from app.domain.submission import Submission
from app.hooks.secrecy import telling_values
from app.wiring import Services
from config.redaction import MASK, masked


class Mask:
    """Masks what is secret in one job: values under telling keys, and those values elsewhere.

    spec: parameters, of the job or of a task without one. known: further values that are secret.
    masker: the same for text that comes in pieces.
    """

    def __init__(self, spec: Json, known: Iterable[str] = ()) -> None:
        self._spec = spec
        self._masker = Masker([*known, *telling_values(spec)], shown=MASK)

    @classmethod
    def of_job(cls, services: Services, job: Job) -> Self:
        """Give the mask of a job."""
        return cls(job.spec, services.plugins.secrets(job.type, job.spec, job.state_data))

    @classmethod
    def of_template(cls, services: Services, template: Submission) -> Self:
        """Give the mask of what a schedule submits."""
        return cls(template.spec, services.plugins.secrets(template.type, template.spec, {}))

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
