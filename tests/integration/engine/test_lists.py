"""What lists of jobs rest on is written with the jobs, and never out of step with them."""

import threading

import pytest

from app.data import listing
from app.domain.errors import AlreadyExists
from app.domain.records import JobFilter
from app.testing import submit


def tallies(engine):
    with engine.store.session():
        return engine.store.run("SELECT COUNT(*) FROM job_tally").fetchone()[0]


def names(engine, **wanted):
    return [job.name for job in engine.jobs.find(JobFilter(**wanted), size=100).items]


def faults(engine):
    return {finding.kind for finding in engine.doctor.examine(pause_s=0)}


def test_jobs_of_one_instant_are_listed_in_the_order_they_came(engine):
    given = [f"job {number}" for number in range(30)]
    for name in given:
        submit(engine, name=name)
    assert names(engine) == given[::-1]


def test_more_jobs_than_an_instant_has_places_for(engine, clock, monkeypatch):
    monkeypatch.setattr(listing, "AT_ONE_INSTANT", 4)
    for number in range(11):
        submit(engine, name=str(number))
    clock.advance(1)
    submit(engine, name="later")
    assert names(engine) == ["later", *map(str, reversed(range(11)))]
    assert faults(engine) == set()


def test_what_is_found_does_not_depend_on_the_duty(engine):
    for name in ("red apple", "green apple", "red pear"):
        submit(engine, name=name, tags=(name.split()[0],))
    for _ in range(2):
        assert names(engine, words=("apple",)) == ["green apple", "red apple"]
        assert names(engine, words=("apple",), tags=("red",)) == ["red apple"]
        assert names(engine, tags=("red", "green")) == ["red pear", "green apple", "red apple"]
        assert names(engine, words=("apple", "completed")) == ["green apple", "red apple"]
        assert engine.jobs.find(JobFilter()).total == 3
        engine.listing.run_once(0)
    assert engine.listing.run_once(0) == 0


def test_many_tallies_become_one(engine):
    for _ in range(listing.LOOSE_TALLIES):
        submit(engine)
    submit(engine, dialect="other")
    assert engine.listing.run_once(0) > 0
    assert tallies(engine) == 2
    assert engine.jobs.find(JobFilter()).total == listing.LOOSE_TALLIES + 1
    assert engine.jobs.find(JobFilter(dialect="other")).total == 1


def test_a_deleted_job_is_neither_found_nor_counted(engine):
    early, late = submit(engine, name="early word"), submit(engine, name="late word")
    engine.jobs.delete(late.id)
    engine.listing.run_once(0)
    engine.jobs.delete(early.id)
    assert names(engine, words=("word",)) == []
    assert engine.jobs.find(JobFilter()).total == 0
    assert faults(engine) == set()
    engine.listing.run_once(0)
    assert faults(engine) == set()


def test_a_long_text_is_taken_into_the_index_by_itself(engine, monkeypatch):
    monkeypatch.setattr(listing, "FOLDED_CHARACTERS", 50)
    for number in range(4):
        submit(engine, name=f"job{number}", description=" ".join(f"w{i}" for i in range(40)))
    engine.listing.run_once(0)
    assert names(engine, words=("w39", "job2")) == ["job2"]
    with engine.store.session():
        assert not listing.loose_words(engine.store)


def test_counts_hold_while_many_submit_delete_and_fold(engine):
    def work(number):
        for turn in range(15):
            job = submit(engine, name=f"{number} {turn}", tags=("crowd",))
            if turn % 3 == 0:
                engine.jobs.delete(job.id)
            engine.listing.run_once(0)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert engine.jobs.find(JobFilter()).total == 40
    assert engine.jobs.find(JobFilter(tags=("crowd",))).total == 40
    assert faults(engine) == set()


def test_a_refused_job_leaves_nothing_in_the_lists(engine):
    submit(engine, unique_key="k")
    with pytest.raises(AlreadyExists):
        submit(engine, unique_key="k")
    assert engine.jobs.find(JobFilter()).total == 1
    assert faults(engine) == set()
