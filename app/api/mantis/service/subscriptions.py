"""Who wants the output of a job: what keeps a transient one alive."""

from app.api.mantis import watches
from app.wiring import Services


def seen(services: Services, job_id: str) -> None:
    """Note that a job, by the engine's id, has a subscriber at this moment; or just had one."""
    store = services.engine.store
    with store.transaction():
        watches.seen(store, [job_id], services.engine.clock.now())
