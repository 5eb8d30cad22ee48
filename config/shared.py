"""Values of whole-server settings that nobody gave but that other settings imply."""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from config.catalogue import ALIASES, Alias
from config.sections import DEFAULT_QUEUES
from config.sources import Given, Sources

Values = dict[str, object]
ENVIRONMENTS = "core_hmi"
"""The plugin that `manticore.jobs` is for."""


def apply_aliases(values: Values, origins: dict[str, str], sources: Sources) -> None:
    """Let the dialects' names count for each shared setting that has only its default.

    Among several, variables win over the file; two that differ are a fault, since choosing
    silently would ignore what somebody wrote.
    """
    read = {
        alias: (given, value)
        for alias in ALIASES
        if origins[alias.ours] == "default"
        and (given := sources.find_alias(alias))
        and (value := _read(alias, given, sources.faults)) is not None
    }
    _judge_stores(read, sources.faults)
    for ours in dict.fromkeys(alias.ours for alias in read):
        found = [each for alias, each in read.items() if alias.ours == ours]
        strongest = [each for each in found if each[0].text] or found
        if len({value for _, value in strongest}) > 1:
            names = " and ".join(given.name for given, _ in strongest)
            sources.faults.append(f"{names}: differ; set {ours}, which wins over both")
        elif strongest:
            given, values[ours] = strongest[0]
            origins[ours] = given.origin if given.text else f"file, {given.name.split()[-1]}"


def _read(alias: Alias, given: Given, faults: list[str]) -> object:
    try:
        return alias.kind.read(given.raw, text=given.text)
    except ValueError as error:
        faults.append(f"{given.name}: {error}")
        return None


def _judge_stores(read: dict[Alias, tuple[Given, object]], faults: list[str]) -> None:
    """Settle the names that choose a store without saying where it is."""
    for alias in [alias for alias in read if alias.decides]:
        given, word = read.pop(alias)
        if word == "sqlite":
            # Its own dsn then names a server that was not chosen.
            for other in [o for o in read if o.ours == alias.ours and o.dialect == alias.dialect]:
                del read[other]
        elif word == "redis":
            faults.append(f"{given.name}: redis needs its address in redis.url")
        elif word == "postgres" and not any(other.ours == alias.ours for other in read):
            faults.append(
                f"{given.name}: postgres needs its address in datastore.postgres.dsn"
                " or database.url"
            )


def derive(values: Values, origins: dict[str, str]) -> None:
    """Work out the defaults that hang on other settings."""
    data_dir = cast("Path", values["data_dir"]).absolute()
    values["data_dir"] = data_dir
    values["database.url"] = values["database.url"] or f"sqlite:///{data_dir / 'jobyard.db'}"
    values["worker.work_dir"] = values["worker.work_dir"] or data_dir / "work"
    if values["manticore.jobs"]:
        tables = cast("Mapping[str, object]", values["plugins.settings"])
        # An entry of its own there is the stronger one.
        values["plugins.settings"] = {ENVIRONMENTS: values["manticore.jobs"], **tables}
    of_tork = cast("Mapping[str, int]", values["tork.worker.queues"])
    if of_tork and origins["worker.queues"] == "default":
        kept = {name: n for name, n in DEFAULT_QUEUES.items() if not name.startswith("tork/")}
        values["worker.queues"] = kept | {f"tork/{name}": n for name, n in of_tork.items()}
        origins["worker.queues"] = origins["tork.worker.queues"]
