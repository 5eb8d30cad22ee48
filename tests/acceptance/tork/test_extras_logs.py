"""Output as it comes, and all of it as text."""

import json
import threading
from collections.abc import Iterator

import pytest
import requests

from tests.acceptance.tork.client import Tork, named


def events(answer: requests.Response) -> Iterator[tuple[str, str, dict]]:
    """Give (id, kind, data) of each event of a stream; comments are left out."""
    found: dict[str, str] = {}
    for line in answer.iter_lines(chunk_size=1, decode_unicode=True):
        if line and not line.startswith(":"):
            key, _, value = line.partition(": ")
            found[key] = value
        elif "data" in found:
            yield found.get("id", ""), found["event"], json.loads(found["data"])
            found = {}


def stream(tork: Tork, path: str, after: str | None = None) -> requests.Response:
    headers = {} if after is None else {"Last-Event-ID": after}
    answer = requests.get(f"{tork.url}{path}/log/stream", headers=headers, stream=True, timeout=60)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    return answer


def text(tork: Tork, path: str) -> str:
    answer = tork.session.get(f"{tork.url}{path}/log", params={"format": "text"}, timeout=60)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    return answer.content.decode()


def test_output_is_followed_until_the_end(tork: Tork):
    job_id = tork.submit("echo one; sleep 2; echo two", "echo three")
    with stream(tork, f"/jobs/{job_id}") as answer:
        found = list(events(answer))
    assert [kind for _, kind, _ in found] == ["log"] * (len(found) - 1) + ["end"]
    assert "".join(data["contents"] for _, _, data in found[:-1]) == "one\ntwo\nthree\n"
    assert len(found) >= 4
    parts = tork.parts(f"/jobs/{job_id}/log")
    assert [data for _, _, data in found[:-1]] == parts
    first = tork.job(job_id)["execution"][0]["id"]
    with stream(tork, f"/tasks/{first}") as answer:
        of_task = list(events(answer))
    assert [position for position, _, _ in of_task] == [
        *[str(number) for number in range(1, len(of_task))],
        "",
    ]


def test_output_shows_before_the_task_ends(tork: Tork):
    job_id = tork.submit("echo one; sleep 600")
    with stream(tork, f"/jobs/{job_id}") as answer:
        _, kind, data = next(events(answer))
        assert (kind, data["contents"]) == ("log", "one\n")
        assert tork.job(job_id)["state"] == "RUNNING"
    assert tork.put(f"/jobs/{job_id}/cancel")[0] == 200


def test_a_cancelled_job_ends_its_stream(tork: Tork):
    job_id = tork.submit("sleep 600")
    tork.until(job_id, "RUNNING")
    found: list[str] = []
    with stream(tork, f"/jobs/{job_id}") as answer:
        reader = threading.Thread(target=lambda: found.extend(k for _, k, _ in events(answer)))
        reader.start()
        assert tork.put(f"/jobs/{job_id}/cancel")[0] == 200
        reader.join(60)
    assert found == ["end"]


def test_a_stream_goes_on_where_it_was_cut(tork: Tork):
    job = tork.done("echo one; sleep 1.5; echo two", "echo three")
    for path in (f"/jobs/{job['id']}", f"/tasks/{job['execution'][0]['id']}"):
        with stream(tork, path) as answer:
            whole = list(events(answer))
        for place, (position, kind, _) in enumerate(whole):
            if kind == "log":
                with stream(tork, path, position) as answer:
                    assert list(events(answer)) == whole[place + 1 :]
        again = tork.session.get(
            f"{tork.url}{path}/log/stream", params={"last_event_id": whole[0][0]}, timeout=60
        )
        assert again.text.count("event: log") == len(whole) - 2


@pytest.mark.parametrize("position", ["x", "-1", "1.5", "9" * 40, "\u00e4", "1-x", "%00"])
def test_bad_positions(tork: Tork, position: str):
    job = tork.done("echo one")
    for path in (f"/jobs/{job['id']}", f"/tasks/{job['execution'][0]['id']}"):
        answer = tork.ask("GET", f"{path}/log/stream", params={"last_event_id": position})
        assert answer.status_code == 400
        assert answer.json()["message"].startswith("Last-Event-ID: ")


def test_who_may_not_know_the_job(tork: Tork):
    nobody = "0" * 32
    assert tork.missing(f"/jobs/{nobody}/log/stream") == "job not found"
    assert tork.missing(f"/jobs/{nobody}/log?format=text") == "job not found"
    assert tork.missing(f"/tasks/{nobody}/log/stream") == "task not found"
    assert tork.missing(f"/tasks/{nobody}/log?format=text") == "task not found"
    assert tork.ask("POST", f"/jobs/{nobody}/log/stream").status_code == 405


def test_all_of_it_as_text(tork: Tork):
    job = tork.done(
        {"name": "first\n one", "run": "seq 1 50000"},
        {"name": "silent", "run": "exit 0"},
        {"name": "p", "parallel": {"tasks": [
            {"name": "left", "run": "printf a; sleep 1.3; printf b"},
            {"name": "right", "run": "echo c; sleep 1.3; echo d"}]}},
    )  # fmt: skip
    first, left, right = (named(job, name)["id"] for name in ("first\n one", "left", "right"))
    numbers = "".join(f"{number}\n" for number in range(1, 50001))
    assert text(tork, f"/tasks/{first}") == numbers
    assert text(tork, f"/tasks/{named(job, 'silent')['id']}") == ""
    assert text(tork, f"/jobs/{job['id']}") == (
        f"==> first one ({first}) <==\n{numbers}"
        f"==> left ({left}) <==\nab\n"
        f"==> right ({right}) <==\nc\nd\n"
    )


def test_format_is_checked(tork: Tork):
    job = tork.done("echo one")
    for path in (f"/jobs/{job['id']}/log", f"/tasks/{job['execution'][0]['id']}/log"):
        assert tork.get(path, format="json") == tork.get(path)
        assert tork.ask("GET", path, params={"format": "xml"}).status_code == 400


def test_secrets_stay_hidden(tork: Tork):
    job_id = tork.submit(
        {"name": "say {{ secrets.k }}", "run": 'echo "x${K}y"', "env": {"K": "{{ secrets.k }}"}},
        secrets={"k": "hush-hush-hush"},
    )
    with stream(tork, f"/jobs/{job_id}") as answer:
        seen = answer.text
    job = tork.over(job_id)
    task_id = job["execution"][0]["id"]
    assert "x[REDACTED]y" in seen
    assert "hush" not in seen
    for path in (f"/jobs/{job_id}", f"/tasks/{task_id}"):
        assert "hush" not in text(tork, path)
    assert text(tork, f"/jobs/{job_id}").startswith("==> say [REDACTED] (")
