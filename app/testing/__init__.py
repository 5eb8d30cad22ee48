"""The test kit, for us and for plugin authors."""

from app.testing.contract import JobInterfaceContract
from app.testing.simulation import Outcome, SimulatedTask, Simulation, completes, fails

__all__ = [
    "JobInterfaceContract",
    "Outcome",
    "SimulatedTask",
    "Simulation",
    "completes",
    "fails",
]
