"""Every concern has its words and a page that tells more."""

import pytest

from app.engine.concerns import COUNTED, Concern, Kind
from app.web.matters import told

START = 1_704_067_200_000_000


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_words(kind):
    matter = told(Concern(kind=kind, subject="<x>", count=2, since=START, task_id=7, worker_id=8))
    assert matter.subject
    assert matter.text
    assert matter.href.startswith("/ui/")
    assert matter.since == "2024-01-01T00:00:00.000000Z"
    assert "<" not in matter.href


def test_what_a_person_paused_is_not_grave():
    assert not told(Concern(kind=Kind.PAUSED_JOBS)).grave
    assert told(Concern(kind=Kind.SILENT, subject="w", worker_id=1)).grave


def test_links_lead_to_what_it_is_about():
    failing = Concern(kind=Kind.FAILING_JOBS, subject="a&b", dialect="tork")
    assert told(failing).href == "/ui/jobs?dialect=tork&type=a%26b&state=FAILED"
    assert told(Concern(kind=Kind.PAUSED_JOBS, job_id="x?y")).href == "/ui/jobs/x%3Fy"
    assert told(Concern(kind=Kind.PAUSED_JOBS, count=3, job_id="x")).href == "/ui/jobs"
    groups = {"mantis": "/ui/clusters", "task_tracker": "/ui/projects", "other": "/ui/queues"}
    for dialect, href in groups.items():
        assert told(Concern(kind=Kind.PAUSED_GROUPS, dialect=dialect)).href == href


def test_numbers_are_told_as_far_as_they_were_counted():
    told_of = [
        told(Concern(kind=Kind.PAUSED_SCHEDULES, count=count)).subject for count in (1, 2, COUNTED)
    ]
    assert told_of == ["1 schedule", "2 schedules", "1,000 or more schedules"]
