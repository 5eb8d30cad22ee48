"""Time limits of jobs: run time, subscriptions, least run time."""

from tests.acceptance.mantis.client import Mantis, pairs
from tests.acceptance.mantis.streams import Socket, Sse
from tests.yard import eventually

FAST = "shell:while :; do echo tick; sleep 0.2; done"


def test_a_job_is_killed_when_its_run_time_is_over(mantis: Mantis):
    cluster = mantis.cluster()
    with Socket(mantis, f"/jobStatusStream/{cluster}-1") as told:
        job_id = cluster.start(jobSla={"runtimeLimitSecs": 1})
        view = mantis.until(job_id, "Completed")
        assert view["terminatedAt"] - view["jobMetadata"]["startedAt"] >= 900
        last = told.until_status(state="Completed", workerNumber=-1)
        assert "runtime limit reached" in last["message"] + last["reason"]
    assert {w["reason"] for w in mantis.archived(job_id)} == {"Killed"}


def test_a_run_time_of_0_is_no_limit_and_a_perpetual_job_needs_no_subscriber(mantis: Mantis):
    cluster = mantis.cluster()
    perpetual = cluster.launch(
        subscriptionTimeoutSecs=1, jobSla={"durationType": "Perpetual", "runtimeLimitSecs": 0}
    )
    transient = cluster.launch(subscriptionTimeoutSecs=2, jobSla={"durationType": "Transient"})
    view = mantis.until(transient, "Completed")
    assert view["terminatedAt"] - view["jobMetadata"]["startedAt"] >= 1900
    assert mantis.state(perpetual) == "Launched"


def test_a_transient_job_lasts_as_long_as_somebody_listens(mantis: Mantis):
    cluster = mantis.cluster(jobJarFileLocation=FAST)
    control = mantis.cluster(jobJarFileLocation=FAST)
    wish = {"subscriptionTimeoutSecs": 2, "jobSla": {"durationType": "Transient"}}
    with Sse(mantis, "/jobsubmitandconnect", cluster.wish(**wish)) as sink:
        sink.until(1)
        # Two others of the same limit come and go, one after the other.
        for _ in range(2):
            mantis.until(control.launch(**wish), "Completed")
        assert mantis.state(f"{cluster}-1") == "Launched"
        assert not sink.over
    mantis.until(f"{cluster}-1", "Completed")


def test_payloads_tell_of_subscribers_too(mantis: Mantis):
    cluster, control = mantis.cluster(), mantis.cluster()
    wish = {"subscriptionTimeoutSecs": 3, "jobSla": {"durationType": "Transient"}}
    listened = cluster.launch(**wish)
    worker = mantis.job(listened)["workerMetadataList"][0]
    alone = control.launch(**wish)

    def told_and_over() -> bool:
        payload = [{"type": "SubscriptionState", "data": "true"}]
        mantis.status(listened, worker, "HEARTBEAT", payloads=payload)
        return mantis.state(alone) == "Completed"

    eventually(told_and_over, "the end of the job without subscribers")
    assert mantis.state(listened) == "Launched"
    payload = [{"type": "SubscriptionState", "data": "false"}]
    mantis.status(listened, worker, "HEARTBEAT", payloads=payload)
    mantis.until(listened, "Completed")


def test_a_transient_job_runs_at_least_so_long(mantis: Mantis):
    cluster, control = mantis.cluster(), mantis.cluster()
    sla = {"durationType": "Transient", "minRuntimeSecs": 100_000}
    patient = cluster.launch(subscriptionTimeoutSecs=1, jobSla=sla)
    mantis.until(
        control.launch(subscriptionTimeoutSecs=1, jobSla={"durationType": "Transient"}), "Completed"
    )
    later = control.launch(
        subscriptionTimeoutSecs=1, jobSla={"durationType": "Transient", "minRuntimeSecs": 4}
    )
    view = mantis.until(later, "Completed")
    assert view["terminatedAt"] - view["jobMetadata"]["startedAt"] >= 3900
    assert mantis.state(patient) == "Launched"


def test_a_transient_job_may_end_by_itself(mantis: Mantis):
    cluster = mantis.cluster()
    job_id = cluster.start(
        parameters=pairs(command="exit 0"),
        jobSla={"durationType": "Transient", "minRuntimeSecs": 1000},
    )
    mantis.until(job_id, "Completed")
