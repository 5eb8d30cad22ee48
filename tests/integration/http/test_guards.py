"""What a guard adds to the document of its dialect."""

import pytest

from app.api.http.site import site_of
from app.factory import create_app
from config.settings import load


@pytest.mark.parametrize(
    ("variable", "guarded"),
    [
        ("TORK_MIDDLEWARE_WEB_BASICAUTH_ENABLED", True),
        ("TORK_MIDDLEWARE_WEB_RATELIMIT_ENABLED", True),
        ("TORK_MIDDLEWARE_WEB_CORS_ENABLED", False),
    ],
)
def test_refusals_are_told_of_where_there_are_any(data_dir, variable, guarded):
    app = create_app(load({variable: "true", "JOBYARD_DATA_DIR": str(data_dir)}))
    paths = site_of(app).documents["tork"]()["paths"]
    for path in paths.values():
        for method in {"get", "post", "put", "delete"} & set(path):
            responses = path[method]["responses"]
            assert ("401" in responses) == guarded
            assert not guarded or responses["401"]["content"] == responses["503"]["content"]
    site_of(app).services.close()


def test_a_database_that_is_not_there_yet_stops_no_start(data_dir):
    """The key is then made up at the first request."""
    given = {"TORK_MIDDLEWARE_WEB_KEYAUTH_ENABLED": "true", "JOBYARD_DATA_DIR": str(data_dir)}
    app = create_app(load(given))
    answer = app.test_client().get("/jobs", headers={"Authorization": "Bearer x"})
    assert answer.status_code == 503
    assert list(answer.json) == ["message"]
    site_of(app).services.close()
