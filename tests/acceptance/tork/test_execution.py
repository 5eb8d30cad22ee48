"""Order, composite tasks, results, progress, defaults."""

from pathlib import Path

import pytest

from tests.acceptance.tork.client import Tork, by_name, named
from tests.yard import eventually


def test_tasks_run_one_after_another(tork: Tork, yard):
    marks = yard.data_dir / "order"
    job = tork.done(*(f"echo {n}b >> {marks}; sleep 0.05; echo {n}e >> {marks}" for n in range(4)))
    assert marks.read_text().split() == [f"{n}{w}" for n in range(4) for w in "be"]
    ends = [one["completedAt"] for one in job["execution"]]
    begins = [one["createdAt"] for one in job["execution"]]
    assert all(end <= begin for end, begin in zip(ends, begins[1:], strict=False))


def test_states_on_the_way(tork: Tork, yard):
    gate = yard.data_dir / "gate"
    wait = f"until [ -e {gate} ]; do sleep 0.02; done"
    job_id = tork.submit({"name": "one", "run": wait}, {"name": "two", "run": "exit 0"})
    job = tork.until(job_id, "RUNNING")
    assert job["position"] == 1
    assert job["startedAt"]
    assert "completedAt" not in job
    assert "progress" not in job
    assert by_name(job) == {"one": "RUNNING"}
    assert job["execution"][0]["nodeId"]
    summary = tork.get("/jobs", page=1, size=20)["items"]
    assert next(one for one in summary if one["id"] == job_id)["state"] == "RUNNING"
    gate.touch()
    assert tork.over(job_id)["progress"] == 100


def test_a_failure_ends_the_job(tork: Tork):
    job = tork.fails(
        {"name": "one", "run": "echo -n x > $TORK_OUTPUT", "var": "one"},
        {"name": "two", "run": "echo -n y > $TORK_OUTPUT; echo the reason; exit 7", "var": "two"},
        {"name": "three", "run": "exit 0"},
    )
    assert by_name(job) == {"one": "COMPLETED", "two": "FAILED"}
    two = named(job, "two")
    assert two["error"] == "exit code 7: the reason"
    assert "result" not in two
    assert "completedAt" not in two
    assert two["failedAt"]
    assert job["error"] == two["error"]
    assert job["position"] == 2
    assert job["progress"] == 33.33
    assert "completedAt" not in job
    assert "result" not in job
    assert job["context"]["tasks"] == {"one": "x"}


def test_a_skipped_task_counts_for_progress_and_not_for_results(tork: Tork):
    job = tork.done(
        {"name": "skipped", "if": "false", "run": "echo -n x > $TORK_OUTPUT", "var": "v"},
        {"name": "also", "if": "false", "parallel": {"tasks": [{"name": "c", "run": "exit 1"}]}},
        {"name": "too", "if": "1 > 2", "each": {"list": "[1]", "task": {"name": "c"}}},
        {"name": "sub", "if": "false", "subjob": {"name": "s", "tasks": [{"name": "c"}]}},
        output="<{{ tasks.v }}>",
    )
    assert by_name(job) == dict.fromkeys(("skipped", "also", "too", "sub"), "SKIPPED")
    assert job["result"] == "<>"
    assert job["position"] == 5
    assert "tasks" not in job["context"]


def test_results_are_exact(tork: Tork):
    job = tork.done(
        {"name": "a", "var": "a", "run": "printf ' x\\n\\n' > $TORK_OUTPUT"},
        {"name": "b", "var": "b", "run": "printf 'a\\000b' > $TORK_OUTPUT"},
        {"name": "c", "var": "c", "run": "printf 'a\\377b' > $TORK_OUTPUT"},
        {"name": "d", "var": "d", "run": "exit 0"},
        {"name": "e", "run": "echo -n unseen > $TORK_OUTPUT"},
        {"name": "f", "var": "f", "run": "rm $TORK_OUTPUT"},
        {"name": "g", "var": "g", "run": "printf 'ü💥' > $TORK_OUTPUT"},
        {"name": "h", "var": "h", "run": "[ -f $TORK_OUTPUT ] && [ ! -s $TORK_OUTPUT ]"},
        {"name": "i", "var": "i", "run": "head -c 1048576 /dev/zero | tr '\\0' x > $TORK_OUTPUT"},
    )
    assert named(job, "a")["result"] == " x\n\n"
    assert named(job, "b")["result"] == "ab"
    assert named(job, "c")["result"] == "a\ufffdb"
    assert "result" not in named(job, "d")
    assert named(job, "g")["result"] == "ü💥"
    assert len(named(job, "i")["result"]) == 1 << 20
    assert set(job["context"]["tasks"]) == {"a", "b", "c", "g", "i"}


def test_a_result_that_is_too_long_fails_the_task(tork: Tork):
    job = tork.fails({"run": "head -c 1048577 /dev/zero | tr '\\0' x > $TORK_OUTPUT"})
    assert job["error"]
    assert "result" not in job["execution"][0]


def test_results_of_aux_tasks_are_discarded(tork: Tork):
    job = tork.done(
        {
            "var": "v",
            "run": "echo main; echo -n main > $TORK_OUTPUT",
            "pre": [{"name": "p", "run": "echo pre; echo -n pre > $TORK_OUTPUT"}],
            "post": [{"name": "q", "run": "echo post; echo -n post > $TORK_OUTPUT"}],
        }
    )
    assert job["execution"][0]["result"] == "main"
    assert tork.text(job["execution"][0]["id"]) == "pre\nmain\npost\n"


def test_a_failing_aux_task_fails_the_task(tork: Tork):
    job = tork.fails({"run": "echo main", "pre": [{"name": "p", "run": "echo pre; exit 3"}]})
    assert job["error"] == "exit code 3: pre"
    assert tork.text(job["execution"][0]["id"]) == "pre\n"
    job = tork.fails({"run": "echo main", "post": [{"name": "p", "run": "echo post; exit 4"}]})
    assert job["error"].startswith("exit code 4: ")
    job = tork.fails({"run": "exit 5", "post": [{"name": "p", "run": "echo post"}]})
    assert "post" not in tork.text(job["execution"][0]["id"])


def test_parallel(tork: Tork):
    job = tork.done(
        {"name": "before", "run": "exit 0"},
        {
            "name": "par",
            "var": "ignored",
            "parallel": {
                "tasks": [
                    {"name": "a", "var": "a", "run": "echo -n A > $TORK_OUTPUT"},
                    {"name": "b", "if": "false", "run": "exit 1"},
                    {"name": "c", "parallel": {"tasks": [{"name": "d", "run": "exit 0"}]}},
                ]
            },
        },
        output="{{ tasks.a }}",
    )
    assert job["result"] == "A"
    par = named(job, "par")
    assert par["state"] == "COMPLETED"
    assert par["parallel"]["completions"] == 3
    assert "queue" not in par
    assert "nodeId" not in par
    assert "parentId" not in par
    assert [one["name"] for one in par["parallel"]["tasks"]] == ["a", "b", "c"]
    for name in "abc":
        child = named(job, name)
        assert child["parentId"] == par["id"]
        assert child["position"] == 2
    assert named(job, "d")["parentId"] == named(job, "c")["id"]
    assert named(job, "b")["state"] == "SKIPPED"
    assert par["startedAt"]
    assert par["completedAt"]


def test_a_job_of_composites_alone_is_running(tork: Tork, yard):
    gate = yard.data_dir / "composite-gate"
    job_id = tork.submit(
        {"name": "p", "parallel": {"tasks": [{"name": "c", "queue": "nobody", "run": "exit 0"}]}}
    )
    job = tork.until(job_id, "RUNNING")
    assert by_name(job) == {"p": "RUNNING", "c": "SCHEDULED"}
    assert not gate.exists()
    assert tork.put(f"/jobs/{job_id}/cancel")[0] == 200


def test_each(tork: Tork):
    job = tork.done(
        {
            "name": "loop",
            "each": {
                "list": "{{ sequence(1, 6) }}",
                "concurrency": 2,
                "task": {"name": "c{{ item.index }}", "run": "exit 0"},
            },
        }
    )
    loop = named(job, "loop")
    assert loop["each"]["size"] == 5
    assert loop["each"]["completions"] == 5
    assert loop["each"]["index"] == 5
    assert loop["each"]["concurrency"] == 2
    names = [one["name"] for one in job["execution"] if one.get("parentId") == loop["id"]]
    assert sorted(names) == [f"c{n}" for n in range(5)]
    # One after another through two places: released in the order of the list.
    begun = sorted(
        (one for one in job["execution"] if "parentId" in one), key=lambda one: one["scheduledAt"]
    )
    assert {one["name"] for one in begun[:2]} == {"c0", "c1"}
    assert [one["name"] for one in begun[2:]] == ["c2", "c3", "c4"]


def test_at_most_so_many_children_are_active(tork: Tork, yard):
    gate = yard.data_dir / "each-gate"
    job_id = tork.submit(
        {
            "name": "loop",
            "each": {
                "list": "1..7",
                "concurrency": 3,
                "task": {
                    "name": "c{{ item.index }}",
                    "run": f"until [ -e {gate} ]; do sleep 0.02; done",
                },
            },
        }
    )

    def three(job: dict) -> bool:
        states = [one["state"] for one in job["execution"] if "parentId" in one]
        return states.count("RUNNING") == 3

    job = tork.eventually(job_id, three, "three children running")
    states = by_name(job)
    assert {name for name, state in states.items() if state == "CREATED"} == {
        "c3",
        "c4",
        "c5",
        "c6",
    }
    assert named(job, "loop")["each"]["index"] == 3
    assert "scheduledAt" not in named(job, "c3")
    gate.touch()
    assert tork.over(job_id)["state"] == "COMPLETED"


@pytest.mark.parametrize("words", ["[]", "{{ [] }}", "sequence(5, 1)", "filter([1], # > 1)"])
def test_each_over_nothing_completes(tork: Tork, words: str):
    job = tork.done(
        {"name": "loop", "each": {"list": words, "task": {"name": "c", "run": "exit 1"}}},
        {"name": "next", "run": "exit 0"},
    )
    assert by_name(job) == {"loop": "COMPLETED", "next": "COMPLETED"}
    assert named(job, "loop")["startedAt"]
    assert named(job, "loop")["completedAt"]


def test_a_parallel_of_loops_over_nothing(tork: Tork):
    empty = {"each": {"list": "[]", "task": {"name": "c", "run": "exit 1"}}}
    job = tork.done(
        {
            "name": "p",
            "parallel": {"tasks": [{"name": "a", **empty}, {"name": "b", **empty}]},
        },
        {
            "name": "e",
            "each": {
                "list": "1..3",
                "concurrency": 1,
                "task": {"name": "x{{ item.index }}", **empty},
            },
        },
        {"name": "last", "run": "exit 0"},
    )
    assert set(by_name(job).values()) == {"COMPLETED"}


@pytest.mark.parametrize("words", ["5", "'text'", "{{ inputs.x }}", '{"a": 1}', "nil", "a list"])
def test_each_over_something_else_fails(tork: Tork, words: str):
    answer = tork.post(
        {"name": "j", "tasks": [{"name": "t", "each": {"list": words, "task": {"name": "c"}}}]}
    )
    if words == "a list":
        assert answer.status_code == 400
        return
    job = tork.over(answer.json()["id"])
    assert job["state"] == "FAILED"
    assert job["error"] == "each.list does not evaluate to a list"
    assert job["execution"][0]["error"] == "each.list does not evaluate to a list"


def test_a_list_that_is_too_long_fails(tork: Tork):
    job = tork.fails({"each": {"list": "1..10001", "task": {"name": "c", "run": "exit 0"}}})
    assert len(job["execution"]) == 1
    assert job["error"]


def test_a_failing_child_ends_everything(tork: Tork, yard):
    gate = yard.data_dir / "child-gate"
    job_id = tork.submit(
        {
            "name": "p",
            "parallel": {
                "tasks": [
                    {"name": "bad", "run": f"until [ -e {gate} ]; do sleep 0.02; done; exit 9"},
                    {"name": "long", "run": "sleep 1000"},
                    {"name": "waits", "queue": "nobody", "run": "exit 0"},
                    {"name": "e", "each": {"list": "1..2", "concurrency": 1,
                                           "task": {"name": "e{{ item.index }}", "run": "sleep 1000"}}},
                ]
            },
        },
        {"name": "never", "run": "exit 0"},
    )  # fmt: skip
    tork.eventually(
        job_id,
        lambda job: [by_name(job).get(name) for name in ("bad", "long", "e0")] == ["RUNNING"] * 3,
        "all running",
    )
    gate.touch()
    job = tork.over(job_id)
    assert job["state"] == "FAILED"
    assert job["error"] == "exit code 9: "
    assert by_name(job) == {
        "p": "CANCELLED", "bad": "FAILED", "long": "CANCELLED", "waits": "CANCELLED",
        "e": "CANCELLED", "e0": "CANCELLED", "e1": "CANCELLED",
    }  # fmt: skip
    assert "completedAt" not in named(job, "p")


def test_a_sub_job(tork: Tork):
    job = tork.done(
        {
            "name": "sub",
            "var": "sub",
            "subjob": {
                "name": "child",
                "description": "words",
                "inputs": {"a": "{{ inputs.x }}"},
                "output": "<{{ inputs.a }}{{ tasks.t }}{{ inputs.x }}>",
                "tasks": [{"name": "t", "var": "t", "run": "echo -n T > $TORK_OUTPUT"}],
            },
        },
        inputs={"x": "X"},
        output="{{ tasks.sub }}",
    )
    assert job["result"] == "<XT>"
    sub = named(job, "sub")
    assert sub["result"] == "<XT>"
    assert sub["state"] == "COMPLETED"
    child = tork.job(sub["subjob"]["id"])
    assert child["parentId"] == sub["id"]
    assert child["name"] == "child"
    assert child["description"] == "words"
    assert child["inputs"] == {"a": "X"}
    assert child["state"] == "COMPLETED"
    assert child["createdBy"] == job["createdBy"]
    assert child["taskCount"] == 1
    listed = {one["id"]: one for one in tork.get("/jobs", size=20)["items"]}
    assert listed[child["id"]]["parentId"] == sub["id"]


def test_a_failing_sub_job(tork: Tork):
    job = tork.fails({"subjob": {"name": "s", "tasks": [{"name": "t", "run": "echo why; exit 2"}]}})
    assert job["error"] == job["execution"][0]["error"] == "exit code 2: why"


def test_a_sub_job_whose_output_fails(tork: Tork):
    job = tork.fails(
        {
            "subjob": {
                "name": "s",
                "output": "{{ int('x') }}",
                "tasks": [{"name": "t", "run": "exit 0"}],
            }
        }
    )
    assert job["error"].startswith("error evaluating expression: ")


def test_a_detached_sub_job(tork: Tork):
    job = tork.done(
        {
            "name": "sub",
            "subjob": {
                "name": "child",
                "detached": True,
                "secrets": {"k": "hush-hush"},
                "inputs": {"a": "{{ inputs.x }}"},
                "output": "{{ len(secrets.k) }}{{ job.name }}{{ inputs.a }}",
                "tasks": [{"name": "t", "run": "exit 0"}],
            },
        },
        inputs={"x": "X"},
    )
    sub = named(job, "sub")
    child = tork.over(sub["subjob"]["id"])
    assert "parentId" not in child
    assert child["state"] == "COMPLETED"
    assert child["result"] == "9childX"


def test_sub_jobs_in_loops_and_in_sub_jobs(tork: Tork):
    leaf = {
        "name": "leaf",
        "var": "leaf",
        "run": "echo -n $N > $TORK_OUTPUT",
        "env": {"N": "{{ inputs.n }}"},
    }
    job = tork.done(
        {
            "each": {
                "list": "1..3",
                "concurrency": 2,
                "task": {
                    "name": "s{{ item.index }}",
                    "var": "r{{ item.index }}",
                    "subjob": {
                        "name": "middle",
                        "inputs": {"n": "{{ item.value }}"},
                        "output": "{{ tasks.deep }}",
                        "tasks": [
                            {
                                "name": "d",
                                "var": "deep",
                                "subjob": {
                                    "name": "deep",
                                    "inputs": {"n": "{{ inputs.n }}!"},
                                    "output": "{{ tasks.leaf }}",
                                    "tasks": [leaf],
                                },
                            }
                        ],
                    },
                },
            }
        },
        output="{{ tasks.r0 }}{{ tasks.r1 }}{{ tasks.r2 }}",
    )
    assert job["result"] == "1!2!3!"


def test_defaults(tork: Tork):
    job = tork.done(
        {"name": "plain", "run": "exit 0"},
        {"name": "own", "run": "exit 0", "queue": "default", "priority": 2, "timeout": "5m", "retry": {"limit": 1}},
        {"name": "par", "parallel": {"tasks": [{"name": "child", "run": "exit 0"}]}},
        {"name": "sub", "subjob": {"name": "s", "tasks": [{"name": "t", "run": "exit 0"}]}},
        defaults={
            "queue": "single", "priority": 4, "timeout": "10m", "retry": {"limit": 3},
            "limits": {"cpus": "1", "memory": "64m"},
        },
    )  # fmt: skip
    for name in ("plain", "child"):
        found = named(job, name)
        assert found["queue"] == "single"
        assert found["priority"] == 4
        assert found["timeout"] == "10m"
        assert found["retry"] == {"limit": 3}
        assert found["limits"] == {"cpus": "1", "memory": "64m"}
    own = named(job, "own")
    assert (own["queue"], own["priority"], own["timeout"]) == ("default", 2, "5m")
    assert own["retry"] == {"limit": 1}
    par = named(job, "par")
    for key in ("queue", "retry", "timeout", "limits", "priority"):
        assert key not in par
    inner = tork.job(named(job, "sub")["subjob"]["id"])
    assert "defaults" not in inner
    assert inner["execution"][0]["queue"] == "default"


def test_progress(tork: Tork, yard):
    gate = yard.data_dir / "progress-gate"
    job_id = tork.submit(
        {"name": "a", "run": "exit 0"},
        {"name": "b", "run": f"echo 50 > $TORK_PROGRESS; until [ -e {gate} ]; do sleep 0.02; done"},
        {"name": "c", "run": "echo x > $TORK_PROGRESS; echo -5 > $TORK_PROGRESS"},
    )
    job = tork.eventually(
        job_id,
        lambda job: len(job["execution"]) == 2 and job["execution"][1].get("progress") == 50,
        "the progress of a task",
    )
    assert job["progress"] == 50
    gate.touch()
    job = tork.over(job_id)
    assert job["state"] == "COMPLETED"
    assert job["progress"] == 100


def test_progress_is_clamped_and_nonsense_ignored(tork: Tork, yard):
    gate = yard.data_dir / "clamp-gate"
    wait = f"until [ -e {gate} ]; do sleep 0.02; done"
    job_id = tork.submit(
        {"parallel": {"tasks": [
            {"name": "high", "run": f"echo 1000 > $TORK_PROGRESS; {wait}"},
            {"name": "odd", "run": f"echo 25 > $TORK_PROGRESS; sleep 3; echo nan > $TORK_PROGRESS; {wait}"},
            {"name": "fine", "run": f"printf 33.337 > $TORK_PROGRESS; {wait}"},
        ]}}
    )  # fmt: skip

    def there(job: dict) -> bool:
        found = {one["name"]: one.get("progress") for one in job["execution"]}
        return (found.get("high"), found.get("odd"), found.get("fine")) == (100, 25, 33.34)

    tork.eventually(job_id, there, "three kinds of progress")
    gate.touch()
    assert tork.over(job_id)["state"] == "COMPLETED"


def test_the_working_folder_is_gone_afterwards(tork: Tork):
    job = tork.done("echo -n $WORKDIR > $TORK_OUTPUT")
    folder = Path(job["execution"][0]["result"])
    assert folder.is_absolute()
    eventually(lambda: not folder.exists(), "the folder gone")
