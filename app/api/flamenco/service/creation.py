"""New tasks: settings checked at once, and cut into a group where the compiler says so."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.api.flamenco import words
from app.api.flamenco.errors import Refused, WrongField
from app.api.flamenco.fields import MOST
from app.api.flamenco.records import LEASE_US, FarmTask, queue_of
from app.api.flamenco.service import files, settings, variables
from app.api.flamenco.tables import numbers, tasks
from app.api.flamenco.tables.tasks import NewFarmTask
from app.data.codec import dumps
from app.data.steering import GivenTask
from app.domain.records import Json
from app.domain.states import TaskState
from app.engine.transaction import Transaction, retried
from app.hooks import Part
from app.wiring import Services

MOST_PARTS = 10_000
MOST_SETTINGS = 64 * 1024 * 1024
"""Characters of settings that the tasks of one POST may hold together: each has its own."""
DEFAULT_PRIORITY = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A task as it was handed in. parser: None for the compiler's own."""

    type: str
    settings: Json
    priority: int = DEFAULT_PRIORITY
    parser: str | None = None
    submitter_id: int | None = None
    job_id: int | None = None
    name: str | None = None
    child_id: int | None = None
    depends_on: Sequence[int] = ()
    tag: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be stored: one task, or a group and its parts. name: unless one is given."""

    settings: Json
    name: str
    frames: tuple[int, int] | None
    parts: Sequence[Part] = ()


def create(services: Services, wanted: Wanted, jobfile: files.Arrived | None = None) -> FarmTask:
    """Store a task or a group, and give it. Raises Refused, and stores nothing then."""
    with services.engine.store.session():
        paths = variables.known(services)
    if paths:
        wanted = replace(wanted, settings=variables.fold(wanted.settings, paths))
    plan = planned(services, wanted)
    with files.arriving(services, jobfile) as stored:
        return retried(services.engine.store, lambda: _store(services, wanted, plan, stored))


def planned(services: Services, wanted: Wanted) -> Plan:
    """Check a definition, and cut it. Raises Refused, SpecInvalid."""
    plugins = services.plugins
    compiler = settings.compilers(services).get(wanted.type)
    if compiler is None:
        raise WrongField("type", f"is no compiler: {wanted.type[:100]!r}")
    if wanted.parser and wanted.parser not in settings.parsers(services):
        raise WrongField("parser", f"is no parser: {wanted.parser[:100]!r}")
    checked = plugins.load_spec(compiler, wanted.settings)
    parts = plugins.parts(compiler, checked, MOST_PARTS)
    if len(parts) > MOST_PARTS:
        raise WrongField("settings", f"would make more than {MOST_PARTS} tasks")
    if len(parts) == 1:
        (only,) = parts
        # Shown as they were handed in, unless the compiler changed them.
        shown = wanted.settings if only.settings == checked else only.settings
        return Plan(settings=shown, name=only.name, frames=only.frames)
    if len(dumps(wanted.settings)) * len(parts) > MOST_SETTINGS:
        raise WrongField("settings", f"are too long to be copied into {len(parts)} tasks")
    return Plan(
        settings=wanted.settings,
        name=plugins.label(compiler, checked),
        frames=_span(parts),
        parts=parts,
    )


def _span(parts: Sequence[Part]) -> tuple[int, int] | None:
    """Give the first and last frame of all parts together."""
    frames = [part.frames for part in parts if part.frames is not None]
    if not frames:
        return None
    return min(first for first, _ in frames), max(last for _, last in frames)


def _store(
    services: Services, wanted: Wanted, plan: Plan, jobfile: files.Landed | None
) -> FarmTask:
    engine = services.engine
    with engine.transaction() as tx:
        children = _check_others(services, wanted)
        job_id = numbers.next_job(engine.store, wanted.job_id)
        task_id = _insert(services, tx, wanted, plan, job_id)
        for child_id in children:
            engine.steering.wait(child_id, [task_id])
        if jobfile is not None:
            files.keep(services, "job", job_id, jobfile)
        made = tasks.get(engine.store, task_id)
    if made is None:
        raise Refused(404, "The task is gone")
    return made


def _check_others(services: Services, wanted: Wanted) -> Sequence[int]:
    """Give the tasks that must wait for the new one; all that are named must be there."""
    engine = services.engine
    needed = sorted(set(wanted.depends_on))
    children = () if wanted.child_id is None else _children(services, wanted.child_id)
    if needed:
        there = tasks.known(engine.store, [one for one in needed if 0 < one <= MOST])
        missing = [one for one in needed if one not in there]
        if missing:
            raise WrongField("depends_on", f"names no task: {missing[0]}")
        # Kept as they stand, or one might end between this look and the commit.
        engine.steering.places(needed)
    return children


def _children(services: Services, child_id: int) -> Sequence[int]:
    """Give the task of that id, or the group with what has not begun. Raises WrongField."""
    engine = services.engine
    child = tasks.get(engine.store, child_id) if 0 < child_id <= MOST else None
    if child is None:
        raise WrongField("child_id", "names no task")
    ids = [child_id, *(engine.steering.members(child_id) if child.group else ())]
    places = engine.steering.places(ids)
    figures = tasks.figures(engine.store, child_id) if child.group else None
    # Once more, now that nobody moves it.
    child = tasks.get(engine.store, child_id)
    if child is None or words.status(child, figures) not in ("waiting", "ready"):
        raise WrongField("child_id", "names a task that is neither waiting nor ready")
    return [
        one
        for one in ids
        if one == child_id or places[one].state in (TaskState.CREATED, TaskState.QUEUED)
    ]


def _insert(services: Services, tx: Transaction, wanted: Wanted, plan: Plan, job_id: int) -> int:
    """Store the rows of a plan; give the id of the task or the group."""
    engine = services.engine
    ids = engine.steering.reserve(1 + len(plan.parts))
    needed = sorted(set(wanted.depends_on))
    rows = _Rows(services, wanted, job_id, waits=bool(engine.steering.open_among(needed)))
    whole = Part(name=plan.name, type=wanted.type, settings=plan.settings, frames=plan.frames)
    name = plan.name if wanted.name is None else wanted.name
    rows.add(ids[0], replace(whole, name=name), group=bool(plan.parts), child_id=wanted.child_id)
    pairs = [(task_id, other) for task_id in ids for other in needed]
    id_of = dict(zip((part.name for part in plan.parts), ids[1:], strict=True))
    child_of = {name: id_of[part.name] for part in plan.parts for name in part.after}
    for part in plan.parts:
        own = id_of[part.name]
        rows.add(own, part, parent_id=ids[0], child_id=child_of.get(part.name))
        pairs += [(own, id_of[other]) for other in part.after]
    engine.steering.add(rows.engine, pairs)
    tasks.insert(engine.store, rows.own, tx.now)
    return ids[0]


class _Rows:
    """The rows of a POST as they are gathered."""

    def __init__(self, services: Services, wanted: Wanted, job_id: int, *, waits: bool) -> None:
        self.engine: list[GivenTask] = []
        self.own: list[NewFarmTask] = []
        self._compilers = settings.compilers(services)
        self._parsers = settings.parsers(services)
        self._dumps = services.engine.store.vault.dumps
        self._wanted = wanted
        self._job_id = job_id
        self._waits = waits
        self._tries = services.settings.flamenco.tries

    def add(
        self,
        task_id: int,
        part: Part,
        *,
        group: bool = False,
        parent_id: int | None = None,
        child_id: int | None = None,
    ) -> None:
        """Add a task or a group."""
        first, last = part.frames or (None, None)
        self.engine.append(
            GivenTask(
                id=task_id,
                queue=queue_of(self._wanted.tag),
                name=part.name,
                payload=self._dumps(part.settings),
                kind="composite" if group else "work",
                waits=self._waits or bool(part.after),
                parent_id=parent_id,
                priority=self._wanted.priority,
                max_attempts=self._tries,
                lease_us=LEASE_US,
            )
        )
        self.own.append(
            NewFarmTask(
                task_id=task_id,
                job_id=self._job_id,
                submitter_id=self._wanted.submitter_id,
                type=part.type,
                parser=self._parser(part.type),
                format=str(part.settings.get("format", "")),
                child_id=child_id,
                frame_start=first,
                frame_end=last,
            )
        )

    def _parser(self, kind: str) -> str | None:
        compiler = self._compilers.get(kind)
        chosen = self._wanted.parser or (None if compiler is None else compiler.parser)
        return chosen if chosen in self._parsers else None
