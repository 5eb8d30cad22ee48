"""The blueprint of our own API, and what every route of it has in common."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from flask import g
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from app.api.http.bearer import demand
from app.api.http.documents import SchemaLike, described, number_query, text_query
from app.api.http.site import services
from app.api.jobyard import query as queries
from app.api.jobyard.schemas import Error
from app.domain.records import ApiToken, Scope

View = Callable[..., ResponseReturnValue]

SIZE = number_query("size", f"Entries at most, up to {queries.MOST}.", queries.SIZE)
CURSOR = (SIZE, text_query("after", "The `next` of an answer: give what follows it."))

blueprint = Blueprint(
    "jobyard", __name__, url_prefix="/api/jobyard/v1", description="Work of every dialect."
)


def route(
    path: str,
    scope: Scope,
    answer: SchemaLike | None = None,
    *,
    method: str = "GET",
    errors: Sequence[int] = (),
    **words: Any,
) -> Callable[[View], View]:
    """Mount a view for those whose token has the scope, or for anybody where none is required.

    Whoever may do anything with tokens always needs one. words: as `described` has them.
    """
    described_so = described(
        blueprint, answer, errors=(401, 403, 405, *errors), error=Error, **words
    )

    def mount(view: View) -> View:
        @functools.wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> ResponseReturnValue:
            found = services()
            required = found.settings.api.require_token or scope is Scope.ADMIN
            g.token = demand(found.engine, scope, required=required)
            return view(*args, **kwargs)

        mounted: View = blueprint.route(path, methods=[method])(described_so(guarded))
        return mounted

    return mount


def token() -> ApiToken | None:
    """Give the token of the request at hand; None where none was needed and none came."""
    found: ApiToken | None = g.token
    return found
