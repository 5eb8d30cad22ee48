"""What is said of a task: by the worker that has it, or by an operator."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.api.flamenco import words
from app.api.flamenco.errors import DISABLED, NO_TASK, UNREGISTERED, Refused, WrongField
from app.api.flamenco.records import DIALECT, FarmTask, FarmWorker
from app.api.flamenco.service import failures, files, output, workers
from app.api.flamenco.service.sweeping import sweep
from app.api.flamenco.tables import tasks
from app.api.flamenco.tables.workers import MOST_LOG
from app.api.flamenco.words import Act
from app.domain.events import EventKind
from app.domain.records import Json
from app.domain.states import TaskState
from app.engine.transaction import Moved, Transaction, retried
from app.wiring import Services

FAILED = "the program ended with an error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The fields of a report. log: output, the whole of it or, with `more`, what came since.

    activity: values to merge. said: the activity as text. worker_id: who reports, None for an
    operator.
    """

    status: str | None = None
    log: str | None = None
    more: bool = False
    activity: Json | None = None
    said: str | None = None
    time_cost: int | None = None
    frame_current: int | None = None
    priority: int | None = None
    worker_id: int | None = None
    taskfile: files.Arrived | None = None

    @property
    def tells(self) -> bool:
        """Whether it says anything at all."""
        given = (self.status, self.log, self.activity, self.time_cost, self.frame_current)
        more = (self.priority, self.worker_id, self.taskfile)
        return any(one is not None for one in (*given, *more))

    @property
    def moves(self) -> bool:
        """Whether it says how far the task is, beside its output."""
        return self.activity is not None or self.frame_current is not None


def take(services: Services, task_id: int, report: Report) -> None:
    """Apply a report or an operator's wish, all of it or nothing. Raises Refused."""
    sweep(services, alive=report.worker_id)
    store = services.engine.store
    task = _get(services, task_id)
    if not report.tells:
        return
    _check_reporter(services, task, report)
    if task.group:
        retried(store, lambda: _steer_group(services, task, report))
        return
    _check(task, report)
    # Its number tells whether the same hand-out is meant when it counts.
    stored = None
    with files.arriving(services, report.taskfile) as landed:
        if report.log is not None and _act(task, report) is not Act.NOTHING:
            stored = output.store(services, task, report.log, whole=not report.more)
        retried(store, lambda: _apply(services, task_id, report, stored, landed))
    if stored is not None and not report.more:
        services.engine.logs.forget(task_id, before=stored[0])


def _get(services: Services, task_id: int) -> FarmTask:
    store = services.engine.store
    with store.session():
        task = tasks.get(store, task_id)
    if task is None:
        raise Refused(404, NO_TASK)
    return task


def _act(task: FarmTask, report: Report) -> Act | None:
    """Say what the report's status does. Raises Refused where the state forbids it."""
    if report.status is None:
        return None
    current = words.word(task.state, aborted=task.aborted)
    owner = report.worker_id is not None and report.worker_id == task.worker_id
    found = words.act(current, report.status, owner=owner)
    if found is None:
        raise Refused(409, f"The task is {current} and cannot become {report.status}")
    return found


def _check_reporter(services: Services, task: FarmTask, report: Report) -> None:
    """Raise Refused for a worker that has no business with the task."""
    if report.worker_id is not None:
        store = services.engine.store
        with store.session():
            worker = workers.find(services, report.worker_id)
        if worker is None:
            raise Refused(403, UNREGISTERED)
        if worker.disabled:
            raise Refused(403, DISABLED)
        if task.worker_id != report.worker_id:
            raise Refused(403, "The task is not this worker's")


def _check(task: FarmTask, report: Report) -> None:
    """Raise Refused for what does not fit the task."""
    frame = report.frame_current
    if frame is not None:
        first, last = task.frame_start, task.frame_end
        if first is None or last is None:
            raise WrongField("frame_current", "is given for a task without frames")
        if not first <= frame <= last:
            raise WrongField("frame_current", f"must be between {first} and {last}")
    _act(task, report)


def _apply(
    services: Services,
    task_id: int,
    report: Report,
    stored: tuple[int, int] | None,
    landed: files.Landed | None,
) -> None:
    engine = services.engine
    before = _get(services, task_id)
    # Outside the transaction: a parser may take its time.
    reading = None
    if stored is not None:
        first = None if report.more else stored[0]
        reading = output.read(services, before, first=first, last=stored[1])
    teller = None
    with engine.transaction() as tx:
        if report.worker_id is not None:
            teller = workers.alive(services, report.worker_id, tx.now)
        engine.steering.places([task_id])
        task = _get(services, task_id)
        if (task.log_read, task.log_from) != (before.log_read, before.log_from):
            raise Moved
        _check_reporter(services, task, report)
        _check(task, report)
        act = _act(task, report)
        if act is Act.NOTHING:
            tasks.update(engine.store, task_id, {"touched_at": tx.now}, tx.now)
            return
        values = _news(services, task, report, reading)
        values["touched_at"] = tx.now
        tasks.update(engine.store, task_id, values, tx.now)
        if landed is not None:
            files.keep(services, "output", task_id, landed)
        if report.priority is not None:
            engine.steering.prioritise([task_id], report.priority)
        if teller is not None:
            _tell_worker(services, task, report, teller, values)
        _tell_frame(tx, task, values)
        if task.held:
            engine.attempts.renew([task.lease])
        if act is not None:
            move(services, tx, task, act)


def _news(
    services: Services, task: FarmTask, report: Report, reading: output.Read | None
) -> dict[str, Any]:
    """Give the columns that a report changes, in the order in which its fields count."""
    values: dict[str, Any] = {}
    activity, frame = task.activity, task.frame_current
    memory = (task.parser_state or {}).get("memory")
    said: Json = (task.parser_state or {}).get("said", {})
    parsed = None if reading is None else reading.parsed
    if reading is not None:
        values["log_from"] = reading.log_from
        values["log_read"] = reading.number
        memory = reading.memory
    if parsed is not None:
        told = {key: parsed.facts[key] for key in words.FACTS if parsed.facts.get(key) is not None}
        if told or activity is not None:
            activity = words.seen(activity, said, told)
        frame = _frame(task, parsed.frame, frame)
    if report.activity is not None:
        activity = words.over(activity, report.activity)
        said = {**said, **words.facts(report.activity)}
        frame = _frame(task, report.activity.get("current_frame"), frame)
    if report.frame_current is not None:
        frame = report.frame_current
    if report.time_cost is not None:
        values["time_cost"] = report.time_cost
    if activity is not None and activity != task.activity:
        values["activity"] = activity
    if memory or said:
        values["parser_state"] = {"memory": memory or {}, "said": said}
    if task.state is not TaskState.COMPLETED and (parsed is not None or report.moves):
        now = replace(task, frame_current=frame, activity=activity)
        values["frame_current"] = frame
        values |= words.reached(now, output.anew(services, now, memory or {}))
    return values


def _frame(task: FarmTask, told: object, otherwise: int | None) -> int | None:
    """Give the frame a task is at; one outside its range says nothing."""
    first, last = task.frame_start, task.frame_end
    if first is None or last is None or not isinstance(told, int) or isinstance(told, bool):
        return otherwise
    return told if first <= told <= last else otherwise


def _tell_frame(tx: Transaction, task: FarmTask, values: dict[str, Any]) -> None:
    """Let those know who watch when another frame is rendered."""
    if values.get("frame_current", task.frame_current) != task.frame_current:
        progress = values.get("progress", task.progress)
        tx.note(EventKind.TASK_PROGRESSED, DIALECT, task_id=task.id, progress=progress)


def _tell_worker(
    services: Services, task: FarmTask, report: Report, teller: FarmWorker, values: dict[str, Any]
) -> None:
    """Show on the worker what it reported last."""
    shown: dict[str, Any] = {}
    if "activity" in values:
        shown["activity"] = words.spoken(values["activity"])
    if report.log is not None:
        goes_on = report.more and task.log_read >= task.log_from
        before = (teller.log or "") if goes_on else ""
        shown["log"] = (before + report.log)[-MOST_LOG:].replace("\0", "\ufffd")
    if report.time_cost is not None:
        shown["time_cost"] = report.time_cost
    if shown:
        workers.show(services, teller.id, shown)


def move(services: Services, tx: Transaction, task: FarmTask, act: Act) -> None:
    """Let a task follow from a status; it stands as `task` says, and stays so until the commit."""
    engine = services.engine
    place = engine.steering.place(task.id)
    if act is Act.COMPLETE:
        engine.attempts.complete(task.lease)
        done = {"progress": 100.0, "eta": 0, "frame_current": task.frame_end}
        tasks.update(engine.store, task.id, done, tx.now)
        engine.steering.follow([task.id, *([task.parent_id] if task.parent_id else [])])
    elif act is Act.FAIL:
        failures.fail(services, tx, task, FAILED)
    elif act is Act.ABORT:
        engine.attempts.release(task.lease)
        tasks.update(engine.store, task.id, {"aborted": 1}, tx.now)
    elif act is Act.RELEASE:
        engine.attempts.release(task.lease)
    elif act is Act.RESTART:
        engine.steering.restart(place)
        log_from = engine.logs.last_number(task.id) + 1
        tasks.freshen(engine.store, task.id, log_from, tx.now)
        failures.forget(services, [task.id])
    elif act is Act.UNBIND:
        engine.steering.wait_no_more(place)
    elif act is Act.PAUSE:
        engine.steering.stop(place, TaskState.HELD)
        tasks.update(engine.store, task.id, {"aborted": 0}, tx.now)
    elif act is Act.CANCEL:
        engine.steering.stop(place, TaskState.CANCELLED)
        tasks.update(engine.store, task.id, {"aborted": 0}, tx.now)


# -- groups --------------------------------------------------------------------------------------

_STEERED = ("paused", "ready", "canceled")


def _steer_group(services: Services, group: FarmTask, report: Report) -> None:
    """Pass an operator's wish to all tasks of a group that allow it."""
    if report.status is not None and report.status not in _STEERED:
        raise Refused(409, f"A group cannot become {report.status}")
    engine = services.engine
    with engine.transaction() as tx:
        ids = members(services, group.id)
        engine.steering.places(ids)
        if report.priority is not None:
            engine.steering.prioritise([group.id, *ids], report.priority)
        for task_id in ids if report.status is not None else ():
            task = tasks.get(engine.store, task_id)
            if task is not None:
                steer_member(services, tx, task, report.status or "")
        tasks.update(engine.store, group.id, {"touched_at": tx.now}, tx.now)


def steer_member(services: Services, tx: Transaction, task: FarmTask, status: str) -> None:
    """Do with one of several tasks what is wanted of all, if it allows that. In a transaction."""
    found = words.act(words.word(task.state, aborted=task.aborted), status, owner=False)
    if found is Act.UNBIND:
        # Of its own group it waits on: a half-made input would be no input.
        place = services.engine.steering.place(task.id)
        services.engine.steering.wait_no_more(place, sparing=task.parent_id)
    elif found not in (None, Act.NOTHING):
        move(services, tx, task, found)


def members(services: Services, group_id: int) -> Sequence[int]:
    """Give the tasks of a group by id."""
    return services.engine.steering.members(group_id)
