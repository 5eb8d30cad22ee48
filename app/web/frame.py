"""What all pages have in common: who may have them, what stands around them, how they refuse."""

import functools
import logging
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

from flask import Blueprint, abort, current_app, redirect, render_template, request
from flask.typing import ResponseReturnValue

from app.api.flamenco import errors as flamenco
from app.api.http.problems import problem_of
from app.api.jobyard.errors import BadRequest
from app.api.mantis import errors as mantis
from app.api.task_tracker import errors as tracker
from app.api.tork import errors as tork
from app.domain.errors import EngineError
from app.domain.records import Scope
from app.web import forgery
from app.web.visitors import visitor

View = Callable[..., ResponseReturnValue]
LOGIN = "/ui/login"
REFUSALS = (tracker.Refused, flamenco.Refused, mantis.Refused, tork.Refused, forgery.Forged)
"""What the services of the dialects raise: all have a status and a text."""
_log = logging.getLogger(__name__)


class Page(NamedTuple):
    """A page as the others link to it.

    group: the heading it stands under. needs: what a visitor must be good for; None is everybody.
    is_near: only for visitors who are known.
    """

    name: str
    path: str
    group: str
    needs: Scope | None = Scope.READ
    is_near: bool = False


def navigation() -> list[tuple[str, list[Page]]]:
    """Give the pages that the visitor may have, by the heading they stand under."""
    pages: Sequence[Page] = current_app.extensions["jobyard-pages"]
    who = visitor()
    groups: dict[str, list[Page]] = {}
    for each in pages:
        if who.may(each.needs) and (who.is_known or not each.is_near):
            groups.setdefault(each.group, []).append(each)
    return list(groups.items())


def page(
    blueprint: Blueprint, path: str, needs: Scope | None = Scope.READ, *, method: str = "GET"
) -> Callable[[View], View]:
    """Mount a view for visitors who are good for something; who may be, is asked to log in."""

    def mount(view: View) -> View:
        @functools.wraps(view)
        def guarded(**words: Any) -> ResponseReturnValue:
            who = visitor()
            if not who.may(needs):
                if who.manager is None and method == "GET":
                    target = request.full_path if request.query_string else request.path
                    return redirect(f"{LOGIN}?{urlencode({'next': target})}", 303)
                abort(403)
            return view(**words)

        blueprint.add_url_rule(path, view_func=guarded, methods=[method])
        return guarded

    return mount


def show(template: str, here: str = "", **words: Any) -> str:
    """Render a page. here: the path of the one that is marked in the navigation."""
    return render_template(
        f"ui/{template}",
        navigation=navigation(),
        here=here,
        visitor=visitor(),
        csrf_token=forgery.token,
        **words,
    )


def refusal(error: Exception) -> ResponseReturnValue:
    """Answer an error with a page that says what happened."""
    if isinstance(error, REFUSALS):
        status, message = error.status, str(error)
        faults = error.errors if isinstance(error, flamenco.Refused) else {}
    elif isinstance(error, BadRequest):
        status, message, faults = 400, str(error), error.faults
    else:
        problem = problem_of(error)
        if problem.status < 400:
            return error  # type: ignore[return-value]
        status, message, faults = problem.status, problem.message, {}
    if status >= 500 and not isinstance(error, EngineError):
        _log.error("unexpected error", exc_info=error)
    if status == 503:
        # Who is asking cannot be found out either.
        return render_template("ui/away.html", message=message), 503
    return show("refused.html", status=status, message=message, faults=faults), status
