"""Where values come from: options, variables, the file; and which names none of them knows."""

import difflib
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from config.catalogue import ALIASES, BY_KEY, OWN_PREFIXES, SETTINGS, WITHOUT_EFFECT, Alias
from config.declare import PREFIX, Declared, variable
from config.kinds import Slots, Tables

TEST_PREFIX = "JOBYARD_TEST_"
# Whoever uses a server from the command line may well start one there, too.
_CLIENT_VARIABLES = frozenset({"JOBYARD_SERVER", "JOBYARD_TOKEN"})
# Tork hands these to tasks, and a server may well be started from within one.
_TORK_TASK_VARIABLES = frozenset({"TORK_OUTPUT", "TORK_PROGRESS"})


class SettingsError(ValueError):
    """Settings that cannot be used; `faults` has one line for each, none with a secret in it."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        head = "1 setting is" if len(self.faults) == 1 else f"{len(self.faults)} settings are"
        super().__init__(f"{head} wrong:\n" + "\n".join(f"  - {fault}" for fault in self.faults))


@dataclass(frozen=True)
class Given:
    """A value somebody gave: as text or as TOML, the name it bore, and what kind of source."""

    raw: object
    text: bool
    name: str
    origin: str


@dataclass(frozen=True, kw_only=True)
class Sources:
    """All values given, by source. `faults` collects names nobody knows."""

    options: Mapping[str, object]
    environ: Mapping[str, str]
    file: Mapping[str, object]
    file_name: str
    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def find(self, one: Declared) -> Given | None:
        """Give the strongest value of a setting, None when nobody gave one."""
        if (option := self.options.get(one.key)) is not None:
            return Given(option, isinstance(option, str), f"option {one.key}", "option")
        for name in (one.variable, *one.also):
            if given := self._variable(name):
                return given
            if isinstance(one.kind, Slots) and one.kind.prefixed and name in one.also:
                found = _by_name(self.environ, f"{name}_")
                if found:
                    return Given(found, True, f"{name}_*", f"environment {name}_*")
        return self._from_file(one.key) if one.in_file and not self._is_blank(one) else None

    def find_alias(self, alias: Alias) -> Given | None:
        """Give what a dialect's own name for a shared setting says."""
        return self._variable(alias.variable) or self._from_file(alias.key)

    def _variable(self, name: str) -> Given | None:
        # An empty variable counts as not set: compose files pass those for what is left out.
        value = self.environ.get(name, "")
        return Given(value, True, name, f"environment {name}") if value else None

    def _from_file(self, key: str) -> Given | None:
        if key not in self.file:
            return None
        return Given(self.file[key], False, f"{self.file_name}: {key}", "file")

    def _is_blank(self, one: Declared) -> bool:
        # Sample files of the originals leave optional numbers as "".
        return one.default is None and self.file.get(one.key) == ""


def gather(environ: Mapping[str, str], options: Mapping[str, object]) -> Sources:
    """Read the file the options or the environment name, and check every name."""
    faults: list[str] = []
    config = options.get("config") or environ.get(variable("config")) or None
    document: Mapping[str, object] = {}
    if config is not None:
        document = _read_file(Path(str(config)), faults)
    sources = Sources(
        options=options,
        environ=environ,
        file=dict(_flat(document, "", faults)),
        file_name=str(config),
        faults=faults,
    )
    _check_names(sources)
    return sources


def nearest(name: str, known: Iterable[str]) -> str:
    """Give words that point to the known name most like it."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.7)
    return f"did you mean {close[0]}?" if close else "see docs/settings.md for all of them"


def _read_file(path: Path, faults: list[str]) -> Mapping[str, object]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        faults.append(f"{path}: cannot be read: {error.strerror or error}")
    except UnicodeDecodeError as error:
        faults.append(f"{path}: is not UTF-8 (byte {error.start})")
    except (ValueError, RecursionError) as error:  # the first also for a number of 5000 digits
        faults.append(f"{path}: is not TOML: {error}")
    return {}


def _flat(table: Mapping[str, object], at: str, faults: list[str]) -> Iterator[tuple[str, object]]:
    """Give dotted keys; tables that are themselves a value stay whole."""
    seen: set[str] = set()
    for name, value in table.items():
        key = f"{at}.{name}" if at else name
        whole = key in BY_KEY and isinstance(BY_KEY[key].kind, Slots | Tables)
        pairs: Iterable[tuple[str, object]] = [(key, value)]
        if isinstance(value, dict) and not whole:
            pairs = _flat(value, key, faults)
        for each, below in pairs:
            if each in seen:  # "a.b" = 1 beside [a] b = 1
                faults.append(f"{each}: is given twice in the file")
            seen.add(each)
            yield each, below


def _check_names(sources: Sources) -> None:
    faults, warnings = sources.faults, sources.warnings
    faults += [
        f"option {key}: there is no such setting; {nearest(key, BY_KEY)}"
        for key in sources.options
        if key not in BY_KEY
    ]
    ours = {one.variable for one in SETTINGS}
    faults += [
        f"{name}: there is no such variable; {nearest(name, ours)}"
        for name in sorted(sources.environ)
        if name.startswith(PREFIX)
        and name not in ours
        and name not in _CLIENT_VARIABLES
        and not name.startswith(TEST_PREFIX)
    ]
    in_file = [one.key for one in SETTINGS if one.in_file]
    known = {*in_file, *WITHOUT_EFFECT, *(alias.key for alias in ALIASES)}
    for key in sources.file:
        if key in WITHOUT_EFFECT:
            warnings.append(f"{sources.file_name}: {key} has no effect: {WITHOUT_EFFECT[key]}")
        elif key not in known and any(each.startswith(f"{key}.") for each in known):
            faults.append(f"{sources.file_name}: {key} is a table, not a value")
        elif key not in known:
            faults.append(f"{sources.file_name}: there is no key {key}; {nearest(key, known)}")
    for dialect, prefix in OWN_PREFIXES.items():
        _check_own_variables(sources, dialect, prefix)


def _check_own_variables(sources: Sources, dialect: str, prefix: str) -> None:
    """Warn about a dialect's variables that nobody reads; its original's users know the names."""
    idle = {
        variable(key.removeprefix(f"{dialect}."), prefix): why
        for key, why in WITHOUT_EFFECT.items()
        if key.startswith(f"{dialect}.")
    }
    idle["TORK_CONFIG"] = "name the file by JOBYARD_CONFIG, options below [tork]"
    known = {alias.variable for alias in ALIASES if alias.dialect == dialect}
    open_ended = []
    for one in SETTINGS:
        if one.section == dialect:
            known.update(one.also)
            if isinstance(one.kind, Slots) and one.kind.prefixed:
                open_ended += [f"{name}_" for name in one.also]
    for name in sorted(sources.environ):
        if not name.startswith(prefix) or name in known or name in _TORK_TASK_VARIABLES:
            continue
        if name in idle:
            sources.warnings.append(f"{name} has no effect: {idle[name]}")
        elif not name.startswith(tuple(open_ended)):
            sources.warnings.append(f"{name} is not known; {nearest(name, known)}")


def _by_name(environ: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {
        name.removeprefix(prefix).lower(): value
        for name, value in sorted(environ.items())
        if name.startswith(prefix) and value
    }
