"""Containers that write faster than their output is taken."""

import pytest

from tests.integration.worker.container_commands import SEAT, left_of, run
from tests.integration.worker.watching import in_thread


@pytest.fixture
def runtime(containers):
    return containers


def test_output_that_had_to_wait_is_whole_and_in_order(runtime, watch):
    lines = 600_000
    watch.full = True
    thread, answers = in_thread(lambda: run(runtime, watch, f"echo begin; seq {lines}"))
    watch.cancelled.wait(4.0)  # nobody takes anything meanwhile
    assert not answers
    watch.full = False
    thread.join()
    assert answers[0].error is None
    assert watch.text == b"begin\n" + b"".join(b"%d\n" % n for n in range(1, lines + 1))


@pytest.mark.parametrize("full", [True, False])
def test_cancel_kills_what_writes_for_ever_and_ignores_the_signal(runtime, watch, client, full):
    script = "trap '' TERM; while :; do yes | head -n 100000; done"
    thread, answers = in_thread(lambda: run(runtime, watch, script))
    watch.wait_for(lambda: len(watch.text) > 1_000_000)
    watch.full = full
    watch.cancelled.wait(1.0)
    watch.cancelled.set()
    thread.join(60.0)
    assert not thread.is_alive()
    assert answers[0].cancelled
    assert left_of(client, SEAT) == []
