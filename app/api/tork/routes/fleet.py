"""`/nodes`, `/queues` and `/metrics`."""

from flask import Response, request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from app.api.http.documents import described
from app.api.http.exposition import exposition, wants_text
from app.api.http.site import services, site
from app.api.tork import schemas
from app.api.tork.service import fleet as service

nodes_blueprint = Blueprint("tork-nodes", __name__, description="Coordinators and workers.")
queues_blueprint = Blueprint("tork-queues", __name__, description="Queues.")
metrics_blueprint = Blueprint("tork-metrics", __name__, description="Counters.")


@nodes_blueprint.route("/nodes")
@described(nodes_blueprint, schemas.Node, many=True, errors=(405,), error=schemas.Error)
def find_nodes() -> ResponseReturnValue:
    """List the nodes heard from lately, by name."""
    return service.nodes(services())


@queues_blueprint.route("/queues")
@described(queues_blueprint, schemas.Queue, many=True, errors=(405,), error=schemas.Error)
def find_queues() -> ResponseReturnValue:
    """List all queues, by name."""
    return service.queues(services())


@queues_blueprint.route("/queues/<name>")
@described(queues_blueprint, schemas.Queue, errors=(404, 405), error=schemas.Error)
def get_queue(name: str) -> ResponseReturnValue:
    """Give one queue."""
    return service.queue(services(), name)


@queues_blueprint.route("/queues/<name>", methods=["DELETE"])
@described(queues_blueprint, errors=(400, 404, 405), error=schemas.Error)
def delete_queue(name: str) -> ResponseReturnValue:
    """Fail what waits in a task queue; the answer is empty."""
    service.delete_queue(services(), name)
    answer = Response(status=200)
    del answer.headers["Content-Type"]
    return answer


@metrics_blueprint.route("/metrics")
@described(metrics_blueprint, schemas.Metrics, errors=(405,), error=schemas.Error)
def get_metrics() -> ResponseReturnValue:
    """Give the counters; as Prometheus's text to who asks for text and not for JSON."""
    if not wants_text(request):
        return service.metrics(services())
    dialects = [each.dialect for each in site().owners.mounted]
    body, content_type = exposition(services(), dialects, request.headers.get("Accept", ""))
    return Response(body, content_type=content_type)
