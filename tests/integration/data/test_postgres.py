"""A connection to PostgreSQL under gevent, which must never stop the other greenlets."""

import subprocess
import sys
from pathlib import Path

import app

SCRIPT = """
from gevent import monkey; monkey.patch_all()
import sys, gevent
from app.data.db import Store
from app.domain.errors import Rejected
from app.data.postgres import _Connection

store = Store(sys.argv[1])
order = []

def waits():
    with store.session():
        assert isinstance(store._state.connection, _Connection)
        order.append("asks")
        store.run("SELECT pg_advisory_lock(7)")
        order.append("has it")

with store.session():
    store.run("SELECT pg_advisory_lock(7)")
    waiter = gevent.spawn(waits)
    while not store.run("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
                        " AND database = (SELECT oid FROM pg_database"
                        " WHERE datname = current_database())").fetchone():
        gevent.sleep(0.01)
    order.append("lets go")
    store.run("SELECT pg_advisory_unlock(7)")
waiter.join()
assert order == ["asks", "lets go", "has it"], order

# An error passes, and so does more than one answer can carry at once.
with store.session():
    try:
        store.run("SELECT ?::text", ("\\0",))
    except Rejected:
        pass
    else:
        raise SystemExit("it was taken")
    text = "x" * 5_000_000
    assert store.run("SELECT ?::text", (text,)).fetchone() == (text,)
    rows = store.run_returning("SELECT ?::int + 1", [(n,) for n in range(50)])
    assert rows == [(n + 1,) for n in range(50)]
store.release_all()
print("well")
"""


def test_who_waits_for_the_server_holds_nobody_up(postgres_url):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, postgres_url],
        check=False,
        cwd=Path(app.__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert (done.stdout, done.returncode) == ("well\n", 0), done.stderr
