"""Functions on numbers, and `randomInt`."""

import math

from plugins.workflow.expr.calls import Builtin, Run, int_argument, number_argument
from plugins.workflow.expr.errors import ExpressionError
from plugins.workflow.expr.limits import MAX_INT
from plugins.workflow.expr.values import finite, whole


def _numbers(run: Run, name: str, arguments: tuple[object, ...]) -> list[int | float]:
    """The arguments and the elements of those that are lists, all of them numbers."""
    numbers = []
    for argument in arguments:
        elements = argument if isinstance(argument, list | tuple) else (argument,)
        for element in elements:
            run.meter.tick()
            numbers.append(number_argument(name, element))
    return numbers


def _max(run: Run, *arguments: object) -> int | float:
    numbers = _numbers(run, "max", arguments)
    if not numbers:
        raise ExpressionError("max: no numbers given")
    return max(numbers)


def _min(run: Run, *arguments: object) -> int | float:
    numbers = _numbers(run, "min", arguments)
    if not numbers:
        raise ExpressionError("min: no numbers given")
    return min(numbers)


def _mean(run: Run, *arguments: object) -> float:
    numbers = _numbers(run, "mean", arguments)
    return finite(float(sum(numbers)) / len(numbers)) if numbers else 0.0


def _median(run: Run, *arguments: object) -> float:
    numbers = sorted(_numbers(run, "median", arguments))
    if not numbers:
        return 0.0
    middle = len(numbers) // 2
    if len(numbers) % 2:
        return float(numbers[middle])
    return finite((float(numbers[middle - 1]) + float(numbers[middle])) / 2)


def _abs(run: Run, value: object) -> int | float:  # noqa: ARG001
    number = abs(number_argument("abs", value))
    return whole(number) if type(number) is int else number


def _ceil(run: Run, value: object) -> float:  # noqa: ARG001
    return float(math.ceil(finite(number_argument("ceil", value))))


def _floor(run: Run, value: object) -> float:  # noqa: ARG001
    return float(math.floor(finite(number_argument("floor", value))))


def _round(run: Run, value: object) -> float:  # noqa: ARG001
    number = float(finite(number_argument("round", value)))
    # Halves go away from zero, as in Go; adding 0.5 would be wrong just below a half.
    below = math.floor(abs(number))
    return math.copysign(below + (abs(number) - below >= 0.5), number)


def _random_int(run: Run, *arguments: object) -> int:
    bound = int_argument("randomInt", arguments[0]) if arguments else MAX_INT
    if bound <= 0:
        raise ExpressionError("randomInt: the bound must be above 0")
    return run.random.randrange(bound)


FUNCTIONS = {
    "max": Builtin(_max, 1, None),
    "min": Builtin(_min, 1, None),
    "mean": Builtin(_mean, 1, None),
    "median": Builtin(_median, 1, None),
    "abs": Builtin(_abs, 1, 1),
    "ceil": Builtin(_ceil, 1, 1),
    "floor": Builtin(_floor, 1, 1),
    "round": Builtin(_round, 1, 1),
    "randomInt": Builtin(_random_int, 0, 1),
}
