"""Workers, queues and the server itself."""

from flask.typing import ResponseReturnValue

from app.api.http.site import services, site
from app.api.jobyard import schemas
from app.api.jobyard.routes.blueprint import route
from app.api.jobyard.service import fleet
from app.domain.records import Scope


@route("/server", Scope.READ, schemas.Server)
def get_server() -> ResponseReturnValue:
    """Tell the version, and where each dialect is mounted."""
    mounted = site().owners.mounted
    return fleet.server([{"name": m.dialect.name, "prefix": m.terms.prefix} for m in mounted])


@route("/workers", Scope.READ, schemas.Workers)
def find_workers() -> ResponseReturnValue:
    """List the workers that are here or were a moment ago."""
    return fleet.workers(services())


@route("/workers/<int:worker_id>", Scope.READ, schemas.Worker, errors=(400, 404))
def get_worker(worker_id: int) -> ResponseReturnValue:
    """Give a worker."""
    return fleet.worker(services(), worker_id)


@route("/queues", Scope.READ, schemas.Queues)
def find_queues() -> ResponseReturnValue:
    """List the queues in which something waits or to which somebody listens."""
    return fleet.queues(services())
