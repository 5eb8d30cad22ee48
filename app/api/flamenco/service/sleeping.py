"""Workers that sleep at times: they get no tasks then.

A duty lets them fall asleep and wake up when it is time. Whoever wakes one up or sends it to sleep
in between is heeded until the next such time.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.api.flamenco.errors import NO_WORKER, Refused, WrongField
from app.api.flamenco.fields import Fields
from app.api.flamenco.service.sweeping import take_back
from app.api.flamenco.sleep import DAYS, Sleep, stands
from app.api.flamenco.tables import sleep as table
from app.api.flamenco.tables import workers
from app.domain.clock import Instant, rfc3339
from app.domain.records import Json
from app.engine.transaction import retried
from app.wiring import Services

NO_SCHEDULE = "The worker has no sleep schedule"
AT_A_TIME = 100
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_ZONE = re.compile(r"[A-Za-z0-9_+/-]{1,64}")
_FLAGS = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A schedule as an operator wants it; the fields are those of `Sleep`."""

    days: tuple[str, ...]
    begins: int
    ends: int
    zone: str
    at_once: bool


def every(services: Services) -> Json:
    """Give all schedules by worker."""
    with services.engine.store.session():
        found = table.every(services.engine.store)
    return {"schedules": [document(one) for one in found]}


def one(services: Services, worker_id: int) -> Json:
    """Give the schedule of a worker. Raises Refused."""
    with services.engine.store.session():
        return document(_known(services, worker_id))


def keep(services: Services, worker_id: int, wish: Wish) -> Json:
    """Give a worker a schedule, in force at once. Raises Refused."""

    def wanted(now: Instant) -> Sleep:
        return _by_the_clock(
            Sleep(
                worker_id=worker_id,
                days=wish.days,
                begins=wish.begins,
                ends=wish.ends,
                zone=wish.zone,
                at_once=wish.at_once,
            ),
            now,
        )

    return _change(services, worker_id, wanted)


def switch(services: Services, worker_id: int, *, asleep: bool) -> Json:
    """Wake a worker up, or send it to sleep, until its schedule says otherwise. Raises Refused."""
    return _change(
        services, worker_id, lambda _now: replace(_known(services, worker_id), asleep=asleep)
    )


def forget(services: Services, worker_id: int) -> None:
    """Delete the schedule of a worker, which is awake from then on. Raises Refused."""
    with services.engine.store.transaction():
        if not table.delete(services.engine.store, worker_id):
            raise Refused(404, NO_SCHEDULE)


def run_once(services: Services, now: Instant) -> int:
    """Let workers fall asleep and wake up whose time it is; give how many."""
    store = services.engine.store
    with store.session():
        due = table.due(store, now, AT_A_TIME)
    return sum(retried(store, partial(_turn, services, worker_id, now)) for worker_id in due)


def _turn(services: Services, worker_id: int, now: Instant) -> bool:
    store = services.engine.store
    with services.engine.transaction():
        if not workers.lock(store, worker_id):
            return table.delete(store, worker_id)
        found = table.get(store, worker_id)
        if found is None or found.changes_at > now:
            return False
        _put(services, _by_the_clock(found, now))
        return True


def _change(services: Services, worker_id: int, wanted: Callable[[Instant], Sleep]) -> Json:
    return document(retried(services.engine.store, lambda: _store(services, worker_id, wanted)))


def _store(services: Services, worker_id: int, wanted: Callable[[Instant], Sleep]) -> Sleep:
    with services.engine.transaction() as tx:
        if not workers.lock(services.engine.store, worker_id):
            raise Refused(404, NO_WORKER)
        sleep = wanted(tx.now)
        _put(services, sleep)
        return sleep


def _put(services: Services, sleep: Sleep) -> None:
    table.put(services.engine.store, sleep)
    if sleep.asleep and sleep.at_once:
        take_back(services, sleep.worker_id)


def _by_the_clock(sleep: Sleep, now: Instant) -> Sleep:
    asleep, changes_at = stands(sleep, now)
    return replace(sleep, asleep=asleep, changes_at=changes_at)


def _known(services: Services, worker_id: int) -> Sleep:
    found = table.get(services.engine.store, worker_id)
    if found is None:
        raise Refused(404, NO_SCHEDULE)
    return found


def document(sleep: Sleep) -> Json:
    """Word a schedule."""
    return {
        "worker_id": sleep.worker_id,
        "days": list(sleep.days),
        "start": clock_time(sleep.begins),
        "end": clock_time(sleep.ends),
        "zone": sleep.zone,
        "at_once": sleep.at_once,
        "asleep": sleep.asleep,
        "changes_at": rfc3339(sleep.changes_at),
    }


def clock_time(minute: int) -> str:
    """Write minutes after midnight as `HH:MM`."""
    return "{:02d}:{:02d}".format(*divmod(minute, 60))


# -- reading ---------------------------------------------------------------------------------------


def read_wish(given: Fields) -> Wish:
    """Read a schedule. Raises WrongField."""
    zone = given.text("zone") or "UTC"
    if not _is_zone(zone):
        raise WrongField("zone", "must be the name of a time zone, such as Europe/Vienna")
    return Wish(
        days=_days(given),
        begins=_minute(given, "start"),
        ends=_minute(given, "end"),
        zone=zone,
        at_once=flag(given, "at_once") or False,
    )


def _days(given: Fields) -> tuple[str, ...]:
    value = given.raw("days")
    entries = value.split(",") if isinstance(value, str) else value
    message = f"must be some of {', '.join(DAYS)}"
    if not isinstance(entries, list) or not entries:
        raise WrongField("days", message)
    names = {one.strip().lower() for one in entries if isinstance(one, str)}
    if len(names) != len(entries) or not names <= set(DAYS):
        raise WrongField("days", message)
    return tuple(day for day in DAYS if day in names)


def _minute(given: Fields, name: str) -> int:
    found = _TIME.fullmatch(given.text(name) or "")
    if found is None:
        raise WrongField(name, "must be a time of the day, such as 18:30")
    return int(found[1]) * 60 + int(found[2])


def flag(given: Fields, name: str) -> bool | None:
    """Read what is true or false; None where nothing is given. Raises WrongField."""
    value = given.raw(name)
    if value is None or isinstance(value, bool):
        return value
    found = _FLAGS.get(value.lower()) if isinstance(value, str) else None
    if found is None:
        raise WrongField(name, "must be true or false")
    return found


def _is_zone(name: str) -> bool:
    if not _ZONE.fullmatch(name):
        return False
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
