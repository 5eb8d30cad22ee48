"""Log parts: their order, their bytes, their pages."""

import re
import uuid

from tests.acceptance.tork.client import ID, TIME, Tork, check_filled, named


def test_a_part(tork: Tork):
    job = tork.done("echo hello")
    task_id = job["execution"][0]["id"]
    page = tork.get(f"/tasks/{task_id}/log")
    assert list(page) == ["items", "number", "size", "totalPages", "totalItems"]
    assert page["number"] == page["size"] == page["totalPages"] == page["totalItems"] == 1
    [part] = page["items"]
    assert set(part) == {"id", "number", "taskId", "contents", "createdAt"}
    assert ID.fullmatch(part["id"])
    assert TIME.fullmatch(part["createdAt"])
    assert part["number"] == 1
    assert part["taskId"] == task_id
    assert part["contents"] == "hello\n"
    check_filled(part)
    assert tork.get(f"/jobs/{job['id']}/log") == page


def test_no_output_no_parts(tork: Tork):
    job = tork.done("exit 0")
    empty = {"items": [], "number": 1, "size": 0, "totalPages": 0, "totalItems": 0}
    assert tork.get(f"/jobs/{job['id']}/log") == empty
    assert tork.get(f"/tasks/{job['execution'][0]['id']}/log") == empty


def test_bytes_are_exact(tork: Tork):
    job = tork.done(
        {"name": "a", "run": "printf '\\n\\n x \\t\\r\\ny'"},
        {"name": "b", "run": "printf 'a\\377b\\303'"},
        {"name": "c", "run": "printf 'ü💥\\n'"},
        {"name": "d", "run": "printf 'a\\000b'"},
        {"name": "e", "run": "printf '\\033[31mred\\033[0m'"},
        {"name": "f", "run": "printf '\\303'; sleep 1.2; printf '\\274'"},
    )
    assert tork.text(named(job, "a")["id"]) == "\n\n x \t\r\ny"
    assert tork.text(named(job, "b")["id"]) == "a\ufffdb\ufffd"
    assert tork.text(named(job, "c")["id"]) == "ü💥\n"
    assert tork.text(named(job, "d")["id"]) in ("a\0b", "ab", "a\ufffdb")
    assert tork.text(named(job, "e")["id"]) == "\033[31mred\033[0m"
    assert tork.text(named(job, "f")["id"]) == "ü"


def test_much_output(tork: Tork):
    job = tork.done(
        {"name": "lines", "run": "seq 1 200000"},
        {"name": "long", "run": "head -c 300000 /dev/zero | tr '\\0' ü | head -c 300001 | cat"},
        {"name": "line", "run": "head -c 300000 /dev/zero | tr '\\0' x"},
    )
    parts = tork.parts(f"/tasks/{named(job, 'lines')['id']}/log")
    assert "".join(part["contents"] for part in parts) == "".join(
        f"{n}\n" for n in range(1, 200001)
    )
    assert [part["number"] for part in parts] == list(range(1, len(parts) + 1))
    assert all(len(part["contents"].encode()) <= 64 * 1024 for part in parts)
    assert all(part["contents"].endswith("\n") for part in parts)
    assert tork.text(named(job, "line")["id"]) == "x" * 300_000


def test_the_order_of_a_jobs_parts(tork: Tork):
    slow = "echo {0}1; sleep 1.2; echo {0}2"
    job = tork.done(
        {"name": "first", "run": slow.format("a")},
        {"name": "p", "parallel": {"tasks": [
            {"name": "b", "run": slow.format("b")}, {"name": "c", "run": slow.format("c")}]}},
        {"name": "last", "run": "echo d"},
    )  # fmt: skip
    parts = tork.get(f"/jobs/{job['id']}/log", size=100)["items"]
    order = [named(job, name)["id"] for name in ("last", "c", "b", "first")]
    seen = list(dict.fromkeys(part["taskId"] for part in parts))
    assert seen[0] == order[0]
    assert seen[-1] == order[-1]
    assert set(seen[1:3]) == set(order[1:3])
    assert len(seen) == 4
    for task_id in seen:
        numbers = [part["number"] for part in parts if part["taskId"] == task_id]
        assert numbers == sorted(numbers, reverse=True)
        places = [place for place, part in enumerate(parts) if part["taskId"] == task_id]
        assert places == list(range(places[0], places[0] + len(places)))
    assert "".join(part["contents"] for part in reversed(parts) if part["taskId"] == order[3]) == (
        "a1\na2\n"
    )


def test_pages_of_parts(tork: Tork):
    # Each part is at most 64 KiB, so this makes several.
    job = tork.done("for i in 1 2 3; do head -c 65536 /dev/zero | tr '\\0' $i; done")
    for path in (f"/tasks/{job['execution'][0]['id']}/log", f"/jobs/{job['id']}/log"):
        whole = tork.get(path)
        total = whole["totalItems"]
        assert total >= 3
        assert whole["size"] == total
        one = tork.get(path, size=1, page=2)
        assert one["items"] == [whole["items"][1]]
        assert (one["number"], one["size"], one["totalPages"]) == (2, 1, total)
        assert one["totalItems"] == total
        assert tork.get(path, size=0)["size"] == 1
        assert tork.get(path, size=1000)["size"] == total
        past = tork.get(path, page=99)
        assert (past["items"], past["totalItems"], past["number"]) == ([], total, 99)
        numbers = [part["number"] for part in whole["items"]]
        assert numbers == list(range(total, 0, -1))


def test_searching_parts(tork: Tork):
    word = uuid.uuid4().hex
    job = tork.done(
        f"echo alpha {word}; head -c 65536 /dev/zero | tr '\\0' x; echo; echo beta 50%_{word};"
    )
    path = f"/jobs/{job['id']}/log"
    everything = tork.get(path)["totalItems"]
    assert tork.get(path, q="")["totalItems"] == everything

    def hits(q: str) -> int:
        page = tork.get(path, q=q)
        assert page["totalItems"] == page["size"] == len(page["items"])
        for part in page["items"]:
            for one in q.split():
                assert one.lower() in part["contents"].lower()
        return page["size"]

    assert hits("alpha") == 1
    assert hits(f"ALPHA {word.upper()}") == 1
    assert hits("alpha nope") == 0
    assert hits("nope") == 0
    assert hits("50%_") == 1
    assert hits("5_%") == 0
    assert hits("%") == 1


def test_retries_have_parts_of_their_own(tork: Tork):
    job = tork.fails({"run": "echo try; exit 1", "retry": {"limit": 1}})
    ids = [one["id"] for one in job["execution"]]
    assert [tork.text(task_id) for task_id in ids] == ["try\n", "try\n"]
    parts = tork.get(f"/jobs/{job['id']}/log")["items"]
    assert [part["taskId"] for part in parts] == ids[::-1]
    assert [part["number"] for part in parts] == [1, 1]


def test_all_parts_are_there_with_the_final_state(tork: Tork):
    ids = [
        tork.submit({"name": "t", "run": f"seq 1 {n * 50}; exit {n % 2}", "retry": {"limit": 1}})
        for n in range(1, 25)
    ]
    for n, job_id in enumerate(ids, 1):
        job = tork.over(job_id)
        for one in job["execution"]:
            assert tork.text(one["id"]) == "".join(f"{i}\n" for i in range(1, n * 50 + 1))


def test_output_is_there_while_the_task_runs_and_after_a_cancel(tork: Tork):
    job_id = tork.submit("echo early; sleep 1000")
    job = tork.eventually(
        job_id, lambda _: tork.get(f"/jobs/{job_id}/log")["items"], "an early part"
    )
    assert tork.put(f"/jobs/{job_id}/cancel")[0] == 200
    assert tork.text(job["execution"][0]["id"]) == "early\n"


def test_lines_of_both_streams_are_whole(tork: Tork):
    job = tork.done("for i in $(seq 1 500); do echo out$i; echo err$i >&2; done")
    lines = tork.text(job["execution"][0]["id"]).splitlines()
    assert len(lines) == 1000
    assert all(re.fullmatch(r"(out|err)\d+", line) for line in lines)
