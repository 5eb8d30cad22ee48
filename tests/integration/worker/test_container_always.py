"""Steps of the container runtime that run however a task ended."""

import pytest

from app.hooks.types import Mount, Step
from tests.integration.worker.container_commands import SEAT, left_of, run
from tests.integration.worker.watching import in_thread


@pytest.fixture
def runtime(containers):
    return containers


def always(script, **words):
    return Step(run=script, always=True, **words)


def test_post_that_always_runs_does_so_after_a_failure_and_others_do_not(runtime, watch):
    post = (Step(run="echo plain"), always("echo first; exit 4"), always("echo second"))
    outcome = run(runtime, watch, "echo main; exit 3", post=post)
    assert (outcome.error, outcome.exit_code) == ("exit code 3: main", 3)
    assert watch.text == b"main\nfirst\nsecond\n"


def test_post_that_always_runs_does_so_once_and_after_another_that_failed(runtime, watch):
    post = (always("echo one; exit 4"), Step(run="echo plain"), always("echo two"))
    outcome = run(runtime, watch, "echo main", post=post)
    assert outcome.error == "exit code 4: one"
    assert watch.text == b"main\none\ntwo\n"


def test_post_that_always_runs_does_so_after_a_time_out_in_time_of_its_own(runtime, watch):
    post = (always("echo cleaned"), always("echo began; sleep 1000", timeout_s=1))
    outcome = run(runtime, watch, "sleep 1000", post=post, timeout_s=3, timeout_text="soon")
    assert outcome.error == "task timed out after soon"
    assert watch.text == b"cleaned\nbegan\n"


def test_post_that_always_runs_does_so_after_a_cancel(runtime, watch):
    post = (Step(run="echo plain"), always("echo cleaned"))
    thread, answers = in_thread(lambda: run(runtime, watch, "echo ready; sleep 1000", post=post))
    watch.wait_for(lambda: b"ready" in watch.text)
    watch.cancelled.set()
    thread.join()
    assert answers[0].cancelled
    assert watch.text == b"ready\ncleaned\n"


def test_it_sees_the_volumes_of_the_task_and_leaves_nothing(runtime, watch, client):
    outcome = run(
        runtime,
        watch,
        "echo left > /data/x; exit 3",
        post=(always("cat /data/x"),),
        mounts=(Mount(type="volume", target="/data"),),
        sidecars=(Step(name="s", run="sleep 1000"),),
    )
    assert outcome.exit_code == 3
    assert watch.text == b"left\n"
    assert left_of(client, SEAT) == []
