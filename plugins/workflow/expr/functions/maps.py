"""Functions on maps. Keys are strings and keep the order in which they were written."""

from collections.abc import Mapping

from plugins.workflow.expr.calls import Builtin, Run, list_argument, map_argument
from plugins.workflow.expr.errors import ExpressionError
from plugins.workflow.expr.text import key_text
from plugins.workflow.expr.values import position


def _keys(run: Run, value: object) -> list[object]:
    pairs = map_argument("keys", value)
    run.meter.items(len(pairs))
    return list(pairs)


def _values(run: Run, value: object) -> list[object]:
    pairs = map_argument("values", value)
    run.meter.items(len(pairs))
    return list(pairs.values())


def _to_pairs(run: Run, value: object) -> list[object]:
    pairs = map_argument("toPairs", value)
    run.meter.items(len(pairs) * 3)
    return [[key, element] for key, element in pairs.items()]


def _from_pairs(run: Run, value: object) -> dict[str, object]:
    pairs: dict[str, object] = {}
    entries = list_argument("fromPairs", value)
    run.meter.items(len(entries))
    for entry in entries:
        run.meter.tick()
        pair = list_argument("fromPairs", entry)
        if len(pair) != 2:
            raise ExpressionError("fromPairs: each element must be a list of a key and a value")
        pairs[key_text(pair[0])] = pair[1]
    return pairs


def _get(run: Run, value: object, key: object) -> object:
    if isinstance(value, list | tuple):
        index = position(key)
        return value[index] if -len(value) <= index < len(value) else None
    if value is None:
        return None
    if isinstance(value, Mapping):
        return run.fetch(value, key)
    map_argument("get", value)
    return None


FUNCTIONS = {
    "keys": Builtin(_keys, 1, 1),
    "values": Builtin(_values, 1, 1),
    "toPairs": Builtin(_to_pairs, 1, 1),
    "fromPairs": Builtin(_from_pairs, 1, 1),
    "get": Builtin(_get, 2, 2),
}
