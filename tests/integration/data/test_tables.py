"""The models say what the migrations make."""

import pytest

from app.data import tables
from app.data.db import Store
from app.testing import make_engine


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
)
def engine(request):
    """One for all: nothing is written."""
    url = None
    if request.param == "postgres":
        server = request.getfixturevalue("postgres_server")
        url = f"{server.rpartition('/')[0]}/{request.getfixturevalue('postgres_tables')}"
    with make_engine(database_url=url) as engine:
        yield engine


def described(store: Store, model):
    """Columns of a table as the database knows them: nullable, and part of the primary key."""
    with store.session():
        columns = store.peewee.get_columns(model._meta.table_name)
    return {column.name: (column.null, column.primary_key) for column in columns}


def declared(model):
    """The same as the model says."""
    key = {field.column_name for field in model._meta.get_primary_keys()}
    return {
        field.column_name: (field.null, field.column_name in key)
        for field in model._meta.sorted_fields
    }


@pytest.mark.parametrize("model", [*tables.ENGINE, *tables.LOGS], ids=lambda m: m.__name__)
def test_model_and_table_have_the_same_columns(engine, model):
    store = engine.log_store if model in tables.LOGS else engine.store
    found = described(store, model)
    if store.backend == "sqlite":
        # SQLite calls a text primary key nullable unless it is told otherwise.
        found = {name: (null and not key, key) for name, (null, key) in found.items()}
    assert found == declared(model)


def test_every_table_has_a_model(engine):
    with engine.store.session(), engine.log_store.session():
        there = set(engine.store.peewee.get_tables()) | set(engine.log_store.peewee.get_tables())
    ours = {model._meta.table_name for model in (*tables.ENGINE, *tables.LOGS)}
    steps = {"schema_step", "schema_step_logs"}
    # The index of words is a virtual table of SQLite, with tables of its own.
    found = {name for name in there if not name.startswith(("sqlite_", "job_index"))}
    assert found == ours | steps
