"""What the server tells of itself: where it is, what it knows, which pools of machines it has."""

import socket
from typing import Any

import orjson
import psutil

from app.api.mantis import reading, rows, tables
from app.api.mantis.definitions import CONSTRAINTS, STRATEGIES
from app.api.mantis.errors import Invalid
from app.api.mantis.reading import Json
from app.api.mantis.resolution import MAX_CPU, MAX_MEMORY, MAX_NETWORK
from app.api.mantis.tables import POOL
from app.wiring import Services

STATUS_PATH = "api/v1/jobs/actions/postJobStatus"
SCALING_REASONS = (
    "CPU",
    "Memory",
    "Network",
    "DataDrop",
    "KafkaLag",
    "UserDefined",
    "KafkaProcessed",
)
STREAM = "SharedMantisPublishEventSource"
MOST_SHOWN = 100_000
_ANY = {"0.0.0.0", "::", ""}  # noqa: S104 - what they mean is asked here


def master_info(services: Services, *, port: int, parent: int) -> Json:
    """Tell where this server is. parent: the process that began when the server did."""
    host = hostname(services)
    path = status_path(services)
    return {
        "hostname": host,
        "hostIP": _address(host),
        "apiPort": port,
        "schedInfoPort": port,
        "apiPortV2": port,
        "apiStatusUri": path,
        "consolePort": port,
        "createTime": _began_ms(parent),
        "fullApiStatusUri": f"http://{host}:{port}/{path}",
    }


def hostname(services: Services) -> str:
    """Give the name by which processes of this machine reach the server."""
    host = services.settings.server.host
    return socket.gethostname() if host in _ANY else host


def status_path(services: Services) -> str:
    """Give where workers report, without the slash before it."""
    return f"{services.settings.mantis.prefix}/{STATUS_PATH}".lstrip("/")


def status_uri(services: Services, port: int) -> str:
    """Give where workers report."""
    return f"http://{hostname(services)}:{port}/{status_path(services)}"


def _address(host: str) -> str:
    try:
        return socket.gethostbyname(host)
    except OSError:
        return "127.0.0.1"


def _began_ms(parent: int) -> int:
    try:
        began_s = float(psutil.Process(parent).create_time())
    except psutil.Error:
        began_s = float(psutil.Process().create_time())
    return round(began_s * 1000)


def master_configs() -> list[dict[str, str]]:
    """Tell which words this server knows; each value is JSON as text."""
    limits = {
        "maxCpuCores": MAX_CPU,
        "maxMemoryMB": MAX_MEMORY,
        "maxNetworkMbps": MAX_NETWORK,
    }
    known: dict[str, Any] = {
        "JobConstraints": CONSTRAINTS,
        "ScalingReason": SCALING_REASONS,
        "MigrationStrategyEnum": STRATEGIES,
        "WorkerResourceLimits": limits,
    }
    return [{"name": name, "value": orjson.dumps(value).decode()} for name, value in known.items()]


def stream_map(services: Services, apps: list[str]) -> Json:
    """Tell which cluster serves which stream of which application; apps: those asked for."""
    mappings: Json = dict(services.settings.mantis.stream_map) or {
        "__default__": {"requestEventStream": STREAM, "__default__": STREAM}
    }
    if apps:
        default = mappings.get("__default__", {})
        mappings = {app: mappings.get(app, default) for app in apps}
    return {"version": "1", "timestamp": 2, "mappings": mappings}


def active_pools(services: Services) -> list[str]:
    """Give the names of the active pools; none named means all."""
    with services.engine.store.session():
        return tables.active_pools(services.engine.store)


def set_active_pools(services: Services, given: Any) -> list[str]:
    """Let these pools alone be active, and give them. Raises Invalid."""
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise Invalid("the body must be a list of names", "invalid-body")
    if len(given) > tables.MOST_POOLS or any(len(one) > tables.LONGEST_POOL for one in given):
        raise Invalid("there are too many names, or one is too long", "invalid-body")
    names = list(dict.fromkeys(reading.clean(one, "a name") for one in given))
    store = services.engine.store
    with store.transaction():
        tables.set_active_pools(store, names)
    return names


def pool_jobs(services: Services) -> dict[str, list[Json]]:
    """Tell which workers run where, by pool and machine."""
    store = services.engine.store
    with store.session():
        found = rows.running_workers(store, MOST_SHOWN)
    hosts: dict[str, list[Json]] = {}
    for host, cluster, number, place, worker in found:
        stage, _, index = place.partition("/")
        hosts.setdefault(host, []).append(
            {
                "jobId": f"{cluster}-{number}",
                "stage": int(stage),
                "workerIndex": int(index or 0),
                "workerNumber": worker,
            }
        )
    listed = [
        {"hostname": host, "attributeValue": POOL, "jobs": jobs} for host, jobs in hosts.items()
    ]
    return {POOL: listed}
