"""What comes up at the same moment is done together, and nobody is forgotten."""

import threading

import pytest

from app.engine.batches import MOST, Batches
from tests.yard import eventually


class Gate:
    """Does batches one at a time, the first only when it is let."""

    def __init__(self, refuse=()):
        self.batches = []
        self.open = threading.Event()
        self.refuse = refuse

    def __call__(self, items):
        self.batches.append(list(items))
        assert self.open.wait(30)
        if "poison" in items:
            raise ValueError("poison")
        return [item not in self.refuse for item in items]


def join_all(line, gate, items):
    """Let the first one begin, the others gather behind it; give what each was told."""
    told = {}

    def join(item):
        told[item] = line.join("key", item)

    threads = [threading.Thread(target=join, args=(item,)) for item in items]
    threads[0].start()
    eventually(lambda: gate.batches, "the first batch")
    for thread in threads[1:]:
        thread.start()
    eventually(lambda: len(line._lines["key"]) == len(items) - 1, "all in line")
    gate.open.set()
    for thread in threads:
        thread.join(30)
    return told


def test_what_gathers_meanwhile_is_done_at_once():
    gate = Gate(refuse=("c",))
    line = Batches(gate)
    told = join_all(line, gate, ["a", "b", "c", "d"])
    assert gate.batches[0] == ["a"]
    assert sorted(gate.batches[1]) == ["b", "c", "d"]
    assert told == {"a": True, "b": True, "c": False, "d": True}
    assert line._lines == {}


def test_a_batch_has_an_end():
    gate = Gate()
    told = join_all(Batches(gate), gate, [f"n{number}" for number in range(MOST + 3)])
    assert [len(batch) for batch in gate.batches] == [1, MOST, 2]
    assert set(told.values()) == {True}


def test_one_that_fails_alone_leaves_the_line_to_the_others():
    gate = Gate()
    gate.open.set()
    line = Batches(gate)
    with pytest.raises(ValueError, match="poison"):
        line.join("key", "poison")
    assert line._lines == {}
    assert line.join("key", "a")


def test_other_keys_wait_for_nobody():
    gate = Gate()
    line = Batches(gate)
    slow = threading.Thread(target=line.join, args=("key", "a"))
    slow.start()
    eventually(lambda: gate.batches, "the first batch")
    other = threading.Thread(target=line.join, args=("other", "b"))
    other.start()
    eventually(lambda: len(gate.batches) == 2, "the other batch")
    gate.open.set()
    slow.join(30)
    other.join(30)
