"""`/settings` of the farm."""

from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from app.api.flamenco import schemas
from app.api.flamenco.answers import document, nothing
from app.api.flamenco.errors import WrongField
from app.api.flamenco.fields import read
from app.api.flamenco.routes.describing import tells
from app.api.flamenco.service import settings as service
from app.api.http.site import services

blueprint = Blueprint("flamenco-settings", __name__, description="Settings of a render farm.")


@blueprint.route("/settings")
@tells(blueprint, answer=schemas.Values)
def get_settings() -> ResponseReturnValue:
    """Give all settings by name."""
    return document(service.every(services()))


@blueprint.route("/settings", methods=["POST"])
@tells(blueprint, 400, 413, body=schemas.Values, status=204)
def post_settings() -> ResponseReturnValue:
    """Store the settings that are named, and leave all others."""
    given = read()
    values = {name: given.raw(name) for name in given.names()}
    service.keep(services(), {name: one for name, one in values.items() if one is not None})
    return nothing()


@blueprint.route("/settings/<farm_name:name>")
@tells(blueprint, 400, answer=schemas.Setting)
def get_setting(name: str) -> ResponseReturnValue:
    """Give one setting."""
    return document(service.one(services(), name))


@blueprint.route("/settings/<farm_name:name>", methods=["PATCH"])
@tells(blueprint, 400, 413, answer=schemas.Value, body=schemas.Value)
def patch_setting(name: str) -> ResponseReturnValue:
    """Store one setting."""
    value = read().raw("value")
    if value is None:
        raise WrongField("value", "is needed")
    service.keep(services(), {name: value})
    return document({"value": value})
