"""What a job runs: commands, the sine source, stage 0, the environment, the sink, exits."""

import json
import math

import pytest

from tests.acceptance.mantis.client import SLEEP, Mantis, pairs, scheduling, stage
from tests.acceptance.mantis.streams import Sse
from tests.yard import eventually

KEEP_OPEN = "; exec sleep 100000"


def run(mantis: Mantis, command: str, **over) -> tuple[str, list[str]]:
    """Run a command to its end by a job of its own; gives the job's id and all lines of its sink."""
    cluster = mantis.cluster(jobJarFileLocation=f"shell:{command}", **over)
    with Sse(mantis, "/jobsubmitandconnect", cluster.wish()) as sink:
        return sink.headers["X-Mantis-Job-Id"], sink.until_over()


def test_an_artifact_of_shell_is_a_command_taken_literally(mantis: Mantis):
    _, lines = run(mantis, "echo 100%25 'a  b' $((1+1)) $1; echo done | tr d D")
    assert lines == ["100%25 a  b 2", "Done"]


def test_the_parameter_command_comes_before_the_artifact(mantis: Mantis):
    _, lines = run(mantis, "echo artifact", parameters=pairs(command="echo parameter"))
    assert lines == ["parameter"]
    _, lines = run(mantis, "echo artifact", parameters=pairs(command="  "))
    assert lines == ["artifact"]


def test_the_parameter_command_of_a_submit_counts(mantis: Mantis):
    cluster = mantis.cluster(
        jobJarFileLocation="http://a/sine.zip", parameters=pairs(command="echo cluster")
    )
    body = cluster.wish(parameters=pairs(command="echo submit"))
    with Sse(mantis, "/jobsubmitandconnect", body) as sink:
        assert sink.until_over() == ["submit"]


def test_the_environment_of_a_worker(mantis: Mantis):
    parameters = pairs(
        **{
            "plain": "p",
            "with.dots-and blanks": "d",
            "ümlaut": "u",
            "UPPER_9": "q\"' $x",
            "flag": True,
        }
    )
    artifact = "shell:env; echo CWD $(pwd) $(ls -A | wc -l); echo END"
    cluster = mantis.cluster(
        jobJarFileLocation=artifact, schedulingInfo=scheduling(1, 1, zero=1), parameters=parameters
    )
    with Sse(mantis, "/jobsubmitandconnect", cluster.wish()) as sink:
        lines = sink.until_over()
    info = mantis.get("/masterInfo")
    assert lines.count("END") == 2
    for one in (
        f"MANTIS_JOB_ID={cluster}-1", f"MANTIS_JOB_NAME={cluster}", "MANTIS_STAGE=1", "MANTIS_STAGE=2",
        "MANTIS_WORKER_INDEX=0", "MANTIS_WORKER_NUMBER=2", "MANTIS_WORKER_NUMBER=3", f"MANTIS_ARTIFACT_URL={artifact}",
        f"MANTIS_STATUS_URI={info['fullApiStatusUri']}", "MANTIS_PARAM_PLAIN=p", "MANTIS_PARAM_WITH_DOTS_AND_BLANKS=d",
        "MANTIS_PARAM_UPPER_9=q\"' $x", "MANTIS_PARAM_FLAG=true",
    ):  # fmt: skip
        assert one in lines, (one, lines)
    assert any(line.endswith("MLAUT=u") and line.startswith("MANTIS_PARAM__") for line in lines)
    assert "MANTIS_STAGE=0" not in lines
    places = {line for line in lines if line.startswith("CWD ")}
    assert len(places) == 2
    assert {line.rpartition(" ")[2] for line in places} == {"0"}


def test_the_sink_is_standard_output_line_by_line(mantis: Mantis):
    wanted = [
        "one",
        "  two  ",
        "tab\tx",
        "data: x",
        "event: y",
        ": z",
        "naïve 😀",
        "bad � end",
        "cr",
        '{"a": 1}',
        "cut",
    ]
    command = (
        r"printf 'one\n  two  \n\n\ntab\tx\n\r\ndata: x\nevent: y\n: z\nna\303\257ve \360\237\230\200\n'; "
        r"""printf 'bad \377 end\ncr\r\n{"a": 1}\n'; echo hidden >&2; printf cut"""
    )
    _, lines = run(mantis, command)
    assert lines == wanted


def test_a_line_is_cut_at_64_kib(mantis: Mantis):
    command = "head -c 65536 /dev/zero | tr '\\0' a; echo; head -c 65537 /dev/zero | tr '\\0' b; echo; head -c 300000 /dev/zero | tr '\\0' c; echo; echo end"
    _, lines = run(mantis, command)
    assert lines[0] == "a" * 65536
    assert lines[-1] == "end"
    rest = [line for line in lines[1:-1] if set(line) != {"b"}]
    assert lines[1] == "b" * 65536
    assert all(len(line) <= 65536 for line in lines)
    assert rest[0] == "c" * 65536


def test_lines_of_all_workers_are_merged_each_in_its_order(mantis: Mantis):
    command = "for i in $(seq 100); do echo $MANTIS_WORKER_NUMBER $i; done"
    _, lines = run(mantis, command, schedulingInfo=scheduling(2, 1))
    for number in "123":
        assert [line for line in lines if line.startswith(f"{number} ")] == [
            f"{number} {i}" for i in range(1, 101)
        ]
    assert len(lines) == 300


# -- sine ---------------------------------------------------------------------------------------------


def sine(mantis: Mantis, count: int, *, parameters=(), **over) -> list[str]:
    cluster = mantis.cluster(
        jobJarFileLocation="https://some.host/sine.zip", parameters=list(parameters), **over
    )
    with Sse(mantis, "/jobsubmitandconnect", cluster.wish()) as sink:
        return sink.until(count)[:count]


def test_any_other_artifact_is_the_sine_source(mantis: Mantis):
    assert sine(mantis, 3) == [
        '{"x": 0.000000, "y": 0.000000}',
        '{"x": 2.000000, "y": 9.092974}',
        '{"x": 4.000000, "y": -7.568025}',
    ]


def test_the_sine_source_has_parameters(mantis: Mantis):
    given = pairs(amplitude="2.5", frequency="0.5", phase="1", intervalSec="0.1")
    wanted = []
    for step in range(4):
        x = 2.0 * step
        wanted.append(f'{{"x": {x:.6f}, "y": {2.5 * math.sin(0.5 * x + 1):.6f}}}')
    assert sine(mantis, 4, parameters=given) == wanted


def test_the_sine_source_may_be_random(mantis: Mantis):
    given = pairs(useRandom=True, min="5", max="9", intervalSec="0.1")
    for line in sine(mantis, 12, parameters=given):
        found = json.loads(line)
        assert found["x"] in (5, 6, 7, 8, 9)
        assert found["y"] == pytest.approx(10 * math.sin(found["x"]), abs=1e-5)


# -- stage 0 and exits -----------------------------------------------------------------------------------


def test_stage_0_runs_nothing_and_holds_nothing_open(mantis: Mantis):
    job_id, lines = run(mantis, "echo $MANTIS_STAGE", schedulingInfo=scheduling(2, zero=2))
    assert lines == ["1", "1"]
    view = mantis.until(job_id, "Completed")
    assert view["jobMetadata"]["numStages"] == 2
    ended = [w for w in view["workerMetadataList"] if w["stageNum"] == 1]
    assert {(w["state"], w["reason"]) for w in ended} == {("Completed", "Normal")}
    archived = mantis.archived(job_id)
    assert [w["workerNumber"] for w in archived if w["stageNum"] == 1] == [3, 4]


def test_stage_0_is_started_like_any_other(mantis: Mantis):
    cluster = mantis.cluster(schedulingInfo=scheduling(1, zero=1), jobJarFileLocation=SLEEP)
    view = mantis.job(cluster.launch())
    assert [w["state"] for w in view["workerMetadataList"]] == ["Started", "Started"]


def test_a_job_is_over_when_all_its_workers_are(mantis: Mantis):
    command = "[ $MANTIS_STAGE = 1 ] && exit 0" + KEEP_OPEN
    cluster = mantis.cluster(jobJarFileLocation=f"shell:{command}", schedulingInfo=scheduling(1, 1))
    job_id = cluster.launch()
    mantis.workers_until(job_id, lambda ws: ws[0]["state"] == "Completed", "the first Completed")
    assert mantis.state(job_id) == "Launched"


@pytest.mark.parametrize(
    "command", ["exit 1", "exit 255", "kill -9 $$", "kill -TERM $$", "no-such-command-at-all"]
)
def test_any_other_exit_is_a_failure(mantis: Mantis, command):
    cluster = mantis.cluster(
        jobJarFileLocation=f"shell:{command}", parameters=pairs(**{"mantis.job.worker.max.resubmits": "0"}),
        schedulingInfo=scheduling(stage(1)),
    )  # fmt: skip
    job_id = cluster.start()
    view = mantis.until(job_id, "Failed")
    assert view["terminatedAt"] > 0
    last = eventually(lambda: mantis.archived(job_id), "an archived worker")[-1]
    assert (last["state"], last["reason"]) == ("Failed", "Error")


def test_jobs_that_are_over_leave_no_process(mantis: Mantis):
    """What a command leaves behind in its process group ends with the job."""
    command = "sleep 98765 & echo $!" + KEEP_OPEN
    cluster = mantis.cluster(jobJarFileLocation=f"shell:{command}")
    with Sse(mantis, "/jobsubmitandconnect", cluster.wish()) as sink:
        process = int(sink.until(1)[0])
        mantis.kill(f"{cluster}-1")
        mantis.until(f"{cluster}-1", "Completed")
    eventually(lambda: not is_running(process), f"the end of process {process}")


def is_running(process: int) -> bool:
    try:
        with open(f"/proc/{process}/cmdline", "rb") as file:
            return b"98765" in file.read()
    except (FileNotFoundError, ProcessLookupError):  # before the look, or during it
        return False
