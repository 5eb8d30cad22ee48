"""What the server tells of itself, and its pools of machines."""

import os

from flask import request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from app.api.http.bodies import body
from app.api.http.documents import text_query
from app.api.http.site import services
from app.api.mantis import reading, schemas
from app.api.mantis.routes.clusters import port
from app.api.mantis.routes.describing import mounted, shown
from app.api.mantis.service import admin as service

blueprint = Blueprint("mantis-admin", __name__, description="The server itself.")


@mounted(blueprint, "/api/v1/masterInfo", "GET", answer=schemas.Document)
def master_info() -> ResponseReturnValue:
    """Tell where this server is."""
    return shown(service.master_info(services(), port=port(), parent=os.getppid()))


@mounted(blueprint, "/api/v1/masterConfigs", "GET", answer=schemas.DOCUMENTS)
def master_configs() -> ResponseReturnValue:
    """Tell which words this server knows."""
    return shown(service.master_configs())


@mounted(
    blueprint,
    "/api/v1/mantis/publish/streamJobClusterMap",
    "GET",
    answer=schemas.Document,
    query=(text_query("app", "An application; may repeat."),),
)
def stream_map() -> ResponseReturnValue:
    """Tell which cluster serves which stream."""
    apps = [app for app in request.args.getlist("app") if app]
    return shown(service.stream_map(services(), apps))


@mounted(blueprint, "/api/v1/agentClusters", "GET", answer=schemas.NAMES)
def get_pools() -> ResponseReturnValue:
    """Name the active pools; none means all."""
    return shown(service.active_pools(services()))


@mounted(
    blueprint,
    "/api/v1/agentClusters",
    "POST",
    400,
    answer=schemas.NAMES,
    body=schemas.NAMES,
)
def set_pools() -> ResponseReturnValue:
    """Let these pools alone be active."""
    return shown(service.set_active_pools(services(), reading.parsed(body())))


@mounted(blueprint, "/api/v1/agentClusters/jobs", "GET", answer=schemas.Document)
def pool_jobs() -> ResponseReturnValue:
    """Tell which workers run where."""
    return shown(service.pool_jobs(services()))


@mounted(blueprint, "/api/v1/agentClusters/autoScalePolicy", "GET", answer=schemas.Document)
def scale_policies() -> ResponseReturnValue:
    """Tell how pools grow and shrink by themselves: they do not."""
    return shown({})
