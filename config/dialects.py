"""The dialects' settings. Keys keep the names the originals document.

Each dialect has its table in the file, and where its original reads the environment, those
variables work here too and touch that dialect alone. Tork's are in config.tork.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from config.declare import setting
from config.kinds import Choice, Flag, Seconds, Size, Tables, Text, Whole, Words

# A prefix begins with a slash and never ends with one, so that joining is plain concatenation.
PREFIX_KIND = Text(r"(/[A-Za-z0-9._~-]+)+", "/tork", word="path prefix")
_ENABLED = "Answer this dialect's routes."
_PREFIX = "Path all its routes are moved under."
_TOKEN = "Want an API token, as `Authorization: Bearer`."  # noqa: S105 - text of the manual
_BODY = "Largest request body."


@dataclass(frozen=True, kw_only=True, slots=True)
class ManticoreSettings:
    """Environments from a waiting list."""

    enabled: bool = setting(True, Flag(), _ENABLED)
    prefix: str = setting("", PREFIX_KIND, _PREFIX)
    max_running: int = setting(
        0, Whole(), "Environments that may exist at a time, those starting and stopping included;"
        " 0: no limit of its own.", unit="environments", also=("MANTICORE_SLOTS",),
    )  # fmt: skip
    jwt_secret: str = setting(
        "", Text(), "Key of the JSON web tokens; turns them on.", secret=True,
        also=("JWT_SECRET",), default_text="no tokens",
    )  # fmt: skip
    usage_duration: float | None = setting(
        None, Seconds(), "Time an environment may be used before the warning.", unit="s",
        also=("USAGE_DURATION",), default_text="no limit",
    )  # fmt: skip
    warning_duration: float | None = setting(
        None, Seconds(), "Time between the warning and the removal.", unit="s",
        also=("WARNING_DURATION",), default_text="no limit",
    )  # fmt: skip
    reset_timer_allowed: bool | None = setting(
        None, Flag(strict=True), "Whether activity starts the time anew.",
        also=("RESET_TIMER_ALLOWED",), default_text="no limit",
    )  # fmt: skip
    health_check_period: float | None = setting(
        None, Seconds(1), "Quiet time after which a start is tried out; turns advanced health on.",
        unit="s", also=("HEALTH_CHECK_PERIOD",), default_text="basic health",
    )  # fmt: skip
    cors: bool = setting(True, Flag(strict=True), "Send CORS headers.", also=("CORS",))
    webpage_disabled: bool = setting(
        False, Flag(strict=True), "Switch the page `/ui/environments` off; the API stays.",
        also=("WEBPAGE_DISABLED",),
    )  # fmt: skip
    domain: str = setting(
        "", Text(r"[A-Za-z0-9.-]+", "example.org"), "Public domain of the environments.",
        also=("DOMAIN_NAME",), default_text="plain addresses",
    )  # fmt: skip
    public_port: int | None = setting(
        None, Whole(1, 65_535), "Public port of their web and websocket services.",
        also=("HAPROXY_HTTP_PORT",), default_text="plain addresses",
    )  # fmt: skip
    tcp_port_start: int | None = setting(
        None, Whole(1, 65_535), "First port for their TCP services.",
        also=("TCP_PORT_RANGE_START",), default_text="plain addresses",
    )  # fmt: skip
    tcp_port_end: int | None = setting(
        None, Whole(1, 65_535), "Last port for their TCP services.",
        also=("TCP_PORT_RANGE_END",), default_text="plain addresses",
    )  # fmt: skip
    min_delay_buffer: int = setting(
        0, Whole(0, 60_000), "Quiet time before collected changes are stored.", unit="ms",
        also=("MIN_DELAY_BUFFER",),
    )  # fmt: skip
    max_delay_buffer: int = setting(
        0, Whole(0, 60_000), "Upper bound of that collecting.", unit="ms",
        also=("MAX_DELAY_BUFFER",),
    )  # fmt: skip
    job_plugins: tuple[str, ...] = setting(
        (), Words(), "Job types that answer here.", also=("MODULE_JOB",),
        default_text="all installed",
    )  # fmt: skip
    jobs: Mapping[str, object] = setting(
        dict, Tables("table", single=True), "What environments are made of; docs/environments.md"
        " tells the table.", default_text="the bundled stand-ins",
    )  # fmt: skip
    max_body_bytes: int = setting(1 << 20, Size(), _BODY, unit="bytes")
    ws_ping_interval: float = setting(
        25.0, Seconds(1, 3600), "Time between two websocket pings.", unit="s"
    )
    retry_interval: float = setting(
        5.0, Seconds(0.1, 3600), "Time between two tries to start the head of the list.", unit="s"
    )

    @property
    def limits_usage(self) -> bool:
        """Whether environments are removed for inactivity: only with all three settings given."""
        return None not in (self.usage_duration, self.warning_duration, self.reset_timer_allowed)

    @property
    def public_addresses(self) -> bool:
        """Whether addresses are made from the domain: only with all four settings given."""
        ports = (self.public_port, self.tcp_port_start, self.tcp_port_end)
        return bool(self.domain) and None not in ports


@dataclass(frozen=True, kw_only=True, slots=True)
class MantisSettings:
    """Job clusters kept at their SLA."""

    enabled: bool = setting(True, Flag(), _ENABLED)
    prefix: str = setting("", PREFIX_KIND, _PREFIX)
    require_token: bool = setting(False, Flag(), _TOKEN)
    max_body_bytes: int = setting(4 << 20, Size(), _BODY, unit="bytes")
    ws_ping_interval: float = setting(
        20.0, Seconds(1, 3600), "Time between two websocket pings.", unit="s"
    )
    shell_commands: bool = setting(True, Flag(), "Let artifacts name shell commands to run.")
    heartbeat_interval_s: float = setting(
        20.0, Seconds(1, 3600), "Heartbeat of a worker whose job names none.", unit="s"
    )
    worker_timeout_s: float = setting(
        60.0, Seconds(1, 86_400), "A worker silent for 1.5 times as long is replaced.", unit="s"
    )
    max_resubmits: int = setting(
        100, Whole(0, 10_000), "Failures of workers within an hour after which the next one fails"
        " the job, where the job names no number.", unit="failures",
    )  # fmt: skip
    jobs_retention_s: float = setting(
        2_592_000.0, Seconds(60), "Age at which jobs that are over are deleted.", unit="s"
    )
    stream_map: Mapping[str, object] = setting(
        dict, Tables("table", single=True), "Clusters that serve streams, by application and name"
        " of the stream, as `mantis/publish/streamJobClusterMap` tells it.",
        default_text="one cluster for all",
    )  # fmt: skip
    time_zone: str = setting(
        "UTC",
        Text(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*", "Europe/Berlin", "time zone", blank=False),
        "Zone in which cron texts are read.",
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskTrackerSettings:
    """Tasks for untrusted remote workers."""

    enabled: bool = setting(True, Flag(), _ENABLED)
    prefix: str = setting("", PREFIX_KIND, _PREFIX)
    require_token: bool = setting(False, Flag(), _TOKEN)
    max_body_bytes: int = setting(4 << 20, Size(), _BODY, unit="bytes")
    stored_levels: tuple[str, ...] = setting(
        ("error", "info", "warn"), Words(("fatal", "panic", "error", "warn", "info", "debug",
        "trace")), "Levels of worker log entries that are stored.", key="database.log_levels",
    )  # fmt: skip
    webhook_hash: str = setting(
        "sha256", Choice(("sha1", "sha256")), "Hash of the push webhook's signature.",
        key="git.webhook_hash",
    )  # fmt: skip
    webhook_sig_header: str = setting(
        "X-Gogs-Signature", Text(r"[A-Za-z0-9-]+", "X-Gogs-Signature", blank=False),
        "Header that carries that signature.", key="git.webhook_sig_header",
    )  # fmt: skip
    cookie_name: str = setting(
        "tt", Text(r"[A-Za-z0-9_-]+", "tt", blank=False), "Session cookie of the web managers.",
        key="session.cookie_name",
    )  # fmt: skip
    session_expiration_s: float = setting(
        28_800.0, Seconds(60), "Life of a manager's session.", unit="s", key="session.expiration"
    )
    open_registration: bool = setting(
        True, Flag(), "Let anybody become a manager; the first one always may.",
        key="session.open_registration",
    )  # fmt: skip
    snapshot_interval_s: float = setting(
        120.0, Seconds(1), "Time between two snapshots of each project.", unit="s",
        key="monitoring.snapshot_interval",
    )  # fmt: skip
    history_length_s: float = setting(
        1_440_000.0, Seconds(60), "Age at which snapshots are deleted.", unit="s",
        key="monitoring.history_length",
    )  # fmt: skip
    reset_interval_s: float = setting(
        1.0, Seconds(0.1, 3600), "Time between two searches for timed out assignments.", unit="s",
        key="maintenance.reset_timed_out_tasks_interval",
    )  # fmt: skip
    default_max_assign_time_s: float = setting(
        3600.0, Seconds(1, 2_147_483_647), "Assignment time of a task that names 0.", unit="s",
        key="task.default_max_assign_time",
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class FlamencoSettings:
    """Scenes turned into render commands."""

    enabled: bool = setting(True, Flag(), _ENABLED)
    prefix: str = setting("", PREFIX_KIND, _PREFIX)
    require_token: bool = setting(False, Flag(), _TOKEN)
    max_body_bytes: int = setting(1 << 30, Size(), _BODY, unit="bytes")
    tries: int = setting(
        1, Whole(1, 100), "Different workers that a failing task is tried on before it counts as"
        " failed; 1: its first failure counts.", unit="workers",
    )  # fmt: skip
    block_after: int = setting(
        0, Whole(), "A worker that failed so many tasks of a job and type gets no more of them, and"
        " they are tried elsewhere; 0: never.", unit="tasks",
    )  # fmt: skip
    max_run_s: float = setting(
        0.0, Seconds(0), "A task that renders for longer has failed; 0: however long it takes.",
        unit="s",
    )  # fmt: skip
    storage_dir: str = setting(
        "", Text(), "Folder of job files, outputs and thumbnails; one that web processes of several"
        " hosts have in common.", default_text="`flamenco` in the data directory",
    )  # fmt: skip
