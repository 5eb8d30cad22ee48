"""The Mantis dialect: clusters of jobs kept at their SLA, each job stages of workers."""

import logging

from app.api.http.cors import Cors
from app.api.http.dialect import Dialect, Terms, families
from app.api.mantis import routes
from app.api.mantis.access import Tokens
from app.api.mantis.errors import failure
from app.api.mantis.schemas import Error
from app.api.mantis.service import crons, duties
from config.settings import Settings

_CORS = Cors(
    methods=("GET", "OPTIONS", "PUT", "POST", "DELETE"),
    headers=("Origin", "X-Requested-With", "Accept", "Content-Type", "Cache-Control"),
    bare=True,
)
_owns = families("/api/v1", "/api/v2/jobClusters")


def _terms(settings: Settings) -> Terms:
    mantis = settings.mantis
    return Terms(
        enabled=mantis.enabled,
        prefix=mantis.prefix,
        max_body_bytes=mantis.max_body_bytes,
        cors=_CORS,
        log_level=logging.INFO,
        guard=Tokens() if mantis.require_token else None,
    )


DIALECT = Dialect(
    name="mantis",
    title="Mantis",
    about="Clusters of jobs kept at their SLA, each job stages of workers.",
    owns=_owns,
    terms=_terms,
    blueprints=routes.blueprints,
    failure=failure,
    error_schema=Error,
    run_once=duties.run_once,
    fire=crons.fire,
)
