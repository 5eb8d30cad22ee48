"""Nothing of a task stays at the engine, whatever ends first."""

import gc
import json
import socket
from contextlib import suppress

import docker
import pytest

from app.domain.clock import SECOND
from app.hooks.types import Mount, Step
from app.worker.runtimes import engine_api
from tests.integration.worker.container_commands import IMAGE, SEAT, FixedClock, left_of, run
from tests.integration.worker.watching import eventually, in_thread
from tests.relay import Relay


@pytest.fixture
def runtime(containers):
    return containers


def test_cancel_ends_the_container_and_everything_beside_it(runtime, watch, client):
    side = Step(name="s", run="sleep 1000")
    thread, answers = in_thread(
        lambda: run(
            runtime,
            watch,
            "(sleep 1000 &); trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.1; done",
            sidecars=(side,),
            mounts=(Mount(type="volume", target="/data"),),
            post=(Step(run="echo post"),),
        )
    )
    watch.wait_for(lambda: b"ready" in watch.text)
    labels = [one["Labels"] for one in left_of(client, SEAT)]
    assert len(labels) == 4
    for one in labels:
        assert (one["jobyard.task"], one["jobyard.attempt"]) == ("c1", "attempt-9")
    watch.cancelled.set()
    thread.join()
    assert answers[0].cancelled
    assert b"bye" in watch.text
    assert b"post" not in watch.text
    assert left_of(client, SEAT) == []


def test_cancel_kills_what_ignores_the_signal(runtime, watch):
    thread, answers = in_thread(
        lambda: run(runtime, watch, "trap '' TERM; echo ready; while :; do sleep 0.1; done")
    )
    watch.wait_for(lambda: b"ready" in watch.text)
    watch.cancelled.set()
    thread.join()
    assert answers[0].cancelled


def test_time_out_covers_all_steps(runtime, watch):
    pre = (Step(run="echo in pre; sleep 1000"),)
    outcome = run(runtime, watch, "echo ran", pre=pre, timeout_s=2, timeout_text="2s")
    assert outcome.error == "task timed out after 2s"
    assert b"ran" not in watch.text


def test_taker_that_fails_leaves_nothing(runtime, watch):
    def refuse(data):
        raise RuntimeError(data)

    watch.output = refuse
    with pytest.raises(RuntimeError):
        run(runtime, watch, "echo x; sleep 1000", kill_after_s=0.1)


def test_leftovers_of_this_seat_alone_are_removed(make, client):
    def leave(seat):
        labels = {"jobyard.seat": seat, "jobyard.task": "t", "jobyard.attempt": "t-1"}
        client.create_network(f"jobyard-{seat}", driver="bridge", labels=labels)
        client.create_volume(labels=labels)
        made = client.create_container(
            IMAGE, entrypoint=["sleep"], command=["1000"], labels=labels, volumes=["/yard"]
        )
        client.start(made["Id"])

    ours, other = f"{SEAT}-ours", f"{SEAT}-other"
    leave(ours)
    leave(other)
    try:
        assert make(seat=ours).clean_up() == frozenset()
        assert left_of(client, ours) == []
        assert len(left_of(client, other)) == 3
    finally:
        assert make(seat=other).clean_up() == frozenset()
    assert left_of(client, other) == []


def test_images_are_pruned_only_if_pulled_by_us_and_unused(make, client, tmp_path):
    clock = FixedClock()
    runtime = make(clock=clock)
    for name in ("jobyard-old", "jobyard-new", "jobyard-others"):
        client.tag(IMAGE, f"localhost/{name}", "1")
    record = tmp_path / "state" / "images.json"
    record.parent.mkdir()
    known = {
        "localhost/jobyard-old:1": clock.at - 73 * 3600 * SECOND,
        "localhost/jobyard-gone:1": 0,
        "localhost/jobyard-new:1": clock.at,
    }
    record.write_text(json.dumps(known))
    try:
        removed = runtime.prune_images(72 * 3600)
        assert sorted(removed) == ["localhost/jobyard-gone:1", "localhost/jobyard-old:1"]
        assert list(json.loads(record.read_text())) == ["localhost/jobyard-new:1"]
        for name, there in (("old", False), ("new", True), ("others", True)):
            assert bool(client.images(f"localhost/jobyard-{name}")) is there
    finally:
        for name in ("jobyard-old", "jobyard-new", "jobyard-others"):
            with suppress(docker.errors.APIError):
                client.remove_image(f"localhost/{name}:1")


def test_images_that_tasks_pulled_go_when_unused_for_so_long_and_no_others(
    make, watch, client, monkeypatch
):
    clock, ttl_s = FixedClock(), 72 * 3600
    runtime = make(clock=clock)
    pulled, kept, held = (f"localhost/jobyard-{name}:1" for name in ("pulled", "kept", "held"))
    there = runtime._engine.client()

    def pull(name, *, tag, **_):
        made = client.create_container(IMAGE, command=["true"])
        client.commit(made["Id"], name, tag, message=name)
        client.remove_container(made["Id"])
        return [{"status": "pulled"}]

    def prune_after(hours):
        clock.at += hours * 3600 * SECOND
        runtime.prune_images(ttl_s)
        return [name for name in (pulled, kept, held) if client.images(name)]

    monkeypatch.setattr(there, "pull", pull)
    pull(held.partition(":")[0], tag="1")
    try:
        for image in (pulled, kept, held):
            assert run(runtime, watch, "true", image=image).error is None
        assert prune_after(71) == [pulled, kept, held]
        assert run(runtime, watch, "true", image=kept).error is None
        assert prune_after(2) == [kept, held], "used two hours ago, and never pulled"
        user = client.create_container(kept, command=["true"])
        assert prune_after(73) == [kept, held], "somebody still has a container of it"
        client.remove_container(user["Id"])
        assert prune_after(0) == [held]
        assert client.images(IMAGE)
        assert run(runtime, watch, "true", image=pulled).error is None, "it is pulled again"
    finally:
        for name in (pulled, kept, held):
            with suppress(docker.errors.APIError):
                client.remove_image(name)


def test_use_of_a_pulled_image_is_noted(make, watch, tmp_path):
    clock = FixedClock()
    runtime = make(clock=clock)
    record = tmp_path / "state" / "images.json"
    record.parent.mkdir()
    record.write_text(json.dumps({IMAGE: 5}))
    assert run(runtime, watch, "true").error is None
    assert json.loads(record.read_text()) == {IMAGE: clock.at}


def test_no_engine_is_said_in_words(make, watch, tmp_path):
    runtime = make(base_url=f"unix://{tmp_path}/none.sock")
    assert runtime.available() == "container runtime is not available"
    assert run(runtime, watch, "true").error == "container runtime is not available"
    assert runtime.clean_up() == frozenset()
    assert runtime.settle() == frozenset()
    assert runtime.prune_images(1) == []
    assert make().available() is None


# The SDK leaves the socket of a failed connection to the garbage collector; so it comes here.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_engine_that_goes_away_fails_the_task_in_words(make, watch, client, tmp_path, docker_host):
    seat = f"{SEAT}-cut"
    relay = Relay(tmp_path / "relay.sock", docker_host)
    runtime = make(base_url=f"unix://{relay.path}", seat=seat, patience_s=0.0)
    thread, answers = in_thread(lambda: run(runtime, watch, "echo ready; sleep 1000"))
    watch.wait_for(lambda: b"ready" in watch.text)
    relay.cut()
    thread.join()
    assert answers[0].error.startswith("the container engine went away")
    assert len(left_of(client, seat)) == 1
    again = Relay(tmp_path / "relay.sock", docker_host)
    try:  # what could not be removed then is removed now
        runtime.settle()
        eventually(lambda: left_of(client, seat) == [])
    finally:
        again.cut()
    gc.collect()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_engine_that_comes_back_is_waited_for_before_the_task_ends(
    make, watch, client, tmp_path, docker_host
):
    seat = f"{SEAT}-back"
    relay = Relay(tmp_path / "relay.sock", docker_host)
    runtime = make(base_url=f"unix://{relay.path}", seat=seat)
    thread, answers = in_thread(lambda: run(runtime, watch, "echo ready; sleep 1000"))
    watch.wait_for(lambda: b"ready" in watch.text)
    relay.cut()
    thread.join(1.0)
    assert not answers, "its container runs: nobody may run the task again"
    again = Relay(tmp_path / "relay.sock", docker_host)
    try:
        thread.join(60.0)
        assert answers[0].error.startswith("the container engine went away")
        assert left_of(client, seat) == []
    finally:
        again.cut()
    gc.collect()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_leftovers_at_a_silent_engine_are_known_and_removed_when_it_answers(
    make, watch, client, tmp_path, docker_host, *, monkeypatch
):
    seat = f"{SEAT}-silent"
    relay = Relay(tmp_path / "relay.sock", docker_host)
    dead = make(base_url=f"unix://{relay.path}", seat=seat, patience_s=0.0)
    thread, _ = in_thread(lambda: run(dead, watch, "echo ready; sleep 1000"))
    watch.wait_for(lambda: b"ready" in watch.text)
    relay.cut()
    thread.join()
    silent = socket.socket(socket.AF_UNIX)
    silent.bind(str(relay.path))
    silent.listen()
    successor = make(base_url=f"unix://{relay.path}", seat=seat)
    with monkeypatch.context() as hurried:  # it never answers, so why wait for it
        hurried.setattr(engine_api, "_PING_S", 0.5)
        assert successor.clean_up() == {"attempt-9"}
        assert successor.settle() == {"attempt-9"}
    silent.close()
    relay.path.unlink()
    again = Relay(tmp_path / "relay.sock", docker_host)
    try:
        eventually(lambda: successor.settle() == frozenset())
        assert left_of(client, seat) == []
        assert make(base_url=f"unix://{relay.path}", seat=seat).clean_up() == frozenset()
    finally:
        again.cut()
    gc.collect()
