"""docs/lifecycle.md says what app/domain/states.py and events.py say."""

import re
from pathlib import Path

import pytest

from app.domain import states
from app.domain.events import EventKind
from app.domain.states import AttemptState, JobState, TaskState
from app.engine.doctor import KINDS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "lifecycle.md").read_text()
SOURCE = (ROOT / "app" / "domain" / "events.py").read_text()
PARTS = {
    "Jobs": (JobState, states.JOB_MOVES, {"COMPLETED", "FAILED", "CANCELLED"}),
    "Tasks": (TaskState, states.TASK_MOVES, {"COMPLETED", "FAILED", "CANCELLED", "SKIPPED"}),
    "Attempts": (
        AttemptState,
        states.ATTEMPT_MOVES,
        {"DONE", "FAILED", "RELEASED", "LOST", "CANCELLED"},
    ),
}


def section(title):
    return TEXT.split(f"\n## {title}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("title", PARTS)
def test_every_move_is_listed_with_its_mover(title):
    _, moves, _ = PARTS[title]
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| (.+) \|$", section(title), re.MULTILINE)
    assert {(current, wanted): who for current, wanted, who in rows} == {
        (str(current), str(wanted)): who for (current, wanted), who in moves.items()
    }
    assert len(rows) == len(moves)


@pytest.mark.parametrize("title", PARTS)
def test_the_picture_draws_the_moves_between_states_that_are_not_final(title):
    every, moves, final = PARTS[title]
    drawn = re.findall(r"^    (\S+) --> (\S+)$", section(title), re.MULTILINE)
    between = {pair for pair in drawn if "[*]" not in pair}
    assert between == {(str(a), str(b)) for a, b in moves if str(b) not in final}
    assert {state for state, to in drawn if to == "[*]"} == final
    named = {state for pair in drawn for state in pair} - {"[*]"}
    assert named == {str(state) for state in every}


def test_every_event_is_listed_with_its_data():
    noted = dict(re.findall(r'^    [A-Z_]+ = "([a-z.]+)"(?:  #: (.*))?$', SOURCE, re.MULTILINE))
    assert set(noted) == {str(kind) for kind in EventKind}
    rows = re.findall(r"^\| `([a-z.]+)` \| (.+) \|$", section("Events"), re.MULTILINE)
    assert dict(rows) == {kind: note or "none" for kind, note in noted.items()}
    assert len(rows) == len(EventKind)


def test_every_finding_of_the_doctor_is_listed():
    rows = re.findall(r"^\| `([a-z-]+)` \| (.+) \|$", section("Never stuck"), re.MULTILINE)
    assert dict(rows) == KINDS
