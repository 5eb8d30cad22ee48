"""Secrets wherever templates put them: in no answer of any route, in no part of any log."""

import json
import uuid
from typing import Any

import requests
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.acceptance.tork.client import Tork, named
from tests.yard import eventually

MASK = "[REDACTED]"
STRANGE = st.sampled_from(
    [
        "",
        "'",
        '"',
        "\\",
        "\n",
        " two words",
        "é",
        "[REDACTED]",
        "$HOME",
        "\nsecond line\n",
        "%",
        "<b>",
    ]
)


def a_secret() -> str:
    return f"s3cr3t-{uuid.uuid4().hex}"


@st.composite
def documents(draw: Any, depth: int = 2) -> tuple[dict[str, Any], list[str]]:
    """Draw a job and its secrets."""
    secrets = {
        name: draw(STRANGE) + a_secret() + draw(STRANGE)
        for name in draw(st.sampled_from(["a", "ab"]))
    }
    found = list(secrets.values())

    def text() -> str:
        name = draw(st.sampled_from(sorted(secrets)))
        return draw(st.sampled_from(["{}", "x{}y", "{} {}"])).replace(
            "{}", f"{{{{ secrets.{name} }}}}"
        )

    def running() -> dict[str, Any]:
        return {
            "name": text(),
            "var": f"v{uuid.uuid4().hex[:6]}{draw(st.sampled_from(['', '{{ secrets.a }}']))}",
            "env": {"S": text(), "PLAIN": "p"},
            "run": draw(
                st.sampled_from(
                    [
                        'echo "$S"',
                        'printf %s "$S" > "$TORK_OUTPUT"',
                        'printf %s "${S:0:9}"; sleep 1.2; printf %s "${S:9}"',
                        'for n in 1 2 3 4 5 6 7 8 9; do echo "$S"; done >&2; exit 3',
                        'printf "%s" "$S" | sed "s/^/  > /"; printf "%s" "$S" | od -c | wc -l',
                    ]
                )
            ),
            "retry": {"limit": 1},
            "pre": [{"name": text(), "env": {"P": text()}, "run": 'echo "$P"'}],
        }

    def one(depth: int) -> dict[str, Any]:
        kind = draw(st.sampled_from(["run", "run", "skip", "parallel", "each", "subjob"]))
        if kind == "parallel" and depth:
            return {"name": text(), "parallel": {"tasks": [one(depth - 1), one(depth - 1)]}}
        if kind == "each" and depth:
            inner = {**running(), "name": "{{ item.value }}", "env": {"S": "{{ item.value }}"}}
            return {"name": text(), "each": {"list": "[secrets.a, 'plain']", "task": inner}}
        if kind == "subjob" and depth:
            inner, more = draw(documents(depth - 1))
            found.extend(more)
            inner["inputs"] = {"in": text(), "other": "{{ secrets.a }}"}
            inner["secrets"] = {**inner["secrets"], "from": text()}
            inner["tasks"].append(
                {"name": "{{ inputs.in }}", "env": {"I": "{{ inputs.other }}"}, "run": 'echo "$I"'}
            )
            inner["detached"] = draw(st.booleans())
            return {"name": text(), "var": f"s{uuid.uuid4().hex[:6]}", "subjob": inner}
        if kind == "skip":
            return {
                "name": text(), "if": "false", "image": f"host/{text()}", "cmd": ["echo", text()],
                "registry": {"username": text(), "password": a_secret()},
            }  # fmt: skip
        return running()

    document = {
        "name": f"job {found[0]}",
        "secrets": secrets,
        "inputs": {"copy": f"<{found[0]}>"},
        "tasks": [one(depth) for _ in range(draw(st.integers(1, 3)))],
        "output": text(),
        "webhooks": [
            {"url": f"http://127.0.0.1:9/{text()}", "headers": {"H": text()}, "event": "x"}
        ],
    }
    for each in document["tasks"]:
        found += [each["registry"]["password"]] if "registry" in each else []
    return document, found


class Crawl:
    """Reads everything there is to read of some jobs."""

    def __init__(self, tork: Tork) -> None:
        self.tork = tork
        self.paths: list[str] = []
        for dialect in ("tork", "jobyard"):
            described = requests.get(f"{tork.url}/api/docs/{dialect}.json", timeout=60).json()
            for path, verbs in described["paths"].items():
                kinds = str(verbs.get("get", {}).get("responses", {}))
                if "get" in verbs and "event-stream" not in kinds:
                    self.paths.append(path)
        assert "/jobs/{job_id}/log" in self.paths

    def family(self, job_id: str) -> list[dict[str, Any]]:
        """Wait for a job and the jobs its tasks started, and give them all."""
        job = self.tork.over(job_id)
        found = [job]
        for task in job["execution"]:
            if "id" in task.get("subjob", {}):
                found += self.family(task["subjob"]["id"])
        return found

    def answers(self, job_id: str, schedule_id: str) -> list[str]:
        family = self.family(job_id)
        tasks = [task["id"] for job in family for task in job["execution"]]
        names = [queue["name"] for queue in self.tork.get("/queues")]
        values = {"job": [job["id"] for job in family], "task": tasks, "schedule": [schedule_id]}
        found = []
        for path in self.paths:
            kind = next((kind for kind in values if f"{{{kind}_id}}" in path), None)
            given = values[kind] if kind else names if "{name}" in path else [""]
            if "{" in path and not kind and "{name}" not in path:
                continue
            for value in given:
                whole = path.replace(f"{{{kind}_id}}", value).replace("{name}", value)
                for accept in ("application/json", "text/plain"):
                    answer = requests.get(
                        f"{self.tork.url}{whole}",
                        params={"size": 20},
                        headers={"Accept": accept},
                        timeout=60,
                    )
                    assert answer.status_code < 500, (whole, answer.text)
                    found.append(answer.text)
        return found + [self.tork.text_of(job["id"]) for job in family]


def strings(found: object) -> list[str]:
    """Give every text of a document, keys too."""
    if isinstance(found, dict):
        return [text for pair in found.items() for each in pair for text in strings(each)]
    if isinstance(found, list):
        return [text for each in found for text in strings(each)]
    return [found] if isinstance(found, str) else []


def shown(answer: str) -> list[str]:
    try:
        return [answer, *strings(json.loads(answer))]
    except ValueError:
        return [answer]


@settings(
    max_examples=6,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)
@given(drawn=documents())
def test_no_answer_of_any_route_holds_a_secret(tork: Tork, drawn: tuple[dict[str, Any], list[str]]):
    document, secrets = drawn
    submitted = tork.post(document)
    assert submitted.status_code == 200, submitted.text
    scheduled = tork.post({**document, "schedule": {"cron": "0 0 1 1 *"}}, "/scheduled-jobs")
    assert scheduled.status_code == 200, scheduled.text
    answers = [submitted.text, scheduled.text]
    answers += Crawl(tork).answers(submitted.json()["id"], scheduled.json()["id"])
    for answer in answers:
        for text in shown(answer):
            for secret in secrets:
                at = text.find(secret.strip())
                assert at < 0, text[max(0, at - 300) : at + 300]


def test_a_secret_written_in_two_goes_is_masked(tork: Tork):
    secret = a_secret()
    job = tork.done(
        {
            "env": {"T": "{{ secrets.t }}"},
            "run": "printf '%s' \"<${T:0:9}\"; sleep 2.5; printf '%s>' \"${T:9}\"",
        },
        secrets={"t": secret},
    )
    parts = tork.parts(f"/jobs/{job['id']}/log")
    assert len(parts) > 1
    assert "".join(part["contents"] for part in parts) == f"<{MASK}>"


def test_output_that_only_begins_like_a_secret_is_shown(tork: Tork):
    job = tork.done("printf s3cr", secrets={"t": a_secret()})
    assert tork.text(job["execution"][0]["id"]) == "s3cr"


def test_secrets_of_one_letter_are_masked_and_break_nothing(tork: Tork):
    job = tork.done(
        {"env": {"T": "{{ secrets.a }}"}, "run": "echo banana $T; echo -n E > $TORK_OUTPUT"},
        secrets={"a": "a", "b": "E", "c": "ED"},
    )
    assert tork.text(job["execution"][0]["id"]) == f"b{MASK}n{MASK}n{MASK} {MASK}\n"
    assert job["execution"][0]["result"] == MASK
    assert job["execution"][0]["state"] == "COMPLETED"


def test_a_secret_of_several_lines_is_masked_line_by_line_too(tork: Tork):
    key = f"-----BEGIN {a_secret()}\n{a_secret()}\nshort\n{a_secret()}-----END\n"
    job = tork.fails(
        {"env": {"K": "{{ secrets.k }}"}, "run": 'echo "$K"; echo "$K" | sed "s/^/    /"; exit 1'},
        secrets={"k": key},
    )
    text = json.dumps(job) + tork.text(job["execution"][0]["id"])
    assert "s3cr3t" not in text
    assert MASK in job["error"]


def test_a_search_is_no_oracle(tork: Tork):
    secret = a_secret()
    job = tork.done({"env": {"T": "{{ secrets.t }}"}, "run": "echo $T"}, secrets={"t": secret})
    for part in (secret, secret[:9], secret[-5:]):
        assert tork.get(f"/jobs/{job['id']}/log", q=part)["totalItems"] == 0


def test_a_parents_secret_stays_one_in_its_sub_jobs(tork: Tork):
    secret, env = a_secret(), {"A": "{{ inputs.plain }}", "B": "{{ secrets.mine }}"}
    inner = {
        "name": "deep",
        "inputs": {"plain": "{{ inputs.plain }}"},
        "tasks": [{"name": "d", "env": {"A": "{{ inputs.plain }}"}, "run": "echo deep $A"}],
    }
    subjob = {
        "name": "sub {{ secrets.t }}",
        "inputs": {"plain": "p {{ secrets.t }}"},
        "secrets": {"mine": "{{ secrets.t }}"},
        "output": "{{ inputs.plain }}",
        "tasks": [
            {"name": "{{ inputs.plain }}", "env": env, "run": "echo $A $B; echo -n $A > $TORK_OUTPUT",
             "var": "v"},
            {"name": "deep", "subjob": inner},
        ],
    }  # fmt: skip
    job = tork.done({"name": "s", "var": "s", "subjob": subjob}, secrets={"t": secret})
    child = tork.job(named(job, "s")["subjob"]["id"])
    assert child["inputs"]["plain"] == f"p {MASK}"
    assert child["name"] == f"sub {MASK}"
    assert child["result"] == f"p {MASK}"
    assert tork.text(child["execution"][0]["id"]) == f"p {MASK} {MASK}\n"
    grandchild = eventually(
        lambda: tork.over(named(child, "deep")["subjob"]["id"]), "the job in the job"
    )
    assert grandchild["inputs"]["plain"] == f"p {MASK}"
    assert tork.text(grandchild["execution"][0]["id"]) == f"deep p {MASK}\n"
    for one in (job, child, grandchild):
        assert secret not in json.dumps(one)
    assert secret not in json.dumps(tork.get("/jobs", size=20))
    # It is no part of what is shown that a job knows more secrets than its own.
    assert list(child["secrets"]) == ["mine"]
    assert "secrets" not in grandchild
