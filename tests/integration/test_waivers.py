"""A test whose service is absent fails by name; only a waiver, said loudly, leaves it out."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# One test that needs Redis, one that needs nothing.
FILE = "tests/integration/test_services.py"
CHOSEN = (f"{FILE}::test_each_test_has_an_empty_redis", f"{FILE}::test_free_port_can_be_bound")

pytestmark = pytest.mark.slow


def suite(*options, **variables):
    """Run the two tests in a pytest of their own, without services; returns (status, output)."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *CHOSEN],
        cwd=ROOT,
        env={**os.environ, **variables},
        check=False,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.returncode, done.stdout


def test_absent_service_fails_its_tests_by_name():
    status, said = suite("-n1")
    assert status == 1
    assert "redis is not available" in said
    assert "2 errors" in said.splitlines()[-1]
    assert "1 passed" in said.splitlines()[-1]


def test_waived_service_is_left_out_loudly():
    status, said = suite("-n1", JOBYARD_TEST_WITHOUT="redis")
    assert status == 0
    assert "NOT TESTED: whatever needs redis" in said
    assert "1 passed" in said.splitlines()[-1]


def test_misspelt_waiver_is_refused():
    status, _ = suite(JOBYARD_TEST_WITHOUT="reddis")
    assert status == pytest.ExitCode.USAGE_ERROR
