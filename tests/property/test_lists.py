"""Lists of jobs agree with a model in plain Python, on both databases, whatever is asked."""

import secrets
from contextlib import ExitStack, contextmanager

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.data import finder
from app.domain.records import JobFilter
from app.domain.states import JobState
from app.domain.text import words
from app.testing import FakeClock, ScriptedJob, make_engine, submit
from tests.fuzzing import examples

LETTERS = "abB_ ,.-'\"*()^:%\\/#@!éÉßẞİıﬁℝǅ\u0301\u0345Ως日本\u200b\ufeff1²"
PIECES = st.sampled_from(["failed", "Running", "completed", "AND", "NEAR", "a-b", "x" * 70, "Éa"])
NAMES = st.lists(st.one_of(PIECES, st.text(LETTERS, max_size=4)), max_size=4).map(" ".join)
TAGS = st.lists(st.sampled_from(["red", "Red", "a b", "é", "#x", ""]), max_size=2).map(tuple)
STATES = st.sampled_from(list(JobState))
DIALECTS = st.sampled_from(["demo", "other"])
JOBS = st.lists(st.tuples(NAMES, NAMES, TAGS, STATES, DIALECTS), max_size=12)
FILTERS = st.builds(
    JobFilter,
    dialect=st.one_of(st.none(), DIALECTS),
    type=st.sampled_from([None, None, "scripted", "nothing"]),
    states=st.lists(STATES, max_size=2, unique=True).map(tuple),
    tags=TAGS,
    words=st.lists(st.one_of(PIECES, st.text(LETTERS, max_size=4)), max_size=3).map(tuple),
    group_id=st.sampled_from([None, None, None, 1]),
)


BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture(scope="module", params=BOTH)
def engine(request):
    """One for all examples, which empty it themselves."""
    with ExitStack() as stack:
        url = None
        if request.param == "postgres":
            url = stack.enter_context(a_database(request.getfixturevalue("postgres_server")))
        yield stack.enter_context(make_engine(ScriptedJob(), database_url=url, clock=FakeClock()))


@contextmanager
def a_database(server):
    name = f"lists_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        try:
            yield server.rpartition("/")[0] + f"/{name}"
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@examples(60)
@given(
    jobs=JOBS,
    wanted=st.lists(FILTERS, min_size=1, max_size=6),
    folded=st.integers(0, 12),
    few=st.sampled_from([0, 2, 20_000]),
)
def test_a_list_is_what_the_model_gives(engine, jobs, wanted, folded, few):
    wipe(engine)
    shown = []
    for number, (name, description, tags, state, dialect) in enumerate(jobs):
        job = submit(
            engine,
            name=name,
            description=description,
            tags=tags,
            dialect=dialect,
            group_id=1 if number % 3 == 0 else None,
        )
        over = None if not state.final else 1
        with engine.store.transaction():
            engine.store.run(
                "UPDATE job SET state = ?, ended_at = ? WHERE id = ?", (state, over, job.id)
            )
        shown.append(engine.jobs.get(job.id))
        if number == folded:
            engine.listing.run_once(0)
    finder.FEW, kept = few, finder.FEW
    try:
        for one in wanted:
            expected = [job.id for job in reversed(shown) if fits(job, one)]
            for number in (1, 2, 3):
                page = engine.jobs.find(one, number=number, size=3)
                assert page.total == len(expected)
                assert [job.id for job in page.items] == expected[number * 3 - 3 : number * 3]
    finally:
        finder.FEW = kept
    found = {finding.kind for finding in engine.doctor.examine(pause_s=0)}
    assert not found & {"job-tally", "job-words"}


def wipe(engine):
    with engine.store.transaction():
        engine.store.run("UPDATE job SET state = 'FAILED'")
    for job in engine.jobs.find(JobFilter(), size=100).items:
        engine.jobs.delete(job.id)
    assert engine.jobs.find(JobFilter()).total == 0


def fits(job, wanted):
    """What `JobFilter` says, in other words."""
    held = set(words(job.name)) | set(words(job.description)) | {job.state.lower()}
    return (
        wanted.dialect in (None, job.dialect)
        and wanted.type in (None, job.type)
        and (not wanted.states or job.state in wanted.states)
        and (not wanted.tags or bool(set(wanted.tags) & set(job.tags)))
        and all(part in held for word in wanted.words for part in words(word))
        and wanted.group_id in (None, job.group_id)
    )
