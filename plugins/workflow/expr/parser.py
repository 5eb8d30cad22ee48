"""A Pratt parser: tokens to nodes. The binding powers are in grammar.py."""

from functools import lru_cache

from plugins.workflow.expr.errors import ExpressionSyntaxError
from plugins.workflow.expr.grammar import BINARY, LAZY, NEGATABLE, ORDER, PREDICATE_FUNCTIONS, UNARY
from plugins.workflow.expr.lexer import (
    BRACKET,
    END,
    NAME,
    NUMBER,
    OPERATOR,
    STRING,
    Token,
    tokenize,
)
from plugins.workflow.expr.limits import MAX_NESTING
from plugins.workflow.expr.nodes import (
    Apply,
    Call,
    Closure,
    Compare,
    Conditional,
    Field,
    Fold,
    Item,
    Lazy,
    ListOf,
    Literal,
    MapOf,
    Method,
    Name,
    Node,
    Path,
    Pipe,
    Piped,
    Pointer,
    Slice,
    Unary,
)

_CONSTANTS = {"true": True, "false": False, "nil": None}
_PIPED = Piped()
_TOO_DEEP = f"nested more than {MAX_NESTING} levels deep"

# Right operands waiting inside each other within one bracket level: at most seven binding powers,
# and `2 ** 2 ** 2`. Bounded apart from the nesting a writer sees, to bound the Python stack.
_MAX_CLIMBS = 200
_CACHED_CHARACTERS = 400
_CACHED_EXPRESSIONS = 512


def parse(text: str) -> Node:
    """The expression as a node; short texts parse once and are then remembered.

    Raises ExpressionSyntaxError: not an expression, longer than 10 000 characters, or nested more
    than 100 levels deep. Names and functions need not exist.
    """
    return _parse_cached(text) if len(text) <= _CACHED_CHARACTERS else _parse(text)


def _parse(text: str) -> Node:
    try:
        return _Parser(tokenize(text)).whole()
    except RecursionError:  # the caller had used up most of the stack
        raise ExpressionSyntaxError(_TOO_DEEP, 0) from None


_parse_cached = lru_cache(maxsize=_CACHED_EXPRESSIONS)(_parse)


class _Parser:
    __slots__ = ("_at", "_climbs", "_closures", "_levels", "_token", "_tokens")

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._token = tokens[0]
        self._levels = -1  # the whole expression itself is no nesting
        self._climbs = 0
        self._closures = 0

    def whole(self) -> Node:
        if self._token.kind == END:
            raise ExpressionSyntaxError("the expression is empty", 0)
        node = self._expression()
        if self._token.kind != END:
            raise self._unexpected()
        return node

    # Tokens

    def _next(self) -> Token:
        token = self._token
        if token.kind != END:
            self._at += 1
            self._token = self._tokens[self._at]
        return token

    def _is(self, text: str) -> bool:
        token = self._token
        return token.text == text and token.kind in {OPERATOR, BRACKET}

    def _take(self, text: str) -> bool:
        if self._is(text):
            self._next()
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise self._unexpected(f", expected {text!r}")

    def _unexpected(self, more: str = "") -> ExpressionSyntaxError:
        token = self._token
        if token.kind == END:
            return ExpressionSyntaxError(f"unexpected end{more}", token.offset)
        shown = token.raw if len(token.raw) <= 30 else token.raw[:30] + "…"
        return ExpressionSyntaxError(f"unexpected {shown}{more}", token.offset)

    def _deeper(self) -> None:
        self._levels += 1
        if self._levels > MAX_NESTING:
            raise self._too_deep()

    def _too_deep(self) -> ExpressionSyntaxError:
        return ExpressionSyntaxError(_TOO_DEEP, self._token.offset)

    # Operators

    def _expression(self) -> Node:
        self._deeper()
        node = self._binary(0)
        while self._take("?"):
            yes = None if self._is(":") else self._expression()
            self._expect(":")
            node = Conditional(node, yes, self._expression())
        self._levels -= 1
        return node

    def _binary(self, floor: int) -> Node:
        first = self._operand()
        steps: list[Apply | Lazy | Compare | Pipe] = []
        previous = ""
        while self._token.kind == OPERATOR:
            operator = self._token.text
            negate = self._token.raw == "not"
            if negate:
                operator = self._negated()
            power = BINARY.get(operator, -1)
            if power < floor:
                break
            if negate:
                self._next()
            if previous == "??" and operator not in {"??", "|"}:
                raise self._unexpected(" after ??: put brackets around one of the two")
            self._next()
            steps.append(self._step(operator, power, negate=negate))
            previous = operator
        return Fold(first, tuple(steps)) if steps else first

    def _negated(self) -> str:
        following = self._tokens[self._at + 1]
        if following.kind != OPERATOR or following.text not in NEGATABLE:
            raise self._unexpected()
        return following.text

    def _step(self, operator: str, power: int, *, negate: bool) -> Apply | Lazy | Compare | Pipe:
        if operator == "|":
            if self._token.kind != NAME:
                raise self._unexpected(", expected a function")
            name = self._next().raw
            return Pipe(self._postfix(Call(name, self._arguments(name, (_PIPED,)))))
        # No method of its own for the right operand: it would cost a stack frame per operator.
        self._climb()
        right = self._binary(power if operator == "**" else power + 1)
        if operator in ORDER:
            links = [(operator, right)]
            while self._token.kind == OPERATOR and self._token.text in ORDER:
                links.append((self._next().text, self._binary(power + 1)))
            self._climbs -= 1
            return Compare(tuple(links))
        self._climbs -= 1
        if operator in LAZY:
            return Lazy(operator, right)
        return Apply(operator, right, negate)

    def _climb(self) -> None:
        self._climbs += 1
        if self._climbs > _MAX_CLIMBS:
            raise self._too_deep()

    # Operands

    def _operand(self) -> Node:
        token = self._token
        node: Node
        if token.kind == NUMBER:
            self._next()
            node = Literal(token.value)
        elif token.kind == STRING:
            self._next()
            node = Literal(token.text)
        elif token.kind == NAME:
            self._next()
            if token.raw in _CONSTANTS:
                return Literal(_CONSTANTS[token.raw])
            if self._is("("):
                node = Call(token.raw, self._arguments(token.raw, ()))
            else:
                node = Name(token.raw)
        elif self._take("("):
            node = self._expression()
            self._expect(")")
        elif token.kind == BRACKET:
            node = self._collection()
        elif token.text in UNARY and token.kind == OPERATOR:
            self._next()
            self._deeper()
            node = Unary(token.text, self._binary(UNARY[token.text]))
            self._levels -= 1
            return node
        elif self._closures and token.text in {"#", "."}:
            node = self._pointer()
        else:
            raise self._unexpected()
        return self._postfix(node)

    def _pointer(self) -> Node:
        """`#`, `#index`, `#acc`, or nothing before the dot of `.field`."""
        name = ""
        if self._take("#") and self._token.kind == NAME:
            name = self._token.raw
            if name not in {"index", "acc"}:
                raise self._unexpected(" after #, expected index or acc")
            self._next()
        return Pointer(name)

    def _collection(self) -> Node:
        if self._take("["):
            items: list[Node] = []
            while not self._take("]"):
                items.append(self._expression())
                if not self._is("]"):
                    self._expect(",")
            return ListOf(tuple(items))
        if self._take("{"):
            pairs: list[tuple[Node, Node]] = []
            while not self._take("}"):
                pairs.append((self._key(), self._value()))
                if not self._is("}"):
                    self._expect(",")
            return MapOf(tuple(pairs))
        raise self._unexpected()

    def _key(self) -> Node:
        token = self._token
        if token.kind in {STRING, NAME, NUMBER}:
            self._next()
            return Literal(token.text)
        if self._take("("):
            node = self._expression()
            self._expect(")")
            return node
        raise self._unexpected(", expected a key")

    def _value(self) -> Node:
        self._expect(":")
        return self._expression()

    # Access and calls

    def _postfix(self, node: Node) -> Node:
        steps: list[Field | Item | Slice | Method] = []
        while True:
            optional = self._is("?.")
            if optional or self._is("."):
                self._next()
                if optional and self._take("["):
                    steps.append(self._item(optional=True))
                else:
                    steps.append(self._member(optional=optional))
            elif self._take("["):
                steps.append(self._item(optional=False))
            else:
                break
        return Path(node, tuple(steps)) if steps else node

    def _member(self, *, optional: bool) -> Field | Method:
        token = self._token
        if token.kind != NAME and not (token.kind == OPERATOR and token.raw.isalpha()):
            raise self._unexpected(", expected a name")
        self._next()
        if self._is("("):
            return Method(token.raw, self._arguments("", ()), optional)
        return Field(token.raw, optional)

    def _item(self, *, optional: bool) -> Item | Slice:
        low = None if self._is(":") else self._expression()
        if low is not None and self._take("]"):
            return Item(low, optional)
        self._expect(":")
        high = None if self._is("]") else self._expression()
        self._expect("]")
        return Slice(low, high, optional)

    def _arguments(self, name: str, before: tuple[Node, ...]) -> tuple[Node, ...]:
        """The bracketed arguments, after those given; `name` tells whether one is a closure."""
        self._expect("(")
        arguments = list(before)
        while not self._take(")"):
            if len(arguments) == 1 and name in PREDICATE_FUNCTIONS:
                arguments.append(self._closure())
            else:
                arguments.append(self._expression())
            if not self._is(")"):
                self._expect(",")
        return tuple(arguments)

    def _closure(self) -> Node:
        start = self._at
        self._closures += 1
        braced = self._take("{")
        body = self._expression()
        if braced:
            self._expect("}")
        self._closures -= 1
        return Closure(body, self._at - start)
