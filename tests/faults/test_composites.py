"""`parallel`, `each` and `subjob` while parts of the server die, and when they are cancelled."""

import collections
import os
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.acceptance.tork.client import FINAL, named
from tests.faults.test_kill import findings
from tests.faults.test_worker import marker
from tests.yard import Yard, eventually

PHASES = ("pre", "main", "post")


def submit(yard: Yard, *tasks: dict[str, Any], **job: Any) -> str:
    answer = requests.post(
        f"{yard.url}/jobs", json={"name": "job", "tasks": list(tasks), **job}, timeout=60
    )
    assert answer.status_code == 200, answer.text
    return answer.json()["id"]


def each(size: int, task: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "list", "each": {"list": f"1..{size}", "task": task, **more}}


def once(effects: Path, effect: str, *, stop: str = "") -> str:
    """Note an effect; stop: and stay for ever, in the first try, as a process of that name."""
    note = f"echo {effect} >> {effects}"
    if not stop:
        return note
    return f"{note}; [ $(grep -cx {effect} {effects}) -gt 1 ] || sleep {stop}"


def noted(effects: Path) -> collections.Counter[str]:
    return collections.Counter(effects.read_text().split() if effects.exists() else ())


def steps(effects: Path, phase: str, stop: str, label: str = "$N") -> dict[str, Any]:
    """Give a task of three steps, of which one stays in its first try where N is 2."""

    def run(step: str) -> str:
        simple = once(effects, f"{step}-{label}")
        if step != phase:
            return simple
        return (
            f"if [ $N = 2 ]; then {once(effects, f'{step}-{label}', stop=stop)}; else {simple}; fi"
        )

    env = {"N": "{{ item.value }}"}
    return {
        "name": "c{{ item.value }}",
        "env": env,
        "pre": [{"name": "before", "run": run("pre"), "env": env}],
        "run": run("main") + '; echo -n "r$N" > "$TORK_OUTPUT"',
        "post": [{"name": "after", "run": run("post"), "env": env}],
        "var": "c{{ item.value }}",
    }


def completions(job: dict[str, Any], name: str = "list") -> int:
    found = named(job, name)
    return (found.get("each") or found["parallel"]).get("completions", 0)


@pytest.mark.parametrize("phase", PHASES)
def test_a_child_whose_worker_is_killed_runs_again_and_its_siblings_do_not(
    yard: Yard, data_dir: Path, phase: str
):
    word, effects = f"41{os.getpid()}", data_dir / "effects"
    job_id = submit(
        yard,
        each(3, steps(effects, phase, word)),
        output="{{ tasks.c1 }}{{ tasks.c2 }}{{ tasks.c3 }}",
    )
    eventually(lambda: marker(word), "the step that stays")
    eventually(lambda: completions(yard.job(job_id)) == 2, "the others complete")
    yard.kill("worker")
    job = yard.until(job_id, *FINAL)
    assert (job["state"], job["result"]) == ("COMPLETED", "r1r2r3")
    assert completions(job) == 3
    assert {n: named(job, f"c{n}").get("redelivered", 0) for n in (1, 2, 3)} == {1: 0, 2: 1, 3: 0}
    tries = noted(effects)
    assert {tries[f"{step}-{n}"] for step in PHASES for n in (1, 3)} == {1}
    repeated = PHASES[: PHASES.index(phase) + 1]
    assert {step: tries[f"{step}-2"] for step in PHASES} == {
        step: 1 + (step in repeated) for step in PHASES
    }
    assert not marker(word)
    assert findings(yard) == []


def test_a_list_in_turn_goes_on_when_the_worker_is_killed_between_its_children(
    yard: Yard, data_dir: Path
):
    effects = data_dir / "effects"
    child = {"name": "c", "run": once(effects, "$N"), "env": {"N": "{{ item.value }}"}}
    job_id = submit(yard, each(20, child, concurrency=1), {"name": "z", "run": "exit 0"})
    for share in (3, 8, 13):
        eventually(lambda share=share: len(noted(effects)) >= share, "children done")
        yard.kill("worker")
    job = yard.until(job_id, *FINAL)
    assert job["state"] == "COMPLETED"
    assert completions(job) == 20
    lost = sum(one.get("redelivered", 0) for one in job["execution"])
    assert set(noted(effects)) == {str(n) for n in range(1, 21)}
    assert sum(noted(effects).values()) <= 20 + lost
    assert len(job["execution"]) == 22
    assert findings(yard) == []


@pytest.mark.parametrize("detached", [False, True])
def test_a_sub_job_whose_worker_is_killed_ends_and_its_parent_with_it(
    yard: Yard, data_dir: Path, detached: bool
):
    word, effects = f"42{os.getpid()}", data_dir / "effects"
    inner = {"name": "inner", "var": "x", "run": once(effects, "in", stop=word)}
    inner["run"] += '; echo -n done > "$TORK_OUTPUT"'
    sub = {"name": "sub", "detached": detached, "tasks": [inner], "output": "{{ tasks.x }}"}
    job_id = submit(yard, {"name": "s", "subjob": sub, "var": "s"}, output="<{{ tasks.s }}>")
    eventually(lambda: marker(word), "the sub-job at work")
    yard.kill("worker")
    job = yard.until(job_id, *FINAL)
    assert (job["state"], job["result"]) == ("COMPLETED", "<>" if detached else "<done>")
    found = yard.until(named(job, "s")["subjob"]["id"], *FINAL)
    assert (found["state"], found["result"]) == ("COMPLETED", "done")
    assert named(found, "inner")["redelivered"] == 1
    assert noted(effects) == {"in": 2}
    assert findings(yard) == []


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["web", "ticker", "all"])
def test_composites_end_whatever_is_killed(yards, data_dir: Path, database_url: str, victim: str):
    yard = yards(JOBYARD_DATABASE_URL=database_url).start()
    effects = data_dir / "effects"
    child = {"name": "c", "run": once(effects, "$N"), "env": {"N": "{{ item.value }}"}}
    pair = [{"name": "left", "run": "exit 0"}, {"name": "right", "run": "exit 0"}]
    sub = {"name": "sub", "tasks": [{"name": "in", "run": once(effects, "sub")}]}
    job_id = submit(
        yard,
        each(100, child, concurrency=4),
        {"name": "both", "parallel": {"tasks": [*pair, {"name": "s", "subjob": sub}]}},
    )
    for share in (20, 50, 80):
        eventually(lambda share=share: len(noted(effects)) >= share, "children done")
        if victim == "all":
            yard.kill_all()
            yard.start()
        else:
            yard.kill(victim)
    eventually(yard.answers, "an answer")
    job = yard.until(job_id, *FINAL)
    assert job["state"] == "COMPLETED"
    assert (completions(job), completions(job, "both")) == (100, 3)
    lost = sum(one.get("redelivered", 0) for one in job["execution"])
    inside = yard.job(named(job, "s")["subjob"]["id"])
    lost += sum(one.get("redelivered", 0) for one in inside["execution"])
    assert set(noted(effects)) == {"sub", *(str(n) for n in range(1, 101))}
    assert sum(noted(effects).values()) <= 101 + lost
    assert (lost == 0) or victim == "all"
    assert findings(yard) == []


def nested(word: str, phase: str) -> dict[str, Any]:
    """Give a list in a list, with sub-jobs, all of whose tasks stay in one phase."""
    stays = {"name": "stays", "run": f"sleep {word}"}
    leaf = {"name": "leaf", "run": "exit 0"}
    if phase == "main":
        leaf["run"] = stays["run"]
    else:
        leaf[phase] = [stays]
    sub = {"name": "sub", "tasks": [leaf]}
    both = [leaf, {"name": "s", "subjob": sub}]
    body = {"name": "both", "parallel": {"tasks": both}}
    return each(4, body, concurrency=2)


@pytest.mark.parametrize("phase", PHASES)
def test_a_cancel_leaves_nothing_active_in_any_phase(yard: Yard, phase: str):
    word = f"43{os.getpid()}"
    job_id = submit(yard, nested(word, phase), each(2, {"name": "never", "run": "exit 0"}))
    eventually(lambda: len(marker(word)) == 4, "all that have a place at work")
    answer = requests.put(f"{yard.url}/jobs/{job_id}/cancel", timeout=60)
    assert answer.json() == {"status": "OK"}
    job = yard.job(job_id)
    assert job["state"] == "CANCELLED"
    assert {one["state"] for one in job["execution"]} == {"CANCELLED"}
    children = [one["subjob"]["id"] for one in job["execution"] if one.get("subjob", {}).get("id")]
    assert len(children) == 2
    for child in children:
        inside = yard.job(child)
        assert inside["state"] == "CANCELLED"
        assert {one["state"] for one in inside["execution"]} == {"CANCELLED"}
    eventually(lambda: not marker(word), "the processes gone")
    assert findings(yard) == []
