"""Small texts of pages."""

import pytest

from app.api.mantis.definitions import Sla
from app.api.mantis.tables import Cluster
from app.web import addresses
from app.web.clusters import sla_in_words
from app.web.routes.waiting import about

OLDEST = "of more than 3 the oldest are ended."


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (0, "less than a minute"),
        (59, "less than a minute"),
        (60, "about 1 minute"),
        (125, "about 2 minutes"),
        (5000, "about 83 minutes"),
        (5400, "about 2 hours"),
        (3600 * 30, "about 30 hours"),
        (86400 * 3, "about 3 days"),
    ],
)
def test_a_wait_is_told_roughly(seconds, words):
    assert about(seconds) == words


def test_queries_hold_what_is_set():
    assert addresses.query(a=None, b="", c=0, d="x&y=\ud800") == "c=0&d=x%26y%3D%3F"
    assert addresses.path("a/b", "..", "é\ud800") == "/a%2Fb/../%C3%A9%3F"


@pytest.mark.parametrize(
    ("least", "most", "there", "disabled", "words"),
    [
        (0, 0, 3, False, "Any number of jobs may run; none is started by itself."),
        (1, 0, 1, False, "At least 1 job runs."),
        (3, 3, 1, False, f"At least 3 jobs run; {OLDEST} 2 jobs to be started."),
        (0, 1, 1, False, "Of more than 1 the oldest are ended."),
        (1, 1, 0, True, "The cluster is disabled: it has no jobs, and takes none."),
    ],
)  # fmt: skip
def test_an_sla_is_told_in_words(least, most, there, disabled, words):
    one = Cluster(
        group_id=1,
        name="c",
        user="u",
        jars=[],
        about={},
        sla=Sla(min=least, max=most),
        disabled=disabled,
    )
    assert sla_in_words(one, [None] * there) == words
