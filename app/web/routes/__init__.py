"""Views of the pages, a module for each topic."""

from collections.abc import Callable, Sequence
from typing import Any

from flask import Blueprint
from flask.blueprints import BlueprintSetupState

from app.web.frame import Page
from app.web.routes import (
    accounts,
    audit,
    clusters,
    environments,
    farm,
    farm_workers,
    home,
    job,
    jobs,
    output,
    people,
    projects,
    queues,
    schedules,
    server,
    streams,
    submit,
    tasks,
    tokens,
    waiting,
    workers,
)
from config.settings import Settings

TOPICS: Sequence[Callable[[Blueprint, Settings], Sequence[Page]]] = (
    home.mount,
    jobs.mount,
    job.mount,
    output.mount,
    tasks.mount,
    submit.mount,
    waiting.mount,
    schedules.mount,
    environments.mount,
    clusters.mount,
    projects.mount,
    farm.mount,
    farm_workers.mount,
    workers.mount,
    queues.mount,
    server.mount,
    people.mount,
    tokens.mount,
    audit.mount,
    accounts.mount,
    streams.mount,
)
"""Each puts its pages on the blueprint and gives those that the navigation shows, in its order."""

API = Page("API", "/api/docs/", "Server", None)


def mount(blueprint: Blueprint, settings: Settings) -> None:
    """Put all pages on a blueprint."""
    pages = [page for topic in TOPICS for page in topic(blueprint, settings)]

    def know(state: BlueprintSetupState) -> Any:
        state.app.extensions["jobyard-pages"] = (*pages, API)

    blueprint.record(know)
