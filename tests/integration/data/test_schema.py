"""Facts of the schema that the rest of the program rests on."""

import json
import secrets
import shutil
import threading

import psycopg
import pytest
from playhouse.migrations import Runner

from app.data import audience, events, jobs, leases, logs, lone_leases, tasks
from app.data.db import Store
from app.data.schema import ENGINE_STEPS, LOG_STEPS, _apply, migrate, pending
from app.domain.errors import Rejected, StoreUnavailable
from app.domain.states import JobState, TaskState
from app.domain.submission import Submission
from app.engine.tasks import NewWork
from app.hooks import TaskSpec
from app.testing import ScriptedJob, make_engine, new_worker, settled, submit, work_off
from tests.yard import eventually

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
    "audience": "INSERT INTO audience (digest) VALUES ('{unique}')",
    "waiting": "INSERT INTO waiting (pool, job_id, joined_at) VALUES ('p', '{unique}', 1)",
    "audit": "INSERT INTO audit (at, who, via, noun, action, subject, address, request_id, facts)"
    " VALUES (1, 'w', 'api', 'n', 'n.v', 's', 'a', 'r', '{{}}')",
    "delivery": "INSERT INTO delivery (channel, dialect, watch, about, created_at)"
    " VALUES ('c', 'd', 0, '{{}}', 1)",
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


def test_migrating_again_keeps_what_is_there_and_work_goes_on(database_url):
    scripted = ScriptedJob([TaskSpec(name="a"), TaskSpec(name="b", after=("a",))])
    with make_engine(scripted, database_url=database_url) as engine:
        jobs = [submit(engine, tags=("t",), pool="p", max_running=2) for _ in range(3)]
        engine.schedules.create(
            Submission(dialect="demo", type="scripted", name="s"), cron="0 * * * *"
        )
        worker = new_worker(engine)
        engine.claims.claim(worker, QUEUE)
        engine.logs.append(
            task_id=1, job_id=jobs[0].id, position=0, task_created_at=0, texts=["text"]
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


def test_output_from_before_commits_were_counted_comes_first(database_url, tmp_path):
    store = Store(database_url)
    shutil.copy(LOG_STEPS / "0001_logs.py", tmp_path)
    part = "INSERT INTO log_part (task_id, job_id, number, contents, at) VALUES (1, 'j', ?, ?, 1)"
    with store.session():
        Runner(store.peewee, str(tmp_path), table_name="schema_step_logs").up()
        for number in (1, 2):
            store.run(part, (number, f"old {number}"))
    assert "logs/0002_commit_order" in migrate(store, store)
    with store.session():
        for number in (3, 4):
            with store.transaction():
                store.run(part, (number, f"new {number}"))
        found = logs.of_job(store, "j", after="", limit=10, settled=False)
        assert [one.contents for one in found] == ["old 1", "old 2", "new 3", "new 4"]
        behind = logs.of_job(store, "j", after=found[1].position, limit=10, settled=False)
        assert behind == found[2:]
    store.release_all()


def test_jobs_of_before_there_were_messages_about_them_go_on_unwatched(database_url, tmp_path):
    for step in ENGINE_STEPS.glob("000[123]_*.py"):
        (tmp_path / step.name).write_text(step.read_text())
    store = Store(database_url)
    assert len(_apply(store, tmp_path, "schema_step")) == 3
    with store.transaction():
        store.run(
            "INSERT INTO job (id, dialect, type, name, state, spec, task_count, tasks_total,"
            " tasks_open, created_at)"
            " VALUES ('old', 'demo', 'scripted', 'n', 'SCHEDULED', '{}', 1, 1, 1, 1)"
        )
        store.run(
            "INSERT INTO task (job_id, queue, name, state, created_at)"
            " VALUES ('old', ?, 't', 'QUEUED', 1)",
            (QUEUE,),
        )
    store.release_all()
    with make_engine(ScriptedJob(), database_url=database_url) as engine:
        assert engine.jobs.get("old").watches == ()
        assert work_off(engine, QUEUE) == ["t"]
        assert engine.jobs.get("old").state is JobState.COMPLETED
        assert engine.deliveries.waiting() == 0
        engine.jobs.delete("old")


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
        # One in a hundred is held, by a thousand workers.
        store.run(
            "INSERT INTO worker (dialect, kind, public_id, name, started_at, heartbeat_at)"
            f" SELECT 'demo', 'remote', 'w' || i, 'w', 1, 1 FROM {series} WHERE i <= 1000"
        )
        store.run(
            "INSERT INTO job (id, dialect, type, name, state, spec, created_at)"
            f" SELECT 'j' || i, 'demo', 't', 'n', 'RUNNING', '{{}}', i FROM {series}"
            " WHERE i <= 1000"
        )
        store.run(
            "UPDATE task SET state = 'RUNNING', worker_id = id % 1000, leased_until = id"
            " WHERE id % 100 = 0"
        )
    with store.session():
        store.run("ANALYZE")
    postgres = store.backend == "postgres"
    lone = lone_leases._CLAIM_POSTGRES if postgres else lone_leases._CLAIM_SQLITE
    for sql, params, more in (
        (leases._CLAIM[store.backend, leases._READY, "RUNNING"], [1, 1, 1, QUEUE, 1, 1], [1] * 3),
        (lone, [1, 1, QUEUE, 1, 1, 1], [1] * 4),
    ):
        if postgres:
            plan = _plan(store, f"EXPLAIN (FORMAT JSON) {sql}", params + more)
            assert '"Index Name": "task_ready"' in plan
            assert "Seq Scan" not in plan
            assert '"Node Type": "Sort"' not in plan
        else:
            plan = _plan(store, f"EXPLAIN QUERY PLAN {sql}", params)
            assert "USING COVERING INDEX task_ready" in plan or "USING INDEX task_ready" in plan
            assert "SCAN task" not in plan
            assert "TEMP B-TREE" not in plan
    # Rescue reads the leases that stand, all of them: an index by their end would cost every claim.
    explain = "EXPLAIN" if store.backend == "postgres" else "EXPLAIN QUERY PLAN"
    plan = _plan(store, f"{explain} {leases._EXPIRED}", [5, 500])
    assert "task_held" in plan
    assert "Seq Scan" not in plan
    with store.transaction():
        (claimed,) = leases.claim(store, 1, QUEUE, limit=1, now=1, start=True)
    with store.session():
        assert tasks.get(store, claimed.task_id).state is TaskState.RUNNING


def test_running_jobs_are_counted_without_a_look_at_those_that_wait(store):
    rows = "generate_series(1, 20000) AS n(i)"
    if store.backend == "sqlite":
        rows = (
            "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
            " SELECT i FROM n)"
        )
    with store.transaction():
        store.run(
            "INSERT INTO job (id, dialect, type, name, state, spec, created_at, ended_at)"
            " SELECT 'j' || i, CASE WHEN i % 2 = 0 THEN 'demo' ELSE 'other' END, 't', 'n',"
            " CASE WHEN i <= 10 THEN 'RUNNING' WHEN i < 9000 THEN 'SCHEDULED' ELSE 'COMPLETED' END,"
            f" '{{}}', i, CASE WHEN i < 9000 THEN NULL ELSE i END FROM {rows}"
        )
    with store.session():
        store.run("ANALYZE")
        assert jobs.running(store, "demo") == 5
    explain = "EXPLAIN" if store.backend == "postgres" else "EXPLAIN QUERY PLAN"
    plan = _plan(store, f"{explain} {jobs._RUNNING}", ["demo"])
    assert "job_state" in plan
    assert "state = " in plan or "(state=? AND dialect=?)" in plan


def _plan(store, sql, params):
    with store.session():
        return json.dumps([str(row) for row in store.run(sql, params).fetchall()]).replace("'", '"')


def test_writers_of_a_process_stand_in_line_for_a_file(data_dir, monkeypatch):
    """Eight that ask beside each other, with growing pauses, starve one another for a second."""
    url = f"sqlite:///{data_dir / 'busy.db'}"
    here, elsewhere = Store(url), Store(url)
    asked, done = [], []
    begun = Store._begun

    def noted(store):
        if store is here:
            asked.append(threading.get_ident())
        return begun(store)

    def write(number):
        with here.transaction():
            done.append(number)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    with elsewhere.transaction():
        monkeypatch.setattr(Store, "_begun", noted)
        for writer in writers:
            writer.start()
        eventually(lambda: len(asked) >= 50, "questions")
        assert len(set(asked)) == 1
    for writer in writers:
        writer.join()
    assert sorted(done) == list(range(8))
    here.release_all()
    elsewhere.release_all()


@pytest.mark.parametrize("held_in", ["another process", "this one"])
def test_a_file_that_stays_busy_is_not_waited_for_for_ever(data_dir, monkeypatch, held_in):
    monkeypatch.setattr("app.data.db.BUSY_WAIT_S", 0.05)
    url = f"sqlite:///{data_dir / 'busy.db'}"
    here, elsewhere = Store(url), Store(url)
    if held_in == "this one":
        here._turn.acquire()
    else:
        elsewhere.open()
        elsewhere.run("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="busy"), here.transaction():
        pass
    assert here._turn.locked() is (held_in == "this one")
    here.release_all()
    elsewhere.release_all()


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


def test_permissions_of_before_become_audiences(database_url):
    """The step reads what jobs and schedules said before anything came of it."""
    store = Store(database_url)
    migrate(store, store)
    job = (
        "INSERT INTO job (id, dialect, type, name, state, spec, created_at) VALUES (?,?,?,?,?,?,1)"
    )
    rule = (
        "INSERT INTO schedule (id, dialect, name, cron, form, state, template, created_at)"
        " VALUES (?, 'tork', 'n', '* * * * *', 'crontab', 'ACTIVE', ?, 1)"
    )
    given = json.dumps({"permissions": [{"user": "guest"}, {"role": "public"}, {"user": "guest"}]})
    bare = json.dumps({"inputs": {"a": 'says "permissions"'}})
    with store.transaction():
        for name in ("role", "account_role", "audience", "audience_member", "bucket", "made_key"):
            store.run(f"DROP TABLE {name}")
        store.run("DROP INDEX job_audience")
        for name in ("job", "schedule"):
            store.run(f"ALTER TABLE {name} DROP COLUMN audience_id")
        store.run("DELETE FROM schema_step WHERE name = ?", ("0007_access",))
        for job_id, spec in (("a", given), ("b", bare), ("c", "{}")):
            store.run(job, (job_id, "tork", "workflow", "n", "PENDING", spec))
        store.run(rule, ("d", json.dumps({"name": "n", "spec": json.loads(given)})))
        store.run(rule, ("e", json.dumps({"name": "permissions", "spec": {}})))
    assert migrate(store, store) == ["engine/0007_access"]
    with store.session():
        members = store.run("SELECT who, audience_id FROM audience_member ORDER BY who").fetchall()
        jobs = store.run("SELECT id, audience_id FROM job ORDER BY id").fetchall()
        rules = store.run("SELECT id, audience_id FROM schedule ORDER BY id").fetchall()
        again = audience.of(store, ["user:guest", "role:public"])
    [(_, of), _] = members
    assert members == [("role:public", of), ("user:guest", of)]
    assert jobs == [("a", of), ("b", None), ("c", None)]
    assert rules == [("d", of), ("e", None)]
    assert again == of
    store.release_all()
