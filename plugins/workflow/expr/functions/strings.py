"""Functions on strings. Positions count characters; no string grows beyond 1 MiB."""

from plugins.workflow.expr.calls import (
    Builtin,
    Run,
    int_argument,
    list_argument,
    text_argument,
)
from plugins.workflow.expr.errors import ExpressionError


def _trim(run: Run, value: object, characters: object = None) -> str:
    text = text_argument("trim", value)
    if characters is None:
        return run.meter.text(text.strip())
    # Python's own strip searches the given characters anew for every character of the text.
    unwanted = frozenset(text_argument("trim", characters))
    run.meter.scan(len(text) * 64)
    start, end = 0, len(text)
    while start < end and text[start] in unwanted:
        start += 1
    while start < end and text[end - 1] in unwanted:
        end -= 1
    return run.meter.text(text[start:end])


def _upper(run: Run, value: object) -> str:
    return run.meter.text(text_argument("upper", value).upper())


def _lower(run: Run, value: object) -> str:
    return run.meter.text(text_argument("lower", value).lower())


def _cut(run: Run, name: str, *arguments: object) -> tuple[str, list[str]]:
    """The separator and the parts; at most n parts when n is given, none for n = 0."""
    text = text_argument(name, arguments[0])
    separator = text_argument(name, arguments[1])
    most = int_argument(name, arguments[2]) if len(arguments) > 2 else -1
    cuts = most - 1 if most > 0 else -1
    if most == 0:
        return separator, []
    if not separator:
        count = len(text) if cuts < 0 else min(len(text), most)
        run.meter.items(count)
        parts = list(text[:count])
        if parts:
            parts[-1] = text[count - 1 :]
        return separator, parts
    found = text.count(separator)
    run.meter.items(1 + (found if cuts < 0 else min(found, cuts)))
    run.meter.text_size(len(text))
    return separator, text.split(separator, min(cuts, found))


def _split(run: Run, *arguments: object) -> list[str]:
    return _cut(run, "split", *arguments)[1]


def _split_after(run: Run, *arguments: object) -> list[str]:
    separator, parts = _cut(run, "splitAfter", *arguments)
    run.meter.text_size(len(separator) * len(parts))
    return [part + separator for part in parts[:-1]] + parts[-1:]


def _replace(run: Run, *arguments: object) -> str:
    text, old, new = (text_argument("replace", argument) for argument in arguments[:3])
    most = int_argument("replace", arguments[3]) if len(arguments) > 3 else -1
    count = text.count(old)
    if 0 <= most < count:
        count = most
    run.meter.room(len(text) + count * (len(new) - len(old)))
    return run.meter.text(text.replace(old, new, count))


def _repeat(run: Run, value: object, times: object) -> str:
    text = text_argument("repeat", value)
    count = int_argument("repeat", times)
    if count < 0:
        raise ExpressionError("repeat: the count is negative")
    run.meter.room(len(text) * count)
    return run.meter.text(text * count)


def _index_of(run: Run, value: object, part: object) -> int:
    text, wanted = text_argument("indexOf", value), text_argument("indexOf", part)
    run.meter.scan(len(text) + len(wanted))
    return text.find(wanted)


def _last_index_of(run: Run, value: object, part: object) -> int:
    text, wanted = text_argument("lastIndexOf", value), text_argument("lastIndexOf", part)
    run.meter.scan(len(text) + len(wanted))
    # Searching from the right is quadratic in Python, from the left it is linear.
    at = text[::-1].find(wanted[::-1])
    return -1 if at < 0 else len(text) - at - len(wanted)


def _has_prefix(run: Run, value: object, prefix: object) -> bool:
    text, start = text_argument("hasPrefix", value), text_argument("hasPrefix", prefix)
    run.meter.scan(len(start))
    return text.startswith(start)


def _has_suffix(run: Run, value: object, suffix: object) -> bool:
    text, end = text_argument("hasSuffix", value), text_argument("hasSuffix", suffix)
    run.meter.scan(len(end))
    return text.endswith(end)


def _trim_prefix(run: Run, value: object, prefix: object) -> str:
    text = text_argument("trimPrefix", value)
    return run.meter.text(text.removeprefix(text_argument("trimPrefix", prefix)))


def _trim_suffix(run: Run, value: object, suffix: object) -> str:
    text = text_argument("trimSuffix", value)
    return run.meter.text(text.removesuffix(text_argument("trimSuffix", suffix)))


def _join(run: Run, value: object, glue: object = "") -> str:
    separator = text_argument("join", glue)
    parts = []
    size = 0
    for element in list_argument("join", value):
        parts.append(text_argument("join", element))
        size += len(parts[-1])
        run.meter.tick()
    run.meter.room(size + len(separator) * max(len(parts) - 1, 0))
    return run.meter.text(separator.join(parts))


FUNCTIONS = {
    "trim": Builtin(_trim, 1, 2),
    "upper": Builtin(_upper, 1, 1),
    "lower": Builtin(_lower, 1, 1),
    "split": Builtin(_split, 2, 3),
    "splitAfter": Builtin(_split_after, 2, 3),
    "replace": Builtin(_replace, 3, 4),
    "repeat": Builtin(_repeat, 2, 2),
    "indexOf": Builtin(_index_of, 2, 2),
    "lastIndexOf": Builtin(_last_index_of, 2, 2),
    "hasPrefix": Builtin(_has_prefix, 2, 2),
    "hasSuffix": Builtin(_has_suffix, 2, 2),
    "trimPrefix": Builtin(_trim_prefix, 2, 2),
    "trimSuffix": Builtin(_trim_suffix, 2, 2),
    "join": Builtin(_join, 1, 2),
}
