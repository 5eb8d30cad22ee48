"""Stand-ins for what validation asks others."""

from collections.abc import Callable
from typing import Any

import pytest

from app.api.tork.validation import validate_job, validate_scheduled_job

Validate = Callable[[dict[str, Any]], dict[str, Any]]


class FakeChecker:
    """Takes every expression but those that hold the word BROKEN; remembers what it was asked."""

    def __init__(self) -> None:
        self.expressions: list[str] = []
        self.outputs: list[str] = []

    def check_expression(self, text: str) -> None:
        self.expressions.append(text)
        if "BROKEN" in text:
            raise ValueError("does not parse")

    def check_output(self, text: str) -> None:
        self.outputs.append(text)
        if "BROKEN" in text:
            raise ValueError("does not parse")


def fake_cron(text: str) -> None:
    if text != "0 * * * *":
        raise ValueError("is not a cron expression")


def permission_exists(kind: str, name: str) -> bool:
    return (kind, name) in {("user", "guest"), ("role", "public")}


@pytest.fixture
def checker() -> FakeChecker:
    return FakeChecker()


@pytest.fixture
def job(checker: FakeChecker) -> Validate:
    return lambda document: validate_job(
        document, expressions=checker, permission_exists=permission_exists
    )


@pytest.fixture
def scheduled(checker: FakeChecker) -> Validate:
    return lambda document: validate_scheduled_job(
        document, expressions=checker, cron=fake_cron, permission_exists=permission_exists
    )
