"""The functions of the language, by name. Each module holds one family and its table."""

from plugins.workflow.expr.calls import Builtin
from plugins.workflow.expr.functions import (
    conversion,
    lists,
    maps,
    numbers,
    predicates,
    strings,
    time,
)

FUNCTIONS: dict[str, Builtin] = {
    **strings.FUNCTIONS,
    **numbers.FUNCTIONS,
    **lists.FUNCTIONS,
    **maps.FUNCTIONS,
    **predicates.FUNCTIONS,
    **conversion.FUNCTIONS,
    **time.FUNCTIONS,
}
