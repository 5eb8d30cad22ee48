"""Functions on lists, and `sequence`. None changes its argument; each gives a new list."""

from collections.abc import Callable, Mapping, Sequence

from plugins.workflow.expr.calls import Builtin, Run, int_argument, list_argument, text_argument
from plugins.workflow.expr.errors import ExpressionError
from plugins.workflow.expr.limits import MAX_ITEMS, MAX_NESTING
from plugins.workflow.expr.values import equal, is_number, type_name

# Comparisons of strings read them; this many characters may be read in one sort at most.
_MAX_SORT_CHARACTERS = 256 * 1024 * 1024
_END = object()


def _len(run: Run, value: object) -> int:  # noqa: ARG001
    if isinstance(value, str | list | tuple | Mapping):
        return len(value)
    raise ExpressionError(f"len: expected a string, list or map, got {type_name(value)}")


def _first(run: Run, value: object) -> object:  # noqa: ARG001
    elements = list_argument("first", value)
    return elements[0] if elements else None


def _last(run: Run, value: object) -> object:  # noqa: ARG001
    elements = list_argument("last", value)
    return elements[-1] if elements else None


def _take(run: Run, value: object, count: object) -> list[object]:
    elements = list_argument("take", value)
    wanted = int_argument("take", count)
    if wanted < 0:
        raise ExpressionError("take: the count is negative")
    run.meter.items(min(wanted, len(elements)))
    return list(elements[:wanted])


def _concat(run: Run, *values: object) -> list[object]:
    lists = [list_argument("concat", value) for value in values]
    run.meter.items(sum(len(elements) for elements in lists))
    return [element for elements in lists for element in elements]


def _flatten(run: Run, value: object) -> list[object]:
    flat: list[object] = []
    open_lists = [iter(list_argument("flatten", value))]
    while open_lists:
        element = next(open_lists[-1], _END)
        run.meter.tick()
        if element is _END:
            open_lists.pop()
        elif isinstance(element, list | tuple):
            if len(open_lists) > MAX_NESTING:
                raise ExpressionError(f"flatten: nests more than {MAX_NESTING} levels deep")
            open_lists.append(iter(element))
        else:
            flat.append(element)
            if len(flat) > MAX_ITEMS:
                break
    run.meter.items(len(flat))
    return flat


def _uniq(run: Run, value: object) -> list[object]:
    elements = list_argument("uniq", value)
    run.meter.items(len(elements))
    seen: set[tuple[str, object]] = set()
    compound: list[object] = []
    kept: list[object] = []
    for element in elements:
        run.meter.tick()
        if isinstance(element, list | tuple | Mapping):
            run.meter.tick(len(compound))
            if any(equal(run.meter, element, other) for other in compound):
                continue
            compound.append(element)
        else:
            if isinstance(element, str):
                run.meter.scan(len(element))
            # True equals 1 in Python, but not here; 1 and 1.0 are equal in both.
            key = ("number" if is_number(element) else type_name(element), element)
            if key in seen:
                continue
            seen.add(key)
        kept.append(element)
    return kept


def _reverse(run: Run, value: object) -> list[object]:
    elements = list_argument("reverse", value)
    run.meter.items(len(elements))
    return list(reversed(elements))


def sorted_by(
    run: Run, name: str, elements: Sequence[object], keys: Sequence[object], order: object
) -> list[object]:
    """The elements in the order of their keys, equal ones in their old order.

    keys: one per element; all numbers, all strings, all times or all durations.
    order: "asc" or "desc". Raises ExpressionError.
    """
    run.meter.items(len(elements))
    direction = text_argument(name, order)
    if direction not in {"asc", "desc"}:
        raise ExpressionError(f"{name}: the order must be asc or desc")
    kinds = {"number" if is_number(key) else type_name(key) for key in keys}
    if len(kinds) > 1 or not kinds <= {"number", "string", "time.Time", "time.Duration"}:
        raise ExpressionError(f"{name}: cannot compare {' with '.join(sorted(kinds))}")
    cost = len(keys).bit_length() * sum(len(key) for key in keys if isinstance(key, str))
    if cost > _MAX_SORT_CHARACTERS:
        raise ExpressionError(f"{name}: the strings are too long")
    run.meter.tick(len(keys) + cost // 1024)
    plain: Callable[[int], object] = keys.__getitem__
    places = sorted(range(len(keys)), key=plain, reverse=direction == "desc")  # type: ignore[arg-type]
    return [elements[place] for place in places]


def _sort(run: Run, value: object, order: object = "asc") -> list[object]:
    elements = list_argument("sort", value)
    return sorted_by(run, "sort", elements, elements, order)


def _sequence(run: Run, start: object, stop: object) -> list[int]:
    low, high = int_argument("sequence", start), int_argument("sequence", stop)
    run.meter.items(max(high - low, 0))
    return list(range(low, high))


FUNCTIONS = {
    "len": Builtin(_len, 1, 1),
    "first": Builtin(_first, 1, 1),
    "last": Builtin(_last, 1, 1),
    "take": Builtin(_take, 2, 2),
    "concat": Builtin(_concat, 1, None),
    "flatten": Builtin(_flatten, 1, 1),
    "uniq": Builtin(_uniq, 1, 1),
    "reverse": Builtin(_reverse, 1, 1),
    "sort": Builtin(_sort, 1, 2),
    "sequence": Builtin(_sequence, 2, 2),
}
