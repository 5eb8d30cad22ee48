"""The container runtime against a real engine, named by JOBYARD_TEST_DOCKER.

The engine must hold the image `ubuntu:mantic`, which may be anything with a busybox.
"""

import hashlib
import json
import os
import socket
import threading
from contextlib import suppress
from pathlib import Path

import docker
import pytest
from conftest import eventually, in_thread, names_in, open_descriptors

from app.domain.clock import SECOND
from app.hooks.types import Command, Limits, Mount, Probe, Step
from app.worker.runtimes.base import StepFailed, Workspace
from app.worker.runtimes.container import ContainerOptions, ContainerRuntime
from app.worker.runtimes.containers import gpu_requests, slug
from app.worker.runtimes.mounts import BindRules
from app.worker.runtimes.output import Frames

ADDRESS = os.environ.get("JOBYARD_TEST_DOCKER", "")
IMAGE = "ubuntu:mantic"
SEAT = f"test-{os.getpid()}"

pytestmark = [
    pytest.mark.podman,
    pytest.mark.skipif(not ADDRESS, reason="JOBYARD_TEST_DOCKER names no container engine"),
]


class FixedClock:
    def __init__(self):
        self.at = 1_000_000 * SECOND

    def now(self):
        return self.at


@pytest.fixture(scope="module")
def client():
    client = docker.APIClient(ADDRESS, version="auto")
    yield client
    client.close()


@pytest.fixture
def make(tmp_path):
    def make(**options):
        options.setdefault("base_url", ADDRESS)
        options.setdefault("seat", SEAT)
        return ContainerRuntime(
            ContainerOptions(image_record=tmp_path / "state" / "images.json", **options)
        )

    return make


@pytest.fixture
def runtime(make, client):
    yield make()
    assert left_of(client, SEAT) == []


def left_of(client, seat):
    filters = {"label": f"jobyard.seat={seat}"}
    return [
        *client.containers(all=True, filters=filters),
        *(client.volumes(filters=filters)["Volumes"] or []),
        *client.networks(filters=filters),
    ]


def run(runtime, watch, script=None, /, **kwargs):
    steps = ("env", "files", "workdir", "cmd", "entrypoint", "image")
    main = {key: kwargs.pop(key) for key in steps if key in kwargs}
    main.setdefault("image", IMAGE)
    command = Command(
        runtime="container",
        main=Step(name="Main One", run=script, **main),
        output_env="OUT",
        progress_env="PROGRESS",
        script_dir="/yard",
        **kwargs,
    )
    return runtime.run(command, Workspace("c1", 2, "attempt-9"), watch)


def test_script_output_result_and_clean_end(runtime, watch, client):
    volumes = {one["Name"] for one in client.volumes()["Volumes"] or []}
    outcome = run(runtime, watch, "echo a; printf ' r\\n' > $OUT")
    assert outcome.error is None
    assert (outcome.result, outcome.exit_code) == (" r\n", 0)
    assert watch.text == b"a\n"
    assert {one["Name"] for one in client.volumes()["Volumes"] or []} == volumes
    before = open_descriptors()
    for _ in range(3):
        run(runtime, watch, "true")
    assert open_descriptors() <= before + 1


def test_environment_and_paths(runtime, watch):
    value = "a'b\"c\n$HOME `id` \\ é"
    run(runtime, watch, 'printf %s "$V"; echo; echo $OUT $PROGRESS; ls /yard', env={"V": value})
    tail = "\n/yard/stdout /yard/progress\nentrypoint\nprogress\nstdout\n"
    assert watch.text.decode() == value + tail


def test_command_and_entrypoint_replace_the_defaults(runtime, watch):
    run(runtime, watch, cmd=("echo", "from cmd"))
    run(runtime, watch, entrypoint=("echo", "from"), cmd=("entrypoint",))
    run(runtime, watch, "echo $((6*7))", entrypoint=("sh",))
    run(runtime, watch, "true", cmd=("echo from sh",))
    assert watch.text == b"from cmd\nfrom entrypoint\n42\nfrom sh\n"


def test_script_longer_than_an_argument(runtime, watch):
    assert run(runtime, watch, "# " + "x" * 1_000_000 + "\necho ok\n").error is None
    assert watch.text == b"ok\n"


def test_files_go_to_the_working_directory(runtime, watch):
    files = {"a b": "1\n", "sub/c": "é\n"}
    run(runtime, watch, "pwd; cat 'a b' sub/c; stat -c %a sub/c", files=files)
    assert watch.text.decode() == "/yard/workdir\n1\né\n444\n"


def test_working_directory_is_made_and_existing_ones_keep_their_mode(runtime, watch):
    run(runtime, watch, "pwd; cat f; stat -c %a /tmp", files={"f": "x\n"}, workdir="/tmp/new/dir")
    run(runtime, watch, "pwd", workdir="/other/new")
    assert watch.text == b"/tmp/new/dir\nx\n1777\n/other/new\n"


def test_files_reach_a_working_directory_inside_a_volume(runtime, watch):
    mounts = (Mount(type="volume", target="/data"),)
    outcome = run(
        runtime, watch, "cat /data/in/f", files={"f": "x\n"}, workdir="/data/in", mounts=mounts
    )
    assert outcome.error is None
    assert watch.text == b"x\n"


@pytest.mark.parametrize("name", ["../x", "/etc/x", "", "a/../../x"])
def test_bad_file_name_fails_the_task_only(runtime, watch, name):
    assert "not a relative file name" in run(runtime, watch, "echo x", files={name: "x"}).error
    assert watch.text == b""


def test_ten_megabytes_arrive_exactly(runtime, watch):
    script = "head -c 10000000 /dev/urandom > /tmp/x; cat /tmp/x; md5sum < /tmp/x > $OUT"
    outcome = run(runtime, watch, script)
    assert len(watch.text) == 10_000_000
    assert outcome.result.split()[0] == hashlib.md5(watch.text).hexdigest()


def test_failure_quotes_the_last_ten_lines_and_runs_no_post(runtime, watch):
    post = (Step(run="echo post"),)
    outcome = run(runtime, watch, "seq 1 30; exit 3", post=post)
    assert outcome.error == "exit code 3: " + "\n".join(str(n) for n in range(21, 31))
    assert (outcome.exit_code, outcome.result) == (3, None)
    assert b"post" not in watch.text


def test_result_text_is_cleaned_and_bounded(runtime, watch):
    assert run(runtime, watch, r"printf 'a\0b\377c' > $OUT").result == "ab�c"
    outcome = run(runtime, watch, "head -c 1001 /dev/zero > $OUT", result_bytes=1000)
    assert outcome.error == "the result is longer than 1000 bytes"


@pytest.mark.parametrize("local", [True, False])
def test_result_that_is_no_plain_file_is_refused(runtime, watch, local):
    runtime._engine.local = local
    outcome = run(runtime, watch, "rm $OUT; mkdir $OUT; ln -s /etc/passwd $OUT/x")
    assert outcome.result is None
    assert "stdout" in outcome.error


def test_result_is_not_read_through_a_link(runtime, watch):
    assert run(runtime, watch, "rm $OUT; ln -s /etc/passwd $OUT").result is None


def test_far_engine_gives_the_result_through_its_api(runtime, watch):
    runtime._engine.local = False
    assert run(runtime, watch, "printf far > $OUT").result == "far"
    assert run(runtime, watch, "rm $OUT").result == ""
    outcome = run(runtime, watch, "head -c 3000000 /dev/zero > $OUT", result_bytes=1000)
    assert outcome.error == "the result is longer than 1000 bytes"


def test_memory_hog_ends_with_137(runtime, watch):
    limits = Limits(memory_bytes=20 << 20, cpus=0.5)
    outcome = run(runtime, watch, "x=a; while :; do x=$x$x; done", limits=limits)
    assert outcome.exit_code == 137
    assert outcome.error.startswith("exit code 137: ")


def test_volume_is_shared_by_all_steps_and_results_are_not(runtime, watch):
    step = "cat /data/x; echo {0} >> /data/x; cat $OUT; echo {0} > $OUT"
    outcome = run(
        runtime,
        watch,
        step.format("main"),
        pre=(Step(name="p1", run="touch /data/x"), Step(run=step.format("pre"))),
        post=(Step(run=step.format("post")),),
        mounts=(Mount(type="volume", target="/data"),),
    )
    assert outcome.result == "main\n"
    assert watch.text == b"pre\npre\nmain\n"


def test_tmpfs_is_mounted(runtime, watch):
    mounts = (Mount(type="tmpfs", target="/scratch"),)
    run(runtime, watch, "grep -c ' /scratch tmpfs' /proc/mounts", mounts=mounts)
    assert watch.text == b"1\n"


@pytest.mark.parametrize(
    ("mount", "error"),
    [
        (Mount(type="bind", source="/etc", target="/x"), "bind mounts are not allowed"),
        (Mount(type="nfs", target="/x"), "unknown mount type: nfs"),
        (Mount(type="tmpfs", source="/y", target="/x"), "tmpfs mount cannot have a source"),
        (Mount(type="volume", target=""), "volume mount needs a target"),
        (Mount(type="volume", target="/yard"), "mount target is not allowed: /yard"),
    ],
)
def test_mounts_that_cannot_be_are_refused(runtime, watch, mount, error):
    assert run(runtime, watch, "echo ran", mounts=(mount,)).error == error
    assert watch.text == b""


def test_bind_mounts_keep_to_the_allowed_directories(make, watch, tmp_path):
    allowed, outside = tmp_path / "allowed", tmp_path / "outside"
    allowed.mkdir()
    outside.mkdir()
    (allowed / "way-out").symlink_to(outside)
    runtime = make(binds=BindRules(allowed=True, sources=(str(allowed),)))

    def bind(source):
        mounts = (Mount(type="bind", source=str(source), target="/x"),)
        return run(runtime, watch, "echo $(ls /x) > /x/mark", mounts=mounts).error

    assert bind(allowed / "made") is None
    assert names_in(allowed / "made") == ["mark"]
    for source in (outside, allowed / "way-out", allowed / ".." / "outside", tmp_path, "allowed"):
        assert bind(source) == f"src bind mount is not allowed: {source}"
    assert names_in(outside) == []


def test_sidecar_is_reached_by_name_after_its_probe(runtime, watch, client):
    side = Step(
        name="Web Server",
        image=IMAGE,
        run="echo from sidecar > /data/h; sleep 1; exec httpd -f -p 8080 -h /data",
        probe=Probe(path="/h", port=8080),
    )
    script = "wget -qO- http://web-server:8080/h"
    outcome = run(
        runtime,
        watch,
        script,
        sidecars=(side,),
        mounts=(Mount(type="volume", target="/data"),),
        post=(Step(run=script),),
    )
    assert outcome.error is None
    assert watch.text == b"from sidecar\n" * 2


def test_probe_times_out_or_tells_of_a_dead_sidecar(runtime, watch):
    probe = Probe(path="/", port=8080, timeout_s=1.5)
    side = Step(name="s", run="sleep 1000", probe=probe)
    assert run(runtime, watch, "echo ran", sidecars=(side,)).error == "probe timed out after 1.5s"
    dead = Step(name="s", run="exit 5", probe=Probe(path="/", port=8080))
    assert "exit code 5" in run(runtime, watch, "echo ran", sidecars=(dead,)).error
    assert watch.text == b""


def test_networks_are_joined_and_the_host_is_refused(runtime, watch, client):
    names = [f"jobyard-test-{os.getpid()}-{n}" for n in range(2)]
    for name in names:
        client.create_network(name, driver="bridge")
    try:
        script = "ip -o -4 addr | grep -vc ' lo '"
        assert run(runtime, watch, script, networks=tuple(names)).error is None
        assert watch.text == b"2\n"
    finally:
        for name in names:
            client.remove_network(name)
    assert run(runtime, watch, "x", networks=("host",)).error == "host networking is not allowed"
    assert "no-such" in run(runtime, watch, "x", networks=("no-such",)).error


def test_host_network_when_allowed(make, watch):
    runtime = make(host_network=True)
    assert run(runtime, watch, "readlink /proc/self/ns/net", networks=("host",)).error is None
    assert watch.text.decode().strip() == str(Path("/proc/self/ns/net").readlink())


def test_failed_pull_names_the_image_and_hides_the_password(runtime, watch):
    step = Step(image="registry.invalid/x:1", run="x", registry=("user", "geheim"))
    command = Command(runtime="container", main=step)
    outcome = runtime.run(command, Workspace("c1"), watch)
    assert outcome.error.startswith("error pulling image: registry.invalid/x:1: ")
    assert "geheim" not in outcome.error
    outcome = run(runtime, watch, "x", image="Not A Name")
    assert outcome.error.startswith("error pulling image: Not A Name: ")


@pytest.mark.parametrize("env", [{"A": "x" * 200_000}, {"A": "nul\0"}, {"": "x"}])
def test_impossible_environment_fails_the_task_only(runtime, watch, env):
    outcome = run(runtime, watch, "echo ran", env=env)
    assert outcome.error
    assert "Traceback" not in outcome.error
    assert b"ran" not in watch.text


def test_program_that_is_not_there_fails_the_task_only(runtime, watch):
    outcome = run(runtime, watch, cmd=("/no/such/program",))
    assert outcome.error


def test_progress_is_read_while_it_runs(runtime, watch):
    script = "echo 40 > $PROGRESS; until test -e /yard/go; do sleep 0.1; done; echo 300 > $PROGRESS"
    thread, answers = in_thread(lambda: run(runtime, watch, script))
    watch.wait_for(lambda: watch.percents == [40.0])
    [container] = runtime._engine.client().containers(filters={"label": f"jobyard.seat={SEAT}"})
    client = runtime._engine.client()
    client.exec_start(client.exec_create(container["Id"], ["touch", "/yard/go"])["Id"])
    thread.join()
    assert answers[0].error is None
    assert watch.percents == [40.0, 100.0]


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

    def __init__(self, path):
        self.path = path
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
                far.connect(ADDRESS.removeprefix("unix://"))
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


def test_engine_that_goes_away_fails_the_task_in_words(make, watch, client, tmp_path):
    seat = f"{SEAT}-cut"
    relay = Relay(tmp_path / "relay.sock")
    runtime = make(base_url=f"unix://{relay.path}", seat=seat)
    thread, answers = in_thread(lambda: run(runtime, watch, "echo ready; sleep 1000"))
    watch.wait_for(lambda: b"ready" in watch.text)
    relay.cut()
    thread.join()
    assert answers[0].error.startswith("the container engine went away")
    assert len(left_of(client, seat)) == 1
    again = Relay(tmp_path / "relay.sock")
    try:  # what could not be removed then is removed now
        runtime.prune_images(3600)
        eventually(lambda: left_of(client, seat) == [])
    finally:
        again.cut()


def test_frames_are_taken_apart_wherever_they_are_cut():
    parts = [b"hello", b"", b"x" * 300, b"\0\n"]
    stream = b"".join(b"\x01\0\0\0" + len(one).to_bytes(4, "big") + one for one in parts)
    for size in (1, 3, 8, 9, 1000):
        heard = []
        frames = Frames(heard.append)
        for at in range(0, len(stream), size):
            frames(stream[at : at + size])
        assert b"".join(heard) == b"".join(parts)


def test_gpu_option_is_read_like_the_engines_own():
    assert gpu_requests("") == []
    assert gpu_requests("all")[0]["Count"] == -1
    assert gpu_requests("2")[0]["Count"] == 2
    [request] = gpu_requests('"device=0,1",capabilities=compute')
    assert request["DeviceIDs"] == ["0", "1"]
    assert request["Capabilities"] == [["gpu", "compute"]]
    with pytest.raises(StepFailed):
        gpu_requests("many")


def test_alias_is_usable_as_a_host_name():
    assert slug(" My Täsk_1! ") == "my-t-sk-1"
    assert slug("***") == "task"
