"""Commands: made of a task's settings for the worker that has it, or as a preview."""

from dataclasses import replace

import orjson

from app.api.flamenco.errors import DISABLED, NO_TASK, UNREGISTERED, Refused
from app.api.flamenco.records import FarmTask, FarmWorker
from app.api.flamenco.service import settings, variables, workers
from app.api.flamenco.service.sweeping import sweep
from app.api.flamenco.service.tasks import get
from app.api.flamenco.service.variables import Variables
from app.api.flamenco.tables import files
from app.domain.records import Json
from app.domain.states import TaskState
from app.engine.transaction import retried
from app.hooks import PROGRAM, Command, Compiler, TaskView, WorkerView, os_of
from app.wiring import Services

LINUX = "Linux"
BLENDER = {
    "Linux": "blender",
    "Darwin": "/Applications/Blender.app/Contents/MacOS/Blender",
    "Windows": "blender.exe",
}


def poll(services: Services, worker_id: int) -> Json | None:
    """Hand a task to a worker, or the one it holds again, compiled; None without work.

    Raises Refused.
    """
    sweep(services, alive=worker_id)
    task_id = retried(services.engine.store, lambda: _take(services, worker_id))
    return None if task_id is None else taken(services, task_id, worker_id)


def _take(services: Services, worker_id: int) -> int | None:
    with services.engine.transaction() as tx:
        worker = _known(workers.alive(services, worker_id, tx.now))
        if worker.task_id is not None:
            return worker.task_id
        return None if worker.busy else workers.take(services, worker, tx.now)


def taken(services: Services, task_id: int, worker_id: int) -> Json:
    """Compile the task that a worker was given. Raises Refused."""
    sweep(services, alive=worker_id)
    worker = retried(services.engine.store, lambda: _greet(services, worker_id))
    task = get(services, task_id)
    _single(task)
    if task.worker_id != worker_id or not task.held:
        raise Refused(403, "The task is not this worker's")
    return _compile(services, task, worker.system)


def _greet(services: Services, worker_id: int) -> FarmWorker:
    with services.engine.transaction() as tx:
        return _known(workers.alive(services, worker_id, tx.now))


def _known(worker: FarmWorker | None) -> FarmWorker:
    if worker is None:
        raise Refused(403, UNREGISTERED)
    if worker.disabled:
        raise Refused(403, DISABLED)
    return worker


def preview(services: Services, task_id: int, system: str | None) -> Json:
    """Compile a task for whoever looks at it; nothing is handed out. Raises Refused."""
    sweep(services)
    if not task_id:
        raise Refused(404, NO_TASK)
    task = get(services, task_id)
    _single(task)
    return _compile(services, task, system or LINUX)


def _single(task: FarmTask) -> None:
    if task.group:
        raise Refused(409, "A group has no command of its own")


def _compile(services: Services, task: FarmTask, system: str) -> Json:
    compiler = settings.compilers(services).get(task.type)
    if compiler is None:
        raise Refused(409, f"The compiler {task.type} is not installed any more")
    store = services.engine.store
    with store.session():
        programs = settings.programs(services, compiler)
        paths = variables.known(services)
    made = _bound(services, compiler, task, system, paths)
    _support(services, task.job_id, made)
    with store.session():
        jobfile = files.get(store, "job", task.job_id) is not None
        support = files.has_support(store, task.job_id)
    pairs = []
    if jobfile:
        pairs.append(["jobfile", "jobfile.zip"])
    if support:
        pairs.append(["jobsupportfile", "jobsupportfile.zip"])
    return {
        "options": {
            "task_id": task.id,
            "job_id": task.job_id,
            "task_parser": task.parser,
            "type": task.type,
            "settings": task.settings,
            "task_command": orjson.dumps(made.main.cmd).decode(),
            "command": _command(made, programs, task.settings, system),
        },
        "files": {"jobfiles": pairs},
    }


def _bound(
    services: Services, compiler: Compiler, task: FarmTask, system: str, paths: Variables
) -> Command:
    given = variables.unfold_settings(task.settings, paths)
    checked = services.plugins.load_spec(compiler, given)
    view = TaskView(
        id=task.id,
        name=task.name,
        payload={"settings": checked},
        state=TaskState.LEASED,
        priority=task.priority,
        number=task.attempts,
    )
    own = os_of(system)
    made = services.plugins.bind(compiler, view, WorkerView(name="", hostname="", system=own))
    words = tuple(variables.unfold(word, paths, own) for word in made.main.cmd)
    return replace(made, main=replace(made.main, cmd=words))


def _command(made: Command, programs: Json, chosen: Json, system: str) -> list[str]:
    if not made.main.cmd or made.main.cmd[0] != PROGRAM:
        return list(made.main.cmd)
    return [program(programs, chosen.get("command_name"), os_of(system)), *made.main.cmd[1:]]


def program(programs: Json, name: object, system: str) -> str:
    """Give the program that a setting names for an operating system: Blender where it names none.

    name: which of several; the one called `default` where that one is not there.
    """
    commands = programs.get("commands")
    commands = commands if isinstance(commands, dict) else {}
    of_name = commands.get(name) if isinstance(name, str) else None
    chosen = of_name if isinstance(of_name, dict) else commands.get("default")
    found = chosen.get(system) if isinstance(chosen, dict) else None
    return found if isinstance(found, str) and found else BLENDER[system]


def _support(services: Services, job_id: int, made: Command) -> None:
    """Store what the command needs beside it, where that is not there already."""
    store = services.engine.store
    with store.session():
        there = files.support(store, job_id) if made.main.files else {}
    news = {name: text for name, text in made.main.files.items() if there.get(name) != text}
    if news:
        with store.transaction():
            files.put_support(store, job_id, news)
