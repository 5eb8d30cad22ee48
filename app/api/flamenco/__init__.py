"""The Flamenco manager dialect: render tasks for workers that come and ask."""

import logging

from app.api.flamenco import paths, routes
from app.api.flamenco.access import Tokens
from app.api.flamenco.errors import failure
from app.api.flamenco.schemas import Error
from app.api.flamenco.service import duties
from app.api.http.dialect import Dialect, Terms
from config.settings import Settings


def _terms(settings: Settings) -> Terms:
    flamenco = settings.flamenco
    return Terms(
        enabled=flamenco.enabled,
        prefix=flamenco.prefix,
        max_body_bytes=flamenco.max_body_bytes,
        log_level=logging.INFO,
        guard=Tokens() if flamenco.require_token else None,
    )


DIALECT = Dialect(
    name="flamenco",
    title="Flamenco manager",
    about="Scenes turned into commands for the workers of a render farm.",
    owns=paths.owns,
    terms=_terms,
    blueprints=routes.blueprints,
    failure=failure,
    error_schema=Error,
    run_once=duties.run_once,
)
