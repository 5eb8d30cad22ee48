"""The container runtime against a real engine; its image `ubuntu:mantic` is a busybox."""

import hashlib
import os
import re
from pathlib import Path

import pytest

from app.hooks.types import Command, Limits, Mount, Probe, Step
from app.worker.runtimes.base import StepFailed, Workspace
from app.worker.runtimes.containers import End, gpu_requests, slug
from app.worker.runtimes.mounts import BindRules
from app.worker.runtimes.output import Frames
from tests.integration.worker.container_commands import IMAGE, SEAT, left_of, run
from tests.integration.worker.watching import in_thread, names_in, open_descriptors


@pytest.fixture
def runtime(containers):
    return containers


def test_script_output_result_and_clean_end(runtime, watch, client):
    outcome = run(runtime, watch, "echo a; printf ' r\\n' > $OUT")
    assert outcome.error is None
    assert (outcome.result, outcome.exit_code) == (" r\n", 0)
    assert watch.text == b"a\n"
    assert left_of(client, SEAT) == []
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
    assert re.match(
        r"exit code 137: (out of memory, |killed, perhaps for want of memory: )"
        r"limits\.memory is 20 MiB$",
        outcome.error,
    )


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


def test_memory_limit_is_named_only_where_it_can_have_been_the_cause(runtime, watch):
    limits = Limits(memory_bytes=50 << 20)
    assert run(runtime, watch, "echo a; exit 3", limits=limits).error == "exit code 3: a"
    assert run(runtime, watch, "echo a; exit 137").error == "exit code 137: a"
    assert run(runtime, watch, "echo a; exit 137", limits=limits).error == (
        "exit code 137: killed, perhaps for want of memory: limits.memory is 50 MiB\na"
    )


@pytest.mark.parametrize(
    ("code", "starved", "limit", "cause"),
    [
        (137, True, 500 << 20, "out of memory, limits.memory is 500 MiB"),  # as cgroup v1 tells
        (1, True, 1 << 19, "out of memory, limits.memory is 0.5 MiB"),  # a child alone was killed
        (137, False, 1 << 30, "killed, perhaps for want of memory: limits.memory is 1024 MiB"),
        (0, True, 1 << 20, ""),
        (3, False, 1 << 20, ""),
        (137, False, None, ""),
    ],
)
def test_engines_tell_more_or_less_of_a_lack_of_memory(code, starved, limit, cause):
    assert End(code, starved).cause(limit) == cause


def test_processor_limit_bites(runtime, watch):
    """The container works until the kernel has held it back, under either kind of cgroup."""
    script = """
        cd /sys/fs/cgroup
        if test -e cpu.max; then cat cpu.max; stat=cpu.stat
        else cd cpu*cpuacct 2>/dev/null || cd cpu
            echo $(cat cpu.cfs_quota_us cpu.cfs_period_us); stat=cpu.stat
        fi
        while grep -q 'nr_throttled 0' $stat; do :; done
    """
    outcome = run(runtime, watch, script, limits=Limits(cpus=0.1), timeout_s=120)
    assert outcome.error is None
    quota, period = map(int, watch.text.split())
    assert quota / period == pytest.approx(0.1)


def test_without_a_limit_there_is_none(runtime, watch):
    script = "cd /sys/fs/cgroup; cat cpu.max 2>/dev/null || cat cpu*/cpu.cfs_quota_us | head -n 1"
    assert run(runtime, watch, script).error is None
    assert watch.text.split()[0] in (b"max", b"-1")


def test_only_the_networks_named_are_joined(runtime, watch, client):
    """What runs in a closed network is reached there, and has no way out of it."""
    name = f"jobyard-test-{os.getpid()}-closed"
    client.create_network(name, driver="bridge", internal=True)
    made = client.create_container(
        IMAGE,
        entrypoint=["sh", "-c"],
        command=["echo inside > /h; exec httpd -f -p 8080 -h /"],
        host_config=client.create_host_config(network_mode=name),
        networking_config=client.create_networking_config({name: {}}),
    )
    try:
        client.start(made["Id"])
        state = client.inspect_container(made["Id"])
        address = state["NetworkSettings"]["Networks"][name]["IPAddress"]
        script = f"""
            until wget -qO- http://{address}:8080/h; do sleep 0.2; done
            ip route | grep -c ^default; true
        """
        assert run(runtime, watch, script, networks=(name,), timeout_s=120).error is None
        assert watch.text == b"inside\n0\n"
    finally:
        client.remove_container(made["Id"], force=True)
        client.remove_network(name)


def test_sidecar_that_dies_later_ends_nothing_but_itself(runtime, watch, client):
    side = Step(
        name="s",
        run="echo up > /tmp/h; httpd -p 8080 -h /tmp; until test -e /data/die; do sleep 0.1; done",
        probe=Probe(path="/h", port=8080),
    )
    script = """
        wget -qO- http://s:8080/h
        touch /data/die
        while wget -T 1 -qO- http://s:8080/h >/dev/null 2>&1; do sleep 0.1; done
        echo 'and gone'
    """
    outcome = run(
        runtime,
        watch,
        script,
        sidecars=(side,),
        mounts=(Mount(type="volume", target="/data"),),
        timeout_s=120,
    )
    assert outcome.error is None
    assert watch.text == b"up\nand gone\n"
    assert left_of(client, SEAT) == []


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
