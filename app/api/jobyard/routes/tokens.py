"""API tokens; whoever deals with them needs one of scope admin."""

from flask.typing import ResponseReturnValue

from app.api.http.doings import by_token, note
from app.api.http.site import services
from app.api.jobyard import bodies, schemas
from app.api.jobyard.routes.blueprint import route, token
from app.api.jobyard.service import tokens
from app.domain.records import Scope

_NEW_TOKEN = schemas.NewToken()


@route("/tokens", Scope.ADMIN, schemas.Tokens)
def find_tokens() -> ResponseReturnValue:
    """List tokens, newest first, without their secret texts."""
    return tokens.find(services())


@route(
    "/tokens",
    Scope.ADMIN,
    schemas.MadeToken,
    method="POST",
    status=201,
    errors=(400, 413),
    body={"application/json": schemas.NewToken},
)
def create_token() -> ResponseReturnValue:
    """Make a token; its secret text is in this answer and never shown again."""
    made = tokens.create(services(), bodies.loaded(_NEW_TOKEN))
    note("token.create", made["id"], who=by_token(token()), name=made["name"])
    return made, 201


@route("/tokens/<token_id>", Scope.ADMIN, method="DELETE", status=204, errors=(404,))
def revoke_token(token_id: str) -> ResponseReturnValue:
    """Revoke a token: its next request is refused everywhere."""
    tokens.revoke(services(), token_id)
    note("token.revoke", token_id, who=by_token(token()))
    return "", 204
