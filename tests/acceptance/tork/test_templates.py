"""Templates and expressions, end to end: from the definition to what a task sees."""

import json

import pytest

from tests.acceptance.tork.client import Tork, named

INPUTS = {
    "n": "5", "s": "Hello World", "list": "[3,1,2]", "map": '{"a":{"b":[1,2]}}', "brace": "{{ 1+1 }}",
    "steal": "{{ secrets.token }}",
}  # fmt: skip

# Expression, and the text it stands for.
VALUES = [
    ("1", "1"), ("4/2", "2"), ("1/2", "0.5"), ("7%3", "1"), ("2**10", "1024"), ("2^3", "8"),
    ("1e3", "1000"), (".5", "0.5"), ("1 + 2 * 3", "7"), ("(1 + 2) * 3", "9"), ("-3", "-3"),
    ("0.1 + 0.2", "0.30000000000000004"), ("true", "true"), ("not true", "false"), ("!false", "true"),
    ("nil", ""), ("'a' + \"b\"", "ab"), ("'it\\'s'", "it's"), ("'a\\tb'", "a\tb"),
    ("[1, 'a', true, nil]", '[1,"a",true,null]'), ('{"a": 1, "b": [2]}', '{"a":1,"b":[2]}'),
    ("[1,2,3][0]", "1"), ("[1,2,3][-1]", "3"), ("[1,2,3,4][1:3]", "[2,3]"), ("[1,2,3][:2]", "[1,2]"),
    ("[1,2,3][1:]", "[2,3]"), ('{"a": 1}.a', "1"), ('{"a": 1}["a"]', "1"), ('{"a": nil}.a?.b', ""),
    ("nil ?? 'x'", "x"), ("inputs.nope ?? 'x'", ""), ("1 == 1.0", "true"), ("1 != 2", "true"),
    ("'a' < 'b'", "true"), ("1 <= 1 and 2 >= 2", "true"), ("true && false || true", "true"),
    ("1 > 2 ? 'x' : 'y'", "y"), ("2 in [1,2]", "true"), ("3 not in [1,2]", "true"),
    ("'a' in {\"a\": 1}", "true"), ("'hello' contains 'ell'", "true"), ("'hello' startsWith 'he'", "true"),
    ("'hello' endsWith 'lo'", "true"), ("'abc123' matches '^[a-c]+[0-9]+$'", "true"),
    ("1..4", "[1,2,3,4]"), ("'  x ' | trim() | upper()", "X"), ("filter(1..6, # > 3)", "[4,5,6]"),
    ("map([1,2], # * 2)", "[2,4]"), ('filter([{"a": 1}, {"a": 2}], .a == 2)', '[{"a":2}]'),
    ('map([{"a": 1}], #.a)', "[1]"), ("all([1,2], # > 0)", "true"), ("any([1,2], # > 1)", "true"),
    ("one([1,2], # > 1)", "true"), ("none([1,2], # > 2)", "true"), ("count([1,2,3], # > 1)", "2"),
    ("find([1,2,3], # > 1)", "2"), ("findIndex([1,2,3], # > 1)", "1"),
    ("groupBy([1,3,2], # % 2)['1']", "[1,3]"),
    ('sortBy([{"a": 2}, {"a": 1}], .a)', '[{"a":1},{"a":2}]'), ("reduce(1..4, #acc + #, 0)", "10"),
    ("sum([1,2,3])", "6"), ("trim('  a ')", "a"), ("upper('a')", "A"), ("lower('A')", "a"),
    ("split('a,b', ',')", '["a","b"]'), ("splitAfter('a,b', ',')", '["a,","b"]'),
    ("replace('aXa', 'X', 'b')", "aba"), ("repeat('ab', 3)", "ababab"), ("indexOf('abc', 'c')", "2"),
    ("lastIndexOf('abca', 'a')", "3"), ("hasPrefix('abc', 'a')", "true"), ("hasSuffix('abc', 'c')", "true"),
    ("trimPrefix('abc', 'a')", "bc"), ("trimSuffix('abc', 'c')", "ab"), ("join(['a','b'], '-')", "a-b"),
    ("max(1, 3, 2)", "3"), ("min([4, 2])", "2"), ("abs(-3)", "3"), ("ceil(1.2)", "2"), ("floor(1.8)", "1"),
    ("round(1.5)", "2"), ("mean([1,2,3])", "2"), ("median([3,1,2])", "2"), ("len('abc')", "3"),
    ("len([1,2])", "2"), ("first([1,2])", "1"), ("last([1,2])", "2"), ("take([1,2,3], 2)", "[1,2]"),
    ("concat([1],[2])", "[1,2]"), ("flatten([1,[2,[3]]])", "[1,2,3]"), ("uniq([1,1,2])", "[1,2]"),
    ("reverse([1,2])", "[2,1]"), ("sort([3,1,2])", "[1,2,3]"), ('sort(keys({"a":1,"b":2}))', '["a","b"]'),
    ('values({"a":1})', "[1]"), ('toPairs({"a":1})', '[["a",1]]'), ("fromPairs([['a',1]])", '{"a":1}'),
    ("get({\"a\":1}, 'a')", "1"), ("get([1], 5)", ""), ("int('5') + 1", "6"), ("float('1.5')", "1.5"),
    ("string(5) + 'x'", "5x"), ("type('x')", "string"), ("toJSON([1])", "[\n  1\n]"),
    ("fromJSON('{\"a\":[1]}').a[0]", "1"), ("toBase64('hi')", "aGk="), ("fromBase64('aGk=')", "hi"),
    ("randomInt(1)", "0"), ("randomInt(10) < 10", "true"), ("randomInt() >= 0", "true"),
    ("sequence(1, 4)", "[1,2,3]"), ("sequence(4, 1)", "[]"), ("duration('1h').Hours()", "1"),
    ("date('2023-08-14').Year()", "2023"), ("now().Year() > 2000", "true"),
    ("inputs.s", "Hello World"), ("inputs['s']", "Hello World"), ("inputs.nope", ""),
    ("upper(inputs.s) + '!'", "HELLO WORLD!"), ("int(inputs.n) * 2", "10"),
    ("fromJSON(inputs.list) | sort() | map(# + 1)", "[2,3,4]"), ("fromJSON(inputs.map).a.b[1]", "2"),
    ("job.name", "job"), ("len(job.id)", "32"), ("secrets.nope", ""), ("tasks.nope", ""),
    ("inputs.brace", "{{ 1+1 }}"), ("'}' + '}'", "}}"), ("inputs", None),
]  # fmt: skip


def test_values_and_their_text(tork: Tork):
    given = [(text, shown) for text, shown in VALUES if shown is not None]
    env = {f"V{place}": f"{{{{ {text} }}}}" for place, (text, _) in enumerate(given)}
    job = tork.done({"run": "exit 0", "env": env}, inputs=INPUTS)
    found = job["execution"][0]["env"]
    wrong = [
        (text, shown, found.get(f"V{place}", ""))
        for place, (text, shown) in enumerate(given)
        # `toJSON` may be compact.
        if found.get(f"V{place}", "").replace("\n", "").replace("  ", "")
        != shown.replace("\n", "").replace("  ", "")
    ]
    assert not wrong


@pytest.mark.parametrize(
    "text",
    ["'a' + 1", "'a' < 1", "1 - 'a'", "[1][5]", "[1][-5]", "nope", "nope.x", "1 +", "nope()", "int('x')",
     "fromJSON('{')", "1 / 'a'", "''.__class__", "inputs.__class__.__mro__", "(1).real", "[].append(1)",
     "'x' matches '('", "repeat('x', 10000000)", "1..10000000", "map(1..1000, map(1..1000, #))",
     "__import__('os')", "open('/etc/passwd')", "eval('1')", "fromBase64('!')", "date('x')", "duration('x')",
     "'a' ** 2", "matches", "9 ** 9 ** 9 ** 9 > 1 ? repeat('x', 9 ** 9) : 1", "sequence(1, 10000000)", "randomInt(0)",
     "first(1)", "len(5)", "{}.a.b", "1 % 0", "flatten(map(1..300, 1..1000))",
     "nope and false", "true ? nope : 1"],
)  # fmt: skip
def test_what_cannot_be_evaluated_fails_task_and_job(tork: Tork, text: str):
    job = tork.fails({"run": "exit 0", "env": {"A": f"{{{{ {text} }}}}"}}, "exit 0")
    assert len(job["execution"]) == 1
    found = job["execution"][0]
    assert found["state"] == "FAILED"
    assert found["error"].startswith(
        ("error compiling expression: ", "error evaluating expression: ")
    )
    assert job["error"] == found["error"]
    assert found["failedAt"]
    assert job["failedAt"]


def test_every_key_that_is_a_template(tork: Tork):
    job = tork.done(
        {
            "name": "n-{{ inputs.s }}",
            "var": "v{{ inputs.n }}",
            "queue": "{{ 'sin' + 'gle' }}",
            "if": "{{ inputs.n == '5' }}",
            "env": {"A": "x{{ inputs.n }}y{{ secrets.token }}"},
            "description": "{{ inputs.n }}",
            "tags": ["{{ inputs.n }}"],
            "timeout": "1h",
            "gpus": "{{ inputs.n }}",
            "workdir": "{{ inputs.n }}",
            "files": {"f": "{{ inputs.n }}"},
            "run": 'echo -n "$(cat f)|$A|{{ inputs.n }}" > $TORK_OUTPUT',
            "pre": [{"name": "p{{ inputs.n }}", "env": {"B": "{{ inputs.n }}"}, "run": "echo pre$B"}],
            "post": [{"name": "q{{ inputs.n }}", "env": {"B": "{{ inputs.n }}"}, "run": "echo post$B"}],
        },
        inputs=INPUTS,
        secrets={"token": "hush-hush"},
        output="{{ tasks.v5 }} {{ 1 + 1 }}",
    )  # fmt: skip
    found = job["execution"][0]
    assert found["name"] == "n-Hello World"
    assert found["var"] == "v5"
    assert found["queue"] == "single"
    assert found["if"] == "true"
    assert found["description"] == "{{ inputs.n }}"
    assert found["tags"] == ["{{ inputs.n }}"]
    assert found["gpus"] == found["workdir"] == "{{ inputs.n }}"
    assert found["files"] == {"f": "{{ inputs.n }}"}
    assert found["pre"][0]["name"] == "p5"
    assert found["pre"][0]["env"] == {"B": "5"}
    assert found["post"][0]["name"] == "q5"
    assert found["result"] == "{{ inputs.n }}|x5y[REDACTED]|{{ inputs.n }}"
    assert job["result"] == "{{ inputs.n }}|x5y[REDACTED]|{{ inputs.n }} 2"
    assert tork.text(found["id"]) == "pre5\npost5\n"


def test_text_from_a_value_is_never_a_template(tork: Tork):
    show = 'echo -n "$A" > $TORK_OUTPUT; [ "$A" = "{{ secrets.token }}" ]'
    child = {"name": "child", "env": {"A": "{{ inputs.steal }}"}, "run": show}
    job = tork.done(
        {**child, "var": "x"},
        {"parallel": {"tasks": [child, {"name": "in", "parallel": {"tasks": [child]}}]}},
        {"each": {"list": "[1]", "task": child}},
        {"each": {"list": "[inputs.steal]", "task": {**child, "env": {"A": "{{ item.value }}"}}}},
        {"subjob": {"name": "s", "inputs": {"steal": "{{ inputs.steal }}"}, "secrets": {"token": "t0p"},
                    "tasks": [child]}},
        {**child, "env": {"A": "{{ tasks.x }}"}},
        {**child, "name": "{{ inputs.steal }}",
         "retry": {"limit": 1}, "run": f"{show} && [ -e /tmp/$(basename $TORK_OUTPUT) ]; {show}"},
        inputs=INPUTS,
        secrets={"token": "hush-hush"},
    )  # fmt: skip
    assert "hush" not in json.dumps(job)
    for one in job["execution"]:
        if "run" in one:
            assert one["result"] == "{{ secrets.token }}"


def test_a_retried_task_is_not_evaluated_again(tork: Tork):
    job = tork.fails(
        {"env": {"A": "{{ inputs.steal }}", "R": "{{ randomInt() }}"}, "run": "echo $A $R; exit 1",
         "retry": {"limit": 2}},
        inputs=INPUTS,
        secrets={"token": "hush-hush"},
    )  # fmt: skip
    envs = [one["env"] for one in job["execution"]]
    assert len(envs) == 3
    assert all(env["A"] == "{{ secrets.token }}" for env in envs)
    assert len({env["R"] for env in envs}) == 1


def test_conditions(tork: Tork):
    cases = {
        "false": False, "true": True, "1 == 2": False, "1 == 1": True, "{{ 1 == 2 }}": False,
        "{{ inputs.n == '5' }}": True, "{{ 'false' }}": False, " {{ false }} ": False, "{{ nil }}": True,
        "{{ 0 }}": True, "{{ 'False' }}": True, "x{{ false }}": True, "{{ tasks.nope }}": True,
        "inputs.n == '6'": False, "not (1 in [1])": False, "": True,
    }  # fmt: skip
    job = tork.done(
        *({"name": f"t{place}", "run": "exit 0", "if": text} for place, text in enumerate(cases)),
        inputs=INPUTS,
    )
    for place, (text, runs) in enumerate(cases.items()):
        found = named(job, f"t{place}")
        assert found["state"] == ("COMPLETED" if runs else "SKIPPED"), text
        if not runs:
            assert found["scheduledAt"]
            assert found["startedAt"]
            assert found["completedAt"]
            assert "nodeId" not in found


def test_an_output_that_fails_fails_the_job(tork: Tork):
    job = tork.fails("exit 0", output="{{ int('x') }}")
    assert job["execution"][0]["state"] == "COMPLETED"
    assert job["error"].startswith("error evaluating expression: ")
    assert "result" not in job
    assert tork.put(f"/jobs/{job['id']}/restart") == (
        400,
        {"message": "job has no more tasks to run"},
    )
    assert tork.job(job["id"])["state"] == "FAILED"


def test_loop_items(tork: Tork):
    job = tork.done(
        {
            "each": {
                "list": "{{ ['a', 2, {\"k\": [1]}] }}",
                "var": "x",
                "task": {
                    "name": "i{{ x.index }}",
                    "env": {"V": "{{ x.value }}", "T": "{{ type(x.index) }}-{{ type(x.value) }}"},
                    "var": "r{{ x.index }}",
                    "run": "echo -n $V > $TORK_OUTPUT",
                },
            }
        },
        {
            "each": {
                "list": "[1, 2]",
                "var": "outer",
                "task": {
                    "name": "o{{ outer.index }}",
                    "each": {
                        "list": "sequence(0, outer.value)",
                        "task": {
                            "name": "leaf",
                            "var": "l{{ outer.index }}{{ item.index }}",
                            "env": {"A": "{{ outer.value }}/{{ item.value }}"},
                            "run": "echo -n $A > $TORK_OUTPUT",
                        },
                    },
                },
            }
        },
        output="{{ tasks.r0 }} {{ tasks.r1 }} {{ tasks.r2 }} {{ tasks.l00 }} {{ tasks.l11 }}",
    )
    assert job["result"] == "a 2 {k:[1]} 1/0 2/1".replace("{k:[1]}", '{"k":[1]}')
    assert named(job, "i0")["env"]["T"] == "string-string"
    assert named(job, "i1")["env"]["T"] == "string-int"
    assert job["context"]["tasks"]["l10"] == "2/0"


def test_job_names_in_sub_jobs(tork: Tork):
    job = tork.done(
        {
            "name": "sub",
            "var": "sub",
            "subjob": {
                "name": "inner {{ inputs.n }}",
                "inputs": {"k": "{{ inputs.n }}{{ secrets.token }}"},
                "output": "{{ job.name }}|{{ inputs.k }}|{{ inputs.n }}|{{ len(job.id) }}",
                "tasks": [{"name": "t", "run": "exit 0"}],
            },
        },
        inputs=INPUTS,
        secrets={"token": "public"},
        output="{{ tasks.sub }}",
    )
    assert job["result"] == "inner 5|5[REDACTED]||32"


def test_braces_in_odd_places(tork: Tork):
    job = tork.done(
        {
            "env": {
                "A": "{{inputs.n}}", "B": '{{ {"a": {"b": 1} }.a.b }}', "C": "{ {1} }", "D": "}}",
                "E": "a{{ 1 }}{{ 2 }}b", "F": "{{ '{{' }}", "G": "{{ 1 +\n 1 }}", "H": "{{ 1",
            },
            "run": "exit 0",
        },
        inputs=INPUTS,
    )  # fmt: skip
    found = job["execution"][0]["env"]
    assert found["A"] == "5"
    assert found["B"] == "1"
    assert found["C"] == "{ {1} }"
    assert found["D"] == "}}"
    assert found["E"] == "a12b"
    assert found["F"] == "{{"
    assert found["G"] == "{{ 1 +\n 1 }}"
    assert found["H"] == "{{ 1"
