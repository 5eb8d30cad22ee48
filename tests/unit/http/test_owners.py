"""Whose path is it?"""

import pytest

from app.api import DIALECTS
from app.api.http import plain
from app.api.http.dialect import Mounted, Owners
from app.api.tork.paths import is_id
from config.settings import load


def owners(**options):
    settings = load({}, options=options)
    mounted = [Mounted(dialect, dialect.terms(settings)) for dialect in DIALECTS]
    return Owners(mounted, Mounted(plain.NOBODY, plain.NOBODY.terms(settings)))


def owner(path, **options):
    return owners(**options).of(path).dialect.name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/", "system"),
        ("/health", "system"),
        ("/healthy", "nobody"),
        ("/jobs", "tork"),
        ("/jobs/x/y", "tork"),
        ("/jobsx", "nobody"),
        ("/users", "tork"),
        ("/metrics", "tork"),
        ("/metrics/prometheus", "system"),
        ("/tasks", "flamenco"),
        ("/tasks/", "nobody"),
        ("/tasks/" + "1" * 32, "tork"),
        ("/tasks/" + "1" * 32 + "/log", "tork"),
        ("/tasks/" + "1" * 33, "flamenco"),
        ("/tasks/12", "flamenco"),
        ("/tasks/12/log", "flamenco"),
        ("/tasks/12x", "tork"),
        ("/tasks/abc/log", "tork"),
        ("/tasks/compiled", "flamenco"),
        ("/tasks/file/1", "flamenco"),
        ("/tasks/files", "tork"),
        ("/tasks/zip", "flamenco"),
        ("/tasks/thumbnails", "flamenco"),
        ("/tasks/12\n", "tork"),
        ("/api/jobyard/v1/jobs", "jobyard"),
        ("/api/docs/", "system"),
        ("/workers", "flamenco"),
        ("/workers/1", "flamenco"),
        ("/settings/worker_timeout", "flamenco"),
        ("/api/v1/jobClusters/x", "mantis"),
        ("/api/v1/jobConnectById/x-1", "mantis"),
        ("/api", "nobody"),
        ("/ui/", "nobody"),
    ],
)
def test_each_path_has_one_owner(path, name):
    assert owner(path) == name


def test_owner_moves_with_its_prefix():
    moved = {"tork.prefix": "/tork"}
    assert owner("/tork/jobs", **moved) == "tork"
    assert owner("/tork/anything", **moved) == "tork"
    assert owner("/tork", **moved) == "nobody"
    assert owner("/jobs", **moved) == "nobody"
    assert owner("/metrics", **moved) == "system"


def test_dialect_that_is_off_owns_nothing():
    assert owner("/jobs", **{"tork.enabled": False}) == "nobody"


@pytest.mark.parametrize(
    ("text", "valid"),
    [("0" * 32, True), ("f" * 32, True), ("F" * 32, False), ("0" * 31, False), ("0" * 33, False),
     ("0" * 32 + "\n", False), ("\u0660" * 32, False)],
)  # fmt: skip
def test_id_is_32_digits_of_hexadecimal(text, valid):
    assert is_id(text) is valid
