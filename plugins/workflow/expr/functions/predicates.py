"""Functions that evaluate a predicate for the elements of a list."""

from collections.abc import Iterable, Iterator

from plugins.workflow.expr.calls import Builtin, Predicate, Run, list_argument
from plugins.workflow.expr.durations import Duration
from plugins.workflow.expr.errors import ExpressionError
from plugins.workflow.expr.functions.lists import sorted_by
from plugins.workflow.expr.operators import OPERATORS
from plugins.workflow.expr.text import key_text
from plugins.workflow.expr.values import type_name


def _truth(name: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise ExpressionError(f"{name}: the predicate gave {type_name(value)}, not a bool")


def _answers(name: str, value: object, predicate: Predicate) -> Iterator[tuple[bool, object]]:
    for index, element in enumerate(list_argument(name, value)):
        yield _truth(name, predicate(element, index)), element


def _all(run: Run, value: object, predicate: Predicate) -> bool:  # noqa: ARG001
    return all(holds for holds, _ in _answers("all", value, predicate))


def _any(run: Run, value: object, predicate: Predicate) -> bool:  # noqa: ARG001
    return any(holds for holds, _ in _answers("any", value, predicate))


def _none(run: Run, value: object, predicate: Predicate) -> bool:  # noqa: ARG001
    return not any(holds for holds, _ in _answers("none", value, predicate))


def _one(run: Run, value: object, predicate: Predicate) -> bool:  # noqa: ARG001
    return sum(holds for holds, _ in _answers("one", value, predicate)) == 1


def _count(run: Run, value: object, predicate: Predicate | None = None) -> int:
    if predicate is not None:
        return sum(holds for holds, _ in _answers("count", value, predicate))
    elements = list_argument("count", value)
    run.meter.tick(len(elements))
    return sum(_truth("count", element) for element in elements)


def _filter(run: Run, value: object, predicate: Predicate) -> list[object]:
    kept = [element for holds, element in _answers("filter", value, predicate) if holds]
    run.meter.items(len(kept))
    return kept


def _map(run: Run, value: object, predicate: Predicate) -> list[object]:
    elements = list_argument("map", value)
    run.meter.items(len(elements))
    return [predicate(element, index) for index, element in enumerate(elements)]


def _first_place(
    name: str, places: Iterable[tuple[int, object]], predicate: Predicate
) -> tuple[int, object]:
    for index, element in places:
        if _truth(name, predicate(element, index)):
            return index, element
    return -1, None


def _backwards(name: str, value: object) -> list[tuple[int, object]]:
    return list(enumerate(list_argument(name, value)))[::-1]


def _find(run: Run, value: object, predicate: Predicate) -> object:  # noqa: ARG001
    return _first_place("find", enumerate(list_argument("find", value)), predicate)[1]


def _find_index(run: Run, value: object, predicate: Predicate) -> int:  # noqa: ARG001
    places = enumerate(list_argument("findIndex", value))
    return _first_place("findIndex", places, predicate)[0]


def _find_last(run: Run, value: object, predicate: Predicate) -> object:
    places = _backwards("findLast", value)
    run.meter.items(len(places))
    return _first_place("findLast", places, predicate)[1]


def _find_last_index(run: Run, value: object, predicate: Predicate) -> int:
    places = _backwards("findLastIndex", value)
    run.meter.items(len(places))
    return _first_place("findLastIndex", places, predicate)[0]


def _group_by(run: Run, value: object, predicate: Predicate) -> dict[str, list[object]]:
    groups: dict[str, list[object]] = {}
    elements = list_argument("groupBy", value)
    run.meter.items(len(elements))
    for index, element in enumerate(elements):
        groups.setdefault(key_text(predicate(element, index)), []).append(element)
    run.meter.items(len(groups))
    return groups


def _sort_by(run: Run, value: object, predicate: Predicate, order: object = "asc") -> list[object]:
    elements = list_argument("sortBy", value)
    run.meter.items(len(elements))
    keys = [predicate(element, index) for index, element in enumerate(elements)]
    return sorted_by(run, "sortBy", elements, keys, order)


def _reduce(run: Run, value: object, predicate: Predicate, *initial: object) -> object:
    elements = list_argument("reduce", value)
    start = 0
    if initial:
        total = initial[0]
    elif elements:
        total, start = elements[0], 1
    else:
        raise ExpressionError("reduce: the list is empty and no initial value is given")
    for index in range(start, len(elements)):
        run.meter.tick()
        total = predicate(elements[index], index, total)
    return total


def _sum(run: Run, value: object, predicate: Predicate | None = None) -> object:
    total: object = 0
    add = OPERATORS["+"]
    for index, element in enumerate(list_argument("sum", value)):
        run.meter.tick()
        term = element if predicate is None else predicate(element, index)
        if isinstance(term, Duration) and index == 0:
            total = term
            continue
        if not isinstance(term, int | float | Duration) or isinstance(term, bool):
            raise ExpressionError(f"sum: expected numbers, got {type_name(term)}")
        total = add(run.meter, total, term)
    return total


FUNCTIONS = {
    "all": Builtin(_all, 2, 2),
    "any": Builtin(_any, 2, 2),
    "none": Builtin(_none, 2, 2),
    "one": Builtin(_one, 2, 2),
    "count": Builtin(_count, 1, 2),
    "filter": Builtin(_filter, 2, 2),
    "map": Builtin(_map, 2, 2),
    "find": Builtin(_find, 2, 2),
    "findIndex": Builtin(_find_index, 2, 2),
    "findLast": Builtin(_find_last, 2, 2),
    "findLastIndex": Builtin(_find_last_index, 2, 2),
    "groupBy": Builtin(_group_by, 2, 2),
    "sortBy": Builtin(_sort_by, 2, 3),
    "reduce": Builtin(_reduce, 2, 3),
    "sum": Builtin(_sum, 1, 2),
}
