"""The pages for people, below `/ui/`: HTML made on the server, with styles and scripts of our own.

A page shows what the services of the APIs give, and does what they do: masking, permissions and
refusals are theirs, so nobody can see or do more here than by a program. Nothing is loaded from
another machine, and no script or style stands in the HTML, which the policy of every page forbids.
"""

from flask import Blueprint, Flask, Response, request

from app.web import forgery, routes
from app.web.frame import refusal
from app.web.live import Live
from app.web.routes import accounts
from config.settings import Settings

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

TEXTS = "/ui/submit/"
"""Below it as much may be sent as to our own API; elsewhere forms are small."""


def mount(app: Flask, settings: Settings) -> None:
    """Put all pages into an application."""
    blueprint = Blueprint(
        "ui",
        __name__,
        static_folder="static",
        static_url_path="/ui/static",
        template_folder="templates",
    )

    @blueprint.before_request
    def make_room() -> None:
        if request.path.startswith(TEXTS):
            most = settings.api.max_body_bytes
            request.max_content_length = request.max_form_memory_size = most

    forgery.install(app, blueprint)
    Live.install(app)
    routes.mount(blueprint, settings)
    blueprint.register_error_handler(Exception, refusal)

    @blueprint.after_request
    def guarded(response: Response) -> Response:
        if response.mimetype == "text/html":
            response.headers["Content-Security-Policy"] = POLICY
            response.headers["Cache-Control"] = "no-store"
        return response

    app.register_blueprint(blueprint)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals["nobody_is_registered"] = accounts.nobody_is_registered
    app.jinja_env.globals["forgery"] = forgery.field
    app.jinja_env.globals["parts"] = app.jinja_env.get_template("ui/parts.html").module
