"""Which source wins, and where a value is said to come from."""

from pathlib import Path

import pytest

from config.sections import DEFAULT_QUEUES
from config.settings import Settings, effective, load


def _load(tmp_path: Path, *, options=None, env=None, toml="") -> Settings:
    file = tmp_path / "jobyard.toml"
    file.write_text(toml, "utf-8")
    return load(env or {}, options={"config": file} | (options or {}))


def _at(settings: Settings, path: str):
    value = settings
    for name in path.split("."):
        value = getattr(value, name)
    return value


SOURCES = [
    # path in Settings, key, option, own variable, dialect's variable, file, default
    ("server.bind", "bind", "h:1", "h:2", None, "h:3", "127.0.0.1:8000"),
    ("worker.grace_s", "worker.grace_s", 1, "2s", None, 3, 10.0),
    ("tork.runtime", "tork.runtime.type", "shell", "docker", "TORK_RUNTIME_TYPE=podman", "auto",
     "auto"),
    ("manticore.max_running", "manticore.max_running", 1, "2", "MANTICORE_SLOTS=3", 4, 0),
    ("task_tracker.session_expiration_s", "task_tracker.session.expiration", "1h", "2h",
     "TT_SESSION_EXPIRATION=3h", "4h", 28_800.0),
]  # fmt: skip


@pytest.mark.parametrize("row", SOURCES)
def test_strongest_source_wins_and_removing_it_uncovers_the_next(tmp_path, row):
    path, key, option, own, bare, filed, default = row
    variable = "JOBYARD_" + key.upper().replace(".", "_")
    env = {variable: own} | dict([bare.split("=")] if bare else [])
    toml = f"{key} = {filed!r}"
    seen = []
    for options, names in (
        ({key: option}, list(env)),
        ({}, list(env)),
        ({}, list(env)[1:]),
        ({}, []),
    ):
        given = {name: env[name] for name in names}
        settings = _load(tmp_path, options=options, env=given, toml=toml)
        seen.append((_at(settings, path), settings.origins[key]))
    settings = load({})
    seen.append((_at(settings, path), settings.origins[key]))

    def read(value):
        return _at(load({}, options={key: value}), path)

    expected = [(read(option), "option"), (read(own), f"environment {variable}")]
    if bare:
        name, _, value = bare.partition("=")
        expected.append((read(value), f"environment {name}"))
    else:
        expected.append((read(filed), "file"))
    expected += [(read(filed), "file"), (default, "default")]
    assert seen == expected


def test_none_as_an_option_and_an_empty_variable_count_as_not_given():
    settings = load({"JOBYARD_BIND": "", "JWT_SECRET": ""}, options={"bind": None})
    assert settings.server.bind == "127.0.0.1:8000"
    assert settings.origins["bind"] == settings.origins["manticore.jwt_secret"] == "default"


def test_defaults_need_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = load({})
    assert settings.server.data_dir == tmp_path / "var"
    assert settings.database.url == f"sqlite:///{tmp_path}/var/jobyard.db"
    assert settings.database.sqlite_path == tmp_path / "var" / "jobyard.db"
    assert settings.worker.work_dir == tmp_path / "var" / "work"
    assert settings.worker.queues == DEFAULT_QUEUES
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8000)
    assert settings.warnings == ()


def test_dialects_variables_touch_that_dialect_alone():
    assert load({"CORS": "false", "DOMAIN_NAME": "x.org"}).tork == load({}).tork
    settings = load({"CORS": "false", "TORK_MIDDLEWARE_WEB_CORS_ENABLED": "true"})
    assert settings.manticore.cors is False
    assert settings.tork.cors_enabled is True


@pytest.mark.parametrize(
    "env",
    [
        {"JOBYARD_WORKER_QUEUES": "tork/default=3, jobyard/default=4"},
        {"JOBYARD_CONFIG": "file"},
    ],
)
def test_queues_read_from_text_and_from_a_table(tmp_path, env):
    file = tmp_path / "f.toml"
    file.write_text('[worker.queues]\n"tork/default" = 3\n"jobyard/default" = 4\n')
    env = {name: str(file) if value == "file" else value for name, value in env.items()}
    assert load(env).worker.queues == {"tork/default": 3, "jobyard/default": 4}


def test_tork_queue_variables_give_slots_until_ours_are_set():
    env = {"TORK_WORKER_QUEUES_DEFAULT": "2", "TORK_WORKER_QUEUES_GPU": "1"}
    settings = load(env)
    others = {name: n for name, n in DEFAULT_QUEUES.items() if not name.startswith("tork/")}
    assert settings.worker.queues == {"tork/default": 2, "tork/gpu": 1, **others}
    assert settings.origins["worker.queues"] == "environment TORK_WORKER_QUEUES_*"
    assert settings.warnings == ()
    ours = load(env | {"JOBYARD_WORKER_QUEUES": "tork/default=7"})
    assert ours.worker.queues == {"tork/default": 7}


ALIASES = [
    ("task_tracker.server.address", "TT_SERVER_ADDRESS", ":3010", "server.bind", "0.0.0.0:3010"),
    ("tork.coordinator.address", "TORK_COORDINATOR_ADDRESS", "localhost:9", "server.bind",
     "localhost:9"),
    ("task_tracker.database.conn_str", "TT_DATABASE_CONN_STR", "postgres://u:p@h/tt?sslmode=disable",
     "database.url", "postgresql://u:p@h/tt?sslmode=disable"),
    ("tork.datastore.postgres.dsn", "TORK_DATASTORE_POSTGRES_DSN",
     r"host=h port=5433 user=t password='a b\'/@' dbname=tork sslmode=disable",
     "database.url", "postgresql://t:a%20b%27%2F%40@h:5433/tork?sslmode=disable"),
    ("task_tracker.log.level", "TT_LOG_LEVEL", "trace", "logging.level", "debug"),
    ("tork.logging.level", "TORK_LOGGING_LEVEL", "warn", "logging.level", "warning"),
    ("tork.logging.format", "TORK_LOGGING_FORMAT", "pretty", "logging.format", "console"),
]  # fmt: skip
OURS = {
    "server.bind": ("bind", "h:1"),
    "database.url": ("database.url", "postgresql://h/ours"),
    "logging.level": ("log.level", "error"),
    "logging.format": ("log.format", "json"),
}


@pytest.mark.parametrize("row", ALIASES)
def test_shared_option_of_a_dialect_counts_only_while_ours_is_not_given(tmp_path, row):
    key, variable, given, path, value = row
    own_key, own = OURS[path]
    as_toml = '"' + given.replace("\\", "\\\\") + '"'
    by_variable = _load(tmp_path, env={variable: given})
    assert (_at(by_variable, path), by_variable.origins[own_key]) == (
        value,
        f"environment {variable}",
    )
    by_file = _load(tmp_path, toml=f"{key} = {as_toml}")
    assert (_at(by_file, path), by_file.origins[own_key]) == (value, f"file, {key}")
    # Ours in the weakest place still wins over theirs in the strongest.
    both = _load(tmp_path, env={variable: given}, toml=f"{own_key} = {own!r}")
    assert (_at(both, path), both.origins[own_key]) == (own, "file")


def test_choosing_sqlite_sets_a_dsn_aside():
    settings = load({"TORK_DATASTORE_TYPE": "sqlite", "TORK_DATASTORE_POSTGRES_DSN": "host=h"})
    assert settings.database.sqlite_path


def test_choosing_the_embedded_broker_needs_nothing():
    assert load({"TORK_BROKER_TYPE": "inmemory"}).bus.redis_url == ""


def test_effective_nests_as_the_file_does_and_names_each_source():
    tree = effective(load({"TORK_WORKER_NAME": "w1"}, options={"web.processes": 3}))
    assert tree["web"]["processes"] == {"value": 3, "from": "option"}
    assert tree["tork"]["worker"]["name"] == {"value": "w1", "from": "environment TORK_WORKER_NAME"}
    assert tree["bind"] == {"value": "127.0.0.1:8000", "from": "default"}
    assert tree["tork"]["middleware"]["web"]["cors"]["origins"]["value"] == ["*"]


SECRETS = {
    "JOBYARD_ADMIN": "bobby:hunter22hunter",
    "JOBYARD_ENCRYPTION_KEY": "hunter22",
    "JWT_SECRET": "hunter22",
    "TORK_MIDDLEWARE_WEB_KEYAUTH_KEY": "hunter22",
    "TORK_DATASTORE_ENCRYPTION_KEY": "hunter22",
    "JOBYARD_DATABASE_URL": "postgresql://u:hunter22@h/db?password=hunter22",
    "JOBYARD_REDIS_URL": "redis://:hunter22@x@h:6379/0",
    "JOBYARD_PLUGINS_SETTINGS": '{"core_hmi": {"registry": [{"password": "hunter22"}]}}',
}


def test_no_secret_shows_in_effective_or_repr():
    settings = load(SECRETS)
    shown = str(effective(settings))
    assert "hunter22" not in shown
    assert shown.count("********") == 9
    assert "postgresql://u:********@h/db" in shown
    without_tables = load({k: v for k, v in SECRETS.items() if "PLUGINS" not in k})
    assert "hunter22" not in repr(without_tables)
    assert settings.database.url == SECRETS["JOBYARD_DATABASE_URL"]


def test_what_environments_are_made_of_goes_to_their_plugin(tmp_path):
    file = tmp_path / "jobyard.toml"
    file.write_text(
        '[manticore.jobs.core]\nversions = ["8"]\n[[manticore.jobs.hmis]]\ntype = "a"\n'
        "[plugins.settings.other]\nx = 1\n"
    )
    jobs = {"core": {"versions": ["8"]}, "hmis": [{"type": "a"}]}
    settings = load({"JOBYARD_CONFIG": str(file)})
    assert settings.plugins.settings == {"core_hmi": jobs, "other": {"x": 1}}
    own = load({"JOBYARD_CONFIG": str(file), "JOBYARD_PLUGINS_SETTINGS": '{"core_hmi": {"y": 2}}'})
    assert own.plugins.settings == {"core_hmi": {"y": 2}}
