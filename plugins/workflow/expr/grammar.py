"""Tables of the grammar.

Binding powers, loosest first: pipe, `or`, `and`, comparisons and membership, `..`, `+ -`, `not`,
`* / %`, signs, `**`, `??`. They are those of expr 1.17, so `not a == b` is `(not a) == b`, and
`-2 ** 2` is -4. `a ? b : c` is looser than all of them.
"""

#: Functions whose second argument is evaluated once per element.
PREDICATE_FUNCTIONS = frozenset(
    {
        "all",
        "any",
        "count",
        "filter",
        "find",
        "findIndex",
        "findLast",
        "findLastIndex",
        "groupBy",
        "map",
        "none",
        "one",
        "reduce",
        "sortBy",
        "sum",
    }
)

#: Binding power of each operator between two operands.
BINARY = {
    "|": 0,
    "or": 10,
    "and": 15,
    **dict.fromkeys(("==", "!=", "<", ">", "<=", ">=", "in"), 20),
    **dict.fromkeys(("matches", "contains", "startsWith", "endsWith"), 20),
    "..": 25,
    **dict.fromkeys(("+", "-"), 30),
    **dict.fromkeys(("*", "/", "%"), 60),
    "**": 100,
    "??": 500,
}
#: Binding power of the operators before an operand.
UNARY = {"not": 50, "+": 90, "-": 90}
#: What may follow `not` between two operands.
NEGATABLE = frozenset({"in", "matches", "contains", "startsWith", "endsWith"})
#: Comparisons that chain: `a < b <= c`.
ORDER = frozenset({"<", ">", "<=", ">="})
#: Operators whose right side may stay unevaluated.
LAZY = frozenset({"and", "or", "??"})
