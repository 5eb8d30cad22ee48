"""A job type of core and hmi whose services are as ready as the test says, as a plugin of its own."""

from pathlib import Path

MODULE = '''
"""Environments that exist on paper."""

from app.hooks import JobInterface, TaskSpec, hookimpl


class StandIn(JobInterface):
    name = "standin"

    def options(self):
        return {
            "core": {"versions": ["4.5.1", "5.0.0"], "builds": ["default", "debug"]},
            "hmis": [
                {"type": "generic", "versions": ["minimal", "full"]},
                {"type": "web", "versions": ["0.1"]},
            ],
        }

    def plan(self, job):
        return [
            TaskSpec(name="core", queue="environments", service=True),
            TaskSpec(name="hmi", queue="environments", service=True, after_ready=("core",)),
        ]

    def bind(self, task, worker):
        raise NotImplementedError


class Faulty(StandIn):
    """Does in one of its functions what the version that is asked for says."""

    name = "faulty"

    def options(self):
        found = [f"{function}-{way}" for function in ("plan", "watches", "services")
                 for way in ("raises", "hangs", "babbles")]
        hmis = [{"type": "faulty", "versions": ["1"]}]
        return {"core": {"versions": found, "builds": ["default"]}, "hmis": hmis}

    def watches(self, spec):
        return self._at("watches", spec, ())

    def plan(self, job):
        return self._at("plan", job.spec, super().plan(job))

    def services(self, job):
        return self._at("services", job.spec, super().services(job))

    def _at(self, function, spec, answer):
        where, _, way = spec["core"]["version"].partition("-")
        if where != function:
            return answer
        if way == "raises":
            raise ValueError("this one is broken")
        while way == "hangs":
            pass
        return 5


class Broken(StandIn):
    """Cannot even say what it has."""

    name = "broken"

    def options(self):
        raise ValueError("this one is broken")


@hookimpl
def job_interfaces():
    return [StandIn(), Faulty(), Broken()]
'''


def install(folder: Path) -> str:
    """Put the plugin into a folder, to be named in PYTHONPATH; give the folder."""
    (folder / "standin_plugin.py").write_text(MODULE)
    info = folder / "standin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: standin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[jobyard]\nstandin = standin_plugin\n")
    return str(folder)
