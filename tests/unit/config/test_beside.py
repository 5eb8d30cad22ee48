"""The keeper beside gunicorn: what it cannot start must not end the master."""

import pytest

from config import beside
from config.settings import load


@pytest.mark.parametrize(
    "error", [BlockingIOError(11, "no process"), ProcessLookupError(3, "reaped already")]
)
def test_start_that_fails_is_tried_again(monkeypatch, tmp_path, error):
    tries = []

    def start(settings):
        tries.append(settings)
        raise error

    monkeypatch.setattr(beside, "_start", start)
    monkeypatch.setattr(beside, "_PAUSE_S", 0.0)
    keeper = beside.Keeper(load({"JOBYARD_DATA_DIR": str(tmp_path)}))
    keeper.look()
    keeper.look()
    assert len(tries) == 2
