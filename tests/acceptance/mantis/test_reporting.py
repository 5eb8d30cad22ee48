"""Jobs at work: workers that report for themselves, and many of them at once."""

import shlex
import sys

from tests.acceptance.mantis.client import EXTERNAL, Mantis, scheduling

REPORT = """
import json, os, sys, time, urllib.request
def tell(**more):
    told = {"jobId": os.environ["MANTIS_JOB_ID"], "stageNum": int(os.environ["MANTIS_STAGE"]),
            "workerIndex": int(os.environ["MANTIS_WORKER_INDEX"]),
            "workerNumber": int(os.environ["MANTIS_WORKER_NUMBER"]), "message": "from within", **more}
    body = json.dumps({"jobId": told["jobId"], "status": told}).encode()
    urllib.request.urlopen(urllib.request.Request(os.environ["MANTIS_STATUS_URI"], body), timeout=60)
tell(type="HEARTBEAT", state="Noop")
tell(type="INFO", state="Completed")
time.sleep(100000)
"""


def test_a_worker_reports_to_the_address_it_is_given(mantis: Mantis):
    command = f"exec {shlex.quote(sys.executable)} -c {shlex.quote(REPORT)}"
    cluster = mantis.cluster(
        jobJarFileLocation=f"shell:{command}", parameters=EXTERNAL, schedulingInfo=scheduling(2)
    )
    view = mantis.until(cluster.start(), "Completed")
    assert view["jobMetadata"]["startedAt"] > 0
    assert [(w["state"], w["reason"]) for w in view["workerMetadataList"]] == [
        ("Completed", "Normal")
    ] * 2


def test_64_workers_run_at_once(mantis: Mantis):
    cluster = mantis.cluster(schedulingInfo=scheduling(32, 32))
    view = mantis.job(cluster.launch())
    assert [w["state"] for w in view["workerMetadataList"]] == ["Started"] * 64
    assert cluster.jobs(compact="true")[0]["statesSummary"] == {"Started": 64}
