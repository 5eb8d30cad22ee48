"""Every setting there is: ours, the dialects', and other programs' names for what we have once."""

from dataclasses import dataclass
from types import MappingProxyType

from config.addresses import Address, Dsn
from config.declare import Declared, Section, declared, variable
from config.dialects import (
    FlamencoSettings,
    ManticoreSettings,
    MantisSettings,
    TaskTrackerSettings,
)
from config.kinds import Choice, Kind
from config.sections import (
    LEVELS,
    ApiSettings,
    BusSettings,
    DatabaseSettings,
    LoggingSettings,
    PluginSettings,
    RetentionSettings,
    SecuritySettings,
    ServerSettings,
    ServeSettings,
    ServiceSettings,
    TickerSettings,
    WebSettings,
    WorkerSettings,
)
from config.tork import TorkSettings

# Attribute of Settings, its dataclass, where its settings are found.
SECTIONS: tuple[tuple[str, type, Section], ...] = (
    ("server", ServerSettings, Section()),
    ("security", SecuritySettings, Section()),
    ("serve", ServeSettings, Section(at="serve")),
    ("web", WebSettings, Section(at="web")),
    ("api", ApiSettings, Section(at="api")),
    ("database", DatabaseSettings, Section(at="database")),
    ("bus", BusSettings, Section(at="redis")),
    ("worker", WorkerSettings, Section(at="worker")),
    ("services", ServiceSettings, Section(at="services")),
    ("ticker", TickerSettings, Section(at="ticker")),
    ("retention", RetentionSettings, Section(at="retention")),
    ("plugins", PluginSettings, Section(at="plugins")),
    ("logging", LoggingSettings, Section(at="log")),
    ("manticore", ManticoreSettings, Section(at="manticore")),
    ("mantis", MantisSettings, Section(at="mantis")),
    ("task_tracker", TaskTrackerSettings, Section(at="task_tracker", own="TT_")),
    ("flamenco", FlamencoSettings, Section(at="flamenco")),
    ("tork", TorkSettings, Section(at="tork", own="TORK_")),
)
DIALECTS = ("manticore", "mantis", "task_tracker", "flamenco", "tork")
OWN_PREFIXES = {where.at: where.own for _, _, where in SECTIONS if where.own}

SETTINGS: tuple[Declared, ...] = tuple(
    each for name, section, where in SECTIONS for each in declared(name, section, where)
)
BY_KEY = MappingProxyType({each.key: each for each in SETTINGS})


@dataclass(frozen=True, kw_only=True, eq=False)  # each is itself, and so can key a dict
class Alias:
    """A dialect's name for a setting of the whole server.

    It counts only when given and when ours is given nowhere; the original's default never does.
    `decides` marks a name that only chooses among stores and is judged in config.shared.
    """

    dialect: str
    below: str
    ours: str
    kind: Kind
    decides: bool = False

    @property
    def key(self) -> str:
        """Its dotted key in our file."""
        return f"{self.dialect}.{self.below}"

    @property
    def variable(self) -> str:
        """The dialect's own variable for it."""
        return variable(self.below, OWN_PREFIXES[self.dialect])


_FORMATS = Choice(("json", "console"), also={"pretty": "console"})
ALIASES = (
    Alias(dialect="task_tracker", below="server.address", ours="bind", kind=Address()),
    Alias(dialect="tork", below="coordinator.address", ours="bind", kind=Address()),
    Alias(dialect="task_tracker", below="database.conn_str", ours="database.url", kind=Dsn()),
    Alias(dialect="tork", below="datastore.postgres.dsn", ours="database.url", kind=Dsn()),
    Alias(
        dialect="tork", below="datastore.type", ours="database.url",
        kind=Choice(("sqlite", "postgres")), decides=True,
    ),
    Alias(
        dialect="tork", below="broker.type", ours="redis.url", kind=Choice(("inmemory", "redis")),
        decides=True,
    ),
    Alias(dialect="task_tracker", below="log.level", ours="log.level", kind=LEVELS),
    Alias(dialect="tork", below="logging.level", ours="log.level", kind=LEVELS),
    Alias(dialect="tork", below="logging.format", ours="log.format", kind=_FORMATS),
)  # fmt: skip

# Options of the originals that change nothing here: key in our file -> why. Given, they warn.
WITHOUT_EFFECT = MappingProxyType(
    {
        "task_tracker.git.webhook_secret": "webhook secrets belong to each project",
        "tork.broker.rabbitmq.url": "events go through Redis or the embedded bus",
        "tork.broker.rabbitmq.consumer.timeout": "there is no such limit here",
        "tork.broker.rabbitmq.durable.queues": "queues are rows of the database",
        "tork.broker.rabbitmq.queue.type": "queues are rows of the database",
        "tork.broker.rabbitmq.management.url": "queue figures come from the database",
        "tork.datastore.postgres.max_open_conns": "set database.pool_size instead",
        "tork.datastore.postgres.max_idle_conns": "set database.pool_size instead",
        "tork.datastore.postgres.conn_max_lifetime": "set database.pool_size instead",
        "tork.datastore.postgres.conn_max_idle_time": "set database.pool_size instead",
        "tork.locker.type": "the database keeps schedules from firing twice",
        "tork.worker.address": "our worker listens on no address",
        "tork.client.endpoint": "it is an option of the client",
        "tork.cli.banner.mode": "no banner is printed",
    }
)
