"""The page about figures tells of every benchmark."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_driver_is_told_of_and_no_other():
    drivers = {path.stem for path in (ROOT / "bench").glob("[!_]*.py")}
    page = (ROOT / "docs" / "performance.md").read_text()
    assert set(re.findall(r"bench/(\w+)\.py", page)) == drivers
    table = page.partition("How to read")[0]
    named = re.findall(r"^\| (`.*?`) \|", table, re.MULTILINE)
    assert set(re.findall(r"\w+", " ".join(named))) == drivers
