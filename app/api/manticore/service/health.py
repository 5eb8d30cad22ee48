"""How well environments can be started, from how the latest tries went.

Whoever asks after a quiet time starts a try by asking: a probe, which takes a free slot when nobody
waits for one, is on no waiting list, and is taken away as soon as it runs.
"""

from contextlib import suppress

from app.api.manticore import identity, tables
from app.api.manticore.service import requests
from app.api.manticore.service.options import offers
from app.api.manticore.service.queue import queue
from app.api.manticore.tables import Tries
from app.domain.clock import SECOND, Instant, seconds
from app.domain.errors import AlreadyExists, NoCapacity
from app.domain.records import Json
from app.domain.submission import Submission
from app.wiring import Services

_AT_ONCE_S = 0.001
"""A probe that runs has told what it was for; it is unused from then on."""
FORGIVEN_S = 300.0
"""A failure so long ago tells nothing any more: where nobody is sent, nobody's start succeeds."""


def health(services: Services) -> Json:
    """Tell whether the latest try succeeded, or found no room; nothing in basic mode."""
    period_s = services.settings.manticore.health_check_period
    if period_s is None:
        return {}
    engine = services.engine
    tries = _tries(services)
    now = engine.clock.now()
    if not tries.stuck and now - tries.last_at >= seconds(period_s):
        _probe(services, int(now // seconds(period_s)))
    return {"isHealthy": _well(tries), "stuckWaiting": tries.stuck}


def ready(services: Services) -> bool:
    """Tell whether environments can be started: False while the latest start is known to fail."""
    tries = _tries(services)
    failed_for = services.engine.clock.now() - tries.bad_at
    return tries.good_at >= tries.bad_at or failed_for >= seconds(FORGIVEN_S)


def figures(services: Services) -> dict[str, tuple[str, float]]:
    """Give what Prometheus is told: how many are where, how long they stay, how starts went."""
    tries, counts = _tries(services), queue(services)
    told = {
        "waiting": ("Requests that wait for a slot.", counts["waiting"]),
        "starting": ("Environments that are being started.", counts["starting"]),
        "running": ("Environments in use.", counts["running"]),
        "slots": ("Environments there may be; none without a limit.", counts["slots"]),
        "stay_seconds": (
            "Mean time that the latest environments held their slots.",
            services.engine.waiting.stay_s(requests.POOL),
        ),
        "started_timestamp_seconds": ("When a start last succeeded.", tries.good_at / SECOND),
        "failed_timestamp_seconds": ("When a start last failed.", tries.bad_at / SECOND),
    }
    return {name: (about, value) for name, (about, value) in told.items() if value is not None}


def _tries(services: Services) -> Tries:
    store = services.engine.store
    with store.session():
        return tables.tries(store, requests.DIALECT, requests.POOL)


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
