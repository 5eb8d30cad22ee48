"""What the ticker does for clusters: limits of time, silent workers, SLA, cron, deletion."""

import pytest

from app.api.mantis.definitions import DEFAULT_SLA
from app.api.mantis.errors import Missing
from app.api.mantis.service import actions, clusters, duties, jobs, subscriptions, workers
from app.api.mantis.service.actions import Asked
from app.api.mantis.words import cluster_view
from app.domain.states import TaskState

EXTERNAL = [{"name": "mantis.job.worker.heartbeat.source", "value": "external"}]


def limits(**words):
    return {**DEFAULT_SLA, **words}


def heartbeat(mantis, name, number=1, **words):
    body = {"jobId": name, "status": {"type": "HEARTBEAT", "workerNumber": number, **words}}
    return workers.report(mantis.services, workers.status(body))


def worker(mantis, name, place=0):
    return mantis.view(name)["workerMetadataList"][place]


# -- limits of time ------------------------------------------------------------------------------


def test_a_run_time_counts_from_the_launch(mantis):
    mantis.cluster()
    name = mantis.submit(sla=limits(runtimeLimitSecs=10))
    mantis.tick(100)
    assert mantis.state(name) == "Accepted"
    mantis.start()
    mantis.tick(9.9)
    assert mantis.state(name) == "Launched"
    mantis.tick(0.2)
    assert mantis.state(name) == "Completed"
    assert mantis.row(name).reason == duties.RUNTIME
    mantis.tick(1)
    assert mantis.count("mantis_watch") == 0


def test_a_transient_job_lives_as_long_as_somebody_listens(mantis):
    mantis.cluster()
    name = mantis.submit(sla=limits(durationType="Transient"), subscription_s=10)
    mantis.start()
    for _ in range(20):
        subscriptions.seen(mantis.services, mantis.job(name).job_id)
        mantis.tick(5)
    assert mantis.state(name) == "Launched"
    mantis.tick(5)
    mantis.tick(5)
    assert mantis.state(name) == "Completed"
    assert mantis.row(name).reason == duties.SUBSCRIPTION


@pytest.mark.parametrize(
    ("seconds", "least", "ends_after"), [(0, 0, 300), (5, 60, 60), (60, 5, 60)]
)
def test_how_long_a_transient_job_waits_for_somebody(mantis, seconds, least, ends_after):
    mantis.cluster()
    words = limits(durationType="Transient", minRuntimeSecs=least)
    name = mantis.submit(sla=words, subscription_s=seconds)
    mantis.start()
    mantis.tick(ends_after - 1)
    assert mantis.state(name) == "Launched"
    mantis.tick(1)
    assert mantis.state(name) == "Completed"


def test_what_a_worker_says_of_subscribers_counts_until_it_says_otherwise(mantis):
    mantis.cluster(parameters=EXTERNAL)
    name = mantis.submit(sla=limits(durationType="Transient"), subscription_s=10)
    mantis.take()
    says = [{"type": "SubscriptionState", "data": "true"}]
    assert heartbeat(mantis, name, payloads=says)
    mantis.tick(60)
    assert mantis.state(name) == "Launched"
    heartbeat(mantis, name, payloads=[{"type": "SubscriptionState", "data": "false"}])
    mantis.tick(5)
    assert mantis.state(name) == "Launched"
    mantis.tick(8)
    assert mantis.state(name) == "Completed"


def test_perpetual_jobs_have_no_such_limit(mantis):
    mantis.cluster()
    name = mantis.submit(subscription_s=1)
    mantis.start()
    mantis.tick(100_000)
    assert mantis.state(name) == "Launched"


# -- silent workers ------------------------------------------------------------------------------


def test_a_worker_that_reports_itself_is_replaced_once_it_is_silent(mantis):
    mantis.cluster(parameters=EXTERNAL)
    name = mantis.submit()
    mantis.take()
    mantis.tick(60)
    assert worker(mantis, name)["state"] == "Launched"
    assert heartbeat(mantis, name)
    assert worker(mantis, name)["state"] == "Started"
    assert mantis.state(name) == "Launched"
    mantis.tick(89)
    assert worker(mantis, name)["workerNumber"] == 1
    mantis.tick(2)
    fresh = worker(mantis, name)
    assert (fresh["workerNumber"], fresh["state"], fresh["resubmitOf"]) == (2, "Accepted", 1)
    assert not heartbeat(mantis, name, number=1)


def test_a_job_may_have_a_tolerance_of_its_own(mantis):
    own = [{"name": "mantis.job.worker.timeout.secs", "value": "2"}]
    mantis.cluster(parameters=EXTERNAL + own)
    name = mantis.submit()
    mantis.take()
    mantis.tick(2.9)
    assert worker(mantis, name)["workerNumber"] == 1
    mantis.tick(0.2)
    assert worker(mantis, name)["workerNumber"] == 2


def test_processes_the_engine_watches_need_no_heartbeats(mantis):
    mantis.cluster()
    name = mantis.submit()
    mantis.start()
    mantis.tick(1000)
    assert worker(mantis, name)["workerNumber"] == 1


def test_a_worker_nobody_takes_is_replaced(mantis):
    mantis.cluster()
    name = mantis.submit()
    mantis.tick(269)
    assert worker(mantis, name)["workerNumber"] == 1
    mantis.tick(2)
    assert worker(mantis, name)["workerNumber"] == 2
    assert mantis.well()


def test_a_machine_that_dies_has_its_workers_replaced(mantis):
    mantis.cluster(workers=2)
    name = mantis.submit()
    mantis.start()
    mantis.clock.advance(91)
    mantis.engine.rescue.run_once(mantis.clock.now())
    numbers = [one["workerNumber"] for one in mantis.view(name)["workerMetadataList"]]
    assert numbers == [3, 4]
    assert mantis.state(name) == "Launched"
    mantis.start()
    assert mantis.well()


def test_replacements_wait_longer_each_time(mantis):
    mantis.cluster()
    name = mantis.submit()
    (taken,) = mantis.start()
    mantis.engine.attempts.fail(taken.lease, "exit code 1")
    (taken,) = mantis.start()
    mantis.engine.attempts.fail(taken.lease, "exit code 1")
    assert mantis.take() == []
    mantis.tick(4.9)
    assert mantis.take() == []
    mantis.tick(0.2)
    assert len(mantis.take()) == 1
    assert worker(mantis, name)["totalResubmitCount"] == 2


# -- SLA -----------------------------------------------------------------------------------------


def test_min_is_kept_whatever_ends_the_jobs(mantis):
    mantis.cluster(slaMin=2, slaMax=2)
    assert mantis.states() == {1: "Accepted", 2: "Accepted"}
    labels = {one["name"]: one["value"] for one in mantis.row("c-1").about["labels"]}
    assert labels["_mantis.isResubmit"] == "true"
    mantis.start()
    mantis.clock.advance(10)
    jobs.kill(mantis.services, "c-1", "me", "because")
    assert mantis.states() == {1: "Completed", 2: "Launched", 3: "Accepted"}
    mantis.clock.advance(10)
    mantis.engine.jobs.cancel(mantis.job("c-2").job_id)
    mantis.tick()
    assert mantis.states()[4] == "Accepted"
    assert mantis.tick(10) == 0


def test_what_ends_as_it_begins_is_not_begun_anew_at_once(mantis):
    mantis.cluster(slaMin=1, slaMax=1)
    mantis.engine.jobs.cancel(mantis.job("c-1").job_id)
    mantis.tick(1)
    assert len(mantis.states()) == 1
    mantis.tick(5)
    assert len(mantis.states()) == 2


def test_max_lets_the_old_job_run_until_the_new_one_is_launched(mantis):
    mantis.cluster(slaMax=1)
    mantis.submit()
    mantis.start()
    mantis.submit()
    mantis.tick(10)
    assert mantis.states() == {1: "Launched", 2: "Accepted"}
    mantis.start()
    mantis.tick()
    assert mantis.states() == {1: "Completed", 2: "Launched"}
    assert mantis.row("c-1").reason == "SLA enforcement"


def test_jobs_that_never_start_do_not_pile_up(mantis):
    mantis.cluster(slaMax=1, parameters=EXTERNAL)
    for _ in range(8):
        mantis.submit()
    mantis.tick(1)
    open_ones = [number for number, state in mantis.states().items() if state == "Accepted"]
    assert open_ones == [5, 6, 7, 8]
    actions.update_sla(mantis.services, Asked("c", "u", {"min": 0, "max": 1, "headroom": 0}))
    assert [number for number, state in mantis.states().items() if state == "Accepted"] == [8]
    assert cluster_view(clusters.get(mantis.services, "c"))["slaHeadroom"] == 0


def test_a_disabled_cluster_rests(mantis):
    mantis.cluster(slaMin=1, slaMax=2)
    actions.disable(mantis.services, Asked("c", "u", {}))
    assert mantis.states() == {1: "Completed"}
    mantis.tick(100)
    assert mantis.states() == {1: "Completed"}
    assert mantis.engine.groups.by_name("mantis", "c").paused
    actions.enable(mantis.services, Asked("c", "u", {}))
    assert mantis.states() == {1: "Completed", 2: "Accepted"}


# -- cron ----------------------------------------------------------------------------------------


def test_each_firing_is_one_job(mantis):
    mantis.cluster(cronSpec="0 * * * * ?", cronPolicy="KEEP_NEW")
    mantis.tick(59)
    assert mantis.states() == {}
    mantis.tick(1)
    mantis.tick()
    assert mantis.states() == {1: "Accepted"}
    assert mantis.row("c-1").user == "MantisMaster"
    mantis.tick(60)
    assert mantis.states() == {1: "Accepted", 2: "Accepted"}
    mantis.start()
    mantis.tick()
    assert mantis.states() == {1: "Completed", 2: "Launched"}


def test_a_job_that_is_there_keeps_the_next_one_away(mantis):
    mantis.cluster(cronSpec="0 * * * * ?")
    mantis.tick(60)
    mantis.tick(60)
    assert mantis.states() == {1: "Accepted"}
    mantis.engine.jobs.cancel(mantis.job("c-1").job_id)
    mantis.tick(60)
    assert mantis.states() == {1: "Completed", 2: "Accepted"}


def test_firings_that_were_missed_are_lost(mantis):
    mantis.cluster(cronSpec="0 * * * * ?", cronPolicy="KEEP_NEW")
    mantis.tick(600 + 30)
    assert mantis.states() == {}
    mantis.tick(30)
    assert mantis.states() == {1: "Accepted"}


def test_cron_runs_the_clusters_own_stages(mantis):
    mantis.cluster(cronSpec="0 * * * * ?", workers=2)
    mantis.tick(60)
    mantis.start()
    workers.scale(mantis.services, "c-1", {"JobId": "c-1", "StageNumber": 1, "NumWorkers": 5})
    assert mantis.view("c-1")["stageMetadataList"][0]["numWorkers"] == 5
    mantis.engine.jobs.cancel(mantis.job("c-1").job_id)
    mantis.tick(60)
    assert mantis.view("c-2")["stageMetadataList"][0]["numWorkers"] == 2


def test_disabling_stops_cron_and_enabling_starts_it_again(mantis):
    mantis.cluster(cronSpec="0 * * * * ?")
    actions.disable(mantis.services, Asked("c", "u", {}))
    assert not clusters.get(mantis.services, "c").cron_active
    mantis.tick(120)
    assert mantis.states() == {}
    actions.enable(mantis.services, Asked("c", "u", {}))
    mantis.tick(60)
    assert mantis.states() == {1: "Accepted"}


# -- the end of things ---------------------------------------------------------------------------


def test_a_deleted_cluster_leaves_nothing(mantis):
    mantis.cluster(cronSpec="0 0 0 1 1 ?", parameters=EXTERNAL)
    for _ in range(3):
        name = mantis.submit(sla=limits(runtimeLimitSecs=5))
        mantis.take()
        heartbeat(mantis, name)
        mantis.engine.jobs.cancel(mantis.job(name).job_id)
        for lease in mantis.engine.attempts.held(mantis.worker):
            mantis.engine.attempts.gone(lease)
    clusters.delete(mantis.services, "c", "u")
    with pytest.raises(Missing):
        clusters.get(mantis.services, "c")
    with pytest.raises(Missing):
        jobs.find(mantis.services, "c-1")
    mantis.tick()
    mantis.tick()
    for table in ("cluster", "job", "label", "worker", "watch", "audit", "gone"):
        assert mantis.count(f"mantis_{table}") == 0, table
    assert mantis.count("job") == mantis.count("task") == mantis.count("schedule") == 0
    mantis.cluster()
    assert mantis.submit() == "c-1"


def test_jobs_are_kept_for_their_time_and_no_longer(mantis):
    mantis.cluster()
    for _ in range(2):
        name = mantis.submit()
        mantis.engine.jobs.cancel(mantis.job(name).job_id)
        mantis.clock.advance(20 * 86_400)
    mantis.engine.prune.run_once(mantis.clock.now())
    assert mantis.count("mantis_job") == 2
    mantis.tick()
    assert mantis.count("mantis_job") == mantis.count("job") == 1
    assert mantis.count("mantis_label") == 2
    assert mantis.state("c-2") == "Completed"
    with pytest.raises(Missing):
        mantis.job("c-1")
    assert clusters.get(mantis.services, "c").last_number == 2
    assert mantis.submit(quick=True) == "c-3"


def test_a_worker_that_ends_well_ends_the_job_but_for_stage_0(mantis):
    mantis.cluster(zero=1)
    name = mantis.submit()
    (taken,) = mantis.start()
    mantis.engine.attempts.complete(taken.lease)
    view = mantis.view(name)
    assert view["jobMetadata"]["state"] == "Completed"
    assert [(one["state"], one["reason"]) for one in view["workerMetadataList"]] == [
        ("Completed", "Normal"),
        ("Completed", "Normal"),
    ]
    assert mantis.row(name).workers[0].state is TaskState.CANCELLED
    assert mantis.well()
