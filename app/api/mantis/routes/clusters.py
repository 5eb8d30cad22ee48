"""`/api/v1/jobClusters`: clusters, and what is done to them."""

import json
from collections.abc import Callable
from typing import Any

from flask import Response, request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from app.api.http.bodies import body
from app.api.http.documents import number_query, text_query
from app.api.http.site import services
from app.api.mantis import queries, reading, schemas
from app.api.mantis.definitions import definition, scheduling
from app.api.mantis.errors import Invalid
from app.api.mantis.routes.describing import FIELDS, PAGING, empty, mounted, page, shown
from app.api.mantis.rows import CLUSTER_ORDERS
from app.api.mantis.service import actions, admin, readiness, rehearsals
from app.api.mantis.service import clusters as service
from app.api.mantis.service.actions import Asked
from app.api.mantis.tables import Cluster
from app.api.mantis.words import cluster_view

CLUSTERS = "/api/v1/jobClusters"
CLUSTER = f"{CLUSTERS}/<cluster>"
ACTIONS = f"{CLUSTER}/actions"
AUDITED, MOST_AUDITED = 100, 1000
blueprint = Blueprint("mantis-clusters", __name__, description="Job clusters.")


def status_uri() -> str:
    """Give where workers report, as this request finds the server."""
    return admin.status_uri(services(), port())


def port() -> int:
    """Give the port that this request came by."""
    text = str(request.environ.get("SERVER_PORT", "0"))
    return int(text) if text.isdigit() else 0


@mounted(
    blueprint,
    CLUSTERS,
    "GET",
    400,
    answer=schemas.Listed,
    query=(*PAGING, text_query("matching", "Pattern that names match somewhere.")),
)
def list_clusters() -> ResponseReturnValue:
    """List clusters."""
    part, fields = queries.part_of(request.args), queries.fields_of(request.args)
    order = queries.order_of(request.args, CLUSTER_ORDERS)
    matching = queries.matching_of(request.args)
    found, total = service.listed(services(), order, part, matching)
    return page(part, total, [found], fields)


@mounted(
    blueprint,
    CLUSTERS,
    "POST",
    400,
    409,
    answer=schemas.Document,
    body=schemas.ClusterBody,
    status=201,
)
def create_cluster() -> ResponseReturnValue:
    """Make a cluster."""
    wanted = definition(reading.document(body()))
    if queries.flag(request.args, "dryRun"):
        return shown(rehearsals.create(services(), wanted))
    return shown(service.create(services(), wanted, status_uri()), status=201)


@mounted(blueprint, CLUSTER, "GET", 404, answer=schemas.Document, query=(FIELDS,))
def get_cluster(cluster: str) -> ResponseReturnValue:
    """Give a cluster."""
    fields = queries.fields_of(request.args)
    found = service.get(services(), cluster)
    return _tagged(found, shown(fields.of(cluster_view(found))))


def _tagged(found: Cluster, answer: Response) -> Response:
    answer.headers["ETag"] = service.tag(found)
    return answer


@mounted(blueprint, CLUSTER, "PUT", 400, 404, answer=schemas.Document, body=schemas.ClusterBody)
def update_cluster(cluster: str) -> ResponseReturnValue:
    """Replace what a cluster is, with a new jar."""
    wanted = definition(reading.document(body()))
    if wanted.name != cluster:
        raise Invalid(f"name {wanted.name!r} is not the one of the path", "name-differs")
    if queries.flag(request.args, "dryRun"):
        return shown(rehearsals.update(services(), wanted))
    match = request.headers.get("If-Match")
    found = service.update(services(), wanted, status_uri(), match)
    return _tagged(found, shown(cluster_view(found)))


@mounted(
    blueprint,
    CLUSTER,
    "DELETE",
    400,
    404,
    query=(text_query("user", "Who made the cluster, or replaced it last."),),
    status=202,
)
def delete_cluster(cluster: str) -> ResponseReturnValue:
    """Delete a cluster with the history of its jobs."""
    user = request.args.get("user", "")
    if not user.strip():
        raise Invalid("user is required")
    service.delete(services(), cluster, user)
    return empty(202)


def _asked(cluster: str) -> Asked:
    return actions.asked(cluster, reading.document(body()), request.headers.get("If-Match"))


@mounted(
    blueprint,
    f"{ACTIONS}/updateArtifact",
    "POST",
    400,
    404,
    body=schemas.ArtifactAction,
    status=204,
)
def update_artifact(cluster: str) -> ResponseReturnValue:
    """Add an artifact, and submit a job of it unless that is not wanted."""
    job = actions.update_artifact(services(), _asked(cluster))
    return empty(204, None if job is None else {"X-Mantis-Job-Id": job})


@mounted(
    blueprint,
    f"{ACTIONS}/updateSchedulingInfo",
    "POST",
    400,
    404,
    body=schemas.StagesAction,
    status=204,
)
def update_stages(cluster: str) -> ResponseReturnValue:
    """Add a jar of the latest artifact with other stages."""
    given = reading.document(body())
    # Who asks need not say so here, as in the original.
    user, match = reading.text(given, "user", ""), request.headers.get("If-Match")
    asked = Asked(cluster, user, given, match)
    actions.update_stages(services(), asked, scheduling(given.get("schedulingInfo")))
    return empty(204)


@mounted(blueprint, f"{ACTIONS}/updateSla", "POST", 400, 404, body=schemas.SlaAction, status=204)
def update_sla(cluster: str) -> ResponseReturnValue:
    """Change the SLA, or cron; a whole definition is read as well."""
    return _sla_updated(cluster)


@mounted(
    blueprint,
    "/api/v2/jobClusters/<cluster>/actions/updateSla",
    "POST",
    400,
    404,
    body=schemas.SlaAction,
    status=204,
)
def update_sla_too(cluster: str) -> ResponseReturnValue:
    """Change the SLA, or cron; a whole definition is read as well."""
    return _sla_updated(cluster)


def _sla_updated(cluster: str) -> ResponseReturnValue:
    given = reading.document(body())
    inner = reading.part(given, "jobDefinition")
    if inner is not None:
        given = {
            "name": inner.get("name"),
            "user": inner.get("user"),
            "min": inner.get("slaMin"),
            "max": inner.get("slaMax"),
            "cronspec": inner.get("cronSpec"),
            "cronpolicy": inner.get("cronPolicy"),
        }
    asked = actions.asked(cluster, given, request.headers.get("If-Match"))
    if queries.flag(request.args, "dryRun"):
        return shown(rehearsals.update_sla(services(), asked))
    actions.update_sla(services(), asked)
    return empty(204)


@mounted(
    blueprint,
    f"{ACTIONS}/updateMigrationStrategy",
    "POST",
    400,
    404,
    body=schemas.MigrationAction,
    status=204,
)
def update_migration(cluster: str) -> ResponseReturnValue:
    """Change how workers are moved."""
    config = actions.update_migration(services(), _asked(cluster))
    # The standard library's, which escapes what is not ASCII: a header holds nothing else.
    return empty(204, {"X-Mantis-Migration-Config": json.dumps(config, separators=(",", ":"))})


def _simple(name: str, action: Callable[..., Any], about: str, shape: Any) -> None:
    def view(cluster: str) -> ResponseReturnValue:
        action(services(), _asked(cluster))
        return empty(204)

    view.__name__ = action.__name__
    view.__doc__ = about
    mounted(blueprint, f"{ACTIONS}/{name}", "POST", 400, 404, body=shape, status=204)(view)


_simple("updateLabel", actions.update_labels, "Replace all labels.", schemas.LabelAction)
_simple("enableCluster", actions.enable, "Let jobs be submitted again.", schemas.Action)
_simple(
    "disableCluster",
    actions.disable,
    "Let no job be submitted, and kill those there are.",
    schemas.Action,
)


@mounted(
    blueprint,
    f"{CLUSTER}/healthcheck",
    "GET",
    404,
    answer=schemas.Document,
    query=(text_query("job-ids", "Active jobs, with commas between; all of them without."),),
)
def check_health(cluster: str) -> ResponseReturnValue:
    """Tell whether all workers have started."""
    names = [name for one in request.args.get("job-ids", "").split(",") if (name := one.strip())]
    return shown(readiness.health(services(), cluster, names))


@mounted(
    blueprint,
    f"{CLUSTER}/audit",
    "GET",
    400,
    404,
    answer=schemas.Document,
    query=(
        number_query("limit", "So many entries at most.", AUDITED),
        number_query("before", "Only entries before the one of this id.", 0),
    ),
)
def list_audit(cluster: str) -> ResponseReturnValue:
    """Tell who did what to a cluster and its jobs, and why; the latest comes first."""
    limit = min(queries.whole(request.args, "limit") or AUDITED, MOST_AUDITED)
    before = queries.whole(request.args, "before")
    return shown({"list": service.history(services(), cluster, before=before, limit=limit)})


@mounted(blueprint, f"{CLUSTER}/latestJobDiscoveryInfo", "GET", 404, answer=schemas.Document)
def get_discovery(cluster: str) -> ResponseReturnValue:
    """Tell who works on the job that was launched last."""
    return shown(readiness.discovery(services(), cluster))
