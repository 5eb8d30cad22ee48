"""The pages for people, below `/ui/`: plain HTML with styles and scripts of our own.

A page holds no data. Its script asks the job APIs for it, on the server that the page came from, as
any other client does; so a page can do nothing that its user could not do by hand. Nothing is
loaded from anywhere else, and no script or style stands in the HTML, which the policy of every page
forbids.
"""

from flask import Blueprint, Response

from app.web import routes
from config.settings import Settings

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def pages(settings: Settings) -> Blueprint:
    """Give all pages, to be mounted as they are."""
    blueprint = Blueprint(
        "ui",
        __name__,
        static_folder="static",
        static_url_path="/ui/static",
        template_folder="templates",
    )
    routes.mount(blueprint, settings)

    @blueprint.after_request
    def guarded(response: Response) -> Response:
        if response.mimetype == "text/html":
            response.headers["Content-Security-Policy"] = POLICY
            response.headers["Cache-Control"] = "no-store"
        return response

    return blueprint
