"""`/`, `/health`, the figures for Prometheus and the page of the API documents."""

from pathlib import Path
from typing import Any

import flask_swagger_ui
from flask import Response, redirect, request, send_from_directory
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint
from werkzeug.exceptions import NotFound

from app.api.http.documents import described, text_query
from app.api.http.exposition import exposition, wants_text
from app.api.http.plain import Message
from app.api.http.site import services, site
from app.api.system import schemas, service
from config.settings import Settings

_HERE = Path(__file__).parent
_SWAGGER = Path(flask_swagger_ui.__file__).parent / "dist"
_SWAGGER_FILES = frozenset(
    {
        "swagger-ui.css",
        "swagger-ui-bundle.js",
        "swagger-ui-standalone-preset.js",
        "favicon-32x32.png",
    }
)
_OWN_FILES = frozenset({"docs.js", "docs.css"})
# Swagger UI sets styles of its own and shows small images from data addresses.
_DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)

_READY = (text_query("ready", "1 asks besides whether each API can do its work just now."),)
blueprint = Blueprint("system", __name__, description="The server itself.")
metrics = Blueprint("figures", __name__, description="Figures, where no dialect has its own.")


def blueprints(settings: Settings) -> list[Blueprint]:
    """Give what is to be mounted; `/metrics` is left to a dialect that answers it unprefixed."""
    tork = settings.tork
    taken = tork.enabled and not tork.prefix
    return [blueprint] if taken else [blueprint, metrics]


@blueprint.route("/")
@described(blueprint, schemas.Root, errors=(405,), error=Message)
def root() -> ResponseReturnValue:
    """Say what answers here; a browser is sent to the pages."""
    kinds = {kind.partition(";")[0].lower() for kind, _ in request.accept_mimetypes}
    if kinds & {"text/html", "application/xhtml+xml"}:
        return redirect("/ui/", 302)
    return service.root(services().settings)


@blueprint.route("/health")
@described(blueprint, schemas.Health, errors=(405,), error=Message, query=_READY)
def health() -> ResponseReturnValue:
    """Tell whether the store answers: 200, else 503 with the same object."""
    dialects = [each.dialect for each in site().owners.mounted]
    asked = request.args.get("ready", "") not in ("", "0", "false")
    document, well = service.health(services(), dialects, ready=asked)
    return document, 200 if well else 503


@blueprint.route("/metrics/prometheus")
@described(blueprint, errors=(405,), error=Message, content_type="text/plain")
def prometheus() -> ResponseReturnValue:
    """Give the figures as Prometheus's text."""
    return _figures()


@metrics.route("/metrics")
@described(metrics, errors=(404, 405), error=Message, content_type="text/plain")
def shared_metrics() -> ResponseReturnValue:
    """Give the figures as Prometheus's text to who asks for text."""
    if not wants_text(request):
        raise NotFound
    return _figures()


def _figures() -> Response:
    dialects = [each.dialect for each in site().owners.mounted]
    body, content_type = exposition(services(), dialects, request.headers.get("Accept", ""))
    return Response(body, content_type=content_type)


@blueprint.route("/api/docs", endpoint="docs_without_slash")
@blueprint.route("/api/docs/")
@described(blueprint, errors=(405,), error=Message, content_type="text/html")
def docs() -> Response:
    """Show the API documents; works without any network but this server."""
    return Response(
        service.docs_page([each.dialect for each in site().owners.mounted]),
        mimetype="text/html",
        headers={"Content-Security-Policy": _DOCS_POLICY},
    )


@blueprint.route("/api/docs/<name>.json")
@described(blueprint, schemas.Document, errors=(404, 405), error=Message)
def document(name: str) -> dict[str, Any]:
    """Give the OpenAPI document of one dialect."""
    found = site().documents.get(name)
    if found is None:
        raise NotFound
    return found()


@blueprint.route("/api/docs/files/<name>")
@described(blueprint, errors=(404, 405), error=Message, content_type="application/octet-stream")
def docs_file(name: str) -> Response:
    """Give a script or style of the page."""
    if name in _OWN_FILES:
        return send_from_directory(_HERE / "static", name, max_age=3600)
    if name in _SWAGGER_FILES:
        return send_from_directory(_SWAGGER, name, max_age=3600)
    raise NotFound
