import gzip
import io
import os
import sqlite3
import stat
import subprocess
import sys
import tarfile
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from app.data import archive as statements
from app.data import catalogue, jobs, leaders
from app.data.db import Store
from app.data.vault import Vault
from app.domain.masking import ENCRYPTED
from app.domain.records import Job
from app.domain.states import JobState
from app.engine import archive
from app.testing import make_engine
from app.wiring import stores
from config.settings import load

WRITER = Path(__file__).with_name("writer.py")
CROSSINGS = [
    ("sqlite", "sqlite"),
    pytest.param("postgres", "sqlite", marks=pytest.mark.postgres),
    pytest.param("sqlite", "postgres", marks=pytest.mark.postgres),
]
NOW = 1_800_000_000_000_000
JOB = Job(
    id="0" * 32, dialect="tork", type="workflow", name="j", state=JobState.SCHEDULED, version=0,
    created_at=NOW,
)  # fmt: skip


@contextmanager
def opened(place):
    store, logs = stores(
        load({}, options={"data_dir": str(place.folder), "database.url": place.url})
    )
    try:
        with store.session(), logs.session():
            yield store, logs
    finally:
        for one in {store, logs}:
            one.release_all()


@contextmanager
def written_to(place, writers=2):
    """Let processes write to it for the block; they have all begun."""
    with ExitStack() as stack:
        for number in range(writers):
            process = subprocess.Popen(
                [sys.executable, WRITER, place.folder, place.url, f"writer{number}"],
                stdout=subprocess.PIPE,
                env=place.environment(),
            )
            stack.callback(process.stdout.close)
            stack.callback(process.wait)
            stack.callback(process.kill)
            assert process.stdout.readline() == b"ready\n"
        yield


def one(store, sql):
    return store.run(sql).fetchone()[0]


def contents(place):
    with opened(place) as (store, logs):
        return {
            table.name: sorted(
                (tuple(row) for row in database.run(f'SELECT * FROM "{table.name}"').fetchall()),
                key=repr,
            )
            for database in dict.fromkeys((store, logs))
            for table in catalogue.tables(database)
        }


def assert_consistent(store, logs):
    assert one(store, "SELECT COUNT(*) FROM job") > 20
    assert one(store, "SELECT COUNT(*) FROM job") == one(store, "SELECT COUNT(*) FROM task")
    assert one(store, "SELECT COUNT(*) FROM job") == one(store, "SELECT SUM(n) FROM job_tally")
    for lost in (
        "SELECT COUNT(*) FROM task t WHERE NOT EXISTS (SELECT 1 FROM job j WHERE j.id = t.job_id)",
        "SELECT COUNT(*) FROM job j WHERE NOT EXISTS (SELECT 1 FROM task t WHERE t.job_id = j.id)",
        (
            "SELECT COUNT(*) FROM attempt a WHERE NOT EXISTS"
            " (SELECT 1 FROM task t WHERE t.id = a.task_id)"
        ),
        (
            "SELECT COUNT(*) FROM job j WHERE NOT EXISTS (SELECT 1 FROM event e"
            " WHERE e.job_id = j.id AND e.kind = 'job.submitted')"
        ),
        (
            "SELECT COUNT(*) FROM job j WHERE j.state = 'COMPLETED' AND EXISTS"
            " (SELECT 1 FROM task t WHERE t.job_id = j.id AND t.state <> 'COMPLETED')"
        ),
        "SELECT COUNT(*) FROM task WHERE leased_until IS NOT NULL",
        "SELECT COUNT(*) FROM task WHERE state IN ('LEASED', 'RUNNING')",
        "SELECT COUNT(*) FROM attempt WHERE state IN ('LEASED', 'RUNNING')",
        "SELECT COUNT(*) FROM worker WHERE active = 1",
    ):
        assert one(store, lost) == 0, lost
    newest = one(store, "SELECT MAX(id) FROM task")
    assert one(logs, "SELECT COUNT(*) FROM log_part") > 0
    assert one(logs, "SELECT MAX(task_id) FROM log_part") <= newest


@pytest.mark.parametrize(("source", "target"), CROSSINGS)
def test_a_backup_of_a_busy_server_is_restored_consistent(make, tmp_path, source, target):
    busy, copy = make(source, "busy"), make(target, "copy")
    file = tmp_path / "backup.tar.gz"
    with written_to(busy):
        done = busy.run("backup", file)
        assert (done.returncode, done.stderr) == (0, "")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["backup.tar.gz"]
    done = copy.run("restore", file)
    assert (done.returncode, done.stderr) == (0, "")
    with opened(copy) as (store, logs):
        assert_consistent(store, logs)
    with written_to(copy, writers=1):  # new ids are free, and work goes on
        pass


@pytest.mark.parametrize(("source", "target"), CROSSINGS)
def test_what_is_encrypted_stays_so(make, tmp_path, source, target):
    """Neither side needs the key, and with it all can be read again."""
    here, there = make(source, "here"), make(target, "there")
    spec = {"secrets": {"token": "hunter2-in-a-backup"}}
    with opened(here) as (store, _):
        store.vault = Vault("key")
        with store.transaction():
            jobs.insert(store, replace(JOB, spec=spec))
    file = tmp_path / "backup.tar.gz"
    assert here.run("backup", file).returncode == 0
    with tarfile.open(file) as whole:
        kept = b"".join(whole.extractfile(part).read() for part in whole if part.isfile())
    assert b"hunter2" not in kept
    done = there.run("restore", file)
    assert (done.returncode, done.stderr) == (0, "")
    with opened(there) as (store, _):
        assert jobs.get(store, JOB.id).spec == {"secrets": {"token": ENCRYPTED}}
        store.vault = Vault("key")
        assert jobs.get(store, JOB.id).spec == spec


@pytest.mark.postgres
def test_a_backup_returns_to_postgres(make, tmp_path, request):
    """PostgreSQL to SQLite and back into a PostgreSQL that is emptied meanwhile."""
    there, between = make("postgres", "there"), make("sqlite", "between")
    with written_to(there):
        assert there.run("backup", tmp_path / "1.tar.gz").returncode == 0
    assert between.run("restore", tmp_path / "1.tar.gz").returncode == 0
    assert between.run("backup", tmp_path / "2.tar.gz").returncode == 0
    with opened(there) as (store, _):
        names = ", ".join(f'"{table.name}"' for table in catalogue.tables(store))
        store.run(f"TRUNCATE {names}, leader RESTART IDENTITY")
    done = there.run("restore", tmp_path / "2.tar.gz")
    assert (done.returncode, done.stderr) == (0, "")
    with opened(there) as (store, logs):
        assert_consistent(store, logs)
    assert contents(there) == contents(between)


@pytest.mark.parametrize(("source", "target"), CROSSINGS)
def test_every_table_and_column_survives(make, source, target):
    """One row in each table there is, so that a table added later is held to it as well."""
    old, new = make(source, "old"), make(target, "new")
    counted = set()  # SQLite's events need no counter of their own: the newest always stays
    with opened(old) as databases:
        for database in dict.fromkeys(databases):
            for table in catalogue.tables(database):
                row = [
                    sample(kind, name)
                    for name, kind in zip(table.columns, table.types, strict=True)
                ]
                statements.insert(database, table, table.columns, [tuple(row)])
                if table.counter:
                    catalogue.count_on(database, table, 1000)
                    counted.add(table.name)
        file = io.BytesIO()
        archive.backup(*databases, file, now=NOW, version="1")
    file.seek(0)
    with opened(new) as databases:
        archive.restore(*databases, file, now=NOW)
        for database in dict.fromkeys(databases):
            for table in catalogue.tables(database):
                if table.counter and table.name in counted:
                    assert catalogue.highest_id(database, table) >= 1000, table.name
    before, after = contents(old), contents(new)
    assert before.keys() == after.keys()
    for name in before.keys() - {"event", "log_part", "task", "worker"}:
        assert after[name] == before[name], name
    for name in ("event", "task", "worker"):
        assert len(after[name]) >= len(before[name]) == 1


#: What a column of that name has to hold for the program to read it.
SAMPLES = {
    "queue": "jobyard/default",
    "state": "COMPLETED",
    "kind": "daemon",
    "tags": '["zwölf"]',
}


def sample(kind, name):
    kind = kind.lower()
    if name in SAMPLES:
        return SAMPLES[name]
    if "int" in kind:
        return 0 if name == "tx" else 7  # that one means nothing in another database
    if "double" in kind or "real" in kind:
        return 0.1
    return 'zwölf "Boxkämpfer"\n\t\\'


def test_no_id_that_was_ever_given_is_given_again(make):
    old, new = make("sqlite", "old"), make("sqlite", "new")
    with opened(old) as (store, logs):
        store.run("INSERT INTO sqlite_sequence (name, seq) VALUES ('task', 41)")
        archive.backup(store, logs, file := io.BytesIO(), now=NOW, version="1")
    file.seek(0)
    with opened(new) as (store, logs):
        archive.restore(store, logs, file, now=NOW)
        store.run(
            "INSERT INTO task (queue, name, state, created_at) VALUES ('q', 'n', 'QUEUED', 1)"
        )
        assert one(store, "SELECT id FROM task") == 42


@pytest.mark.postgres
def test_a_reader_of_events_misses_none_after_a_move(make):
    """On PostgreSQL the later commit may have the lower id; its reader goes back to it."""
    old, new = make("postgres", "old"), make("sqlite", "new")
    with opened(old) as (store, logs):
        for number, transaction in ((1, 50), (2, 70), (3, 60)):
            store.run(
                "INSERT INTO event (id, tx, at, kind, dialect)"
                " VALUES (?, ?, 1, 'job.deleted', 'd')",
                (number, transaction),
            )
        leaders.set_mark(store, "reader", "60-3")
        leaders.set_mark(store, "other", "no position")
        archive.backup(store, logs, file := io.BytesIO(), now=NOW, version="1")
    file.seek(0)
    with opened(new) as (store, logs):
        archive.restore(store, logs, file, now=NOW)
        assert leaders.mark(store, "reader") == "0-1"
        assert leaders.mark(store, "other") == "no position"
        assert store.run("SELECT DISTINCT tx FROM event").fetchall() == [(0,)]


def test_what_workers_held_is_given_back_and_remote_workers_stay(make):
    old, new = make("sqlite", "old"), make("sqlite", "new")
    with opened(old) as (store, logs):
        for number, state in ((1, "RUNNING"), (2, "CANCELLED"), (3, "HELD")):
            store.run(
                "INSERT INTO task (id, queue, name, state, number, leased_until, worker_id, losses,"
                " created_at) VALUES (?, 'jobyard/default', 'n', ?, 4, 99, 1, 2, 1)",
                (number, state),
            )
        store.run(
            "INSERT INTO attempt (task_id, number, worker_id, state, leased_at)"
            " VALUES (1, 4, 1, 'RUNNING', 1)"
        )
        for number, kind in ((1, "daemon"), (2, "coordinator"), (3, "remote")):
            store.run(
                "INSERT INTO worker (id, dialect, kind, public_id, name, started_at, heartbeat_at)"
                " VALUES (?, 'd', ?, ?, 'n', 1, 1)",
                (number, kind, kind),
            )
        archive.backup(store, logs, file := io.BytesIO(), now=NOW, version="1")
    file.seek(0)
    with opened(new) as (store, logs):
        archive.restore(store, logs, file, now=NOW)
        tasks = store.run(
            "SELECT state, leased_until, worker_id, number, losses, queued_at FROM task ORDER BY id"
        ).fetchall()
        assert tasks == [
            ("QUEUED", None, None, 4, 2, NOW),
            ("CANCELLED", None, 1, 4, 2, None),
            ("HELD", None, 1, 4, 2, None),
        ]
        assert store.run("SELECT state, error, ended_at FROM attempt").fetchall() == [
            ("LOST", archive.RESTORED, NOW)
        ]
        assert store.run("SELECT kind, active FROM worker ORDER BY id").fetchall() == [
            ("daemon", 0),
            ("coordinator", 0),
            ("remote", 1),
        ]
        kinds = [row[0] for row in store.run("SELECT kind FROM event ORDER BY id").fetchall()]
        assert kinds == ["task.queued", "task.lost", "worker.left", "worker.left"]


@pytest.fixture(scope="module")
def content():
    """Return the bytes of a backup with a little in it."""
    file = io.BytesIO()
    with make_engine() as engine, engine.store.session(), engine.log_store.session():
        engine.store.run_many(
            "INSERT INTO mark (name, value) VALUES (?, ?)",
            [(f"mark {number}", os.urandom(40).hex()) for number in range(2000)],
        )
        archive.backup(engine.store, engine.log_store, file, now=NOW, version="1")
    return file.getvalue()


@pytest.fixture
def small(content, tmp_path):
    """Return the bytes of that backup, which is a file as well."""
    (tmp_path / "small.tar.gz").write_bytes(content)
    return content


def repacked(data, change):
    """Return a backup whose members went through `change(name, content)`; None drops one."""
    target = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(data)) as old,
        tarfile.open(fileobj=target, mode="w:gz") as new,
    ):
        for member in old:
            content = change(member.name, old.extractfile(member).read())
            if content is not None:
                member.size = len(content)
                new.addfile(member, io.BytesIO(content))
    return target.getvalue()


DAMAGE = {
    "empty": (lambda data: b"", "no backup of Jobyard"),
    "text": (lambda data: b"hello " * 1000, "no backup of Jobyard"),
    "foreign gzip": (lambda data: gzip.compress(b"hello " * 1000), "no backup of Jobyard"),
    "foreign tar": (
        lambda data: repacked(data, lambda n, c: c if "tables" in n else None),
        "not a",
    ),
    "cut in half": (lambda data: data[: len(data) // 2], "cut short or damaged"),
    "last bytes missing": (lambda data: data[:-4], "cut short or damaged"),
    "check sum wrong": (lambda data: data[:-8] + b"\0\0\0\0" + data[-4:], "cut short or damaged"),
    "table missing": (
        lambda data: repacked(data, lambda n, c: None if "mark" in n else c),
        "table mark has 0 rows of 2000",
    ),
    "row missing": (
        lambda data: repacked(data, lambda n, c: c[: c.rindex(b"[")] if "mark" in n else c),
        "table mark has 1999 rows of 2000",
    ),
    "no json": (
        lambda data: repacked(data, lambda n, c: c[:-3] + b"\n" if "mark" in n else c),
        "holds a line that is no row",
    ),
    "too many values": (
        lambda data: repacked(data, lambda n, c: c[:-2] + b",1]\n" if "mark" in n else c),
        "has not the columns",
    ),
    "same row twice": (
        lambda data: repacked(
            data, lambda n, c: c.replace(b'"mark 1"', b'"mark 2"') if "mark" in n else c
        ),
        "the database refuses a row: table mark",
    ),
    "newer format": (
        lambda data: repacked(data, lambda n, c: c.replace(b'version": 1', b'version": 2')),
        "format 2",
    ),
    "newer schema": (
        lambda data: repacked(data, lambda n, c: c.replace(b"0001_logs", b"0009_new")),
        "whose schema is newer (0009_new)",
    ),
    "older schema": (
        lambda data: repacked(data, lambda n, c: c.replace(b'"0001_logs",', b"")),
        "whose schema is older",
    ),
    "other columns": (
        lambda data: repacked(data, lambda n, c: c.replace(b'"joined_at"', b'"x; DROP TABLE"')),
        "table waiting of the backup is not as it is here",
    ),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_file_that_is_no_whole_backup_changes_nothing(make, tmp_path, small, case):
    damage, told = DAMAGE[case]
    target = make("sqlite", "target")
    file = tmp_path / "damaged.tar.gz"
    file.write_bytes(damage(small))
    done = target.run("restore", file)
    assert done.returncode == 1
    assert done.stderr.startswith("jobyard: ")
    assert done.stderr.count("\n") == 1
    assert told in done.stderr
    assert "nothing was changed" in done.stderr
    assert all(rows == [] for rows in contents(target).values())


def test_the_undamaged_file_is_restored(make, tmp_path, small):
    target = make("sqlite", "target")
    assert target.run("restore", tmp_path / "small.tar.gz").returncode == 0
    assert len(contents(target)["mark"]) == 2000


def test_restore_refuses_a_database_with_rows(make, tmp_path, small):
    target = make("sqlite", "target")
    with opened(target) as (store, _):
        leaders.set_mark(store, "mine", "kept")
    done = target.run("restore", tmp_path / "small.tar.gz")
    assert done.returncode == 1
    assert "the database is not empty, there are rows in mark" in done.stderr
    assert contents(target)["mark"] == [("mine", "kept")]


@pytest.mark.parametrize("word", ["backup", "restore"])
def test_a_database_without_the_schema_is_refused(place, tmp_path, small, word):
    done = place.run(word, tmp_path / "small.tar.gz")
    assert done.returncode == 1
    assert "run `jobyard migrate`" in done.stderr
    assert (tmp_path / "small.tar.gz").read_bytes() == small


def test_a_backup_that_fails_leaves_the_old_file_and_nothing_beside_it(make, tmp_path):
    place = make("sqlite", "place")
    file = tmp_path / "backup.tar.gz"
    file.write_bytes(b"the one of yesterday")
    with sqlite3.connect(place.folder / "jobyard.db") as connection:
        connection.execute("CREATE TABLE odd (v TEXT)")
        connection.execute("INSERT INTO odd VALUES (CAST(x'ff' AS TEXT))")  # no UTF-8
    connection.close()
    done = place.run("backup", file)
    assert done.returncode == 1
    assert done.stderr.startswith("jobyard: ")
    assert done.stderr.count("\n") == 1
    assert file.read_bytes() == b"the one of yesterday"
    assert os.listdir(tmp_path) == ["backup.tar.gz"]


def test_a_folder_that_is_not_there_is_told_in_one_line(make, tmp_path):
    place = make("sqlite", "place")
    for word in ("backup", "restore"):
        done = place.run(word, tmp_path / "nowhere" / "x.tar.gz")
        assert done.returncode == 1
        assert "No such file or directory" in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_large_table_is_written_in_parts(make, monkeypatch):
    monkeypatch.setattr("app.engine.archive.document.PART_BYTES", 1000)
    old, new = make("sqlite", "old"), make("sqlite", "new")
    with opened(old) as (store, logs):
        store.run_many(
            "INSERT INTO mark (name, value) VALUES (?, ?)", [(str(n), "v") for n in range(1200)]
        )
        archive.backup(store, logs, file := io.BytesIO(), now=NOW, version="1")
    file.seek(0)
    with tarfile.open(fileobj=file) as tar:
        assert len([name for name in tar.getnames() if name.startswith("tables/mark/")]) > 10
    file.seek(0)
    with opened(new) as (store, logs):
        archive.restore(store, logs, file, now=NOW)
        assert one(store, "SELECT COUNT(*) FROM mark") == 1200


def test_a_snapshot_sees_one_instant(make):
    place = make("sqlite", "place")
    other = Store(place.url)
    with opened(place) as (store, _), statements.snapshot(store):
        with other.session():
            leaders.set_mark(other, "late", "1")
        other.release_all()
        assert one(store, "SELECT COUNT(*) FROM mark") == 0
    assert len(contents(place)["mark"]) == 1
