"""The supervisor where the machine is short of something."""

from types import SimpleNamespace

from app.cli.supervisor import Part, Supervisor
from tests.yard import eventually


def test_part_that_cannot_be_started_now_is_started_later(monkeypatch):
    part = Part("web", ["web"])
    supervisor = Supervisor([part], {}, stop_within_s=1.0)
    living = SimpleNamespace(poll=lambda: None)
    fork = [BlockingIOError(11, "no process to be had")]

    def spawn(self, started):
        if fork:
            raise fork.pop()
        return living

    monkeypatch.setattr(Supervisor, "_spawn", spawn)

    def look():
        supervisor._start_missing()
        return part.process

    assert look() is None
    assert eventually(look, "the part started") is living
