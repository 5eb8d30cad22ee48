"""What belongs to the server and to no dialect: the root, health, figures, the API document."""

from app.api.http import plain
from app.api.http.cors import Cors
from app.api.http.dialect import Dialect, Terms, families
from app.api.system import routes
from config.settings import Settings

_FAMILIES = families("/", "/health", "/metrics", "/api/docs")


def _terms(settings: Settings) -> Terms:
    # The browsers of one dialect ask /health across origins, and its setting says whether they may.
    cors = Cors(
        methods=("GET", "HEAD", "PUT", "POST", "DELETE"), echo=True, only=frozenset({"/health"})
    )
    return Terms(
        max_body_bytes=64 * 1024,
        cors=cors if settings.manticore.cors else None,
        log_skip=frozenset({"GET /health"}),
    )


def _owns(path: str) -> bool:
    return path == "/" or (not path.startswith("//") and _FAMILIES(path))


DIALECT = Dialect(
    name="system",
    title="Jobyard server",
    about="Health, figures and this document.",
    owns=_owns,
    terms=_terms,
    blueprints=routes.blueprints,
    failure=plain.failure,
    error_schema=plain.Message,
)
