"""Tasks in containers, on a real engine that speaks the Docker Engine API."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.acceptance.tork.client import Tork, named
from tests.conftest import address
from tests.containers import containers
from tests.yard import Yard, eventually

pytestmark = pytest.mark.podman
IMAGE = "busybox"


@pytest.fixture(scope="session")
def engine_host(request: pytest.FixtureRequest) -> str:
    return address(request.config, "podman")


@pytest.fixture(scope="session")
def boxes(engine_host: str) -> Iterator[Tork]:
    """A server whose worker has a container engine."""
    folder = Path(tempfile.mkdtemp(prefix="jy"))
    yard = Yard(folder, JOBYARD_WORKER_DOCKER_HOST=engine_host)
    try:
        yield Tork(yard.start())
    finally:
        yard.end()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def engine(engine_host: str):
    client = docker.DockerClient(base_url=engine_host)
    yield client
    client.close()


def test_a_task_in_a_container(boxes: Tork):
    job = boxes.done(
        {
            "name": "box",
            "image": "{{ inputs.image }}",
            "env": {"A": "{{ inputs.a }}"},
            "var": "v",
            "run": "echo out $A; echo err >&2; printf ' r\\n' > $TORK_OUTPUT; [ -d /tork ] &&"
            " [ $TORK_OUTPUT = /tork/stdout ] && [ $TORK_PROGRESS = /tork/progress ]",
            "pre": [{"name": "p", "run": "echo pre > $TORK_OUTPUT; echo pre"}],
            "post": [{"name": "q", "run": "echo post"}],
        },
        inputs={"image": IMAGE, "a": "b c"},
        output="<{{ tasks.v }}>",
    )
    found = named(job, "box")
    assert found["image"] == IMAGE
    assert found["result"] == " r\n"
    assert job["result"] == "< r\n>"
    lines = boxes.text(found["id"]).splitlines()
    assert lines[0] == "pre"
    assert lines[-1] == "post"
    assert sorted(lines[1:-1]) == ["err", "out b c"]


def test_commands_of_containers(boxes: Tork):
    job = boxes.done(
        {"name": "cmd", "image": IMAGE, "cmd": ["echo", "{{ 1 + 1 }}"]},
        {"name": "entry", "image": IMAGE, "entrypoint": ["echo", "a"], "cmd": ["b"]},
        {"name": "files", "image": IMAGE, "files": {"x/y.txt": "text"}, "run": "pwd; cat x/y.txt"},
        {"name": "dir", "image": IMAGE, "workdir": "/some/where", "run": "pwd"},
        {"name": "mount", "image": IMAGE, "mounts": [{"type": "volume", "target": "/v"}],
         "pre": [{"name": "p", "run": "echo -n shared > /v/x"}], "run": "cat /v/x"},
        {"name": "tmp", "image": IMAGE, "mounts": [{"type": "tmpfs", "target": "/t"}],
         "run": "grep -c ' /t tmpfs' /proc/mounts"},
    )  # fmt: skip
    texts = {one["name"]: boxes.text(one["id"]) for one in job["execution"]}
    assert texts == {
        "cmd": "2\n", "entry": "a b\n", "files": "/tork/workdir\ntext", "dir": "/some/where\n",
        "mount": "shared", "tmp": "1\n",
    }  # fmt: skip


def test_a_container_that_fails(boxes: Tork):
    job = boxes.fails({"image": IMAGE, "run": "echo why; exit 3", "retry": {"limit": 1}})
    assert job["error"] == "exit code 3: why"
    assert len(job["execution"]) == 2
    job = boxes.fails({"image": "localhost/no/such/image:none", "run": "exit 0"})
    assert job["error"].startswith("error pulling image: localhost/no/such/image:none")
    job = boxes.fails(
        {
            "image": IMAGE,
            "mounts": [{"type": "bind", "source": "/etc", "target": "/x"}],
            "run": "exit 0",
        }
    )
    assert job["error"] == "bind mounts are not allowed"
    job = boxes.fails(
        {"image": IMAGE, "mounts": [{"type": "nope", "target": "/x"}], "run": "exit 0"}
    )
    assert job["error"]


def left(engine, task_id: str) -> list:
    return containers(engine.api, f"jobyard.task={task_id}")


def test_cancel_and_time_out_remove_containers(boxes: Tork, engine):
    job_id = boxes.submit(
        {"image": IMAGE, "run": "echo up; trap '' TERM; while :; do sleep 1; done"}
    )
    job = boxes.eventually(job_id, lambda _: boxes.get(f"/jobs/{job_id}/log")["items"], "output")
    task_id = job["execution"][0]["id"]
    assert left(engine, task_id)
    assert boxes.put(f"/jobs/{job_id}/cancel")[0] == 200
    eventually(lambda: not left(engine, task_id), "the container gone")
    job = boxes.fails({"image": IMAGE, "timeout": "1s", "run": "sleep 1000"})
    assert job["error"] == "task timed out after 1s"
    eventually(lambda: not left(engine, job["execution"][0]["id"]), "the container gone")


def test_a_sidecar_answers_its_task(boxes: Tork, engine):
    job = boxes.done(
        {
            "image": IMAGE,
            "run": "wget -q -O - http://web:8080/index.html",
            "sidecars": [
                {
                    "name": "web",
                    "image": IMAGE,
                    "run": "mkdir /www; echo -n hi > /www/index.html; httpd -f -p 8080 -h /www",
                    "probe": {"path": "/index.html", "port": 8080, "timeout": "60s"},
                }
            ],
        }
    )
    task_id = job["execution"][0]["id"]
    assert boxes.text(task_id).endswith("hi")
    eventually(lambda: not left(engine, task_id), "the containers gone")


def test_shell_tasks_run_beside(boxes: Tork):
    boxes.done("exit 0", {"image": IMAGE, "run": "exit 0"})


def test_progress_of_a_container(boxes: Tork):
    job_id = boxes.submit({"image": IMAGE, "run": "echo 40 > $TORK_PROGRESS; sleep 1000"})
    job = boxes.eventually(
        job_id, lambda job: job["execution"][0].get("progress") == 40, "the progress"
    )
    assert job["progress"] == 40
    boxes.put(f"/jobs/{job_id}/cancel")
