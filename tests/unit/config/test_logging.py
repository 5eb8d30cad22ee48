"""What a log line looks like, whoever wrote the record."""

import json
import logging
import os
import re
import sys
import warnings

import pytest
import structlog

from config.logging import configure, dict_config
from config.sections import LoggingSettings


class Written:
    """What capsys caught on standard error, kept over several looks."""

    def __init__(self, capsys):
        self._capsys = capsys
        self._seen = ""

    def getvalue(self) -> str:
        self._seen += self._capsys.readouterr().err
        return self._seen


@pytest.fixture
def stderr(capsys):
    """Standard error so far as text, with the logging set-up of before restored afterwards."""
    names = ("", "gunicorn.error", "gunicorn.access", "apscheduler", "peewee", "docker", "urllib3",
             "asyncio")  # fmt: skip
    loggers = [logging.getLogger(name) for name in names]
    before = [(each, each.level, each.handlers[:], each.propagate) for each in loggers]
    structlog.contextvars.clear_contextvars()
    yield Written(capsys)
    logging.captureWarnings(capture=False)
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()
    for each, level, handlers, propagate in before:
        each.setLevel(level)
        each.handlers[:] = handlers
        each.propagate = propagate


def _lines(stream) -> list[dict]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_our_record_is_one_json_line_with_its_bound_context(stderr):
    configure(LoggingSettings(), part="web")
    structlog.contextvars.bind_contextvars(request_id="r1")
    structlog.get_logger("app.engine").warning("job failed\nbadly", job_id=7, at={"x": {1, 2}})
    (line,) = _lines(stderr)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert line == {
        "level": "warning", "event": "job failed\nbadly", "logger": "app.engine", "part": "web",
        "pid": os.getpid(), "request_id": "r1", "job_id": 7, "at": {"x": "{1, 2}"},
    }  # fmt: skip


@pytest.mark.parametrize("name", ["gunicorn.error", "gunicorn.access", "apscheduler", "peewee"])
def test_records_of_libraries_take_the_same_form(stderr, name):
    logger = logging.getLogger(name)
    if name.startswith("gunicorn"):  # as gunicorn itself does
        logger.addHandler(logging.StreamHandler(sys.stderr))
        logger.propagate = False
    configure(LoggingSettings(), part="ticker")
    structlog.contextvars.bind_contextvars(job_id="j1")
    logger.warning("took %d of %s", 3, "é")
    (line,) = _lines(stderr)
    assert (line["event"], line["logger"], line["level"]) == ("took 3 of é", name, "warning")
    assert (line["part"], line["job_id"]) == ("ticker", "j1")


def test_fields_given_as_extra_are_members_of_the_line(stderr):
    configure(LoggingSettings(), part="web")
    given = {"action": "plugin_refused", "password": "hidden-1"}
    logging.getLogger("app.hooks").error("refused", extra=given)
    (line,) = _lines(stderr)
    assert (line["event"], line["action"]) == ("refused", "plugin_refused")
    assert "hidden-1" not in stderr.getvalue()


def test_level_holds_for_all_and_statements_are_never_logged(stderr):
    configure(LoggingSettings(level="debug"), part="web")
    structlog.get_logger("a").debug("ours")
    logging.getLogger("peewee").debug("SELECT secret")
    logging.getLogger("apscheduler.scheduler").info("each tick")
    configure(LoggingSettings(level="error"), part="web")
    structlog.get_logger("b").warning("dropped")
    logging.getLogger("apscheduler").warning("dropped")
    structlog.get_logger("b").error("kept")
    assert [line["event"] for line in _lines(stderr)] == ["ours", "kept"]


@pytest.mark.parametrize("style", ["json", "console"])
def test_secrets_are_masked_in_every_form(stderr, style):
    configure(LoggingSettings(format=style), part="web")
    structlog.contextvars.bind_contextvars(session_token="hunter22")
    log = structlog.get_logger("a")
    log.info("up", db="postgresql://u:hunter22@h/d", headers={"Authorization": "hunter22"})
    logging.getLogger("x").info("to %s", "redis://:hunter22@h")
    password = "hunter22"  # a local variable no traceback may print
    try:
        int(f"http://u:{password}@h")
    except ValueError:
        log.exception("broke", passcode=password)
    text = stderr.getvalue()
    assert "hunter22" not in text
    assert text.count("********") >= 6
    assert "ValueError: invalid literal" in text


def test_exception_is_text_in_the_one_line(stderr):
    configure(LoggingSettings(), part="worker")
    try:
        {}["k"]
    except KeyError:
        logging.getLogger("x").exception("foreign")
        structlog.get_logger("y").exception("own")
    for line in _lines(stderr):
        assert line["exception"].startswith("Traceback")
        assert line["exception"].endswith("KeyError: 'k'")


def test_a_field_cannot_pose_as_a_fact_of_the_record(stderr):
    configure(LoggingSettings(), part="worker")
    structlog.get_logger("y").info("e", level="critical", pid=1, part="web", logger="z")
    (line,) = _lines(stderr)
    assert (line["level"], line["pid"], line["part"], line["logger"]) == (
        "info", os.getpid(), "worker", "y",
    )  # fmt: skip


def test_python_warnings_are_records(stderr):
    configure(LoggingSettings(), part="worker")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        configure(LoggingSettings(), part="worker")
        warnings.warn("old thing", UserWarning, stacklevel=1)
    (line,) = _lines(stderr)
    assert line["logger"] == "py.warnings"
    assert "old thing" in line["event"]


def test_console_form_is_for_people(stderr):
    configure(LoggingSettings(format="console"), part="web")
    structlog.get_logger("y").info("hello", job_id=4)
    assert "hello" in stderr.getvalue()
    assert "job_id=4" in stderr.getvalue()
    assert not stderr.getvalue().startswith("{")


def test_gunicorn_takes_the_form_from_its_first_line(stderr):
    from gunicorn.config import Config
    from gunicorn.glogging import Logger

    config = Config()
    config.set("logconfig_dict", dict_config(LoggingSettings(), part="web"))
    config.set("accesslog", "-")
    logger = Logger(config)
    logger.info("Starting gunicorn %s", "27")
    (line,) = _lines(stderr)
    assert (line["event"], line["logger"]) == ("Starting gunicorn 27", "gunicorn.error")
