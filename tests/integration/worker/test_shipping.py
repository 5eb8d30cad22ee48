"""Output on its way from a task to the database."""

import threading
import time
from types import SimpleNamespace

import pytest

from app.domain.errors import Rejected, StoreUnavailable
from app.domain.records import Claimed
from app.hooks.types import Command, Step
from app.testing import make_engine
from app.worker import shipping as module
from app.worker.runtimes.base import Workspace
from app.worker.runtimes.output import PIECE_BYTES
from app.worker.runtimes.shell import ShellRuntime
from app.worker.shipping import Shipment, Shipper
from tests.integration.worker.watching import Recorder, eventually, in_thread

PATIENCE_S = 60.0


class Asked:
    """A demand that the test sets."""

    def __init__(self, *, present=False):
        self.is_present = present

    def present(self):
        return self.is_present

    def close(self):
        pass


class Rows:
    """Log parts as the database keeps them: a try is known by its instant.

    answers: what happens at each call beside the storing: an error after it, or None.
    """

    def __init__(self, *answers):
        self.parts = {}
        self.tries = set()
        self.answers = list(answers)
        self.changed = threading.Condition()

    def append(self, *, task_id, texts, after, at, **_):
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Rejected):
            raise answer
        with self.changed:
            mine = self.parts.setdefault(task_id, [])
            if (task_id, at) not in self.tries:
                self.tries.add((task_id, at))
                mine.extend(texts)
            self.changed.notify_all()
        if answer is not None:
            raise answer
        return len(mine)

    def now(self):
        return time.monotonic_ns()

    def demand(self, task_id, job_id):
        return Asked()

    def text(self, task_id=1):
        return "".join(self.parts.get(task_id, ()))


def claimed(task_id=1):
    return Claimed(
        task_id=task_id,
        number=1,
        queue="demo/default",
        name="a",
        payload={},
        job_id=None,
        public_id=None,
        position=0,
        created_at=0,
        leased_until=None,
        lease_s=None,
    )


def test_output_is_whole_when_the_answer_to_a_commit_was_lost():
    rows = Rows(StoreUnavailable())
    shipment = Shipment(claimed(), 0, lambda: None, Asked())
    shipment.add(b"one\n")
    try:
        shipment.store(rows)
    except StoreUnavailable:
        shipment.add(b"two\n")
    shipment.store(rows)
    shipment.add(b"three\n")
    shipment.store(rows)
    assert rows.text() == "one\ntwo\nthree\n"


def test_output_that_is_refused_does_not_hold_back_that_of_others():
    rows = Rows()
    shipper = Shipper(
        SimpleNamespace(
            append=lambda **words: refuse_first(rows, **words), demand=rows.demand, now=rows.now
        )
    )
    bad, good = shipper.open(claimed(1)), shipper.open(claimed(2))
    bad.add(b"bad\n")
    good.add(b"good\n")
    thread = threading.Thread(target=shipper.run)
    thread.start()
    try:
        with rows.changed:
            assert rows.changed.wait_for(lambda: rows.text(2) == "good\n", PATIENCE_S)
    finally:
        shipper.stop()
        thread.join(PATIENCE_S)


def refuse_first(rows, *, task_id, **words):
    if task_id == 1:
        raise Rejected
    return rows.append(task_id=task_id, **words)


def test_output_is_due_at_once_only_while_somebody_watches():
    demand = Asked()
    shipment = Shipment(claimed(), 0, lambda: None, demand)
    demand.is_present = True
    assert not shipment.is_due(), "there is nothing"
    demand.is_present = False
    shipment.add(b"one\n")
    demand.is_present = True
    assert shipment.is_due()
    shipment.store(Rows())
    assert not shipment.is_due()


def test_output_that_nobody_watches_is_due_in_time(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    shipment = Shipment(claimed(), 0, lambda: None, Asked())
    shipment.add(b"one\n")
    assert not shipment.is_due()
    now[0] += 0.5
    shipment.add(b"two\n")
    assert not shipment.is_due()
    now[0] += 0.4
    assert shipment.is_due(), "a second after the first, not after the last"


def test_line_that_has_only_begun_waits_for_its_end_but_not_for_ever(monkeypatch):
    now, rows = [100.0], Rows()
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    shipment = Shipment(claimed(), 0, lambda: None, Asked(present=True))
    shipment.add(b"one\ntw")
    shipment.store(rows)
    assert rows.text() == "one\n"
    shipment.add(b"o\n> ")
    shipment.store(rows)
    assert rows.text() == "one\ntwo\n"
    now[0] += 0.1
    shipment.store(rows)
    assert rows.text() == "one\ntwo\n> ", "a prompt is shown once nothing follows it"
    for _ in range(20):
        now[0] += 0.049
        shipment.add(b".")
        shipment.store(rows)
    assert rows.text().startswith("one\ntwo\n> ."), "nor does a line that never ends"


def test_a_watcher_sees_output_that_nobody_else_would_yet(monkeypatch):
    monkeypatch.setattr(module, "FLUSH_S", PATIENCE_S * 2)
    with make_engine() as engine:
        shipper = Shipper(engine.logs)
        shipment = shipper.open(claimed())
        thread = threading.Thread(target=shipper.run)
        thread.start()
        try:
            shipment.add(b"early\n")
            with engine.logs.watch(task_id=1) as watching:
                end = time.monotonic() + PATIENCE_S
                while not (parts := engine.logs.after(1, 0)) and time.monotonic() < end:
                    watching.wait(1.0)
            assert [part.contents for part in parts] == ["early\n"]
        finally:
            shipper.drop(shipment)
            shipper.stop()
            thread.join(PATIENCE_S)


def test_output_waits_in_the_pipe_while_the_database_is_away(monkeypatch, tmp_path):
    """A task that writes much more than is kept here goes on when the database is back."""
    monkeypatch.setattr(module, "MOST_BYTES", 100_000)
    rows, lines = Rows(*[StoreUnavailable()] * 1000), 400_000
    away = rows.answers
    shipment = Shipment(claimed(), 0, lambda: None, Asked())
    watch = Recorder()
    watch.output, watch.is_full = shipment.add, shipment.is_full
    command = Command(runtime="shell", main=Step(run=f"seq {lines}"))
    thread, answers = in_thread(
        lambda: ShellRuntime(work_dir=tmp_path).run(command, Workspace("1"), watch)
    )
    eventually(shipment.is_full)
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            shipment.store(rows)
        watch.cancelled.wait(0.2)  # a task that did not wait would write all of it meanwhile
        assert shipment._size < 100_000 + 2 * PIECE_BYTES
    away.clear()

    def is_over():
        shipment.store(rows)
        return bool(answers)

    eventually(is_over)
    thread.join(PATIENCE_S)
    shipment.finish()
    shipment.store(rows, whole=True)
    assert answers[0].error is None
    assert rows.text() == "".join(f"{number}\n" for number in range(1, lines + 1))
    watch.cancelled.close()


def test_task_that_waits_with_its_output_can_be_cancelled(tmp_path):
    watch = Recorder()
    watch.full = True
    command = Command(runtime="shell", main=Step(run="yes"))
    thread, answers = in_thread(
        lambda: ShellRuntime(work_dir=tmp_path).run(command, Workspace("1"), watch)
    )
    watch.cancelled.set()
    thread.join(PATIENCE_S)
    assert answers[0].cancelled
    watch.cancelled.close()


def test_process_left_behind_that_writes_for_ever_is_ended(tmp_path):
    watch = Recorder()
    watch.output = lambda _: watch.cancelled.wait(0.01)  # slower than what writes
    command = Command(runtime="shell", main=Step(run="yes & exit 0"))
    thread, answers = in_thread(
        lambda: ShellRuntime(work_dir=tmp_path).run(command, Workspace("1"), watch)
    )
    thread.join(PATIENCE_S)
    assert answers
    assert answers[0].error is None
    watch.cancelled.close()
