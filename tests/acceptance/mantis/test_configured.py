"""What the settings of a server change: shell commands switched off, another time zone."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.mantis.client import SLEEP, Mantis, definition, pairs, scheduling, unique
from tests.yard import Yard

HALF_HOUR = 1_800_000


@pytest.fixture(scope="module")
def strict() -> Iterator[Mantis]:
    """A server that runs no shell commands and reads cron texts in India."""
    folder = Path(tempfile.mkdtemp(prefix="jy"))
    yard = Yard(
        folder, JOBYARD_MANTIS_SHELL_COMMANDS="false", JOBYARD_MANTIS_TIME_ZONE="Asia/Kolkata"
    )
    try:
        yield Mantis(yard.start())
    finally:
        yard.end()
        shutil.rmtree(folder, ignore_errors=True)


def test_shell_commands_may_be_switched_off(strict: Mantis):
    shell = strict.cluster(keep=True, jobJarFileLocation=SLEEP)
    sine = strict.cluster(keep=True, jobJarFileLocation="http://a/sine.zip")
    for cluster, over in (
        (shell, {}),
        (sine, {"parameters": pairs(command="echo x")}),
        (sine, {"jobJarFileLocation": "shell:echo x", "schedulingInfo": scheduling(1)}),
    ):
        cluster.refused(400, **over)
        strict.refused(400, "POST", "/jobs", cluster.wish(**over))
        strict.refused(400, "POST", "/jobsubmitandconnect", cluster.wish(**over))
    strict.refused(400, "POST", "/jobs/actions/quickSubmit", shell.wish())
    assert (shell.view()["lastJobCount"], sine.view()["lastJobCount"]) == (0, 0)
    sine.launch(parameters=pairs(command="  "))
    sine.end()


def test_cron_is_read_in_the_zone_of_the_server(strict: Mantis):
    body = definition(unique(), cronSpec="0 0 12 * * ?")
    answer = strict.ask("POST", "/jobClusters", body, params={"dryRun": "true"})
    for moment in answer.json()["nextFireTimes"]:
        assert moment % 86_400_000 == 13 * HALF_HOUR  # noon there is 06:30 in UTC
