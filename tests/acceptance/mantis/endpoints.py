"""Every endpoint of the dialect, and every one that reads a body, as tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.acceptance.mantis.client import Cluster, definition, scheduling, unique

ACTIONS = {
    "updateArtifact": {"version": "fresh", "url": "shell:true", "skipsubmit": True},
    "updateSla": {"min": 0, "max": 0},
    "updateMigrationStrategy": {
        "migrationConfig": {"strategy": "ONE_WORKER", "configString": "{}"}
    },
    "updateLabel": {"labels": []},
    "enableCluster": {},
    "disableCluster": {},
}
# path -> its verbs. {c} a cluster, {j} a job.
ROUTES = {
    "/jobClusters": ("GET", "POST"),
    "/jobClusters/{c}": ("GET", "PUT", "DELETE"),
    **{f"/jobClusters/{{c}}/actions/{action}": ("POST",) for action in ACTIONS},
    "/api/v2/jobClusters/{c}/actions/updateSla": ("POST",),
    "/jobClusters/{c}/jobs": ("GET", "POST"),
    "/jobClusters/{c}/jobs/{j}": ("GET",),
    "/jobs": ("GET", "POST"),
    "/jobs/{j}": ("GET", "DELETE"),
    "/jobs/{j}/archivedWorkers": ("GET",),
    "/jobs/{j}/actions/scaleStage": ("POST",),
    "/jobs/{j}/actions/resubmitWorker": ("POST",),
    "/jobs/actions/quickSubmit": ("POST",),
    "/jobs/actions/postJobStatus": ("POST",),
    "/masterInfo": ("GET",),
    "/masterConfigs": ("GET",),
    "/agentClusters": ("GET", "POST"),
    "/agentClusters/jobs": ("GET",),
    "/agentClusters/autoScalePolicy": ("GET",),
    "/mantis/publish/streamJobClusterMap": ("GET",),
    "/jobDiscoveryStream/{j}": ("GET",),
    "/jobs/schedulingInfo/{j}": ("GET",),
    "/jobClusters/discoveryInfoStream/{c}": ("GET",),
    "/lastSubmittedJobIdStream/{c}": ("GET",),
    "/jobStatusStream/{j}": ("GET",),
    "/jobConnectbyid/{j}": ("GET",),
    "/jobConnectbyname/{c}": ("GET",),
    "/jobsubmitandconnect": ("POST",),
}
STREAMS = (
    "/jobDiscoveryStream/{j}",
    "/jobs/schedulingInfo/{j}",
    "/jobClusters/discoveryInfoStream/{c}",
    "/lastSubmittedJobIdStream/{c}",
    "/jobStatusStream/{j}",
    "/jobConnectbyid/{j}",
    "/jobConnectbyname/{c}",
    "/jobsubmitandconnect",
)


@dataclass(frozen=True)
class Reader:
    """An endpoint that reads a body. body: of a cluster with a Launched job 1, one that is good."""

    name: str
    method: str
    path: str
    status: int
    body: Callable[[Cluster], Any]

    def filled(self, cluster: Cluster) -> str:
        return self.path.format(c=cluster.name, j=f"{cluster}-1")


def _action(action: str) -> Reader:
    def body(cluster: Cluster) -> dict[str, Any]:
        given = {"name": cluster.name, "user": "u", **ACTIONS[action]}
        if "version" in given:
            given["version"] = unique("v")
        return given

    return Reader(action, "POST", f"/jobClusters/{{c}}/actions/{action}", 204, body)


def _wish(cluster: Cluster) -> dict[str, Any]:
    return {"name": cluster.name, "user": "u", "jobSla": {"userProvidedType": "the first"}}


def _status(cluster: Cluster) -> dict[str, Any]:
    job_id = f"{cluster}-1"
    status = {
        "jobId": job_id, "stageNum": 1, "workerIndex": 0, "workerNumber": 1, "type": "HEARTBEAT",
        "message": "heartbeat", "state": "Noop", "hostname": None, "timestamp": 1525813363585,
        "reason": "Normal", "payloads": [{"type": "SubscriptionState", "data": "false"}],
    }  # fmt: skip
    return {"jobId": job_id, "status": status}


READERS = [
    Reader("create", "POST", "/jobClusters", 201, lambda _: definition(unique())),
    Reader("put", "PUT", "/jobClusters/{c}", 200, lambda c: definition(c.name, version=unique("v"))),
    *(_action(action) for action in ACTIONS if action != "disableCluster"),
    Reader(
        "updateSla v2", "POST", "/api/v2/jobClusters/{c}/actions/updateSla", 204,
        lambda c: {"name": c.name, "user": "u", "min": 0, "max": 0},
    ),
    Reader("submit", "POST", "/jobClusters/{c}/jobs", 201, _wish),
    Reader("submit to jobs", "POST", "/jobs", 201, _wish),
    Reader("quickSubmit", "POST", "/jobs/actions/quickSubmit", 201, _wish),
    Reader("postJobStatus", "POST", "/jobs/actions/postJobStatus", 204, _status),
    Reader(
        "scaleStage", "POST", "/jobs/{j}/actions/scaleStage", 204,
        lambda c: {"JobId": f"{c}-1", "StageNumber": 1, "NumWorkers": 1},
    ),
]  # fmt: skip
# These have an effect on all later ones, or answer a stream, so that only bad bodies reach them.
REFUSED_ONLY = [
    _action("disableCluster"),
    Reader(
        "resubmitWorker", "POST", "/jobs/{j}/actions/resubmitWorker", 200,
        lambda c: {"user": "u", "workerNumber": 1},
    ),
    Reader("jobsubmitandconnect", "POST", "/jobsubmitandconnect", 200, _wish),
]  # fmt: skip


def launched_cluster(mantis: Any) -> Cluster:
    """Make a cluster whose job 1, with the user's type "the first", is Launched."""
    cluster = mantis.cluster(keep=True, schedulingInfo=scheduling(1))
    assert cluster.launch(jobSla={"userProvidedType": "the first"}) == f"{cluster}-1"
    return cluster
