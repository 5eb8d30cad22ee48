"""What can be asked for: the job types that offer cores and hmis, as one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.api.manticore.errors import Refused, WrongField
from app.domain.errors import PluginFailed
from app.domain.records import Json
from app.hooks.interface import JobInterface
from app.wiring import Services


@dataclass(frozen=True, slots=True)
class Offer:
    """What one job type has."""

    interface: JobInterface
    versions: Sequence[str]
    builds: Sequence[str]
    hmis: Mapping[str, Sequence[str]]

    def has(self, spec: Json) -> bool:
        """Tell whether this very combination can be had."""
        core, hmi = spec["core"], spec["hmi"]
        return (
            core["version"] in self.versions
            and core["build"] in self.builds
            and hmi["version"] in self.hmis.get(hmi["type"], ())
        )


def offers(services: Services) -> list[Offer]:
    """Give what each job type has that answers here; one that fails is left out."""
    wanted = services.settings.manticore.job_plugins
    found = []
    for name, interface in services.plugins.interfaces.items():
        if not wanted or name in wanted:
            offer = _offer(services, interface)
            if offer is not None:
                found.append(offer)
    return found


def _offer(services: Services, interface: JobInterface) -> Offer | None:
    try:
        told = services.plugins.options(interface)
        core = told["core"]
        return Offer(
            interface,
            tuple(map(str, core["versions"])),
            tuple(map(str, core["builds"])),
            {str(hmi["type"]): tuple(map(str, hmi["versions"])) for hmi in told["hmis"]},
        )
    except (PluginFailed, KeyError, TypeError):
        # A job type of another kind, or one that is broken: `/health` tells of that.
        return None


def options(services: Services) -> Json:
    """Give all that can be asked for, in the order of the job types."""
    return _together(offers(services))


def _together(all_offers: Sequence[Offer]) -> Json:
    hmis: dict[str, list[str]] = {}
    for offer in all_offers:
        for kind, versions in offer.hmis.items():
            hmis.setdefault(kind, []).extend(versions)
    return {
        "core": {
            "versions": _once(version for offer in all_offers for version in offer.versions),
            "builds": _once(build for offer in all_offers for build in offer.builds),
        },
        "hmis": [{"type": kind, "versions": _once(each)} for kind, each in hmis.items()],
    }


def _once(values: Any) -> list[str]:
    return list(dict.fromkeys(values))


def merged(spec: Json, body: Json) -> Json:
    """Give a body in which what is left out is as it was. Raises Refused."""
    given = {part: body[part] for part in ("core", "hmi") if body.get(part) is not None}
    return {**spec, **{part: {**spec[part], **_object(given, part)} for part in given}}


def choose(services: Services, body: Json, *, kind: str = "") -> tuple[str, Json]:
    """Give the job type for a body, and its parameters. Raises Refused for the first fault.

    kind: the job type that it must be, where that is settled.
    """
    all_offers = offers(services)
    there = _together(all_offers)
    core, hmi = _object(body, "core"), _object(body, "hmi")
    hmis = {each["type"]: each["versions"] for each in there["hmis"]}
    spec = {
        "core": {
            "version": _one_of(core, "core", "version", there["core"]["versions"]),
            "build": _one_of(core, "core", "build", there["core"]["builds"]),
        }
    }
    shape = _one_of(hmi, "hmi", "type", list(hmis))
    spec["hmi"] = {"type": shape, "version": _one_of(hmi, "hmi", "version", hmis[shape])}
    for offer in all_offers:
        if offer.has(spec) and kind in ("", offer.interface.name):
            return offer.interface.name, services.plugins.load_spec(offer.interface, spec)
    raise Refused("core and hmi cannot be had together in these versions")


def _object(body: Json, name: str) -> Json:
    value = body.get(name)
    if value is None:
        raise Refused(f"{name} is required")
    if not isinstance(value, dict):
        raise WrongField(name, value, "must be an object")
    return value


def _one_of(given: Json, name: str, field: str, known: Sequence[str]) -> str:
    value = given.get(field)
    if value is None:
        raise Refused(f"{name}.{field} is required")
    if not isinstance(value, str) or value not in known:
        raise WrongField(f"{name}.{field}", value, "is none that there is")
    return value
