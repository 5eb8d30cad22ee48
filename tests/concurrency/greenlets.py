"""Run by a test in a process of its own: greenlets share a database without hanging each other.

Prints `ok` when two whose transactions overlap have both got through while a third kept running.
"""

import gevent.monkey

gevent.monkey.patch_all()

import sys  # noqa: E402

import gevent  # noqa: E402
import gevent.event  # noqa: E402

from app.engine.tasks import NewWork  # noqa: E402
from app.testing import make_engine, new_worker  # noqa: E402

URL = sys.argv[1]
QUEUE = "demo/default"


def main():
    with make_engine(database_url=URL) as engine:
        inside, go_on = gevent.event.Event(), gevent.event.Event()
        order = []

        def slow():
            with engine.transaction():
                engine.tasks.add([NewWork(queue=QUEUE, name="slow")])
                inside.set()
                go_on.wait(30)
            order.append("slow")

        def quick():
            inside.wait(30)
            engine.tasks.add([NewWork(queue=QUEUE, name="quick")])
            order.append("quick")

        def ticker():
            # That this runs at all while `quick` waits for the lock is the point.
            inside.wait(30)
            for _ in range(20):
                gevent.sleep(0.01)
            order.append("ticker")
            go_on.set()

        jobs = [gevent.spawn(each) for each in (slow, quick, ticker)]
        gevent.joinall(jobs, timeout=60, raise_error=True)
        assert order.index("ticker") < order.index("slow"), order
        assert len(order) == 3, order
        if engine.store.backend == "sqlite":
            assert order.index("slow") < order.index("quick"), order

        engine.tasks.add([NewWork(queue=QUEUE, name=str(number)) for number in range(100)])
        taken = []

        def work():
            worker = new_worker(engine)
            while claimed := engine.claims.claim(worker, QUEUE, start=True):
                taken.extend(task.task_id for task in claimed)
                gevent.sleep(0)
                engine.attempts.complete(claimed[0].lease)

        gevent.joinall([gevent.spawn(work) for _ in range(30)], timeout=120, raise_error=True)
        assert len(taken) == len(set(taken)) == 102, len(taken)
    sys.stdout.write("ok\n")


main()
