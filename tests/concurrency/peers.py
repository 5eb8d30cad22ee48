"""What the processes of these tests do; each builds its own engine on the given database."""

import os
import signal
import time

from app.data.db import Store
from app.domain.clock import SystemClock
from app.domain.errors import Contended, StoreUnavailable
from app.hooks import Advance, Finish, TaskSpec
from app.testing import ScriptedJob, make_engine

QUEUE = "demo/default"
CHILDREN = 200


def fan_out(job):
    return Advance(
        tasks=[TaskSpec(name=f"child {number}") for number in range(CHILDREN)], state={"rounds": 0}
    )


def then_once(job, task):
    """One successor when the last child has ended; a second one would show as a second task."""
    if task.name == "last":
        return Finish("joined")
    if job.tasks_open == 0:
        return Advance(tasks=[TaskSpec(name="last")], state={"rounds": job.state["rounds"] + 1})
    return None


def joining():
    return ScriptedJob(fan_out, then_once)


def engine_on(url):
    return make_engine(joining(), database_url=url, clock=SystemClock())


def claim_all(url, worker_id, start, found, *, complete=True):
    """Claim until nothing is left, and tell which hand-outs it got."""
    with engine_on(url) as engine:
        start.wait(60)
        mine = []
        idle = 0
        while idle < 20:
            try:
                claimed = engine.claims.claim(worker_id, QUEUE, start=True)
                if complete:
                    for task in claimed:
                        engine.attempts.complete(task.lease)
            except (StoreUnavailable, Contended) as error:
                mine.append(repr(error))
                break
            mine += [tuple(task.lease) for task in claimed]
            idle = 0 if claimed else idle + 1
        found.put(mine)


def claim_and_die(url, worker_id):
    """Take a task and be killed, as by kill -9, before a word about it."""
    with engine_on(url) as engine:
        engine.claims.claim(worker_id, QUEUE, start=True)
        os.kill(os.getpid(), signal.SIGKILL)


def die_inside_a_transaction(url):
    """Be killed after the writes of a verb and before its commit."""
    with engine_on(url) as engine, engine.transaction():
        engine.jobs.submit_all([])
        engine.store.run("UPDATE task SET state = 'FAILED'")
        os.kill(os.getpid(), signal.SIGKILL)


def rescue(url, start, found):
    with engine_on(url) as engine:
        start.wait(60)
        found.put(engine.rescue.run_once(engine.clock.now() + 3600 * 10**6))


def lock_for(url, seconds, locked):
    """Hold SQLite's write lock for a while, as a slow process would."""
    store = Store(url)
    with store.transaction():
        store.run("UPDATE mark SET value = value")
        locked.set()
        time.sleep(seconds)
