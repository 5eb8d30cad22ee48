"""New tasks: settings checked at once, and cut into a group where the compiler says so."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.api.flamenco.errors import Refused, WrongField
from app.api.flamenco.fields import MOST, sound
from app.api.flamenco.records import LEASE_US, QUEUE, FarmTask
from app.api.flamenco.service import files
from app.api.flamenco.tables import numbers, tasks
from app.api.flamenco.tables.tasks import NewFarmTask
from app.data.steering import GivenTask
from app.domain.errors import PluginFailed
from app.domain.records import Json
from app.domain.states import TaskState
from app.engine.transaction import Transaction, retried
from app.hooks.farm import Compiler, Piece, Sheet
from app.wiring import Services

MOST_PIECES = 10_000
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be stored: one task, or a group and its pieces."""

    settings: Json
    compiler: Compiler
    sheet: Sheet
    parser: str | None
    pieces: Sequence[tuple[Piece, Sheet, str | None]] = ()


def create(services: Services, wanted: Wanted, jobfile: files.Arrived | None = None) -> FarmTask:
    """Store a task or a group, and give it. Raises Refused, and stores nothing then."""
    plan = planned(services, wanted)
    with files.arriving(services, jobfile) as stored:
        return retried(services.engine.store, lambda: _store(services, wanted, plan, stored))


def planned(services: Services, wanted: Wanted) -> Plan:
    """Check a definition, and cut it. Raises Refused, SpecInvalid."""
    plugins = services.plugins
    compiler = plugins.compilers.get(wanted.type)
    if compiler is None:
        raise WrongField("type", f"is no compiler: {wanted.type[:100]!r}")
    if wanted.parser and wanted.parser not in plugins.parsers:
        raise WrongField("parser", f"is no parser: {wanted.parser[:100]!r}")
    settings = plugins.load_spec(compiler, wanted.settings)
    if not sound(settings):
        raise WrongField("settings", "holds a character that no text may hold")
    sheet = plugins.sheet(compiler, settings)
    pieces = plugins.cut(compiler, settings, MOST_PIECES)
    if len(pieces) > MOST_PIECES:
        raise WrongField("settings", f"would make more than {MOST_PIECES} tasks")
    made = [_piece(services, wanted, piece) for piece in pieces]
    return Plan(
        settings=settings,
        compiler=compiler,
        sheet=sheet,
        parser=_parser(services, wanted, compiler),
        pieces=made,
    )


def _piece(services: Services, wanted: Wanted, piece: Piece) -> tuple[Piece, Sheet, str | None]:
    compiler = services.plugins.compilers.get(piece.type)
    if compiler is None:
        raise PluginFailed(f"a task is cut into {piece.type}, which is no compiler")
    sheet = services.plugins.sheet(compiler, piece.settings)
    return piece, sheet, _parser(services, wanted, compiler)


def _parser(services: Services, wanted: Wanted, compiler: Compiler) -> str | None:
    chosen = wanted.parser or compiler.parser
    return chosen if chosen in services.plugins.parsers else None


def _store(
    services: Services, wanted: Wanted, plan: Plan, jobfile: files.Landed | None
) -> FarmTask:
    engine = services.engine
    with engine.transaction() as tx:
        child = _check_others(services, wanted)
        job_id = numbers.next_job(engine.store, wanted.job_id)
        ids = engine.steering.reserve(1 + len(plan.pieces))
        _insert(services, tx, wanted, plan, job_id, ids)
        if child is not None:
            engine.steering.wait(child, [ids[0]])
        if jobfile is not None:
            files.keep(services, "job", job_id, jobfile)
        made = tasks.get(engine.store, ids[0])
    if made is None:
        raise Refused(404, "The task is gone")
    return made


def _check_others(services: Services, wanted: Wanted) -> int | None:
    """Give the task that must wait for the new one; all that are named must be there."""
    engine = services.engine
    needed = sorted(set(wanted.depends_on))
    child_id = wanted.child_id
    child = None
    if child_id is not None:
        child = tasks.get(engine.store, child_id) if 0 < child_id <= MOST else None
        if child is None:
            raise WrongField("child_id", "names no task")
        place = engine.steering.place(child_id)
        if child.group or place.state not in (TaskState.CREATED, TaskState.QUEUED) or child.aborted:
            raise WrongField("child_id", "names a task that is neither waiting nor ready")
    if needed:
        there = tasks.known(engine.store, [one for one in needed if 0 < one <= MOST])
        missing = [one for one in needed if one not in there]
        if missing:
            raise WrongField("depends_on", f"names no task: {missing[0]}")
        # Kept as they stand, or one might end between this look and the commit.
        engine.steering.places(needed)
    return None if child is None else child.id


def _insert(
    services: Services, tx: Transaction, wanted: Wanted, plan: Plan, job_id: int, ids: list[int]
) -> None:
    engine = services.engine
    dumps = engine.store.vault.dumps
    needed = sorted(set(wanted.depends_on))
    waits = bool(needed) and bool(engine.steering.open_among(needed))
    group_id, rest = ids[0], ids[1:]
    group = bool(plan.pieces)
    rows = [
        GivenTask(
            id=group_id,
            queue=QUEUE,
            name=plan.sheet.name if wanted.name is None else wanted.name,
            payload=dumps(plan.settings),
            kind="composite" if group else "work",
            waits=waits,
            priority=wanted.priority,
            lease_us=LEASE_US,
        )
    ]
    own = [
        NewFarmTask(
            task_id=group_id,
            job_id=job_id,
            submitter_id=wanted.submitter_id,
            type=wanted.type,
            parser=plan.parser,
            format=plan.sheet.format,
            child_id=wanted.child_id,
            frame_start=plan.sheet.frame_start,
            frame_end=plan.sheet.frame_end,
        )
    ]
    pairs = [(task_id, other) for task_id in ids for other in needed]
    blocked = {place for piece, _, _ in plan.pieces for place in piece.then}
    for place, (piece, sheet, parser) in enumerate(plan.pieces):
        pairs += [(rest[later], rest[place]) for later in piece.then]
        rows.append(
            GivenTask(
                id=rest[place],
                queue=QUEUE,
                name=piece.name,
                payload=dumps(piece.settings),
                waits=waits or place in blocked,
                parent_id=group_id,
                priority=wanted.priority,
                lease_us=LEASE_US,
            )
        )
        own.append(
            NewFarmTask(
                task_id=rest[place],
                job_id=job_id,
                submitter_id=wanted.submitter_id,
                type=piece.type,
                parser=parser,
                format=sheet.format,
                child_id=rest[piece.then[0]] if piece.then else None,
                frame_start=sheet.frame_start,
                frame_end=sheet.frame_end,
            )
        )
    engine.steering.add(rows, pairs)
    tasks.insert(engine.store, own, tx.now)
