"""Our own API, over the whole engine: what any dialect submitted is seen here."""

from app.api.http.dialect import Dialect, Terms, families
from app.api.jobyard import routes
from app.api.jobyard.errors import failure
from app.api.jobyard.schemas import Error
from config.settings import Settings


def _terms(settings: Settings) -> Terms:
    return Terms(max_body_bytes=settings.api.max_body_bytes)


DIALECT = Dialect(
    name="jobyard",
    title="Jobyard",
    about=(
        "Jobs of every dialect, and job types of every plugin. Where tokens are wanted, and for all"
        " that concerns them, send one as `Authorization: Bearer <token>`."
    ),
    owns=families("/api/jobyard"),
    terms=_terms,
    blueprints=routes.blueprints,
    failure=failure,
    error_schema=Error,
)
