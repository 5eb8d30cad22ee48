"""Job clusters: looked at, scaled, switched, and their output as it comes."""

import pytest
import requests
from playwright.sync_api import expect

from tests.acceptance.mantis.client import Mantis, scheduling, stage
from tests.browser.people import NARROW

TICKS = (
    "shell:n=0; while true; do n=$((n+1));"
    " echo tick $n with $MANTIS_PARAM_API_PASSWORD; sleep 0.2; done"
)


@pytest.fixture(scope="module")
def server(yard):
    return Mantis(yard)


@pytest.fixture
def mantis(server):
    """The dialect's client; the clusters of the test are quiet after it."""
    yield server
    server.settle()


def launched(mantis, cluster):
    """Submit a job of a cluster and wait until its workers have started; its name."""
    body = {"name": str(cluster), "user": "tester"}
    answer = mantis.expect(201, "POST", "/api/v1/jobs", body)
    name = answer["jobMetadata"]["jobId"]
    mantis.launched(name)
    return name


def status(person):
    return person.page.locator(".said")


def test_clusters_are_found_by_name(visit, mantis):
    cluster = mantis.cluster(slaMin=1, slaMax=2)
    person = visit(f"/ui/clusters?q={str(cluster)[1:].upper()}")
    row = person.page.get_by_role("row").filter(has_text=str(cluster))
    expect(row).to_contain_text("1 to 2")
    row.get_by_role("link").click()
    expect(person.page.get_by_role("heading", level=1)).to_have_text(str(cluster))
    expect(person.page.locator("#cluster")).to_contain_text("At least 1 job runs")
    person.go("/ui/clusters?q=%25no%27such_name%00")
    expect(person.page.get_by_text("No cluster is called so.")).to_be_visible()


def test_a_job_is_submitted_scaled_and_killed(visit, mantis):
    cluster = mantis.cluster(schedulingInfo=scheduling(stage(1, scalable=True), stage(1)))
    person = visit(f"/ui/clusters/{cluster}", as_admin=True)
    page = person.page
    page.get_by_role("link", name="Submit a job").click()
    page.get_by_label("Parameters").fill("colour=blue")
    person.press("Submit")
    expect(status(person)).to_have_text(f"{cluster}-1 is submitted.")
    stages = page.get_by_role("region", name=f"Stages of {cluster}-1")
    expect(stages.get_by_role("row").nth(1)).to_contain_text("1 of 1")
    page.get_by_role("link", name=f"Scale stage 1 of {cluster}-1").click()
    page.get_by_label("Workers").fill("3")
    person.press("Scale")
    expect(stages.get_by_role("row").nth(1)).to_contain_text("3 of 3")
    view = mantis.job(f"{cluster}-1")
    assert view["stageMetadataList"][0]["numWorkers"] == 3
    assert {"name": "colour", "value": "blue"} in view["jobMetadata"]["parameters"]
    expect(page.get_by_role("region", name="History")).to_contain_text("scaled stage 1 to 3")
    person.press(f"Kill {cluster}-1")
    person.agree()
    expect(status(person)).to_have_text(f"{cluster}-1 is killed.")
    expect(page.get_by_text("No job is open.")).to_be_visible()
    mantis.until(f"{cluster}-1", "Completed")


def test_sla_and_cron_are_changed(visit, mantis):
    cluster = mantis.cluster()
    person = visit(f"/ui/clusters/{cluster}/sla", as_admin=True)
    page = person.page
    page.get_by_label("At least").fill("2")
    page.get_by_label("At most").fill("1")
    person.expected = {400}
    person.press("Change")
    expect(page.get_by_role("alert")).to_contain_text("max >= min")
    page.get_by_label("At least").fill("0")
    page.get_by_label("Quartz text").fill("never")
    person.press("Change")
    expect(page.get_by_role("alert")).to_contain_text("cronSpec")
    assert cluster.view()["disabled"] is False
    page.get_by_label("Quartz text").fill("0 15 10 ? * MON-FRI")
    page.get_by_label("While a job is there").select_option("KEEP_NEW")
    person.press("Change")
    expect(status(person)).to_have_text("The SLA is changed.")
    about = page.get_by_role("region", name="About")
    expect(about).to_contain_text("at 10:15, Monday to Friday")
    expect(about.locator("dd time")).to_have_count(5)
    page.get_by_role("link", name="schedule", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(str(cluster))
    expect(page.get_by_role("button", name="Delete")).to_have_count(0)
    assert cluster.view()["sla"]["cronPolicy"] == "KEEP_NEW"


def test_a_cluster_is_disabled_and_enabled(visit, mantis):
    cluster = mantis.cluster()
    name = launched(mantis, cluster)
    other = visit(f"/ui/clusters/{cluster}")
    person = visit(f"/ui/clusters/{cluster}", as_admin=True)
    person.press("Disable")
    person.agree()
    expect(other.page.locator("#cluster .state-disabled")).to_be_visible()
    mantis.until(name, "Completed")
    expect(other.page.get_by_text("No job is open.")).to_be_visible()
    person.press("Enable")
    expect(other.page.locator("#cluster .state-enabled")).to_be_visible()


def test_output_comes_line_by_line_and_without_secrets(visit, mantis):
    cluster = mantis.cluster(
        jobJarFileLocation=TICKS,
        parameters=[{"name": "api_password", "value": "open sesame"}],
    )
    launched(mantis, cluster)
    person = visit(f"/ui/clusters/{cluster}", as_admin=True)
    person.press("Show the output")
    lines = person.page.get_by_role("log")
    expect(lines).to_contain_text("tick 1 with *")
    expect(lines).to_contain_text("tick 9 with *")
    assert "open sesame" not in lines.inner_text()
    person.page.get_by_label("Stay at the end").uncheck()
    person.press("Stop")
    expect(person.page.locator("#listening")).to_have_text("Stopped.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_clusters_are_accessible(visit, mantis, scheme):
    cluster = mantis.cluster(labels=[{"name": "team", "value": "sine"}])
    name = launched(mantis, cluster)
    for options in ({"color_scheme": scheme}, {"color_scheme": scheme, "viewport": NARROW}):
        person = visit("/ui/clusters", as_admin=True, **options)
        person.finds_no_fault()
        for path in ("", "/submit", "/sla", f"/scale?job={name}&stage=1"):
            person.go(f"/ui/clusters/{cluster}{path}")
            person.finds_no_fault()


def test_only_forms_of_ones_own_change_anything(visit, mantis):
    cluster = mantis.cluster()
    url = f"{mantis.yard.url}/ui/clusters/{cluster}"
    for what in ("submit", "sla", "scale", "kill", "enable", "disable"):
        answer = requests.post(f"{url}/{what}", {"job": "x"}, timeout=90)
        assert answer.status_code == 400, what
    assert cluster.view()["lastJobCount"] == 0


def test_jobs_of_other_clusters_are_left_alone(visit, mantis):
    cluster, other = mantis.cluster(), mantis.cluster()
    name = launched(mantis, other)
    person = visit(f"/ui/clusters/{cluster}", as_admin=True)
    token = person.page.locator("[name=csrf_token]").first.input_value()
    for what in ("kill", "scale"):
        form = {"csrf_token": token, "job": name, "stage": "1", "workers": "2"}
        answer = person.context.request.post(
            f"{person.url}/ui/clusters/{cluster}/{what}", form=form
        )
        assert answer.status == 404, what
    assert mantis.state(name) == "Launched"


@pytest.mark.parametrize("path", ["nothing", "%00", "..%2F..", "nothing/sla", "nothing/output"])
def test_there_are_no_other_clusters(visit, path):
    person = visit("/ui/clusters")
    person.expected = {404}
    assert person.go(f"/ui/clusters/{path}") == 404
