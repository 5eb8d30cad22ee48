"""The test kit, for us and for plugin authors."""

from app.testing.clock import FakeClock
from app.testing.contract import JobInterfaceContract
from app.testing.engine import (
    ScriptedJob,
    copy_schema,
    happenings,
    make_engine,
    new_worker,
    settled,
    submit,
    work_off,
)
from app.testing.simulation import Outcome, SimulatedTask, Simulation, completes, fails

__all__ = [
    "FakeClock",
    "JobInterfaceContract",
    "Outcome",
    "ScriptedJob",
    "SimulatedTask",
    "Simulation",
    "completes",
    "copy_schema",
    "fails",
    "happenings",
    "make_engine",
    "new_worker",
    "settled",
    "submit",
    "work_off",
]
