"""All settings of a process, in one frozen value made once at start.

`load` merges what was given, strongest first: option, `JOBYARD_*` variable, the dialect's own
variable, file, default. A dialect's name for what the server has only once (config.catalogue,
ALIASES) counts when ours is given nowhere. Everything wrong is reported at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from config.addresses import Url
from config.catalogue import SECTIONS, SETTINGS
from config.declare import Declared
from config.dialects import (
    FlamencoSettings,
    ManticoreSettings,
    MantisSettings,
    TaskTrackerSettings,
)
from config.kinds import Tables
from config.redaction import MASK, mask_text, masked
from config.rules import conflicts, doubts, refusals
from config.sections import (
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
from config.shared import apply_aliases, derive
from config.sources import SettingsError, Sources, gather
from config.tork import TorkSettings

__all__ = ["Settings", "SettingsError", "effective", "load", "refusals", "shown"]

_NO_OPTIONS: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The settings in force.

    warnings: lines for the log about variables and keys that were given and do nothing.
    origins: by dotted key, where the value came from: `option`, `environment <NAME>`, `file` or
    `default`; a shared setting taken from a dialect's key in the file says `file, <key>`.
    """

    server: ServerSettings
    security: SecuritySettings
    serve: ServeSettings
    web: WebSettings
    api: ApiSettings
    database: DatabaseSettings
    bus: BusSettings
    worker: WorkerSettings
    services: ServiceSettings
    ticker: TickerSettings
    retention: RetentionSettings
    plugins: PluginSettings
    logging: LoggingSettings
    manticore: ManticoreSettings
    mantis: MantisSettings
    task_tracker: TaskTrackerSettings
    flamenco: FlamencoSettings
    tork: TorkSettings
    warnings: tuple[str, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)

    @property
    def encryption_key(self) -> str:
        """The key that encrypts what is stored; empty: none does."""
        return self.security.encryption_key or self.tork.encryption_key

    @property
    def decryption_keys(self) -> tuple[str, ...]:
        """All keys that what is stored may be encrypted by."""
        keys = (self.encryption_key, self.tork.encryption_key, *self.security.old_encryption_keys)
        return tuple(dict.fromkeys(key for key in keys if key))


def load(environ: Mapping[str, str], *, options: Mapping[str, object] = _NO_OPTIONS) -> Settings:
    """Give the settings in force, or raise SettingsError naming everything that is wrong.

    options: by dotted key (`bind`, `data_dir`, `worker.queues`); None counts as not given, text
    is read as a variable's text would be, anything else as a value of the file.
    """
    given = {key: value for key, value in options.items() if value is not None}
    sources = gather(environ, given)
    values: dict[str, object] = {}
    origins: dict[str, str] = {}
    for one in SETTINGS:
        values[one.key], origins[one.key] = _value(one, sources)
    apply_aliases(values, origins, sources)
    derive(values, origins)
    settings = _build(values, origins, sources.warnings)
    faults = sources.faults + conflicts(settings)
    if faults:
        raise SettingsError(faults)
    return _build(values, origins, [*sources.warnings, *doubts(settings)])


def shown(settings: Settings) -> list[tuple[Declared, object, str]]:
    """Give every setting with its value and where that came from; what is secret is masked."""
    return [
        (
            one,
            _shown(one, getattr(getattr(settings, one.section), one.name)),
            settings.origins[one.key],
        )
        for one in SETTINGS
    ]


def effective(settings: Settings) -> dict[str, Any]:
    """Give every setting as the file would nest it, each `{"value": …, "from": …}`.

    Secrets and passwords inside URLs are masked; durations are seconds, sizes bytes.
    """
    tree: dict[str, Any] = {}
    for one, value, origin in shown(settings):
        *path, last = one.key.split(".")
        branch = tree
        for name in path:
            branch = branch.setdefault(name, {})
        branch[last] = {"value": value, "from": origin}
    return tree


def _value(one: Declared, sources: Sources) -> tuple[object, str]:
    found = sources.find(one)
    if found is None:
        return one.default, "default"
    try:
        return one.kind.read(found.raw, text=found.text), found.origin
    except ValueError as error:
        got = f", not {str(found.raw)[:60]!r}" if one.quotable else ""
        sources.faults.append(f"{found.name}: {error}{got}")
        return one.default, found.origin


def _build(
    values: Mapping[str, object], origins: Mapping[str, str], warnings: list[str]
) -> Settings:
    sections: dict[str, Any] = {
        name: section(**{one.name: values[one.key] for one in SETTINGS if one.section == name})
        for name, section, _ in SECTIONS
    }
    return Settings(**sections, warnings=tuple(warnings), origins=dict(origins))


def _shown(one: Declared, value: object) -> object:
    if one.secret:
        return MASK if value else value
    if isinstance(one.kind, Url):
        return mask_text(str(value))
    if isinstance(one.kind, Tables):
        return masked(value)
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, Mapping):
        return dict(value)
    return value if value is None or isinstance(value, bool | int | float) else str(value)
