"""Regular expressions for `matches`: Go's syntax, with a time limit.

Go's patterns cannot look around, refer back or recurse, and its engine never backtracks. The
engine here does backtrack, so each search gets the time the evaluation has left; and what Go's
syntax lacks is refused, both to stay portable and because recursion and fuzzy matching have no
sensible bound.
"""

import re
from functools import lru_cache

import regex

from plugins.workflow.expr.errors import ExpressionError
from plugins.workflow.expr.limits import Meter

_MAX_CHARACTERS = 500
# Nested repetitions multiply: `((a{1000}){1000}){1000}` alone would take all memory to compile.
_MAX_PARTS = 10_000
_ESCAPE = (
    r"\\(?:(?P<category>[pP](?:[A-Z]|\{\^?[A-Za-z_]+\}))|x\{(?P<code>[0-9a-fA-F]{1,6})\}"
    r"|(?P<plain>.|\Z))"
)
_PART = re.compile(
    r"\\Q(?P<quoted>.*?)(?:\\E|\Z)|"
    + _ESCAPE
    + r"|\[(?P<members>\^?\]?(?:\\.|\[:\^?[a-z]+:\]|[^\]\\])*)\]"
    r"|\(\?(?P<group>P?<[A-Za-z_][A-Za-z0-9_]*>|[ims]*(?:-[ims]+)?[:)])?(?P<bad_group>)"
    r"|\{(?P<repeat>[0-9]{1,5}(?:,[0-9]{0,5})?\})?"
    r"|(?P<end>\$)"
    r"|(?P<other>.)",
    re.DOTALL,
)
_MEMBER = re.compile(_ESCAPE + r"|(?P<posix>\[:\^?[a-z]+:\])|(?P<other>.)", re.DOTALL)
# The letters Go gives a meaning after a backslash; all punctuation may be escaped.
_MEANT = frozenset("AbBdDsSwWzafnrtvx")


def found(meter: Meter, text: str, pattern: str) -> bool:
    """Whether the pattern matches anywhere in the text.

    Raises ExpressionError: not a pattern, longer than 500 characters, or out of time.
    """
    compiled = _compile(pattern)
    meter.scan(len(text))
    # The engine counts processor time; on a busy machine that is less than what the clock shows.
    timeout_s = meter.remaining_s() / 2
    try:
        return compiled.search(text, timeout=timeout_s, concurrent=True) is not None
    except TimeoutError:
        raise ExpressionError("the pattern took too long") from None
    except MemoryError:
        raise ExpressionError("the pattern needs too much memory") from None


@lru_cache(maxsize=256)
def _compile(pattern: str) -> regex.Pattern[str]:
    if len(pattern) > _MAX_CHARACTERS:
        raise ExpressionError(f"the pattern is longer than {_MAX_CHARACTERS} characters")
    # Whether a $ also means the end of a line depends on flags; with flags it is left as it is.
    flags = "(?" in pattern
    translated = []
    sizes = [0]  # of the groups now open, in parts, with repetitions written out
    last = 0
    for part in _PART.finditer(pattern):
        translated.append(_translated(part, flags=flags))
        if part[0].startswith("("):
            sizes.append(0)
            continue
        if part["repeat"] is not None:
            last *= max(int(bound or 0) for bound in part["repeat"][:-1].split(",")) - 1
        else:
            last = sizes.pop() if part[0] == ")" and len(sizes) > 1 else len(part[0])
        last = max(last, 0)
        sizes[-1] += last
        if sizes[-1] > _MAX_PARTS:
            raise ExpressionError("invalid pattern: too many repetitions")
    try:
        return regex.compile("".join(translated))
    except (regex.error, RecursionError, OverflowError, ValueError, KeyError) as fault:
        raise ExpressionError(f"invalid pattern: {str(fault)[:80]}") from None


def _translated(part: re.Match[str], *, flags: bool) -> str:
    """One part of a Go pattern as the engine used here wants it."""
    if part["quoted"] is not None:
        return re.escape(part["quoted"])
    if part["members"] is not None:
        return f"[{_members(part['members'])}]"
    if part["bad_group"] is not None and part["group"] is None:
        raise ExpressionError("invalid pattern: unsupported (? group")
    if part["repeat"] is not None:
        return part[0]
    if part[0] == "{":
        return r"\{"  # Go reads any other brace as itself
    if part["end"] is not None and not flags:
        return r"\Z"
    return part[0] if part["other"] is not None or part[0][0] != "\\" else _escaped(part)


def _members(body: str) -> str:
    negated = body.startswith("^")
    body = body[negated:]
    translated = "^" if negated else ""
    if body.startswith("]"):  # a bracket that comes first is an ordinary member
        translated += r"\]"
        body = body[1:]
    for part in _MEMBER.finditer(body):
        if part["other"] == "[":
            translated += r"\["
        else:
            plain = part["other"] is not None or part["posix"] is not None
            translated += part[0] if plain else _escaped(part)
    return translated


def _escaped(part: re.Match[str]) -> str:
    if part["category"] is not None:
        return part[0]
    if part["code"] is not None:
        code = int(part["code"], 16)
        if code > 0x10FFFF:
            raise ExpressionError("invalid pattern: no such character")
        return re.escape(chr(code))
    letter = part["plain"]
    if not letter or (letter.isalnum() and letter not in _MEANT):
        raise ExpressionError(f"invalid pattern: unsupported escape \\{letter}")
    return r"\Z" if letter == "z" else part[0]
