"""Text of an expression to tokens."""

import re
from typing import NamedTuple

from plugins.workflow.expr.errors import ExpressionSyntaxError
from plugins.workflow.expr.limits import MAX_CHARACTERS, MAX_INT

NUMBER = "number"
STRING = "string"
NAME = "name"
OPERATOR = "operator"
BRACKET = "bracket"
END = "end"

_WORD_OPERATORS = frozenset(
    {"and", "or", "not", "in", "matches", "contains", "startsWith", "endsWith"}
)
_SYNONYMS = {"&&": "and", "||": "or", "!": "not", "^": "**"}

# Every alternative runs in linear time: no repetition can be split in two ways.
_TOKEN = re.compile(
    r"""
    (?P<space>   [ \t\r\n]+ | //[^\n]* )
  | (?P<comment> /\* )
  | (?P<number>  0[xX][0-9a-fA-F_]+ | 0[bB][01_]+ | 0[oO][0-7_]+
               | (?: [0-9][0-9_]* (?:\.[0-9][0-9_]*)? | \.[0-9][0-9_]* ) (?:[eE][+-]?[0-9]+)? )
  | (?P<string>  "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*' )
  | (?P<raw>     `[^`]*` )
  | (?P<name>    [^\W\d][\w]* )
  | (?P<operator> \?\?|\?\.|\?|\.\.|\.|\*\*|&&|\|\||==|!=|<=|>=|[|<>+\-*/%^!:,\#] )
  | (?P<bracket> [()\[\]{}] )
    """,
    re.VERBOSE,
)
_ESCAPE = re.compile(
    r"""\\(?:(?P<simple>[abfnrtv\\'"`])
       |x(?P<x>[0-9a-fA-F]{2})|u(?P<u>[0-9a-fA-F]{4})|U(?P<U>[0-9a-fA-F]{8})|(?P<o>[0-7]{3})
       |(?P<bad>.))""",
    re.VERBOSE | re.DOTALL,
)
_SIMPLE = dict(zip("abfnrtv\\'\"`", "\a\b\f\n\r\t\v\\'\"`", strict=True))


class Token(NamedTuple):
    """One token.

    text: of a string, the text it stands for; of operators, one spelling per meaning (`and` for
    `&&`); empty at the end. raw: as written. value: of a number.
    """

    kind: str
    text: str
    offset: int
    raw: str
    value: int | float = 0


def tokenize(text: str) -> list[Token]:
    """All tokens, the last of kind END. Raises ExpressionSyntaxError."""
    if len(text) > MAX_CHARACTERS:
        raise ExpressionSyntaxError(f"longer than {MAX_CHARACTERS} characters", MAX_CHARACTERS)
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ExpressionSyntaxError(_unknown(text[position]), position)
        kind = str(match.lastgroup)
        raw = match[0]
        if kind == "comment":
            end = text.find("*/", position + 2)
            if end < 0:
                raise ExpressionSyntaxError("the comment does not end", position)
            position = end + 2
            continue
        if kind != "space":
            tokens.append(_token(kind, raw, position))
        position = match.end()
        if kind == "number" and (text[position : position + 1].isalnum()):
            raise ExpressionSyntaxError("bad number", position)
    tokens.append(Token(END, "", len(text), ""))
    return tokens


def _token(kind: str, raw: str, offset: int) -> Token:
    if kind == "number":
        return Token(NUMBER, raw, offset, raw, _number(raw, offset))
    if kind == "string":
        return Token(STRING, _unescape(raw[1:-1], offset + 1), offset, raw)
    if kind == "raw":
        return Token(STRING, raw[1:-1], offset, raw)
    if kind == "name":
        if raw in _WORD_OPERATORS:
            return Token(OPERATOR, raw, offset, raw)
        return Token(NAME, raw, offset, raw)
    return Token(kind, _SYNONYMS.get(raw, raw), offset, raw)


def _number(raw: str, offset: int) -> int | float:
    digits = raw.replace("_", "")
    base = {"0x": 16, "0b": 2, "0o": 8}.get(digits[:2].lower())
    if base is not None:
        if len(digits) == 2:
            raise ExpressionSyntaxError("bad number", offset)
        whole = int(digits[2:], base)
    elif any(mark in digits for mark in ".eE"):
        number = float(digits)
        if number == float("inf"):
            raise ExpressionSyntaxError("the number is too large", offset)
        return number
    else:
        # Python refuses to read integers of thousands of digits; all of them are too large.
        whole = int(digits) if len(digits) < 400 else MAX_INT + 1
    if whole > MAX_INT:
        raise ExpressionSyntaxError("the number is too large", offset)
    return whole


def _unescape(body: str, offset: int) -> str:
    if "\\" not in body:
        return body

    def character(match: re.Match[str]) -> str:
        if match["simple"]:
            return _SIMPLE[match["simple"]]
        if match["bad"]:
            raise ExpressionSyntaxError("unknown escape in the string", offset + match.start())
        hexadecimal = match["x"] or match["u"] or match["U"]
        code = int(hexadecimal, 16) if hexadecimal else int(match["o"], 8)
        # No NUL and no half of a surrogate pair: neither can be stored or passed to a process.
        if code == 0 or 0xD800 <= code <= 0xDFFF or code > 0x10FFFF:
            raise ExpressionSyntaxError("the escape is no character", offset + match.start())
        return chr(code)

    return _ESCAPE.sub(character, body)


def _unknown(character: str) -> str:
    if character in "'\"`":
        return "the string does not end"
    return f"unexpected character {character!r}"
