"""What the leading ticker does for the farm, whether anybody asks or not."""

from app.api.flamenco.service import files, sleeping
from app.api.flamenco.service.sweeping import sweep
from app.api.flamenco.tables import numbers
from app.domain.clock import SECOND, Instant
from app.wiring import Services


def run_once(services: Services, now: Instant) -> int:
    """Take back what was silent for long, let workers sleep, sweep up files; give how much."""
    done = sweep(services) + sleeping.run_once(services, now)
    with services.engine.store.session():
        last = numbers.last(services.engine.store, "swept")
    if now - last >= files.SWEEP_S * SECOND:
        with services.engine.store.transaction():
            numbers.put(services.engine.store, "swept", now)
        done += files.sweep_up(services, now)
    return done
