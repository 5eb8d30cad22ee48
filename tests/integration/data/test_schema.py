"""Facts of the schema that the rest of the program rests on."""

import json
import secrets

import psycopg
import pytest

from app.data import events, leases, tasks
from app.data.db import Store
from app.data.schema import ENGINE_STEPS, LOG_STEPS, migrate, pending
from app.domain.errors import Rejected, StoreUnavailable
from app.domain.states import TaskState
from app.domain.submission import Submission
from app.engine.tasks import NewWork
from app.hooks import TaskSpec
from app.testing import ScriptedJob, make_engine, new_worker, settled, submit, work_off

QUEUE = "demo/default"


@pytest.fixture
def store(database_url):
    store = Store(database_url)
    migrate(store, store)
    yield store
    store.release_all()


IDENTITIES = {
    "task": "INSERT INTO task (queue, name, state, created_at) VALUES ('q', 'n', 'QUEUED', 1)",
    "worker": "INSERT INTO worker (dialect, kind, public_id, name, started_at, heartbeat_at)"
    " VALUES ('d', 'k', '{unique}', 'n', 1, 1)",
    "job_group": "INSERT INTO job_group (dialect, name, created_at) VALUES ('d', '{unique}', 1)",
    "waiting": "INSERT INTO waiting (pool, job_id, joined_at) VALUES ('p', '{unique}', 1)",
    "log_part": "INSERT INTO log_part (task_id, number, contents, at) VALUES (1, {number}, 'c', 1)",
}


@pytest.mark.parametrize("table", IDENTITIES)
def test_an_id_is_never_used_twice(store, table):
    """Not even that of the highest row, once it is deleted: late reports name it."""

    def insert():
        with store.transaction():
            number = secrets.randbelow(10**9)
            sql = IDENTITIES[table].format(unique=secrets.token_hex(8), number=number)
            return store.run(f"{sql} RETURNING id").fetchone()[0]

    given = [insert() for _ in range(3)]
    with store.transaction():
        store.run(f"DELETE FROM {table} WHERE id = ?", (given[-1],))
    given.append(insert())
    with store.transaction():
        store.run(f"DELETE FROM {table}")
    given.append(insert())
    assert given == sorted(set(given))


def test_positions_of_events_rise_even_when_all_old_ones_are_pruned(database_url):
    with make_engine(database_url=database_url) as engine:
        new_worker(engine)
        before = settled(engine)
        with engine.store.transaction():
            assert events.delete_before(engine.store, 2**62, 1000) == 0
        assert settled(engine) == before
        new_worker(engine)
        with engine.store.transaction():
            assert events.delete_before(engine.store, 2**62, 1000) == 1
        new_worker(engine)
        settled(engine)
        assert len(engine.events.after(before)) == 2


def test_migrating_brings_every_step_once(database_url):
    store = Store(database_url)
    assert pending(store, store)
    applied = migrate(store, store)
    steps = sorted(path.stem for path in [*ENGINE_STEPS.glob("0*.py"), *LOG_STEPS.glob("0*.py")])
    assert sorted(name.partition("/")[2] for name in applied) == steps
    assert pending(store, store) == []
    assert migrate(store, store) == []
    store.release_all()


def test_migrating_a_filled_database_keeps_what_is_in_it(database_url):
    """Each step after the first runs on rows; the newest code then works on with them."""
    scripted = ScriptedJob([TaskSpec(name="a"), TaskSpec(name="b", after=("a",))])
    with make_engine(scripted, database_url=database_url) as engine:
        jobs = [submit(engine, tags=("t",), pool="p", max_running=2) for _ in range(3)]
        engine.schedules.create(
            Submission(dialect="demo", type="scripted", name="s"), cron="0 * * * *"
        )
        worker = new_worker(engine)
        engine.claims.claim(worker, QUEUE)
        engine.logs.append(
            task_id=1, job_id=jobs[0].id, position=0, task_created_at=0, parts=[(1, "text")]
        )
        before = _dump(engine.store)
    with make_engine(scripted, database_url=database_url) as engine:
        assert migrate(engine.store, engine.log_store) == []
        assert _dump(engine.store) == before
        engine.workers.leave(worker)
        while any(engine.jobs.counts("demo").values()):
            work_off(engine, QUEUE)
            engine.waiting.run_once(0)
        assert engine.doctor.examine(pause_s=0) == []


def _dump(store):
    tables = ("job", "task", "task_need", "attempt", "worker", "schedule", "waiting")
    with store.session():
        return {
            table: sorted(map(repr, store.run(f"SELECT * FROM {table}").fetchall()))
            for table in tables
        }


def test_a_queue_prefix_is_a_range_whatever_the_collation(postgres_server, postgres_url):
    """In a linguistic order of letters `demo/` .. `demo/\\U0010ffff` would hold nothing."""
    name = f"icu_{secrets.token_hex(4)}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(
            f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"
            " LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C.UTF-8'"
        )
        try:
            url = postgres_server.rpartition("/")[0] + f"/{name}"
            with make_engine(database_url=url) as engine:
                engine.tasks.add([NewWork(queue=q, name="x") for q in ("demo/a", "demo", "demp/a")])
                assert [queue.name for queue in engine.queues.figures("demo/")] == ["demo/a"]
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.slow
def test_a_claim_reads_the_index_of_ready_work_alone_at_a_million_rows(store):
    """The plan, not the time: history and other queues must not be touched."""
    rows = 1_000_000
    if store.backend == "postgres":
        series = f"generate_series(1, {rows}) AS n(i)"
    else:
        series = (
            f"(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})"
            " SELECT i FROM n)"
        )
    with store.transaction():
        store.run(
            "INSERT INTO task (queue, name, state, priority, created_at)"
            " SELECT CASE WHEN i % 10 = 0 THEN 'demo/b' ELSE 'demo/default' END, 't',"
            " CASE WHEN i % 2 = 0 THEN 'COMPLETED' ELSE 'QUEUED' END, i % 5, i"
            f" FROM {series}"
        )
        store.run(
            "INSERT INTO attempt (task_id, number, worker_id, state, leased_at)"
            " SELECT id, 1, 1, 'DONE', 1 FROM task WHERE state = 'COMPLETED'"
        )
    with store.session():
        store.run("ANALYZE")
    for verified in (False, True):
        sql = leases._CLAIM[store.backend, verified, "RUNNING"]
        params = [1, 1, 1, QUEUE] + ([1] if verified else []) + [1]
        if store.backend == "postgres":
            params += [1, 1, 1]
            plan = _plan(store, f"EXPLAIN (FORMAT JSON) {sql}", params)
            assert '"Index Name": "task_ready"' in plan
            assert "Seq Scan" not in plan
            assert '"Node Type": "Sort"' not in plan
        else:
            plan = _plan(store, f"EXPLAIN QUERY PLAN {sql}", params)
            assert "USING COVERING INDEX task_ready" in plan or "USING INDEX task_ready" in plan
            assert "SCAN task" not in plan
            assert "TEMP B-TREE" not in plan
    with store.transaction():
        (claimed,) = leases.claim(store, 1, QUEUE, limit=1, now=1, start=True)
    with store.session():
        assert tasks.get(store, claimed.task_id).state is TaskState.RUNNING


def _plan(store, sql, params):
    with store.session():
        return json.dumps([str(row) for row in store.run(sql, params).fetchall()]).replace("'", '"')


def test_a_connection_that_the_server_ended_is_replaced(postgres_url):
    with make_engine(database_url=postgres_url) as engine:
        new_worker(engine)
        name = postgres_url.rpartition("/")[2]
        with psycopg.connect(postgres_url.rpartition("/")[0] + "/postgres") as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
            )
        outcomes = []
        for _ in range(3):
            try:
                outcomes.append(new_worker(engine) > 0)
            except StoreUnavailable:
                outcomes.append(None)
        assert outcomes[1:] == [True, True]


def test_no_server_is_said_in_words(free_port):
    store = Store(f"postgresql://nobody@127.0.0.1:{free_port}/none")
    with pytest.raises(StoreUnavailable, match="does not answer"), store.session():
        pass
    store.release_all()


def test_a_sqlite_file_that_is_none_is_said_in_words(data_dir):
    (data_dir / "x.db").write_bytes(b"this is no database at all" * 100)
    store = Store(f"sqlite:///{data_dir / 'x.db'}")
    with pytest.raises(StoreUnavailable), store.session():
        store.run("SELECT 1 FROM job")
    store.release_all()


def test_an_inner_transaction_joins_the_outer_one(store):
    def fails():
        with store.transaction():
            with store.transaction():
                store.run("INSERT INTO mark (name, value) VALUES ('a', 'b')")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    with store.session():
        assert store.run("SELECT COUNT(*) FROM mark").fetchone() == (0,)


def test_a_snapshot_sees_nothing_that_is_committed_later(store):
    other = Store(store.url)
    with store.snapshot():
        count = "SELECT COUNT(*) FROM mark"
        assert store.run(count).fetchone() == (0,)
        with other.transaction():
            other.run("INSERT INTO mark (name, value) VALUES ('a', 'b')")
        assert store.run(count).fetchone() == (0,)
    with store.session():
        assert store.run(count).fetchone() == (1,)
    other.release_all()


def test_many_rows_at_once_refuse_what_does_not_fit(store):
    with pytest.raises(Rejected), store.transaction():
        store.run_many("INSERT INTO mark (name, value) VALUES (?, ?)", [("a", "\ud800")])
