"""The tables of routes in the dialects' README files are the routes that are mounted."""

import importlib
import re
from pathlib import Path

import pytest

from app.api import DIALECTS
from app.factory import create_app
from app.wiring import build
from config.settings import load

API = Path(__file__).parents[2] / "app" / "api"
ROUTE = re.compile(r"^\| `([A-Z]+) (/[^`]*)` \| ([^|]*) \|", re.MULTILINE)
CONVERTER = re.compile(r"<\w+:")
SAMPLES = {"flamenco": "7"}
"""Where an id of 32 hexadecimal digits would be somebody else's."""


@pytest.fixture
def app(data_dir):
    services = build(load({}, options={"data_dir": str(data_dir)}))
    yield create_app(services.settings, services=services)
    services.close()


def documented(dialect):
    """Return {(method, path): service} of a README."""
    rows = ROUTE.findall((API / dialect.name / "README.md").read_text())
    found = {(method, path): service.strip("` ") for method, path, service in rows}
    assert len(found) == len(rows), "a route is there twice"
    return found


def mounted(app, dialect):
    owned = {}
    for rule in app.url_map.iter_rules():
        path = CONVERTER.sub("<", rule.rule)
        package = app.view_functions[rule.endpoint].__module__
        if package.startswith(f"app.api.{dialect.name}."):
            for method in rule.methods - {"HEAD", "OPTIONS"}:
                owned[method, path] = package
    return owned


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_readme_lists_exactly_the_routes_that_are_mounted(app, dialect):
    assert documented(dialect).keys() == mounted(app, dialect).keys()


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_readme_names_service_functions_that_exist(dialect):
    for route, name in documented(dialect).items():
        if name in ("none", "http.exposition"):
            continue
        module, _, function = f"app.api.{dialect.name}.service.{name}".rpartition(".")
        assert callable(getattr(importlib.import_module(module), function)), route


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_every_route_is_its_dialects_own_path(app, dialect):
    for _, path in mounted(app, dialect):
        sample = re.sub(r"<\w+>", SAMPLES.get(dialect.name, "0123456789abcdef" * 2), path)
        assert dialect.owns(sample), path


def test_every_folder_of_the_api_is_mounted():
    folders = {path.parent.name for path in API.glob("*/routes*")}
    assert folders == {dialect.name for dialect in DIALECTS}
