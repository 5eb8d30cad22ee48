"""How well environments can be started, from how the latest tries went.

Whoever asks after a quiet time starts a try by asking: a probe, which takes a free slot when nobody
waits for one, is on no waiting list, and is taken away as soon as it runs.
"""

from contextlib import suppress

from app.api.manticore import identity, tables
from app.api.manticore.service import requests
from app.api.manticore.service.options import offers
from app.api.manticore.tables import Tries
from app.domain.clock import Instant, seconds
from app.domain.errors import AlreadyExists, NoCapacity
from app.domain.records import Json
from app.domain.submission import Submission
from app.wiring import Services

_AT_ONCE_S = 0.001
"""A probe that runs has told what it was for; it is unused from then on."""


def health(services: Services) -> Json:
    """Tell whether the latest try succeeded, or found no room; nothing in basic mode."""
    period_s = services.settings.manticore.health_check_period
    if period_s is None:
        return {}
    engine = services.engine
    with engine.store.session():
        tries = tables.tries(engine.store, requests.DIALECT, requests.POOL)
    now = engine.clock.now()
    if not tries.stuck and now - tries.last_at >= seconds(period_s):
        _probe(services, int(now // seconds(period_s)))
    return {"isHealthy": _well(tries), "stuckWaiting": tries.stuck}


def _well(tries: Tries) -> bool:
    good: Instant = tries.good_at
    return not tries.stuck and good > tries.bad_at


def _probe(services: Services, window: int) -> None:
    """Try to start the first environment there is. window: for one probe in so long, at most."""
    offer = next(iter(offers(services)), None)
    if offer is None or not offer.hmis:
        return
    kind, versions = next(iter(offer.hmis.items()))
    wanted = Submission(
        dialect=requests.DIALECT,
        type=offer.interface.name,
        name=f"core-hmi-{identity.PROBE}",
        spec={
            "core": {"version": offer.versions[0], "build": offer.builds[0]},
            "hmi": {"type": kind, "version": versions[0]},
        },
        unique_key=f"{identity.PROBE}/{window}",
        pool=requests.POOL,
        max_running=requests.slots(services.settings.manticore),
        listed=False,
        idle_s=_AT_ONCE_S,
    )
    with suppress(NoCapacity, AlreadyExists):
        services.engine.jobs.submit(wanted)
