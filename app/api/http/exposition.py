"""Figures for Prometheus, read from the store at each scrape.

Counters kept in memory would differ from one web process to the next; rows do not.
"""

from collections.abc import Iterable, Iterator

from flask import Request
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder

from app.api.http.dialect import Dialect
from app.wiring import VERSION, Services

_TEXTS = ("text/plain", "application/openmetrics-text")


def wants_text(request: Request) -> bool:
    """Tell whether Prometheus's text is asked for: named, and JSON is not."""
    named = {kind.partition(";")[0].lower() for kind, _ in request.accept_mimetypes}
    return "application/json" not in named and any(kind in named for kind in _TEXTS)


def exposition(services: Services, dialects: Iterable[Dialect], accept: str) -> tuple[bytes, str]:
    """Give the text and its content type. Raises StoreUnavailable."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(services, tuple(dialects)))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class _Figures:
    def __init__(self, services: Services, dialects: tuple[Dialect, ...]) -> None:
        self._services = services
        self._engine = services.engine
        self._dialects = dialects

    def describe(self) -> list[Metric]:
        """Give none: the registry would read the store a second time to learn the names."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Read everything on one connection."""
        with self._engine.store.session():
            build = GaugeMetricFamily("jobyard_build", "The program.", labels=["version"])
            build.add_metric([VERSION], 1)
            yield build
            jobs = GaugeMetricFamily(
                "jobyard_jobs", "Jobs that are not over.", labels=["dialect", "state"]
            )
            for dialect in self._dialects:
                for state, count in self._engine.jobs.counts(dialect.name).items():
                    jobs.add_metric([dialect.name, state], count)
            yield jobs
            yield from self._queues()
            yield from self._workers()
            waiting = GaugeMetricFamily("jobyard_deliveries", "Messages to webhooks not sent yet.")
            waiting.add_metric([], self._engine.deliveries.waiting())
            yield waiting
            for dialect in self._dialects:
                yield from self._of(dialect)

    def _of(self, dialect: Dialect) -> Iterator[Metric]:
        figures = {} if dialect.figures is None else dialect.figures(self._services)
        for name, (about, value) in figures.items():
            family = GaugeMetricFamily(f"jobyard_{dialect.name}_{name}", about)
            family.add_metric([], value)
            yield family

    def _queues(self) -> Iterator[Metric]:
        figures = self._engine.queues.figures("")
        for name, about in (
            ("size", "Tasks ready and not taken."),
            ("unacked", "Tasks taken and not finished."),
            ("subscribers", "Slots that listen."),
        ):
            family = GaugeMetricFamily(f"jobyard_queue_{name}", about, labels=["queue"])
            for queue in figures:
                family.add_metric([queue.name], getattr(queue, name))
            yield family

    def _workers(self) -> Iterator[Metric]:
        count: dict[tuple[str, str], int] = {}
        for worker in self._engine.workers.listed():
            key = (worker.kind, worker.status)
            count[key] = count.get(key, 0) + 1
        family = GaugeMetricFamily(
            "jobyard_workers", "Workers heard from lately.", labels=["kind", "status"]
        )
        for labels, value in count.items():
            family.add_metric(list(labels), value)
        yield family
