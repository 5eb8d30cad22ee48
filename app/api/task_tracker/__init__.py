"""The task_tracker dialect: recipes for remote workers that nobody needs to trust."""

import logging

from app.api.http.cors import Cors
from app.api.http.dialect import Dialect, Terms, families
from app.api.task_tracker import routes
from app.api.task_tracker.errors import failure
from app.api.task_tracker.schemas import Envelope
from app.api.task_tracker.service import monitoring
from config.settings import Settings

_CORS = Cors(
    methods=("GET", "POST", "OPTIONS"),
    headers=("Content-Type", "X-Worker-ID", "X-Secret"),
    bare=True,
)
_owns = families(
    "/worker",
    "/project",
    "/task",
    "/log",
    "/logs",
    "/git",
    "/register",
    "/login",
    "/logout",
    "/account",
    "/manager",
)


def _terms(settings: Settings) -> Terms:
    tracker = settings.task_tracker
    return Terms(
        enabled=tracker.enabled,
        prefix=tracker.prefix,
        max_body_bytes=tracker.max_body_bytes,
        cors=_CORS,
        log_level=logging.INFO,
    )


DIALECT = Dialect(
    name="task_tracker",
    title="task_tracker",
    about="Projects of tasks for remote workers: claims, verification, access, managers.",
    owns=_owns,
    terms=_terms,
    blueprints=routes.blueprints,
    failure=failure,
    error_schema=Envelope,
    run_once=monitoring.run_once,
)
