"""`/users`."""

from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from app.api.http.bodies import body
from app.api.http.callers import caller
from app.api.http.documents import described
from app.api.http.doings import anybody, note
from app.api.http.site import services
from app.api.tork import schemas
from app.api.tork.service import users as service

blueprint = Blueprint("tork-users", __name__, description="Users.")


@blueprint.route("/users", methods=["POST"])
@described(
    blueprint,
    schemas.User,
    errors=(400, 405, 413, 429),
    error=schemas.Error,
    body={"application/json": schemas.NewUser},
)
def create_user() -> ResponseReturnValue:
    """Create a user; the body is JSON whatever the Content-Type says."""
    made = service.create(services(), body())
    note("user.create", made["username"], who=caller().name or anybody())
    return made
