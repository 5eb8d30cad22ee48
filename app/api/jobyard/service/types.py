"""Job types, and the shape of their parameters as JSON Schema."""

from app.api.http.forms import spec_schema
from app.domain.errors import NotFound, UnknownJobType
from app.domain.records import Json
from app.hooks import JobInterface
from app.wiring import Services


def find(services: Services) -> Json:
    """Give all job types by name."""
    interfaces = services.plugins.interfaces
    return {"items": [_document(services, each) for _, each in sorted(interfaces.items())]}


def get(services: Services, name: str) -> Json:
    """Give one job type. Raises NotFound."""
    try:
        return _document(services, services.plugins.interface(name))
    except UnknownJobType as error:
        raise NotFound("there is no such job type") from error


def _document(services: Services, interface: JobInterface) -> Json:
    return {
        "name": interface.name,
        "title": interface.title or interface.name,
        "options": services.plugins.options(interface),
        "schema": spec_schema(interface.spec_schema),
    }
