"""Nothing of a task stays at the engine, whatever ends first."""

import gc
import json
import socket
import threading
from contextlib import suppress

import docker
import pytest

from app.domain.clock import SECOND
from app.hooks.types import Mount, Step
from tests.integration.worker.container_commands import IMAGE, SEAT, FixedClock, left_of, run
from tests.integration.worker.watching import eventually, in_thread


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
        assert make(seat=ours).clean_up() == 1
        assert left_of(client, ours) == []
        assert len(left_of(client, other)) == 3
    finally:
        assert make(seat=other).clean_up() == 1
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
    assert runtime.clean_up() == 0
    assert runtime.prune_images(1) == []
    assert make().available() is None


class Relay:
    """A socket in front of the engine that can be cut like a cable."""

    def __init__(self, path, address):
        self.path = path
        self.address = address
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(path))
        self.server.listen()
        self.open = [self.server]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with suppress(OSError):
            while True:
                near, _ = self.server.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(self.address.removeprefix("unix://"))
                self.open += [near, far]
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._copy, args=pair, daemon=True).start()

    def _copy(self, source, target):
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def cut(self):
        self.path.unlink()
        for one in self.open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


# The SDK leaves the socket of a failed connection to the garbage collector; so it comes here.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_engine_that_goes_away_fails_the_task_in_words(make, watch, client, tmp_path, docker_host):
    seat = f"{SEAT}-cut"
    relay = Relay(tmp_path / "relay.sock", docker_host)
    runtime = make(base_url=f"unix://{relay.path}", seat=seat)
    thread, answers = in_thread(lambda: run(runtime, watch, "echo ready; sleep 1000"))
    watch.wait_for(lambda: b"ready" in watch.text)
    relay.cut()
    thread.join()
    assert answers[0].error.startswith("the container engine went away")
    assert len(left_of(client, seat)) == 1
    again = Relay(tmp_path / "relay.sock", docker_host)
    try:  # what could not be removed then is removed now
        runtime.prune_images(3600)
        eventually(lambda: left_of(client, seat) == [])
    finally:
        again.cut()
    gc.collect()
