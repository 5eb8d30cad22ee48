"""Every file of examples/tork does what its README says, and so do the README's own commands."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.acceptance.tork.client import Tork, by_name, named
from tests.receiver import Receiver
from tests.yard import eventually

FOLDER = Path(__file__).parents[3] / "examples" / "tork"
README = (FOLDER / "README.md").read_text("utf-8")
#: What the README says comes out, by file.
RESULTS = dict(re.findall(r"^\| \[(.+?\.yaml)\]\(\1\) \|.*\| `(.+)` \|$", README, re.MULTILINE))
COMMANDS = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]
#: Files that have a test of their own, which looks at more than the result.
CLOSER = {
    "conditions.yaml", "subjob.yaml", "retries.yaml", "split-and-join.yaml", "secrets.yaml",
    "video.yaml", "later.yaml", "scheduled.yaml", "webhook.yaml",
}  # fmt: skip
SERVER = "http://localhost:8000"
RECEIVER = "http://127.0.0.1:9000"
DELIVERY = "X-Jobyard-Delivery"


def text(name: str) -> str:
    return (FOLDER / name).read_text("utf-8")


def submit(tork: Tork, document: str) -> str:
    answer = tork.post(document)
    assert answer.status_code == 200, answer.text
    return answer.json()["id"]


def done(tork: Tork, name: str) -> dict:
    """Run a file as a job, and give the job when it has ended as the README says."""
    job = tork.over(submit(tork, text(name)))
    assert (job["state"], job.get("result")) == ("COMPLETED", RESULTS[name]), job
    return job


def curl(tork: Tork, command: str, **names: str) -> str:
    """Run a command of the README as somebody would who reads it; give the answer."""
    assert command in COMMANDS, command
    words = command.replace(SERVER, tork.url)
    for name, value in names.items():
        words = words.replace(name, value)
    return subprocess.run(
        ["bash", "-c", words],
        cwd=FOLDER, capture_output=True, text=True, timeout=120, check=True,
    ).stdout  # fmt: skip


def command(part: str) -> str:
    """Give the one command of the README that holds that part."""
    found = [each for each in COMMANDS if part in each]
    assert len(found) == 1, (part, found)
    return found[0]


def test_the_readme_tells_every_file():
    assert set(RESULTS) == {path.name for path in FOLDER.glob("*.yaml")}
    there = {path.name for path in FOLDER.iterdir() if path.is_file()}
    assert there == {*RESULTS, "README.md", "receiver.py"}


def test_the_commands_of_a_job(tork: Tork):
    made = json.loads(curl(tork, command("@hello.yaml")))
    tork.over(made["id"])
    job = json.loads(curl(tork, command("# state, tasks, result"), ID=made["id"]))
    assert job["result"] == RESULTS["hello.yaml"]
    assert "greeting world" in curl(tork, command("format=text"), ID=made["id"])


@pytest.mark.parametrize("name", sorted(set(RESULTS) - CLOSER))
def test_results(tork: Tork, name: str):
    done(tork, name)


def test_conditions(tork: Tork):
    job = done(tork, "conditions.yaml")
    assert by_name(job) == {"deploy": "COMPLETED", "preview": "SKIPPED", "fallback": "SKIPPED"}
    other = text("conditions.yaml").replace("branch: main", "branch: draft")
    job = tork.over(submit(tork, other))
    assert by_name(job) == {"deploy": "SKIPPED", "preview": "COMPLETED", "fallback": "SKIPPED"}
    assert job["result"] == "draft waits, 500 KB in all, 2 large"
    broken = text("conditions.yaml").replace('failures: "0"', 'failures: "2"')
    job = tork.over(submit(tork, broken))
    assert job["state"] == "FAILED"
    assert "nothing was done" in job["error"]


def test_a_job_within_a_job(tork: Tork):
    job = done(tork, "subjob.yaml")
    inner = tork.job(named(job, "invite")["subjob"]["id"])
    assert (inner["name"], inner["state"]) == ("invitation of ada", "COMPLETED")


def test_retries(tork: Tork):
    job = done(tork, "retries.yaml")
    tries = [each["state"] for each in job["execution"] if each["name"] == "flaky"]
    assert sorted(tries) == ["COMPLETED", "FAILED", "FAILED"]
    assert not Path(f"/tmp/jobyard-example-{job['id']}").exists()


def test_a_failure_that_is_not_worth_another_try(tork: Tork):
    job = tork.over(submit(tork, text("retries.yaml").replace("exit 75", "exit 1")))
    assert job["state"] == "FAILED"
    assert len(job["execution"]) == 1
    Path(f"/tmp/jobyard-example-{job['id']}").unlink()


def test_split_and_join(tork: Tork):
    job = done(tork, "split-and-join.yaml")
    assert [each["state"] for each in job["execution"]] == ["COMPLETED"] * len(job["execution"])
    assert not Path(f"/tmp/jobyard-example-{job['id']}").exists()


@pytest.mark.usefixtures("ffmpeg")
def test_a_video(tork: Tork):
    job = done(tork, "video.yaml")
    encoded = [each for each in job["execution"] if each["name"].startswith("encode segment")]
    assert [each["state"] for each in encoded] == ["COMPLETED"] * 5
    assert not Path(f"/tmp/jobyard-example-{job['id']}").exists()


def test_a_video_of_ones_own(tork: Tork, ffmpeg: Path, tmp_path: Path):
    source = tmp_path / "silent film.mp4"
    picture = "testsrc=duration=3:size=64x48:rate=10"
    words = ["-nostdin", "-v", "error", "-f", "lavfi", "-i", picture, "-g", "10", str(source)]
    subprocess.run([ffmpeg, *words], check=True, timeout=120)
    document = text("video.yaml").replace('source: ""', f'source: "{source}"')
    job = tork.over(submit(tork, document.replace('height: "120"', 'height: "24"')))
    assert job.get("result") == "2 segments, 30 frames of 32x24, h264", job


@pytest.mark.usefixtures("ffmpeg")
def test_a_video_that_is_none(tork: Tork, tmp_path: Path):
    source = tmp_path / "words"
    source.write_text("no picture moves here")
    document = text("video.yaml").replace('source: ""', f'source: "{source}"')
    job = tork.over(submit(tork, document))
    assert job["state"] == "FAILED"
    assert "Invalid data found" in job["error"]
    shutil.rmtree(f"/tmp/jobyard-example-{job['id']}")


def test_secrets_do_not_show(tork: Tork):
    job = done(tork, "secrets.yaml")
    assert "signing in with [REDACTED]" in tork.text_of(job["id"])
    assert "not-a-real-token" not in json.dumps(job)


def test_a_job_that_waits_for_its_time(tork: Tork):
    job_id = submit(tork, text("later.yaml").replace("delay: 3s", "delay: 1h"))
    assert tork.job(job_id)["state"] == "PENDING"
    assert tork.put(f"/jobs/{job_id}/cancel")[0] == 200
    done(tork, "later.yaml")


def test_a_schedule(tork: Tork):
    made = json.loads(curl(tork, command("@scheduled.yaml")))
    try:
        told = json.loads(curl(tork, command("# nextRunAt"), ID=made["id"]))
        assert told["nextRunAt"]
        # The first comes by the clock; the other is asked for as soon as that one is there.
        list_them = command("tag:heartbeat")
        eventually(lambda: json.loads(curl(tork, list_them))["items"], "a run by the clock")
        ran = json.loads(curl(tork, command("# now, out of turn"), ID=made["id"]))
        job = tork.over(ran["id"])
        assert job["result"] == RESULTS["scheduled.yaml"]
        assert json.loads(curl(tork, command("/pause"), ID=made["id"])) == {"status": "OK"}
    finally:
        answer = curl(tork, command("-X DELETE"), ID=made["id"])
    assert json.loads(answer) == {"status": "OK"}


# -- webhooks ---------------------------------------------------------------------------------


class Script:
    """receiver.py as it is started by hand, on a free port."""

    def __init__(self, log: Path) -> None:
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, FOLDER / "receiver.py", "0"], stdout=output, stderr=output
            )
        first = eventually(self.lines, "an address")[0]
        self.url = first.removeprefix("listens on ")

    def lines(self) -> list[str]:
        """Give the whole lines that it has printed."""
        return [line[:-1] for line in self.log.read_text().splitlines(True) if line[-1] == "\n"]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def script(tmp_path: Path) -> Iterator[Script]:
    script = Script(tmp_path / "receiver")
    yield script
    script.close()


def test_the_receiver_prints_what_a_job_tells(tork: Tork, script: Script):
    assert command("receiver.py 9000") == "python3 receiver.py 9000"
    promised = re.findall(r"^    (/jobs .+)$", README, re.MULTILINE)
    assert len(promised) == 3
    job = tork.over(submit(tork, text("webhook.yaml").replace(RECEIVER, script.url)))
    assert job["result"] == RESULTS["webhook.yaml"]
    eventually(lambda: len(script.lines()) > 3, "three messages")
    assert script.lines()[1:] == promised


def test_an_alarm_is_sent_of_tasks_that_fail_alone(tork: Tork):
    receiver = Receiver()
    try:
        document = text("webhook.yaml").replace(RECEIVER, receiver.url)
        submit(tork, document.replace("printf 'done'", "exit 3; printf 'done'"))
        messages = receiver.until("/jobs", ["PENDING", "RUNNING", "FAILED"])
        alarms = receiver.until("/alarm", ["FAILED"])
    finally:
        receiver.close()
    assert messages[0].headers["authorization"] == "Bearer not-a-real-token"
    assert alarms[0].json["name"] == "work"


def test_the_receiver_acts_once_on_a_message(script: Script):
    body = {"name": "job", "state": "RUNNING"}
    for name in ("a", "a", "b", "a"):
        answer = requests.post(script.url + "/x", json=body, headers={DELIVERY: name}, timeout=60)
        assert answer.status_code == 204
    again, new = "/x came again", "/x job RUNNING"
    assert script.lines()[1:] == [new, again, new, again]


def test_the_receiver_survives_what_is_no_message(script: Script):
    url = script.url + "/x"
    assert requests.post(url, data="no json", timeout=60).status_code == 400
    assert requests.post(url, data=b"\xff", timeout=60).status_code == 400
    assert requests.post(url, data=iter([b"{}"]), timeout=60).status_code == 400
    assert requests.get(url, timeout=60).status_code == 501
    assert requests.post(url, data="[" * 100_000, timeout=60).status_code == 400
    for document in ("[]", "null", '{"name": null}', '"words"', '{"name": "a\\nb\\u001b\\ud800"}'):
        assert requests.post(url, data=document, timeout=60).status_code == 204, document
    assert script.lines()[-1] == r"/x a\nb\x1b\ud800"
    assert script.process.poll() is None
