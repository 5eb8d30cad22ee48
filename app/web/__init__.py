"""The pages for people, below `/ui/`: HTML made on the server, with styles and scripts of our own.

A page shows what the services of the APIs give, and does what they do: masking, permissions and
refusals are theirs, so nobody can see or do more here than by a program. Nothing is loaded from
another machine, and no script or style stands in the HTML, which the policy of every page forbids.
"""

from flask import Blueprint, Flask, Response

from app.web import forgery, routes
from app.web.frame import refusal
from app.web.live import Live
from config.settings import Settings

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def mount(app: Flask, settings: Settings) -> None:
    """Put all pages into an application."""
    blueprint = Blueprint(
        "ui",
        __name__,
        static_folder="static",
        static_url_path="/ui/static",
        template_folder="templates",
    )
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
    app.jinja_env.globals["forgery"] = forgery.field
    app.jinja_env.globals["parts"] = app.jinja_env.get_template("ui/parts.html").module
