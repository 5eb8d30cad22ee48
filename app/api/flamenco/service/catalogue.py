"""The compilers and parsers that are installed, so that submit dialogs can build themselves."""

from app.api.flamenco.service import settings
from app.api.http.forms import spec_schema
from app.domain.records import Json
from app.hooks import Compiler
from app.wiring import Services


def compilers(services: Services) -> Json:
    """Give compilers by name, each with what its settings may hold, and the names of parsers."""
    found = settings.compilers(services)
    return {
        "compilers": [_document(services, one) for _, one in sorted(found.items())],
        "parsers": sorted(settings.parsers(services)),
    }


def _document(services: Services, compiler: Compiler) -> Json:
    return {
        "name": compiler.name,
        "title": compiler.title or compiler.name,
        "parser": compiler.parser,
        "programs": dict(compiler.programs),
        "options": services.plugins.options(compiler),
        "settings": spec_schema(compiler.spec_schema),
    }
