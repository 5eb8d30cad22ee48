import importlib
import json
import re
import sqlite3
import subprocess
import sys
from types import SimpleNamespace

import click
import pytest

from app.cli import COMMANDS, cli, module_of, run
from app.domain.submission import Submission
from app.wiring import build
from config.settings import load


def every_command():
    """Return (path, command) of every command and subcommand."""
    found = []
    for name in COMMANDS:
        command = importlib.import_module(module_of(name)).command
        found.append((name, command))
        if isinstance(command, click.Group):
            found += [(f"{name} {below}", one) for below, one in command.commands.items()]
    return found


@pytest.mark.parametrize(("path", "command"), every_command())
def test_a_stranger_understands_each_command_and_option(path, command):
    assert command.help
    assert len(command.help) > 40 or isinstance(command, click.Group)
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            assert option.help, f"{path} {option.opts[0]}"
    if " " not in path and not isinstance(command, click.Group):
        names = {word for option in command.params for word in option.opts}
        # Of a client's commands, where the server is; of all others, what it is made of.
        asks = {"--token"} <= names and names & {"--server", "--manager"}
        assert asks or {"--bind", "--data-dir", "--config"} <= names


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_what_the_command_says_of_itself(name):
    command = importlib.import_module(module_of(name)).command
    assert command.help.splitlines()[0] == COMMANDS[name]


def test_help_imports_no_command():
    code = (
        "import sys\nfrom app.cli import run\nrun(['--help'])\n"
        "heavy = {'app.wiring', 'app.data.db', 'gevent', 'flask', 'peewee'} & set(sys.modules)\n"
        "sys.exit(str(sorted(heavy)) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    for name, text in COMMANDS.items():
        assert name in done.stdout
        assert text.split(maxsplit=1)[0] in done.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nonsense"], "nonsense"),
        (["config", "--nonsense"], "--nonsense"),
        (["config", "--format", "xml"], "xml"),
        (["backup"], "FILE"),
        (["plugin", "new"], "NAME"),
    ],
)
def test_wrong_use_is_one_line_and_status_2(jobyard, words, told):
    done = jobyard(*words)
    assert done.returncode == 2
    assert done.stderr.startswith("jobyard: ")
    assert done.stderr.count("\n") == 1
    assert told in done.stderr


def test_without_a_command_the_help_is_shown_and_the_status_is_2(jobyard):
    done = jobyard()
    assert done.returncode == 2
    assert "Commands:" in done.stderr


def test_each_wrong_setting_is_a_line_of_its_own(jobyard):
    done = jobyard("config", "--bind", "nowhere", JOBYARD_WORKER_GRACE_S="long")
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("jobyard: ") for line in lines)
    assert "JOBYARD_WORKER_GRACE_S" in done.stderr


def test_options_win_over_variables_and_the_file(jobyard, tmp_path):
    file = tmp_path / "settings.toml"
    file.write_text('bind = "127.0.0.1:1"\n[web]\nprocesses = 3\n')
    done = jobyard(
        "config", "--config", file, "--bind", "127.0.0.1:2", "--format", "json",
        JOBYARD_BIND="127.0.0.1:3",
    )  # fmt: skip
    tree = json.loads(done.stdout)
    assert tree["bind"] == {"value": "127.0.0.1:2", "from": "option"}
    assert tree["web"]["processes"] == {"value": 3, "from": "file"}


def test_config_masks_secrets_and_names_origins(jobyard):
    secrets = {
        "JOBYARD_ADMIN": "someone:hush-hush",
        "JOBYARD_DATABASE_URL": "postgresql://me:hush-hush@db/x",
        "JWT_SECRET": "hush-hush",
    }
    for style in ("text", "json"):
        done = jobyard("config", "--format", style, **secrets)
        assert done.returncode == 0
        assert "hush" not in done.stdout + done.stderr
        assert "environment JWT_SECRET" in done.stdout
        assert "postgresql://me:********@db/x" in done.stdout


def test_migrate_makes_the_database_and_then_finds_nothing_to_do(place):
    first = place.run("migrate")
    assert first.returncode == 0
    assert "engine/0001_engine" in first.stdout
    assert place.run("migrate").stdout == "nothing to do, the schema is up to date\n"


def test_a_file_that_is_no_database_is_told_in_one_line(place):
    (place.folder / "jobyard.db").write_bytes(b"no database at all, just words" * 100)
    done = place.run("migrate")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "jobyard: the database does not answer: file is not a database"
    ]


def test_a_data_directory_that_cannot_be_made_is_told_in_one_line(jobyard, tmp_path):
    (tmp_path / "taken").write_text("")
    done = jobyard("migrate", "--data-dir", tmp_path / "taken" / "var")
    assert done.returncode == 1
    assert done.stderr.startswith("jobyard: ")
    assert done.stderr.count("\n") == 1


def test_check_makes_nothing_and_says_what_to_do(jobyard, tmp_path):
    done = jobyard("check", "--data-dir", tmp_path / "var")
    assert done.returncode == 1
    assert "mend  database:" in done.stdout
    assert "run `jobyard migrate`" in done.stdout
    assert not (tmp_path / "var").exists()


def test_check_is_content_with_a_migrated_place(place):
    place.run("migrate")
    done = place.run("check")
    assert done.returncode == 0, done.stdout
    assert "mend" not in done.stdout
    for what in ("data directory", "database", "bus", "plugins", "open files", "address"):
        assert f"ok    {what}: " in done.stdout or f"note  {what}: " in done.stdout
    assert "container engine" in done.stdout


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"JOBYARD_BIND": "0.0.0.0:8000"}, "mend  address: 0.0.0.0:8000 can be reached"),
        ({"JOBYARD_REDIS_URL": "redis://127.0.0.1:1/0"}, "mend  bus: redis://127.0.0.1:1/0"),
        (
            {"JOBYARD_WORKER_DOCKER_HOST": "unix:///nowhere.sock"},
            "mend  container engine: unix:///nowhere.sock does not answer",
        ),
        ({"JOBYARD_WEB_CONNECTIONS": "1000000"}, "mend  open files: "),
        (
            {"JOBYARD_DATABASE_URL": "postgresql://me:hush@127.0.0.1:1/x"},
            "mend  database: postgresql://me:********@127.0.0.1:1/x",
        ),
    ],
)
def test_check_tells_what_is_set_and_does_not_work(place, settings, line):
    place.run("migrate")
    done = place.run("check", **settings)
    assert done.returncode == 1
    assert line in done.stdout
    assert "hush" not in done.stdout + done.stderr


def test_check_sees_a_schema_that_lacks_a_step(place):
    place.run("migrate")
    with sqlite3.connect(place.folder / "jobyard.db") as connection:
        connection.execute("DELETE FROM schema_step")
    connection.close()
    done = place.run("check")
    assert done.returncode == 1
    assert re.search(r"lacks 0001_engine\b.*: run `jobyard migrate`", done.stdout)


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({}, "mend  database: "),
        ({"JOBYARD_ENCRYPTION_KEY": "another"}, "mend  database: "),
        ({"JOBYARD_ENCRYPTION_KEY": "first"}, "ok    database: "),
        ({"TORK_DATASTORE_ENCRYPTION_KEY": "first"}, "ok    database: "),
        (
            {"JOBYARD_ENCRYPTION_KEY": "another", "JOBYARD_OLD_ENCRYPTION_KEYS": "first"},
            "ok    database: ",
        ),
    ],
)
def test_check_tells_of_jobs_that_no_given_key_reads(place, keys, line):
    place.run("migrate")
    given = {"data_dir": str(place.folder), "database.url": place.url, "encryption_key": "first"}
    services = build(load({}, options=given))
    try:
        spec = services.plugins.load_spec(services.plugins.interface("shell"), {"run": "true"})
        services.engine.jobs.submit(
            Submission(dialect="jobyard", type="shell", name="j", spec=spec)
        )
    finally:
        services.close()
    done = place.run("check", **keys)
    assert line in done.stdout
    assert ("encrypted by keys that are not given" in done.stdout) == line.startswith("mend")


@pytest.mark.redis
def test_check_reaches_a_real_redis(place, redis_url):
    place.run("migrate")
    done = place.run("check", JOBYARD_REDIS_URL=redis_url)
    assert f"ok    bus: {redis_url} works" in done.stdout


def test_plugins_lists_ours_and_what_is_blocked(jobyard):
    done = jobyard("plugins", JOBYARD_PLUGINS_BLOCKED="container")
    assert done.returncode == 0
    lines = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert "loaded" in lines["shell"]
    assert "jobyard 0.1.0" in lines["shell"]
    assert "job types: shell" in lines["shell"]
    assert "blocked by the settings" in lines["container"]


def test_plugins_new_writes_a_package_and_refuses_to_write_over_it(jobyard, tmp_path):
    done = jobyard("plugin", "new", "transcode")
    assert done.returncode == 0
    assert (tmp_path / "jobyard-transcode" / "pyproject.toml").is_file()
    again = jobyard("plugin", "new", "transcode")
    assert again.returncode == 1
    assert "not an empty directory" in again.stderr
    assert jobyard("plugin", "new", "Bad Name", "--dir", "x").returncode == 1


@pytest.mark.parametrize(("needs_person", "status"), [(True, 0), (False, 1)])
def test_doctor_fails_on_what_no_person_is_meant_to_mend(monkeypatch, capsys, needs_person, status):
    doctor = importlib.import_module("app.cli.doctor")
    finding = SimpleNamespace(
        kind="no-way-on", job_id="j1", task_id=7, text="nothing moves it", needs_person=needs_person
    )
    engine = SimpleNamespace(doctor=SimpleNamespace(examine=lambda: [finding]))
    services = SimpleNamespace(engine=engine, close=lambda: None)
    monkeypatch.setattr(doctor, "build", lambda settings: services)
    for name in ("JOBYARD_TEST_POSTGRES", "JOBYARD_TEST_REDIS", "JOBYARD_TEST_DOCKER"):
        monkeypatch.delenv(name, raising=False)
    assert run(["doctor"]) == status
    said = capsys.readouterr().out
    assert "job j1 task 7  no-way-on: nothing moves it" in said
    assert ("Waiting for a person:" in said) is needs_person


def test_the_group_is_named_by_its_entry_point():
    assert cli.list_commands(click.Context(cli)) == list(COMMANDS)
