"""What can go wrong with an expression: it does not parse, or it cannot be evaluated."""

from typing import ClassVar


class ExpressionError(Exception):
    """The expression could not be evaluated; the text says why in one short line.

    `stage` tells callers which prefix upstream clients know:
    `f"error {fault.stage} expression: {fault}"`.
    """

    stage: ClassVar[str] = "evaluating"


class ExpressionSyntaxError(ExpressionError):
    """The text is no expression.

    `offset` counts characters from the start of the text given to the parser or, for a template,
    from the start of the template. `problem` is the message without the offset.
    """

    stage: ClassVar[str] = "compiling"

    def __init__(self, problem: str, offset: int) -> None:
        super().__init__(f"{problem} (at character {offset + 1})")
        self.problem = problem
        self.offset = offset
