"""Building the services of a process from its settings; the only place that composes them."""

from dataclasses import dataclass
from pathlib import Path

from app.bus import Bus
from app.bus.local import LocalBus
from app.data.buckets import RowBuckets
from app.data.db import Store
from app.data.vault import Vault
from app.domain.clock import Clock, SystemClock
from app.engine import Engine
from app.engine.limits import Buckets
from app.engine.prune import Retention
from app.hooks.manager import PluginManager
from config.settings import Settings

VERSION = "0.1.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What a process works with; `close` it at the end."""

    settings: Settings
    store: Store
    log_store: Store
    bus: Bus
    plugins: PluginManager
    engine: Engine

    def close(self) -> None:
        """Close connections and sockets."""
        self.bus.close()
        self.store.release_all()
        if self.log_store is not self.store:
            self.log_store.release_all()


def build(settings: Settings, *, clock: Clock | None = None) -> Services:
    """Connect and load everything; touches the database only when somebody asks something of it.

    Under gevent, patch before calling this.
    """
    settings.server.data_dir.mkdir(parents=True, exist_ok=True)
    store, log_store = stores(settings)
    bus = _bus(settings)
    plugins = PluginManager.load(
        blocked=settings.plugins.blocked, settings=settings.plugins.settings
    )
    engine = Engine(
        store,
        log_store,
        bus,
        clock=clock or SystemClock(),
        plugins=plugins,
        retention=Retention(
            jobs_s=settings.tork.jobs_retention_s,
            logs_s=settings.tork.logs_retention_s,
            events_s=settings.retention.events_s,
            audit_s=settings.retention.audit_s,
            sparing=("mantis",),
        ),
        buckets=_buckets(settings, store),
    )
    return Services(
        settings=settings,
        store=store,
        log_store=log_store,
        bus=bus,
        plugins=plugins,
        engine=engine,
    )


def stores(settings: Settings) -> tuple[Store, Store]:
    """Open the database, and the one for log text.

    On SQLite that is a file of its own beside the first: a flood of output must not hold the
    write lock that claims need. On PostgreSQL both are the same.
    """
    database = settings.database
    store = Store(
        database.url,
        pool_size=database.pool_size,
        synchronous=database.synchronous,
        vault=Vault(settings.encryption_key, settings.decryption_keys),
    )
    if database.sqlite_path is None:
        return store, store
    beside = log_path(database.sqlite_path)
    return store, Store(
        f"sqlite:///{beside}", pool_size=database.pool_size, synchronous=database.synchronous
    )


def log_path(database: Path) -> Path:
    """Name the file of log text that belongs to a SQLite database."""
    return database.with_name(f"{database.stem}-logs{database.suffix}")


def _buckets(settings: Settings, store: Store) -> Buckets:
    rows = RowBuckets(store)
    if settings.bus.redis_url:
        from app.data.redis_buckets import RedisBuckets  # noqa: PLC0415 - as for the bus

        return RedisBuckets(settings.bus.redis_url, otherwise=rows)
    return rows


def _bus(settings: Settings) -> Bus:
    if settings.bus.redis_url:
        # Only who uses Redis pays for loading its client.
        from app.bus.redis import RedisBus  # noqa: PLC0415

        return RedisBus(settings.bus.redis_url)
    return LocalBus(settings.server.data_dir)
