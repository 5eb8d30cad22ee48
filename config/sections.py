"""The settings of the whole server, section by section; the dialects' are in config.dialects."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from config.addresses import Address, Certificates, Folder, Networks, Url
from config.declare import setting
from config.kinds import Choice, Flag, Seconds, Size, Slots, Tables, Text, Whole, Words

PARTS = ("web", "ticker", "worker")
DEFAULT_QUEUES = {
    "tork/default": 10,
    "jobyard/default": 4,
    # As many of one as of the other: else parts that run would wait for parts that never get room.
    "manticore/core": 64,
    "manticore/hmi": 64,
    # Workers of job clusters mostly live long.
    "mantis/default": 256,
    "jobyard/core": 16,
    "jobyard/hmi": 16,
}
# Words of other programs' level scales on the left, ours on the right.
LEVELS = Choice(
    ("debug", "info", "warning", "error", "critical"),
    also={"trace": "debug", "warn": "warning", "fatal": "critical", "panic": "critical"},
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerSettings:
    """What one process has only once."""

    config: Path | None = setting(  # noqa: RUF009 - declares a field
        None, Folder(), "The configuration file (TOML).", in_file=False, default_text="no file"
    )
    bind: str = setting("127.0.0.1:8000", Address(), "Address the web part listens on.")
    data_dir: Path = setting(  # noqa: RUF009 - declares a field
        Path("var"), Folder(), "Folder of the database file, uploads, sockets and work folders."
    )
    embedded: bool = setting(
        False, Flag(), "Start a ticker and a worker beside a web part run by gunicorn itself."
    )
    trusted_proxies: int = setting(
        0, Whole(0, 10), "Proxies in front whose `X-Forwarded-*` headers are believed.",
        unit="proxies",
    )  # fmt: skip

    @property
    def host(self) -> str:
        """The host of `bind`, without the brackets of an IPv6 address."""
        return self.bind.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port of `bind`; 0 lets the system choose one."""
        return int(self.bind.rpartition(":")[2])


@dataclass(frozen=True, kw_only=True, slots=True)
class SecuritySettings:
    """Who may do what, and what is encrypted."""

    allow_anonymous: bool = setting(
        False, Flag(), "Let anybody who reaches an address other than loopback submit work."
    )
    admin: str = setting(
        "", Text(r"[^:\s]+:.+", "name:password"),
        "First web manager, created at start, as `name:password`.", secret=True,
        default_text="nobody",
    )  # fmt: skip
    encryption_key: str = setting(
        "", Text(), "Key that encrypts what jobs are, hold and give, where it is stored.",
        secret=True, default_text="stored as it is",
    )  # fmt: skip
    old_encryption_keys: tuple[str, ...] = setting(
        (), Words(), "Earlier keys: what they encrypted can be read, nothing is encrypted by them.",
        secret=True,
    )  # fmt: skip
    webhook_allow: tuple[str, ...] = setting(
        (), Networks(), "Addresses or networks webhooks may reach although they are link-local or"
        " metadata addresses, or private ones while those are forbidden.",
        key="security.webhook_allow",
    )  # fmt: skip
    webhook_private: bool = setting(
        True, Flag(), "Let webhooks reach private addresses and the server's own host.",
        key="security.webhook_private",
    )  # fmt: skip
    webhook_ca: Path | None = setting(  # noqa: RUF009 - declares a field
        None, Certificates(), "Certificate authorities, or certificates of receivers, that webhooks"
        " trust beside those of the system: a PEM file.",
        key="security.webhook_ca", default_text="those of the system alone",
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class ServeSettings:
    """What `jobyard serve` starts."""

    parts: tuple[str, ...] = setting(PARTS, Words(PARTS), "The parts it starts and keeps alive.")


@dataclass(frozen=True, kw_only=True, slots=True)
class WebSettings:
    """The web part."""

    processes: int = setting(2, Whole(1, 256), "Web processes.", unit="processes")
    connections: int = setting(
        10_000, Whole(10, 1_000_000),
        "Connections one web process holds; each websocket or event stream keeps one.",
        unit="connections",
    )  # fmt: skip
    timeout_s: float = setting(
        60.0, Seconds(1), "A web process silent for longer is replaced.", unit="s"
    )
    drain_s: float = setting(
        10.0, Seconds(0), "How long a stopping web process lets requests end.", unit="s"
    )
    open_pages: bool = setting(
        False, Flag(), "Show the pages that want no login to browsers on other machines, too."
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiSettings:
    """Our own API, `/api/jobyard/v1`."""

    require_token: bool = setting(False, Flag(), "Want an API token on `/api/jobyard/v1`.")
    max_body_bytes: int = setting(4 << 20, Size(), "Largest request body.", unit="bytes")


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseSettings:
    """The one store."""

    url: str = setting(
        "", Url(("sqlite", "postgresql")), "The database.",
        default_text="`sqlite:///<data_dir>/jobyard.db`",
    )  # fmt: skip
    synchronous: str = setting(
        "NORMAL", Choice(("NORMAL", "FULL")),
        "SQLite only: NORMAL may lose the last commits at a power cut, FULL never, at a third of"
        " the speed.",
    )  # fmt: skip
    pool_size: int = setting(
        20, Whole(1, 1000), "Connections each process opens at most.", unit="connections"
    )

    @property
    def sqlite_path(self) -> Path | None:
        """The database file; None when the database is PostgreSQL."""
        if not self.url.startswith("sqlite:///"):
            return None
        return Path(self.url.removeprefix("sqlite:///"))


@dataclass(frozen=True, kw_only=True, slots=True)
class BusSettings:
    """What wakes watchers."""

    redis_url: str = setting(
        "", Url(("redis", "rediss", "unix")), "Redis for events across hosts.", key="url",
        default_text="the embedded bus of one host",
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerSettings:
    """Our worker daemon."""

    enabled: bool = setting(True, Flag(), "Let `serve` and `JOBYARD_EMBEDDED` start a worker.")
    name: str = setting("", Text(), "Name of the worker.", default_text="the host's name")
    queues: Mapping[str, int] = setting(
        lambda: dict(DEFAULT_QUEUES), Slots(), "Slots for each queue it claims from.", unit="slots"
    )
    grace_s: float = setting(
        10.0, Seconds(0, 86_400), "How long running tasks may go on after SIGTERM.", unit="s"
    )
    renew_s: float = setting(
        10.0, Seconds(0.1, 3600), "Time between two renewals of its leases.", unit="s"
    )
    lease_s: float = setting(
        60.0, Seconds(1, 86_400), "Lease of a task whose dialect names no length of its own.",
        unit="s",
    )  # fmt: skip
    docker_host: str = setting(
        "", Url(("unix", "tcp", "ssh", "http", "https")), "Address of the container engine.",
        also=("DOCKER_HOST",), default_text="the usual sockets of Docker and Podman",
    )  # fmt: skip
    work_dir: Path | None = setting(  # noqa: RUF009 - declares a field
        None, Folder(), "Parent of the tasks' folders.", default_text="`<data_dir>/work`"
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceSettings:
    """Services, such as parts of environments, that our worker daemon keeps alive."""

    listen: str = setting(
        "127.0.0.1", Text(r"[0-9A-Fa-f.:]+", "127.0.0.1", blank=False),
        "Address of the machine that services listen on.",
    )  # fmt: skip
    host: str = setting(
        "", Text(r"[A-Za-z0-9.:-]+", "host.example.org"),
        "Name or address that users are given for it.", default_text="`services.listen`",
    )  # fmt: skip
    port_start: int = setting(20_000, Whole(1, 65_535), "First port that services may get.")
    port_end: int = setting(29_999, Whole(1, 65_535), "Last port that services may get.")


@dataclass(frozen=True, kw_only=True, slots=True)
class TickerSettings:
    """The ticker, of which one among many leads."""

    # More than 8 s would break the promise that another ticker takes over within 10 s.
    lease_s: float = setting(5.0, Seconds(0.5, 8), "Lease of the leading ticker.", unit="s")
    renew_s: float = setting(1.0, Seconds(0.1, 4), "Time between two renewals of it.", unit="s")


@dataclass(frozen=True, kw_only=True, slots=True)
class RetentionSettings:
    """How long rows nobody asked to keep are kept."""

    events_s: float = setting(
        86_400.0, Seconds(60), "Age at which events are deleted; streams resume no further back.",
        unit="s",
    )  # fmt: skip
    audit_s: float = setting(
        365 * 86_400.0, Seconds(60), "Age at which entries of the audit log are deleted.", unit="s"
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class PluginSettings:
    """Job types from packages."""

    blocked: tuple[str, ...] = setting((), Words(), "Plugins never loaded, by name.")
    settings: Mapping[str, object] = setting(
        dict, Tables(), "One table for each plugin, handed to its `job_interfaces` as it is."
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class LoggingSettings:
    """Log lines, on standard error."""

    level: str = setting("info", LEVELS, "Records below it are dropped.")
    format: str = setting(
        "json", Choice(("json", "console"), also={"pretty": "console"}),
        "One JSON object on a line, or text for people.",
    )  # fmt: skip
