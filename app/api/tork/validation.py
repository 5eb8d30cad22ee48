"""Checking submitted jobs, all of it before anything is stored."""

from collections.abc import Callable
from itertools import islice
from typing import Any

from app.api.tork.faults import Faults
from app.api.tork.kinds import Checks, ExpressionChecker, Reading, Shape
from app.api.tork.redaction import secret_values
from app.api.tork.scalars import Value
from app.api.tork.shapes import JOB, SCHEDULED_JOB
from app.domain.masking import MOST


def validate_job(
    document: dict[str, Value],
    *,
    expressions: ExpressionChecker,
    permission_exists: Callable[[str, str], bool],
) -> dict[str, Any]:
    """Return the definition in `document` as plain JSON.

    document: from `documents.read_yaml` or `read_json`, or an earlier answer of this function,
    which is then returned as it is. expressions, permission_exists: see `kinds.Checks`.
    The answer holds the keys the client set, except empty ones, which mean the same as none;
    durations, templates and the `wait` block are in it as written. Raises `faults.Invalid`.
    """
    checks = Checks(expressions=expressions, cron=_no_cron, permission_exists=permission_exists)
    return _validated(document, JOB, checks)


def validate_scheduled_job(
    document: dict[str, Value],
    *,
    expressions: ExpressionChecker,
    cron: Callable[[str], None],
    permission_exists: Callable[[str, str], bool],
) -> dict[str, Any]:
    """Return the definition of a scheduled job; like `validate_job`, with `schedule`, no `wait`.

    cron: raises ValueError with a message for a text that is no cron expression.
    """
    checks = Checks(expressions=expressions, cron=cron, permission_exists=permission_exists)
    return _validated(document, SCHEDULED_JOB, checks)


def _validated(document: dict[str, Value], shape: Shape, checks: Checks) -> dict[str, Any]:
    faults = Faults()
    found: dict[str, Any] = shape.read(document, "", Reading(faults, checks))
    if sum(1 for _ in islice(secret_values(found), MOST + 1)) > MOST:
        faults.add("secrets", f"must be at most {MOST}, those of sub-jobs and registries included")
    faults.raise_if_any()
    return found


def _no_cron(_text: str) -> None:
    raise ValueError("has no place here")
