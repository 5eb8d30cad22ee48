"""Everything that can be wrong with settings is refused in clear words, all at once."""

import pytest

from config.settings import SettingsError, load, refusals


def _faults(environ=None, **options) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load(environ or {}, options=options)
    return caught.value.faults


BAD_VARIABLES = [
    ("JOBYARD_BIND", "8000", "HOST:PORT"),
    ("JOBYARD_BIND", "h:99999", "HOST:PORT"),
    ("JOBYARD_BIND", "h:", "HOST:PORT"),
    ("JOBYARD_BIND", "::1:80", "HOST:PORT"),
    ("JOBYARD_BIND", "[nonsense]:80", "HOST:PORT"),
    ("JOBYARD_EMBEDDED", "maybe", "true or false"),
    ("JOBYARD_WEB_PROCESSES", "0", "1..256"),
    ("JOBYARD_WEB_PROCESSES", "2.5", "whole number"),
    ("JOBYARD_TRUSTED_PROXIES", "-1", "0..10"),
    ("JOBYARD_WORKER_GRACE_S", "ten", "duration"),
    ("JOBYARD_WORKER_GRACE_S", "-1", "duration"),
    ("JOBYARD_WORKER_GRACE_S", "5 parsecs", "duration"),
    ("JOBYARD_WORKER_QUEUES", "tork/default", "tork/default=10"),
    ("JOBYARD_WORKER_QUEUES", "a=1,a=2", "twice"),
    ("JOBYARD_WORKER_QUEUES", "a=x", "for a must be a whole number"),
    ("JOBYARD_DATABASE_URL", "mysql://h/d", "sqlite:// or postgresql://"),
    ("JOBYARD_DATABASE_URL", "sqlite:///:memory:", "name a file"),
    ("JOBYARD_DATABASE_URL", "postgresql://h:port/d", "port"),
    ("JOBYARD_DATABASE_SYNCHRONOUS", "OFF", "NORMAL, FULL"),
    ("JOBYARD_REDIS_URL", "h:6379", "redis://"),
    ("JOBYARD_LOG_LEVEL", "loud", "debug, info"),
    ("JOBYARD_SERVE_PARTS", "web,cron", "knows no cron"),
    ("JOBYARD_SERVE_PARTS", ",", "at least one part"),
    ("JOBYARD_ADMIN", "nobody", "name:password"),
    ("JOBYARD_ADMIN", "ab:longenough", "3 to 16 bytes"),
    ("JOBYARD_ADMIN", "abc:short", "8 to 1024 bytes"),
    ("JOBYARD_PLUGINS_SETTINGS", "{", "JSON"),
    ("JOBYARD_TORK_PREFIX", "tork/", "look like /tork"),
    ("JOBYARD_TORK_PREFIX", "/ui", "belongs to the server"),
    ("JOBYARD_MANTIS_TIME_ZONE", "Mars/Olympus", "no time zone"),
    ("JOBYARD_TICKER_LEASE_S", "60", "duration, 0.5..8"),
    ("CORS", "1", "true or false"),
    ("USAGE_DURATION", "long", "duration"),
    ("HAPROXY_HTTP_PORT", "0", "1..65535"),
    ("TT_SESSION_EXPIRATION", "8", "60 or more"),
    ("TT_SESSION_COOKIE_NAME", "t t", "look like tt"),
    ("TT_SERVER_ADDRESS", "nowhere", "HOST:PORT"),
    ("TT_DATABASE_CONN_STR", "what is this", "host=…"),
    ("TORK_DATASTORE_RETENTION_LOGS_DURATION", "30s", "60 or more"),
    ("TORK_MIDDLEWARE_WEB_BODYLIMIT", "500X", "500K"),
    ("TORK_RUNTIME_SHELL_CMD", "bash '-c", "quotes closed"),
    ("TORK_WORKER_LIMITS_TIMEOUT", "60", "1h30m"),
    ("TORK_WORKER_QUEUES_GPU", "x", "for gpu"),
    ("TORK_BROKER_TYPE", "rabbitmq", "inmemory, redis"),
    ("TORK_BROKER_TYPE", "redis", "redis.url"),
    ("TORK_DATASTORE_TYPE", "postgres", "datastore.postgres.dsn"),
]


@pytest.mark.parametrize(("name", "value", "words"), BAD_VARIABLES)
def test_bad_variable_is_one_fault_that_says_what_it_must_be(name, value, words):
    (fault,) = _faults({name: value})
    assert words in fault


def test_fault_names_its_source():
    assert _faults({"JOBYARD_LOG_LEVEL": "loud"})[0].startswith("JOBYARD_LOG_LEVEL: must be one of")
    assert _faults(bind="x")[0].startswith("option bind: must be HOST:PORT")


BAD_FILES = [
    ("bind = 8000", "bind: must be HOST:PORT"),
    ("embedded = 'true'", "embedded: must be true or false"),
    ("embedded = 1", "embedded: must be true or false"),
    ("[web]\nprocesses = '2'", "web.processes: must be a whole number"),
    ("[web]\nprocesses = true", "web.processes: must be a whole number"),
    ("[web]\nprocesses = 2.0", "web.processes: must be a whole number"),
    ("[worker]\ngrace_s = nan", "worker.grace_s: must be a duration"),
    ("[worker]\ngrace_s = inf", "worker.grace_s: must be a duration"),
    ("[worker]\nqueues = 3", "worker.queues: must be a table"),
    ("[worker.queues]\n'tork/default' = '3'", "for tork/default must be a whole number"),
    ("data_dir = ''", "data_dir: must be a path"),
    ("data_dir = 1979-05-27", "data_dir: must be text"),
    ("data_dir = 'a\\u0000b'", "no key a"),
    ("[plugins]\nblocked = [1]", "plugins.blocked: must be a list of texts"),
    ("[plugins]\nsettings = { core_hmi = 3 }", "plugins.settings: must be tables"),
    ("bnd = 'h:1'", "there is no key bnd; did you mean bind?"),
    ("[wokrer]\ngrace_s = 1", "no key wokrer.grace_s; did you mean worker.grace_s?"),
    ("[tork.runtime]\ntyp = 'shell'", "did you mean tork.runtime.type?"),
    ("[manticore]\njwt_secrt = 'x'", "did you mean manticore.jwt_secret?"),
    ("[bind]\nhost = 'h'", "there is no key bind.host"),
    ("tork = 3", "tork is a table, not a value"),
    ("config = 'other.toml'", "there is no key config;"),
    ("'web.processes' = 2\n[web]\nprocesses = 2", "web.processes: is given twice"),
    ("[tork]\ncoordinator.address = 3", "tork.coordinator.address: must be HOST:PORT"),
    ("bind = ", "is not TOML"),
    ("a = 1\na = 2", "is not TOML"),
    ("x = " + "9" * 5000, "is not TOML"),
    ("x = " + "[" * 5000 + "]" * 5000, "is not TOML"),
]


@pytest.mark.parametrize(("toml", "words"), BAD_FILES)
def test_bad_file_is_refused_with_the_key_and_the_nearest_name(tmp_path, toml, words):
    file = tmp_path / "f.toml"
    file.write_text(toml)
    if words == "no key a":  # a TOML literal string keeps the backslash; a basic one does not
        file.write_text('data_dir = "a\\u0000b"')
        words = "NUL"
    assert words in _faults(config=file)[0]


def test_file_that_cannot_be_read_is_a_fault(tmp_path):
    missing = tmp_path / "none.toml"
    assert _faults({"JOBYARD_CONFIG": str(missing)}) == (
        f"{missing}: cannot be read: No such file or directory",
    )
    assert "Is a directory" in _faults(config=tmp_path)[0]


def test_file_that_is_not_utf8_is_a_fault_and_a_byte_order_mark_is_not(tmp_path):
    file = tmp_path / "f.toml"
    file.write_bytes(b'bind = "\xff"')
    assert _faults(config=file) == (f"{file}: is not UTF-8 (byte 8)",)
    file.write_bytes(b'\xef\xbb\xbfbind = "h:1"')
    assert load({}, options={"config": file}).server.bind == "h:1"


def test_all_faults_are_reported_together(tmp_path):
    file = tmp_path / "f.toml"
    file.write_text("bnd = 1\n[web]\nprocesses = 0\n[worker]\nlease_s = 20\n")
    environ = {"JOBYARD_BIN": "x", "JOBYARD_LOG_LEVEL": "loud"}
    with pytest.raises(SettingsError) as caught:
        load(environ, options={"config": file, "dta_dir": "x"})
    text = str(caught.value)
    for part in (
        "option dta_dir: there is no such setting; did you mean data_dir?",
        "JOBYARD_BIN: there is no such variable; did you mean JOBYARD_BIND?",
        "bnd; did you mean bind?",
        "web.processes: must be",
        "JOBYARD_LOG_LEVEL: must be",
        "worker.lease_s (20 s) must be longer than twice worker.renew_s (10 s)",
    ):
        assert part in text
    assert text.startswith("6 settings are wrong:\n  - ")


def test_faults_never_repeat_a_secret():
    faults = _faults(
        {
            "JOBYARD_ADMIN": "hunter22",
            "JOBYARD_DATABASE_URL": "mysql://u:hunter22@h/d",
            "JOBYARD_PLUGINS_SETTINGS": "hunter22",
            "TT_DATABASE_CONN_STR": "hunter22",
        }
    )
    assert len(faults) == 3
    assert "hunter22" not in str(faults)


def test_secret_in_a_dialects_address_is_not_repeated_either():
    assert "hunter22" not in str(_faults({"TT_DATABASE_CONN_STR": "hunter22"}))


def test_variables_of_the_test_suite_are_ignored():
    assert load({"JOBYARD_TEST_POSTGRES": "x"}) == load({})


def test_unknown_variables_of_dialects_only_warn():
    warnings = load(
        {
            "TT_SESION_EXPIRATION": "8h",
            "TORK_RUNTIME_TYP": "shell",
            "TORK_CONFIG": "/etc/tork.toml",
            "TORK_BROKER_RABBITMQ_URL": "amqp://h",
            "TORK_OUTPUT": "/tmp/o",
            "TORK_PROGRESS": "/tmp/p",
            "UNRELATED": "1",
        }
    ).warnings
    assert warnings == (
        "TT_SESION_EXPIRATION is not known; did you mean TT_SESSION_EXPIRATION?",
        "TORK_BROKER_RABBITMQ_URL has no effect: events go through Redis or the embedded bus",
        "TORK_CONFIG has no effect: name the file by JOBYARD_CONFIG, options below [tork]",
        "TORK_RUNTIME_TYP is not known; did you mean TORK_RUNTIME_TYPE?",
    )


def test_key_without_effect_in_the_file_warns(tmp_path):
    file = tmp_path / "f.toml"
    file.write_text("[tork]\nlocker.type = 'postgres'\n")
    (warning,) = load({}, options={"config": file}).warnings
    assert "tork.locker.type has no effect" in warning


def test_incomplete_groups_of_manticore_warn():
    (warning,) = load({"USAGE_DURATION": "60"}).warnings
    assert warning == (
        "manticore.usage_duration: no effect without"
        " manticore.warning_duration, manticore.reset_timer_allowed"
    )
    whole = load({"USAGE_DURATION": "60", "WARNING_DURATION": "0", "RESET_TIMER_ALLOWED": "false"})
    assert whole.manticore.limits_usage
    assert whole.warnings == ()


def test_two_dialects_that_name_different_addresses_are_refused():
    environ = {"TT_SERVER_ADDRESS": "h:1", "TORK_COORDINATOR_ADDRESS": "h:2"}
    assert _faults(environ) == (
        "TT_SERVER_ADDRESS and TORK_COORDINATOR_ADDRESS: differ; set bind, which wins over both",
    )
    assert load(environ | {"JOBYARD_BIND": "h:3"}).server.bind == "h:3"
    environ["TORK_COORDINATOR_ADDRESS"] = "h:1"
    assert load(environ).server.bind == "h:1"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"worker.lease_s": 20}, "worker.lease_s (20 s) must be longer"),
        ({"ticker.lease_s": 2}, "ticker.lease_s (2 s) must be longer"),
        ({"mantis.heartbeat_interval_s": 45}, "mantis.worker_timeout_s x 1.5 (90 s)"),
        ({"manticore.tcp_port_start": 2, "manticore.tcp_port_end": 1}, "tcp_port_start"),
        ({"manticore.min_delay_buffer": 2}, "min_delay_buffer must not be above"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(options, words):
    (fault,) = _faults(**options)
    assert words in fault


CLOSED = {
    "JWT_SECRET": "s",
    "JOBYARD_MANTIS_REQUIRE_TOKEN": "true",
    "JOBYARD_TASK_TRACKER_REQUIRE_TOKEN": "true",
    "JOBYARD_FLAMENCO_ENABLED": "false",
    "TORK_MIDDLEWARE_WEB_KEYAUTH_ENABLED": "true",
    "JOBYARD_API_REQUIRE_TOKEN": "true",
}


@pytest.mark.parametrize("bind", ["127.0.0.1:1", "localhost:1", "[::1]:1", "127.9.9.9:1"])
def test_loopback_is_never_refused(bind):
    assert refusals(load({}, options={"bind": bind}), has_manager=False) == []


@pytest.mark.parametrize("bind", ["0.0.0.0:1", ":1", "[::]:1", "10.0.0.1:1", "example.org:1"])
def test_other_addresses_are_refused_until_anonymous_work_is_allowed_or_shut_out(bind):
    (reason,) = refusals(load({}, options={"bind": bind}))
    assert "manticore, mantis, task_tracker, flamenco, tork, the API of Jobyard" in reason
    assert "allow_anonymous" in reason
    assert refusals(load({"JOBYARD_ALLOW_ANONYMOUS": "1"}, options={"bind": bind})) == []
    assert refusals(load(CLOSED, options={"bind": bind})) == []


@pytest.mark.parametrize("name", sorted(CLOSED))
def test_one_open_api_is_enough_for_a_refusal(name):
    rest = {each: value for each, value in CLOSED.items() if each != name}
    (reason,) = refusals(load(rest, options={"bind": "0.0.0.0:1"}))
    doors = reason.partition("through ")[2].partition(":")[0]
    assert doors
    assert "," not in doors


def test_first_manager_must_be_named_where_strangers_could_register():
    options = {"bind": "0.0.0.0:1", "allow_anonymous": True}
    (reason,) = refusals(load({}, options=options), has_manager=False)
    assert "JOBYARD_ADMIN" in reason
    assert refusals(load({}, options=options), has_manager=True) == []
    named = load({"JOBYARD_ADMIN": "bob:longenough"}, options=options)
    assert refusals(named, has_manager=False) == []


def test_a_range_of_ports_goes_upwards():
    with pytest.raises(SettingsError) as refusal:
        load({"JOBYARD_SERVICES_PORT_START": "3", "JOBYARD_SERVICES_PORT_END": "2"})
    assert "services.port_start must not be above services.port_end" in str(refusal.value)


@pytest.mark.parametrize("raw", ["[]", "7", '"x"', "{", "null"])
def test_one_free_table_is_a_table(raw):
    with pytest.raises(SettingsError, match="JOBYARD_MANTICORE_JOBS: must be a table"):
        load({"JOBYARD_MANTICORE_JOBS": raw})
