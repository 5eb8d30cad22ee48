"""Tork's settings, under the option names and variables its users know."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from config.addresses import Folder
from config.declare import setting
from config.dialects import PREFIX_KIND
from config.kinds import Choice, Command, Flag, Seconds, Size, Slots, Text, Whole, Words

_GO = Text(r"0|((\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h))+", "1h30m", word="duration in Go's form")


@dataclass(frozen=True, kw_only=True, slots=True)
class TorkSettings:
    """Container workflows."""

    enabled: bool = setting(True, Flag(), "Answer this dialect's routes.")
    prefix: str = setting("", PREFIX_KIND, "Path all its routes are moved under.")

    logs_retention_s: float = setting(
        604_800.0, Seconds(60), "Age at which log parts are deleted.", unit="s",
        key="datastore.retention.logs.duration",
    )  # fmt: skip
    jobs_retention_s: float = setting(
        31_536_000.0, Seconds(60), "Age at which ended jobs are deleted.", unit="s",
        key="datastore.retention.jobs.duration",
    )  # fmt: skip
    encryption_key: str = setting(
        "", Text(), "Counts as `encryption_key` of the server, and beside one as an earlier key.",
        secret=True,
        key="datastore.encryption.key", default_text="`encryption_key` of the server",
    )  # fmt: skip

    coordinator_name: str = setting(
        "Coordinator", Text(), "Name of the coordinator among the nodes.", key="coordinator.name"
    )
    endpoint_health: bool = setting(
        True, Flag(), "Accepted; `/health` belongs to the server and stays.",
        key="coordinator.api.endpoints.health",
    )  # fmt: skip
    endpoint_jobs: bool = setting(
        True, Flag(), "Answer `/jobs` and `/scheduled-jobs`.", key="coordinator.api.endpoints.jobs"
    )
    endpoint_tasks: bool = setting(
        True, Flag(), "Answer `/tasks`.", key="coordinator.api.endpoints.tasks"
    )
    endpoint_nodes: bool = setting(
        True, Flag(), "Answer `/nodes`.", key="coordinator.api.endpoints.nodes"
    )
    endpoint_queues: bool = setting(
        True, Flag(), "Answer `/queues`.", key="coordinator.api.endpoints.queues"
    )
    endpoint_metrics: bool = setting(
        True, Flag(), "Answer `/metrics`.", key="coordinator.api.endpoints.metrics"
    )
    endpoint_users: bool = setting(
        True, Flag(), "Answer `/users`.", key="coordinator.api.endpoints.users"
    )
    coordinator_queues: Mapping[str, int] = setting(
        dict, Slots(prefixed=True), "Subscribers shown for internal queues, by queue.",
        key="coordinator.queues", default_text="1 each",
    )  # fmt: skip

    worker_name: str = setting(
        "Worker", Text(), "Name of workers among the nodes.", key="worker.name"
    )
    worker_queues: Mapping[str, int] = setting(
        dict, Slots(prefixed=True),
        "Slots of our worker by Tork queue; counts while the server's `worker.queues` is not set.",
        unit="slots", key="worker.queues", default_text="`default` = 10",
    )  # fmt: skip
    limit_cpus: str = setting(
        "", Text(r"\d+(\.\d*)?|\.\d+", "0.5"), "Processors of a task that names no limit.",
        key="worker.limits.cpus", default_text="no limit",
    )  # fmt: skip
    limit_memory: str = setting(
        "", Text(r"(?i)\d+(\.\d+)? ?([kmgtp]i?)?b?", "512m"),
        "Memory of a task that names no limit.", key="worker.limits.memory",
        default_text="no limit",
    )  # fmt: skip
    limit_timeout: str = setting(
        "", _GO, "Time of a task that names no limit.", key="worker.limits.timeout",
        default_text="no limit",
    )  # fmt: skip

    cors_enabled: bool = setting(
        False, Flag(), "Send CORS headers.", key="middleware.web.cors.enabled"
    )
    cors_origins: tuple[str, ...] = setting(
        ("*",), Words(), "Origins allowed.", key="middleware.web.cors.origins"
    )
    cors_methods: tuple[str, ...] = setting(
        ("*",), Words(), "Methods allowed.", key="middleware.web.cors.methods"
    )
    cors_headers: tuple[str, ...] = setting(
        ("*",), Words(), "Headers allowed.", key="middleware.web.cors.headers"
    )
    cors_credentials: bool = setting(
        False, Flag(), "Allow credentials.", key="middleware.web.cors.credentials"
    )
    basicauth_enabled: bool = setting(
        False, Flag(), "Want name and password of a Tork user; see [access.md](access.md).",
        key="middleware.web.basicauth.enabled",
    )  # fmt: skip
    keyauth_enabled: bool = setting(
        False, Flag(), "Want a key as `Authorization: Bearer`; with users on as well, either does.",
        key="middleware.web.keyauth.enabled",
    )  # fmt: skip
    keyauth_key: str = setting(
        "", Text(), "That key.", secret=True, key="middleware.web.keyauth.key",
        default_text="made up once and logged",
    )  # fmt: skip
    ratelimit_enabled: bool = setting(
        False,
        Flag(),
        "Limit requests by client address, over all web processes.",
        key="middleware.web.ratelimit.enabled",
    )
    ratelimit_rps: int = setting(
        20, Whole(1), "The limit.", unit="requests/s", key="middleware.web.ratelimit.rps"
    )
    bodylimit_bytes: int = setting(
        500 * 1024, Size(), "Largest request body.", unit="bytes", key="middleware.web.bodylimit"
    )
    request_log_enabled: bool = setting(
        True, Flag(), "Log each request.", key="middleware.web.logger.enabled"
    )
    request_log_level: str = setting(
        "debug", Choice(("debug", "info", "warning", "error"), also={"warn": "warning",
        "trace": "debug"}), "Level of those records.", key="middleware.web.logger.level",
    )  # fmt: skip
    request_log_skip: tuple[str, ...] = setting(
        ("GET /health",), Words(), "Requests not logged, as `METHOD /path`.",
        key="middleware.web.logger.skip",
    )  # fmt: skip
    redact_enabled: bool = setting(
        True, Flag(), "Mask secrets in answers.", key="middleware.job.redact.enabled"
    )
    redact_patterns: tuple[str, ...] = setting(
        (), Words(), "Key patterns with `*` that are masked instead of the built-in three.",
        key="middleware.job.redact.patterns", default_text="the built-in three",
    )  # fmt: skip
    hostenv_vars: tuple[str, ...] = setting(
        (), Words(), "Variables of the worker copied into tasks, `NAME` or `NAME:ALIAS`.",
        key="middleware.task.hostenv.vars",
    )  # fmt: skip

    bind_allowed: bool = setting(
        False, Flag(), "Let tasks mount folders of the host.", key="mounts.bind.allowed"
    )
    bind_sources: tuple[str, ...] = setting(
        (), Words(), "Folders they may mount.", key="mounts.bind.sources", default_text="all"
    )
    temp_dir: Path | None = setting(  # noqa: RUF009 - declares a field
        None, Folder(), "Parent of the shell runtime's folders.", key="mounts.temp.dir",
        default_text="`worker.work_dir`",
    )  # fmt: skip
    runtime: str = setting(
        "auto", Choice(("auto", "shell", "docker", "podman")),
        "Runtime of tasks; `auto` is a container with an image and a shell without.",
        key="runtime.type",
    )  # fmt: skip
    shell_command: tuple[str, ...] = setting(
        ("bash", "-c"), Command(), "Shell of the shell runtime.", key="runtime.shell.cmd"
    )
    shell_uid: int | None = setting(
        None, Whole(), "User id its tasks run as.", key="runtime.shell.uid",
        default_text="unchanged",
    )  # fmt: skip
    shell_gid: int | None = setting(
        None, Whole(), "Group id its tasks run as.", key="runtime.shell.gid",
        default_text="unchanged",
    )  # fmt: skip
    docker_config: Path | None = setting(  # noqa: RUF009 - declares a field
        None, Folder(), "Docker client configuration that holds registry logins.",
        key="runtime.docker.config", default_text="the engine's own",
    )  # fmt: skip
    docker_privileged: bool = setting(
        False, Flag(), "Run containers privileged.", key="runtime.docker.privileged"
    )
    image_ttl_s: float = setting(
        259_200.0, Seconds(60), "Unused pulled images are removed after it.", unit="s",
        key="runtime.docker.image.ttl",
    )  # fmt: skip
    image_verify: bool = setting(
        False,
        Flag(),
        "Try a pulled image by making a container of it; a damaged one is removed.",
        key="runtime.docker.image.verify",
    )
    podman_privileged: bool = setting(
        False, Flag(), "Run Podman's containers privileged.", key="runtime.podman.privileged"
    )
    podman_host_network: bool = setting(
        False, Flag(), "Let Podman's containers use the host's network.",
        key="runtime.podman.host.network",
    )  # fmt: skip

    @property
    def dialect_queues(self) -> dict[str, int]:
        """`worker_queues` under the names queues bear inside the engine."""
        return {f"tork/{name}": slots for name, slots in self.worker_queues.items()}
