"""Steps of the shell runtime that run however a task ended."""

import pytest

from app.hooks.types import Step
from app.worker.runtimes.shell import ShellRuntime
from tests.integration.worker.shell_commands import run
from tests.integration.worker.watching import in_thread, open_descriptors


@pytest.fixture
def runtime(tmp_path):
    return ShellRuntime(work_dir=tmp_path / "work")


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
    post = (always("echo cleaned"), always("echo began; exec sleep 1000", timeout_s=1))
    outcome = run(runtime, watch, "sleep 1000", post=post, timeout_s=0.5, timeout_text="soon")
    assert outcome.error == "task timed out after soon"
    assert watch.text == b"cleaned\nbegan\n"


def test_post_that_always_runs_does_so_after_a_cancel(runtime, watch):
    post = (Step(run="echo plain"), always("echo cleaned"))
    thread, answers = in_thread(
        lambda: run(runtime, watch, "echo ready; exec sleep 1000", post=post)
    )
    watch.wait_for(lambda: b"ready" in watch.text)
    watch.cancelled.set()
    thread.join()
    assert answers[0].cancelled
    assert watch.text == b"ready\ncleaned\n"


def test_no_descriptor_is_lost_by_it(runtime, watch):
    run(runtime, watch, "exit 3", post=(always("true"),))
    before = open_descriptors()
    for _ in range(3):
        run(runtime, watch, "exit 3", post=(always("true"),))
    assert open_descriptors() == before
