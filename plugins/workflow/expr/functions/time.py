"""Functions on times and durations, and the few methods those values have."""

from collections.abc import Callable, Sequence

from plugins.workflow.expr.calls import Builtin, Run, text_argument
from plugins.workflow.expr.durations import Duration, DurationInvalid, parse_nanoseconds
from plugins.workflow.expr.errors import ExpressionError
from plugins.workflow.expr.instants import Instant, read_instant
from plugins.workflow.expr.values import type_name


def _now(run: Run) -> Instant:
    return Instant(run.clock())


def _date(run: Run, *arguments: object) -> Instant:
    texts = [text_argument("date", argument) for argument in arguments]
    run.meter.tick(20)
    return read_instant(
        texts[0],
        texts[1] if len(texts) > 1 else None,
        texts[2] if len(texts) > 2 else None,
    )


def _duration(run: Run, value: object) -> Duration:  # noqa: ARG001
    try:
        return Duration(parse_nanoseconds(text_argument("duration", value)))
    except DurationInvalid as fault:
        raise ExpressionError(f"duration: {fault}") from None


FUNCTIONS = {
    "now": Builtin(_now, 0, 0),
    "date": Builtin(_date, 1, 3),
    "duration": Builtin(_duration, 1, 1),
}

INSTANT_METHODS: dict[str, Callable[[Instant], object]] = {
    "Year": lambda value: value.moment.year,
    "Month": lambda value: value.moment.month,
    "Day": lambda value: value.moment.day,
    "Hour": lambda value: value.moment.hour,
    "Minute": lambda value: value.moment.minute,
    "Second": lambda value: value.moment.second,
    "Unix": lambda value: int(value.moment.timestamp() // 1),
}
DURATION_METHODS: dict[str, Callable[[Duration], object]] = {
    "Hours": lambda value: value.ns / 3_600_000_000_000,
    "Minutes": lambda value: value.ns / 60_000_000_000,
    "Seconds": lambda value: value.ns / 1_000_000_000,
    "Milliseconds": lambda value: int(value.ns / 1_000_000),
}


def call_method(value: object, name: str, arguments: Sequence[object]) -> object:
    """The result of a method of a time or duration; none takes arguments."""
    method: Callable[..., object] | None = None
    if isinstance(value, Instant):
        method = INSTANT_METHODS.get(name)
    elif isinstance(value, Duration):
        method = DURATION_METHODS.get(name)
    if method is None:
        raise ExpressionError(f"{type_name(value)} has no method {name[:40]}")
    if arguments:
        raise ExpressionError(f"{name}: expected no arguments, got {len(arguments)}")
    return method(value)
