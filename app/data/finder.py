"""Pages of jobs, newest first, with exact totals: the one finder behind every list.

What is wanted becomes a union of branches that have no job in common, each with one dialect. Words
and tags are looked up in the index of words. A word that names a state is met by a job's state or
by its text, so it divides a search: into the jobs in that state, and those in other states that
have it in their text. All else a job must be is a condition on its row, `j`.

A branch without words reads `job_recent` or `job_state`, one with words the index of words; the
row of a job is only looked at where conditions ask for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from app.data import audience, jobs, listing
from app.data.db import Store
from app.domain.clock import Instant
from app.domain.records import Job, JobFilter
from app.domain.states import JobState
from app.domain.text import marks, words

FEW = 20_000
"""So many hits PostgreSQL sorts; more than that it may look for in the list's order."""


class Piece(NamedTuple):
    """A piece of SQL with its parameters."""

    sql: str
    params: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Branch:
    """Jobs of one dialect.

    states: they are in one of these; empty is any. every: terms that all stand among their words.
    some: terms of which at least one does; empty asks nothing. conditions: what holds for the row
    `j`. rare: the conditions leave few jobs, to start from. by_state: the states have few.
    below: only places before this one.
    """

    dialect: str
    states: tuple[str, ...] = ()
    every: tuple[str, ...] = ()
    some: tuple[str, ...] = ()
    conditions: tuple[Piece, ...] = ()
    rare: bool = False
    by_state: bool = False
    below: int | None = None

    @property
    def texts(self) -> bool:
        """Whether words or tags are asked for."""
        return bool(self.every or self.some)


def page(store: Store, wanted: JobFilter, *, limit: int, offset: int) -> tuple[list[Job], int]:
    """Give a page of jobs, newest first, and how many match in all."""
    asked = JobFilter(dialect=wanted.dialect)
    if wanted == asked:
        total = listing.total(store, wanted.dialect)
    else:
        total = _count(store, _branches(store, wanted))
    if offset >= total:
        return [], total
    if from_end := offset > total // 2:
        limit = min(limit, total - offset)
        offset = total - offset - limit
    branches = _branches(store, wanted)
    hits = _hits(store, branches, limit, offset, few=total <= FEW, oldest=from_end)
    return _jobs(store, hits), total


def behind(
    store: Store, wanted: JobFilter, key: tuple[Instant, str] | None, *, limit: int
) -> list[Job]:
    """Give jobs, newest first, from the one behind (creation, id) on; nothing is counted."""
    below = None if key is None else _place(store, *key)
    branches = [replace(one, below=below) for one in _branches(store, wanted)]
    if not branches:
        return []
    return _jobs(store, _hits(store, branches, limit, 0, few=False, oldest=False))


def _place(store: Store, created_at: Instant, job_id: str) -> int:
    row = store.run("SELECT seq FROM job WHERE id = ?", (job_id,)).fetchone()
    # A job that is gone meanwhile: those of its instant come again rather than none of them.
    return listing.first_place(created_at + 1) if row is None else int(row[0])


def _jobs(store: Store, hits: list[tuple[int, str]]) -> list[Job]:
    found: dict[int, Job] = {}
    for dialect in dict.fromkeys(dialect for _, dialect in hits):
        places = [seq for seq, its in hits if its == dialect]
        found |= jobs.at_places(store, dialect, places)
    return [found[seq] for seq, _ in hits if seq in found]


# -- what is wanted, as branches --------------------------------------------------------------


def _branches(store: Store, wanted: JobFilter) -> list[Branch]:
    return [one for branch in _divided(store, wanted) for one in _planned(store, branch)]


def _planned(store: Store, branch: Branch) -> list[Branch]:
    few = branch.texts and _few_in(store, branch.dialect, branch.states)
    return _each_state(branch) if branch.states and (few or not branch.texts) else [branch]


def _each_state(branch: Branch) -> list[Branch]:
    """Divide a branch by its states: the index gives the jobs of one state in their order."""
    return [replace(branch, states=(state,), by_state=True) for state in branch.states]


def _few_in(store: Store, dialect: str, states: tuple[str, ...]) -> bool:
    if not states:
        return False
    sql = f"SELECT 1 FROM job WHERE dialect = ? AND state IN ({_marks(states)}) LIMIT {FEW + 1}"
    row = store.run(f"SELECT COUNT(*) FROM ({sql}) t", (dialect, *states)).fetchone()
    return row is not None and row[0] <= FEW


def _divided(store: Store, wanted: JobFilter) -> Iterator[Branch]:
    sought = tuple(dict.fromkeys(term for word in wanted.words for term in words(word)))
    named = tuple(term for term in sought if term.upper() in JobState.__members__)
    some = tuple(marks(None, None, wanted.tags))
    for dialect in listing.dialects(store) if wanted.dialect is None else [wanted.dialect]:
        for state, rest in _by_state(sought, named):
            states = _allowed(wanted, state, named)
            if states == ():
                continue
            every = rest
            if rest or some or wanted.type is not None:
                every = (*marks(dialect, wanted.type, ()), *rest)
            rare = any(
                one is not None
                for one in (
                    wanted.group_id,
                    wanted.schedule_id,
                    wanted.id_prefix,
                    wanted.parent_id,
                )
            )
            yield Branch(dialect, states or (), every, some, tuple(_conditions(wanted)), rare)


def _allowed(
    wanted: JobFilter, state: str | None, named: tuple[str, ...]
) -> tuple[str, ...] | None:
    """Give the states of a part of a divided search; None is any."""
    if state is None and not wanted.states and not named:
        return None
    allowed = [str(one) for one in wanted.states or JobState]
    if state is not None:
        return tuple(one for one in allowed if one == state)
    return tuple(one for one in allowed if one.lower() not in named)


def _by_state(
    sought: tuple[str, ...], named: tuple[str, ...]
) -> Iterator[tuple[str | None, tuple[str, ...]]]:
    """Divide a search by the states it names: a state, or None, and the words still to be found."""
    yield None, sought
    for word in named:
        yield word.upper(), tuple(other for other in sought if other != word)


def _conditions(wanted: JobFilter) -> Iterator[Piece]:
    """Give what must hold for the row `j`, apart from dialect and state."""
    if wanted.group_id is not None:
        yield Piece("j.group_id = ?", (wanted.group_id,))
    if wanted.schedule_id is not None:
        yield Piece("j.schedule_id = ?", (wanted.schedule_id,))
    if wanted.id_prefix is not None:
        # Ids are hexadecimal, so every one that begins so sorts before this.
        yield Piece("j.id >= ? AND j.id < ?", (wanted.id_prefix, f"{wanted.id_prefix}g"))
    if wanted.parent_id is not None:
        of_parent = "SELECT id FROM task WHERE job_id = ?"
        yield Piece(f"j.parent_task_id IN ({of_parent})", (wanted.parent_id,))
    if wanted.created_from is not None:
        yield Piece("j.seq >= ?", (listing.first_place(wanted.created_from),))
    if wanted.created_before is not None:
        yield Piece("j.seq < ?", (listing.first_place(wanted.created_before),))
    if wanted.viewer is not None:
        seen, params = audience.visible("j.audience_id", wanted.viewer)
        yield Piece(seen, tuple(params))


# -- branches, as SQL -------------------------------------------------------------------------


def _count(store: Store, branches: list[Branch]) -> int:
    parts = []
    for branch in branches:
        less = _complement(store, branch)
        added = branch if not less else replace(branch, states=())
        for sign, one in [("+", added), *(("-", other) for other in less)]:
            for sql, params in _selects(store, one, fenced=False):
                parts.append(Piece(f"{sign} (SELECT COUNT(*) FROM ({sql}) t)", params))
    if not parts:
        return 0
    sql, params = _joined(parts, " ")
    row = store.run(f"SELECT 0 {sql}", params).fetchone()
    return int(row[0]) if row else 0


def _complement(store: Store, branch: Branch) -> list[Branch]:
    """Give what to take from a branch without its states to have it, where that is less work."""
    if not (branch.texts and branch.states) or branch.by_state or branch.conditions:
        return []
    others = tuple(str(state) for state in JobState if state not in branch.states)
    if not _few_in(store, branch.dialect, others):
        return []
    return _each_state(replace(branch, states=others))


def _hits(
    store: Store, branches: list[Branch], limit: int, offset: int, *, few: bool, oldest: bool
) -> list[tuple[int, str]]:
    order = f"ORDER BY seq {'' if oldest else 'DESC'} LIMIT ?"
    # Each part is told how much is wanted of it, lest a planner takes all of each to sort them.
    most = limit + offset
    parts = [
        Piece(
            f"SELECT * FROM (SELECT seq, ? AS dialect FROM ({sql}) s {order}) t",
            (branch.dialect, *params, most),
        )
        for branch in branches
        for sql, params in _selects(store, branch, fenced=few)
    ]
    sql, params = _joined(parts, " UNION ALL ")
    rows = store.run(f"{sql} {order} OFFSET ?", (*params, limit, offset))
    return sorted(((row[0], row[1]) for row in rows.fetchall()), reverse=True)


def _selects(store: Store, branch: Branch, *, fenced: bool) -> list[Piece]:
    """Give selections of `seq` that together are a branch, without a place twice.

    fenced: PostgreSQL is to find them all by the index of words, before it sorts.
    """
    if branch.by_state or not branch.texts:
        where = _joined(list(_of_row(store, branch)), " AND ")
        return [Piece(f"SELECT j.seq FROM job j WHERE {where.sql}", where.params)]
    return [
        Piece(f"SELECT m.seq FROM {source.sql} m WHERE {rest.sql}", source.params + rest.params)
        for source in _texts(store, branch, fenced=fenced)
        for rest in [_joined(list(_of_hit(branch)), " AND ")]
    ]


def _of_row(store: Store, branch: Branch) -> Iterator[Piece]:
    """Give the conditions of a branch that starts from rows of `job`."""
    # Where there is something rarer to start from, the dialect's index is hidden from planners.
    column = "j.dialect || ''" if branch.rare else "j.dialect"
    yield Piece(f"{column} = ?", (branch.dialect,))
    if branch.states:
        yield _in(branch.states)
    if branch.below is not None:
        yield Piece("j.seq < ?", (branch.below,))
    yield from branch.conditions
    if branch.texts:
        held, params = _holds(store, branch)
        of_words = f"SELECT 1 FROM job_words WHERE seq = j.seq AND {held}"
        yield Piece(f"({of_words} LIMIT 1) IS NOT NULL", params)


def _of_hit(branch: Branch) -> Iterator[Piece]:
    """Give the conditions of a branch that starts from words, about the job at `m.seq`."""
    yield Piece("1 = 1") if branch.below is None else Piece("m.seq < ?", (branch.below,))
    of_job = "SELECT 1 FROM job j WHERE j.dialect = ? AND j.seq = m.seq"
    needed = [*branch.conditions]
    if branch.states:
        needed.append(_in(branch.states))
    if needed:
        sql, params = _joined(needed, " AND ")
        # Not EXISTS: PostgreSQL would read all jobs of the state to answer for ten.
        yield Piece(f"({of_job} AND {sql} LIMIT 1) IS NOT NULL", (branch.dialect, *params))


def _texts(store: Store, branch: Branch, *, fenced: bool) -> list[Piece]:
    """Give the sources of a branch that starts from words."""
    held, params = _holds(store, branch)
    if store.backend == "postgres":
        fence = " OFFSET 0" if fenced else ""
        return [Piece(f"(SELECT seq FROM job_words WHERE {held}{fence})", params)]
    query = " AND ".join(f'"{term}"' for term in branch.every)
    if branch.some:
        query += " AND (" + " OR ".join(f'"{term}"' for term in branch.some) + ")"
    return [
        Piece("(SELECT rowid AS seq FROM job_index WHERE job_index MATCH ?)", (query,)),
        Piece(f"(SELECT seq FROM job_words WHERE indexed = 0 AND {held})", params),
    ]


def _holds(store: Store, branch: Branch) -> Piece:
    """Give what is true of the rows of `job_words` with the terms of a branch."""
    every, some = branch.every, branch.some
    if store.backend == "postgres":
        either = [Piece("words && ?", (list(some),))] if some else []
        return _joined([Piece("words @> ?", (list(every),)), *either], " AND ")
    holds = "INSTR(' ' || words || ' ', ?) > 0"
    found = [Piece(holds, (f" {term} ",)) for term in every]
    if some:
        sql, params = _joined([Piece(holds, (f" {term} ",)) for term in some], " OR ")
        found.append(Piece(f"({sql})", params))
    return _joined(found, " AND ")


def _in(states: tuple[str, ...]) -> Piece:
    # SQLite takes a list of one for a list, and sorts what the index gives in order.
    return Piece("j.state = ?" if len(states) == 1 else f"j.state IN ({_marks(states)})", states)


def _joined(pieces: list[Piece], by: str) -> Piece:
    params = tuple(param for piece in pieces for param in piece.params)
    return Piece(by.join(piece.sql for piece in pieces), params)


def _marks(values: tuple[Any, ...]) -> str:
    return ", ".join("?" * len(values))
