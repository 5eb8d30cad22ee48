"""How many examples a property test draws."""

from typing import Any

from hypothesis import settings


def examples(count: int, **more: Any) -> settings:
    """Give the settings of a test: `count` examples in the suite, as many as asked in `make fuzz`.

    A number that a test sets by itself would hold in both.
    """
    if settings.get_current_profile_name() == "fuzz":
        return settings(**more)
    return settings(max_examples=count, **more)
