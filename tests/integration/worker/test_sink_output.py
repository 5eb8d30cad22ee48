"""Commands with a sink: their standard output goes its own way to the database."""

from types import SimpleNamespace

import pytest

from app.domain.records import Claimed
from app.hooks.types import Step
from app.testing import make_engine
from app.worker.runtimes.output import Frames
from app.worker.runtimes.shell import ShellRuntime
from app.worker.shipping import Shipment, split
from tests.integration.worker.container_commands import run as run_in_container
from tests.integration.worker.shell_commands import run
from tests.integration.worker.watching import open_descriptors

BOTH = "echo a; echo b >&2; echo c; echo d >&2"


@pytest.fixture
def runtime(tmp_path):
    return ShellRuntime(work_dir=tmp_path / "work")


def lines(pieces):
    return b"".join(pieces).split()


def test_only_the_standard_output_of_the_main_step_is_of_the_sink(runtime, watch):
    around = Step(run="echo around")
    outcome = run(runtime, watch, BOTH, sink=True, pre=(around,), post=(around,))
    assert outcome.error is None
    assert lines(watch.sink) == [b"a", b"c"]
    assert sorted(lines(watch.pieces)) == sorted(b"around a b c d around".split())


def test_without_a_sink_nothing_is_of_it(runtime, watch):
    run(runtime, watch, BOTH)
    assert watch.sink == []
    assert lines(watch.pieces) == [b"a", b"b", b"c", b"d"]


def test_an_error_quotes_both_streams_and_nothing_leaks(runtime, watch):
    before = open_descriptors()
    outcome = run(runtime, watch, "echo out; echo err >&2; exit 3", sink=True)
    assert outcome.exit_code == 3
    assert "out" in outcome.error
    assert "err" in outcome.error
    assert open_descriptors() == before


def test_each_stream_may_be_closed_alone(runtime, watch):
    assert run(runtime, watch, "exec 2>&-; sleep 0.1; echo late", sink=True).error is None
    assert run(runtime, watch, "exec 1>&-; sleep 0.1; echo log >&2", sink=True).error is None
    assert (lines(watch.sink), lines(watch.pieces)) == ([b"late"], [b"late", b"log"])


def test_much_on_both_streams_arrives_whole(runtime, watch):
    script = "for i in $(seq 2000); do echo out $i; echo err $i >&2; done"
    assert run(runtime, watch, script, sink=True).error is None
    assert b"".join(watch.sink) == b"".join(b"out %d\n" % n for n in range(1, 2001))
    assert len(lines(watch.pieces)) == 8000


def test_a_container_has_a_sink_too(containers, watch):
    assert run_in_container(containers, watch, BOTH, sink=True).error is None
    assert lines(watch.sink) == [b"a", b"c"]
    assert sorted(lines(watch.pieces)) == [b"a", b"b", b"c", b"d"]


def test_frames_of_two_streams_are_told_apart_wherever_they_are_cut():
    parts = [(1, b"out"), (2, b"err"), (1, b""), (1, b"more"), (2, b"\0" * 20)]
    stream = b"".join(
        bytes([kind]) + b"\0\0\0" + len(one).to_bytes(4, "big") + one for kind, one in parts
    )
    for size in (1, 3, 8, 9, 1000):
        log, sink = [], []
        frames = Frames(log.append, sink.append)
        for at in range(0, len(stream), size):
            frames(stream[at : at + size])
        assert b"".join(sink) == b"outmore"
        assert b"".join(log) == b"err" + b"\0" * 20


# -- into the database --------------------------------------------------------------------------


@pytest.fixture
def shipped():
    """Give a shipment, the parts that are stored of it, and the lines of the sink."""
    claimed = Claimed(
        task_id=1,
        number=1,
        queue="demo/default",
        name="a",
        payload={},
        job_id="job",
        public_id=None,
        position=0,
        created_at=0,
        leased_until=None,
        lease_s=None,
    )
    with make_engine() as engine:
        demand = SimpleNamespace(present=lambda: True, close=lambda: None)

        def stored(*, sink):
            parts = engine.logs.after(1, 0)
            kept = engine.logs.sink_after("job", "") if sink else parts
            return [part.contents for part in kept]

        yield SimpleNamespace(
            shipment=Shipment(claimed, 0, lambda: None, demand), logs=engine.logs, stored=stored
        )


def test_parts_of_the_sink_are_whole_lines_and_the_log_has_all(shipped):
    shipment = shipped.shipment
    shipment.add(b"one\ntw", sink=True)
    shipment.add(b"warn")
    shipment.add(b"o\nthree", sink=True)
    shipment.store(shipped.logs)
    assert "".join(shipped.stored(sink=True)) == "one\ntwo\n"
    assert "".join(shipped.stored(sink=False)) == "one\nwarntwo\n"
    shipment.add(b"ing\n")
    shipment.finish()
    shipment.store(shipped.logs, whole=True)
    assert "".join(shipped.stored(sink=True)) == "one\ntwo\nthree"
    assert "".join(shipped.stored(sink=False)) == "one\nwarntwo\ning\nthree"


def test_a_line_that_waits_for_its_end_makes_no_parts(shipped):
    shipment = shipped.shipment
    for _ in range(5):
        shipment.add(b"half ", sink=True)
        shipment.store(shipped.logs)
    assert shipped.stored(sink=False) == []
    shipment.finish()
    shipment.store(shipped.logs, whole=True)
    assert shipped.stored(sink=True) == ["half " * 5]


def test_a_flood_of_lines_is_cut_between_them(shipped):
    shipment = shipped.shipment
    text = "".join(f"{number:07}\n" for number in range(30_000))
    shipment.add(text.encode(), sink=True)
    shipment.store(shipped.logs)
    parts = shipped.stored(sink=True)
    assert "".join(parts) == text
    assert parts == split(text)
    assert all(part.endswith("\n") for part in parts)
