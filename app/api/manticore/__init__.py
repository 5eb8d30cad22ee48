"""The Manticore dialect: short-lived environments from a waiting list, told of over websockets."""

import logging

from app.api.http.cors import Cors
from app.api.http.dialect import Dialect, Terms, families
from app.api.manticore import routes
from app.api.manticore.access import Gate, Tokens
from app.api.manticore.errors import failure
from app.api.manticore.schemas import Error
from app.api.manticore.service.health import figures, health, ready
from app.api.manticore.words import without_passcode
from config.settings import Settings

# Browsers that ask this dialect expect the list as one word.
_CORS = Cors(methods=("GET,HEAD,PUT,POST,DELETE",), echo=True, bare=True)
_owns = families("/api/v2/job", "/api/v2/info", "/api/v2/queue")


def _terms(settings: Settings) -> Terms:
    manticore = settings.manticore
    guard = Tokens(manticore) if manticore.jwt_secret else Gate(manticore)
    return Terms(
        enabled=manticore.enabled,
        prefix=manticore.prefix,
        max_body_bytes=manticore.max_body_bytes,
        cors=_CORS if manticore.cors else None,
        log_level=logging.INFO,
        log_path=without_passcode,
        guard=guard,
    )


DIALECT = Dialect(
    name="manticore",
    title="Manticore",
    about="Environments of a core and a hmi, for users who wait in line for them.",
    owns=_owns,
    terms=_terms,
    blueprints=routes.blueprints,
    failure=failure,
    error_schema=Error,
    health=health,
    ready=ready,
    figures=figures,
)
