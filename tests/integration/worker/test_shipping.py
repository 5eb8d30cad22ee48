"""Output on its way from a task to the database."""

import threading
from types import SimpleNamespace

from app.domain.errors import Rejected, StoreUnavailable
from app.domain.records import Claimed
from app.worker.shipping import Shipment, Shipper

PATIENCE_S = 60.0


class Rows:
    """Log parts as the database keeps them: the first text under a number stays.

    answers: what happens at each call beside the storing: an error after it, or None.
    """

    def __init__(self, *answers):
        self.parts = {}
        self.answers = list(answers)
        self.changed = threading.Condition()

    def append(self, *, task_id, parts, **_):
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Rejected):
            raise answer
        with self.changed:
            for number, text in parts:
                self.parts.setdefault((task_id, number), text)
            self.changed.notify_all()
        if answer is not None:
            raise answer

    def text(self, task_id=1):
        return "".join(text for key, text in sorted(self.parts.items()) if key[0] == task_id)


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
    shipment = Shipment(claimed(), 1, lambda: None)
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
    shipper = Shipper(SimpleNamespace(append=lambda **words: refuse_first(rows, **words)))
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


def refuse_first(rows, *, task_id, parts, **_):
    if task_id == 1:
        raise Rejected
    rows.append(task_id=task_id, parts=parts)
