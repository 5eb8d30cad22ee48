"""The Tork dialect: container workflows submitted as YAML or JSON."""

import logging

from app.api.http.cors import Cors
from app.api.http.dialect import Dialect, Terms
from app.api.tork import paths, routes
from app.api.tork.access import Access
from app.api.tork.errors import failure
from app.api.tork.schemas import Error
from app.api.tork.service import webhooks
from config.settings import Settings


def _terms(settings: Settings) -> Terms:
    tork = settings.tork
    cors = Cors(
        origins=tork.cors_origins,
        methods=tork.cors_methods,
        headers=tork.cors_headers,
        credentials=tork.cors_credentials,
    )
    guarded = tork.basicauth_enabled or tork.keyauth_enabled or tork.ratelimit_enabled
    level = logging.getLevelNamesMapping()[tork.request_log_level.upper()]
    return Terms(
        enabled=tork.enabled,
        prefix=tork.prefix,
        max_body_bytes=tork.bodylimit_bytes,
        cors=cors if tork.cors_enabled else None,
        log_level=level if tork.request_log_enabled else None,
        log_skip=frozenset(tork.request_log_skip),
        json_type="application/json; charset=UTF-8",
        guard=Access(tork) if guarded else None,
    )


DIALECT = Dialect(
    name="tork",
    title="Tork",
    about="Container workflows: jobs in YAML or JSON, their tasks, logs, queues and nodes.",
    owns=paths.owns,
    terms=_terms,
    blueprints=routes.blueprints,
    failure=failure,
    error_schema=Error,
    post=webhooks.post,
)
