"""The step that begins the audit log."""

from app.data.db import Store
from app.data.schema import ENGINE_STEPS, _apply, migrate


def test_the_log_begins_in_a_database_that_is_in_use(database_url, tmp_path):
    for step in ENGINE_STEPS.glob("0*.py"):
        if step.name < "0024":
            (tmp_path / step.name).write_text(step.read_text())
    store = Store(database_url)
    _apply(store, tmp_path, "schema_step")
    with store.transaction():
        store.run("INSERT INTO manager (username, password, created_at) VALUES ('m', 'x', 1)")
    assert "engine/0024_audit" in migrate(store, store)
    with store.session():
        assert store.run("SELECT username FROM manager").fetchall() == [("m",)]
        assert store.run("SELECT * FROM audit").fetchall() == []
    store.release_all()
