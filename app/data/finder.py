"""Pages of jobs, newest first, with exact totals: the one finder behind every list.

What is wanted becomes a union of branches that have no job in common, each with one dialect. Words
and tags are looked up in the index of words. A word that names a state is met by a job's state or
by its text, so it divides a search: into the jobs in that state, and those in other states that
have it in their text. All else a job must be is a condition on its row, `j`.

A branch without words reads `job_recent` or `job_state`, one with words the index of words; the
row of a job is only looked at where conditions ask for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from app.data import jobs, listing
from app.data.db import Store
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

    states: they are in one of these; empty is any. but: they are in none of these. every: terms
    that all stand among their words. some: terms of which at least one does; empty asks nothing.
    conditions: what holds for the row `j`.
    """

    dialect: str
    states: tuple[str, ...] = ()
    but: tuple[str, ...] = ()
    every: tuple[str, ...] = ()
    some: tuple[str, ...] = ()
    conditions: tuple[Piece, ...] = field(default=())


def page(store: Store, wanted: JobFilter, *, limit: int, offset: int) -> tuple[list[Job], int]:
    """Give a page of jobs, newest first, and how many match in all."""
    asked = JobFilter(dialect=wanted.dialect)
    if wanted == asked:
        total = listing.total(store, wanted.dialect)
    else:
        total = _count(store, list(_branches(store, wanted)))
    if offset >= total:
        return [], total
    hits = _hits(store, list(_branches(store, wanted)), limit, offset, few=total <= FEW)
    found: dict[int, Job] = {}
    for dialect in dict.fromkeys(dialect for _, dialect in hits):
        places = [seq for seq, its in hits if its == dialect]
        found |= jobs.at_places(store, dialect, places)
    return [found[seq] for seq, _ in hits if seq in found], total


# -- what is wanted, as branches --------------------------------------------------------------


def _branches(store: Store, wanted: JobFilter) -> Iterator[Branch]:
    sought = tuple(dict.fromkeys(term for word in wanted.words for term in words(word)))
    named = tuple(term for term in sought if term.upper() in JobState.__members__)
    some = tuple(marks(None, None, wanted.tags))
    for dialect in listing.dialects(store) if wanted.dialect is None else [wanted.dialect]:
        for state, rest in _by_state(sought, named):
            states = tuple(map(str, wanted.states)) if state is None else (state,)
            if state is not None and wanted.states and state not in wanted.states:
                continue
            every = rest
            if rest or some or wanted.type is not None:
                every = (*marks(dialect, wanted.type, ()), *rest)
            but = tuple(term.upper() for term in named) if state is None else ()
            yield Branch(dialect, states, but, every, some, tuple(_conditions(wanted)))


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


# -- branches, as SQL -------------------------------------------------------------------------


def _count(store: Store, branches: list[Branch]) -> int:
    parts = [piece for branch in branches for piece in _selects(store, branch, fenced=False)]
    counts = [Piece(f"(SELECT COUNT(*) FROM ({sql}) t)", params) for sql, params in parts]
    if not counts:
        return 0
    sql, params = _joined(counts, " + ")
    row = store.run(f"SELECT {sql}", params).fetchone()
    return int(row[0]) if row else 0


def _hits(
    store: Store, branches: list[Branch], limit: int, offset: int, *, few: bool
) -> list[tuple[int, str]]:
    parts = [
        Piece(f"SELECT seq, ? AS dialect FROM ({sql}) t{number}", (branch.dialect, *params))
        for branch in branches
        for number, (sql, params) in enumerate(_selects(store, branch, fenced=few))
    ]
    sql, params = _joined(parts, " UNION ALL ")
    rows = store.run(f"{sql} ORDER BY seq DESC LIMIT ? OFFSET ?", (*params, limit, offset))
    return [(row[0], row[1]) for row in rows.fetchall()]


def _selects(store: Store, branch: Branch, *, fenced: bool) -> list[Piece]:
    """Give selections of `seq` that together are a branch, without a place twice.

    fenced: PostgreSQL is to find them all by the index of words, before it sorts.
    """
    if not branch.every and not branch.some:
        where = _joined(list(_of_row(branch)), " AND ")
        return [Piece(f"SELECT j.seq FROM job j WHERE {where.sql}", where.params)]
    return [
        Piece(f"SELECT m.seq FROM {source.sql} m WHERE {rest.sql}", source.params + rest.params)
        for source in _texts(store, branch, fenced=fenced)
        for rest in [_joined([*_of_hit(branch)], " AND ")]
    ]


def _of_row(branch: Branch) -> Iterator[Piece]:
    """Give the conditions of a branch that starts from rows of `job`."""
    # Where there is something rarer to start from, the dialect's index is hidden from planners.
    column = "j.dialect || ''" if branch.conditions else "j.dialect"
    yield Piece(f"{column} = ?", (branch.dialect,))
    if branch.states:
        yield Piece(f"j.state IN ({_marks(branch.states)})", branch.states)
    yield from branch.conditions


def _of_hit(branch: Branch) -> Iterator[Piece]:
    """Give the conditions of a branch that starts from words, about the job at `m.seq`."""
    yield Piece("1 = 1")
    of_job = "SELECT 1 FROM job j WHERE j.dialect = ? AND j.seq = m.seq"
    if branch.states or branch.conditions:
        needed = [*branch.conditions]
        if branch.states:
            needed.append(Piece(f"j.state IN ({_marks(branch.states)})", branch.states))
        sql, params = _joined(needed, " AND ")
        yield Piece(f"EXISTS ({of_job} AND {sql})", (branch.dialect, *params))
    if branch.but:
        sql = f"NOT EXISTS ({of_job} AND j.state IN ({_marks(branch.but)}))"
        yield Piece(sql, (branch.dialect, *branch.but))


def _texts(store: Store, branch: Branch, *, fenced: bool) -> list[Piece]:
    """Give the sources of a branch that starts from words."""
    every, some = branch.every, branch.some
    if store.backend == "postgres":
        held = [Piece("words @> ?", (list(every),))] if every else []
        held += [Piece("words && ?", (list(some),))] if some else []
        sql, params = _joined(held, " AND ")
        fence = " OFFSET 0" if fenced else ""
        return [Piece(f"(SELECT seq FROM job_words WHERE {sql}{fence})", params)]
    query = " AND ".join(f'"{term}"' for term in every)
    if some:
        any_of = " OR ".join(f'"{term}"' for term in some)
        query = f"{query} AND ({any_of})" if query else any_of
    holds = "INSTR(' ' || words || ' ', ?) > 0"
    fresh = [Piece(holds, (f" {term} ",)) for term in every]
    if some:
        either = _joined([Piece(holds, (f" {term} ",)) for term in some], " OR ")
        fresh.append(Piece(f"({either.sql})", either.params))
    sql, params = _joined([Piece("indexed = 0"), *fresh], " AND ")
    return [
        Piece("(SELECT rowid AS seq FROM job_index WHERE job_index MATCH ?)", (query,)),
        Piece(f"(SELECT seq FROM job_words WHERE {sql})", params),
    ]


def _joined(pieces: list[Piece], by: str) -> Piece:
    params = tuple(param for piece in pieces for param in piece.params)
    return Piece(by.join(piece.sql for piece in pieces), params)


def _marks(values: tuple[Any, ...]) -> str:
    return ", ".join("?" * len(values))
