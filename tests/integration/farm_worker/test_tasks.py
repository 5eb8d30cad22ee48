"""A worker does what it is given and tells all of it."""

import io
import json
import sys
import zipfile

import pytest

from tests.yard import eventually

ENDLESS = "import time\nwhile True: time.sleep(0.05)"


def members(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_files_are_fetched_and_the_output_comes_back(manager, working, ended, packed):
    manager.zips = {
        "/tasks/zip/3": packed(scene_txt="scene"),
        "/tasks/zip/sup/3": packed(tool_py="print('tool')"),
        "/tasks/zip/dep/12": packed(tiles__a_txt="tile"),
    }
    script = (
        "import os, pathlib, sys\n"
        "job, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])\n"
        "texts = [(job / name).read_text() for name in ('scene.txt', 'tool.py', 'tiles/a.txt')]\n"
        "assert os.environ['WORKER_JOBPATH'] == os.environ['WORKER_DEPENDPATH'] == str(job)\n"
        "assert os.environ['WORKER_OUTPUTPATH'] == str(out)\n"
        "(out / 'deep').mkdir(); (out / 'deep' / 'all').write_text('|'.join(texts))\n"
        "print('wrote'); print('warned', file=sys.stderr)"
    )
    number = manager.give(
        sys.executable,
        "-c",
        script,
        "==jobpath==",
        "==outputpath==",
        jobfiles=[["jobfile", "jobfile.zip"], ["jobsupportfile", "jobsupportfile.zip"]],
    )
    working()
    end = ended(number)
    assert end.fields["status"] == "finished"
    name, content = end.files["taskfile"]
    assert name.endswith(".zip")
    assert members(content) == {"deep/all": b"scene|print('tool')|tile"}
    assert sorted(manager.logs[number].split()) == ["warned", "wrote"]
    reports = manager.of("PATCH", f"/tasks/{number}")
    assert reports[0].fields["status"] == "running"
    assert {str(one.fields["worker_id"]) for one in reports} == {"1"}
    assert all(int(one.fields["time_cost"]) >= 0 for one in reports)


def test_a_scene_is_fetched_once_for_a_job_and_support_files_each_time(
    manager, working, ended, packed
):
    manager.zips = {"/tasks/zip/3": packed(a="1"), "/tasks/zip/sup/3": packed(b="2")}
    files = [["jobfile", "jobfile.zip"], ["jobsupportfile", "jobsupportfile.zip"]]
    first, second = (manager.give(sys.executable, "-c", "", jobfiles=files) for _ in range(2))
    working()
    assert ended(first).fields["status"] == ended(second).fields["status"] == "finished"
    assert len(manager.of("GET", "/tasks/zip/3")) == 1
    assert len(manager.of("GET", "/tasks/zip/sup/3")) == 2


@pytest.mark.parametrize(
    ("script", "status"),
    [
        ("", "finished"),
        ("raise SystemExit(7)", "failed"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "aborted"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "failed"),
    ],
)
def test_the_exit_code_makes_the_status(manager, working, ended, script, status):
    number = manager.give(sys.executable, "-c", script)
    working()
    end = ended(number)
    assert end.fields["status"] == status
    assert end.files == {}


def test_a_program_that_is_not_there_fails_the_task_with_a_reason(manager, working, ended):
    number = manager.give("/no/such/blender")
    working()
    assert ended(number).fields["status"] == "failed"
    assert "/no/such/blender" in manager.logs[number]


def test_no_shell_reads_the_words(manager, working, ended):
    words = ["$HOME", "a b", "; exit 1", "*"]
    number = manager.give(sys.executable, "-c", "import sys; print(sys.argv[1:])", *words)
    working()
    ended(number)
    assert manager.logs[number].strip() == str(words)


def test_output_comes_while_it_runs_and_whole_at_the_end(manager, working, ended, tmp_path):
    gate = tmp_path / "gate"
    script = (
        "import pathlib, sys, time\n"
        "print('grün', flush=True)\n"
        f"while not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.01)\n"
        "sys.stdout.buffer.write(b'\\xe2\\x82\\xac \\xff \\0 end')"
    )
    number = manager.give(sys.executable, "-X", "utf8", "-c", script)
    working()
    eventually(lambda: manager.logs.get(number) == "grün\n", "the first line")
    gate.touch()
    ended(number)
    assert manager.logs[number] == "grün\n€ \ufffd \ufffd end"


def test_megabytes_of_output_arrive_whole(manager, working, ended):
    script = "import sys; [sys.stdout.write(f'{n:07d} ü\\n') for n in range(300_000)]"
    number = manager.give(sys.executable, "-X", "utf8", "-c", script)
    working()
    ended(number)
    assert manager.logs[number] == "".join(f"{n:07d} ü\n" for n in range(300_000))


def test_a_program_that_prints_without_end_is_ended(manager, working, ended):
    script = "import time\nwhile True: print('x' * 1000); time.sleep(0.0005)"
    number = manager.give(sys.executable, "-u", "-c", script)
    working(print_bytes=100_000)
    assert ended(number).fields["status"] == "failed"
    assert "printed more than it may" in manager.logs[number].splitlines()[-1]


def test_a_silent_program_is_reported_all_the_same(manager, working):
    number = manager.give(sys.executable, "-c", ENDLESS)
    working()
    path = f"/tasks/{number}"
    eventually(lambda: len(manager.of("PATCH", path)) > 3, "several reports")


def test_the_newest_picture_is_shown_before_the_end(manager, working, ended):
    script = "import sys, pathlib; pathlib.Path(sys.argv[1], '0001.PNG').write_bytes(b'picture')"
    number = manager.give(sys.executable, "-c", script, "==outputpath==")
    working()
    ended(number)
    (shown,) = manager.of("POST", "/tasks/thumbnails")
    assert shown.fields == {"task_id": str(number)}
    assert shown.files == {"file": ("last.png", b"picture")}
    assert manager.requests.index(shown) < manager.requests.index(manager.ends[number])


def test_a_picture_on_shared_storage_is_found_by_what_is_printed(manager, working, ended, tmp_path):
    shared = tmp_path / "shared" / "my shot 0001.jpg"
    shared.parent.mkdir()
    shared.write_bytes(b"picture")
    number = manager.give(sys.executable, "-c", f"print({f'Saved: {str(shared)!r}'!r})")
    working()
    ended(number)
    (shown,) = manager.of("POST", "/tasks/thumbnails")
    assert shown.files == {"file": ("last.jpg", b"picture")}


@pytest.mark.parametrize("name", ["../out", "/out", "a/../../out", "C:\\out", "..\\out"])
def test_a_zip_that_leads_out_fails_the_task_and_writes_nothing(
    manager, working, ended, tmp_path, name
):
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), "bad")
    manager.zips = {"/tasks/zip/3": whole.getvalue()}
    number = manager.give(sys.executable, "-c", "", jobfiles=[["jobfile", "jobfile.zip"]])
    working()
    assert ended(number).fields["status"] == "failed"
    assert "leads out" in manager.logs[number]
    job = tmp_path / "farm" / "jobs" / "3"
    assert [above for above in (job, *job.parents) if (above / "out").exists()] == []


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06"])
def test_a_broken_zip_fails_the_task(manager, working, ended, content):
    manager.zips = {"/tasks/zip/3": content}
    number = manager.give(sys.executable, "-c", "", jobfiles=[["jobfile", "jobfile.zip"]])
    working()
    assert ended(number).fields["status"] == "failed"
    assert "broken" in manager.logs[number]


def test_what_a_machine_tells_is_sent(manager, working):
    working()
    (registered,) = eventually(lambda: manager.of("POST", "/workers"), "a registration")
    told = registered.fields
    assert told["hostname"] == "node-a"
    assert isinstance(told["mac_address"], int)
    assert told["update_less_frequent"]["worker_num_cpus"] >= 1
    poll = eventually(lambda: manager.of("PATCH", "/workers/1"), "a question")[0]
    assert set(json.loads(json.dumps(poll.fields))) == {"status", "update_frequent"}
