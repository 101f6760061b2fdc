"""Metrics of a service: rate, errors and duration per route, in a registry of its own.

Only routes that were announced are counted, under their template, so that an address in a URL cannot become
a label. Durations carry the trace id as exemplar, for scrapers that ask for OpenMetrics.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import choose_encoder

from target_services.chassis.resilience.edge_metrics import EdgeFamilies

_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_CLASSES = ("2xx", "4xx", "5xx")

OTHER = "other"
"""Route label of requests that match no route."""


@dataclass(frozen=True, slots=True)
class _Route:
    by_class: dict[str, Counter]
    duration: Histogram


class ServiceMetrics:
    """All metrics of one process."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # it doubles the exposition, and nothing here reads it
        self.registry = CollectorRegistry(auto_describe=False)
        self.edges = EdgeFamilies(self.registry)
        self.spans_dropped = Counter(
            "workbench_spans_dropped", "Spans that could not be kept or sent", registry=self.registry
        )
        self._requests = Counter(
            "http_server_requests", "Requests", ("method", "route", "code"), registry=self.registry
        )
        self._duration = Histogram(
            "http_server_request_duration_seconds",
            "Time from request to answer",
            ("method", "route"),
            buckets=_BUCKETS_S,
            registry=self.registry,
        )
        self.active = Gauge("http_server_active_requests", "Requests in flight", registry=self.registry)
        self._routes: dict[tuple[str, str], _Route] = {}

    def announce(self, routes: Iterable[tuple[str, str]]) -> None:
        """Create all label sets of these (method, route template) pairs at 0."""
        for method, route in (*routes, (OTHER, OTHER)):
            self._routes[method, route] = _Route(
                {code: self._requests.labels(method, route, code) for code in _CLASSES},
                self._duration.labels(method, route),
            )

    def request_ended(self, method: str, route: str, status: int, seconds: float, trace_id: str | None) -> None:
        """Count a request. `route` is its template, `trace_id` that of a trace which is kept."""
        known = self._routes.get((method, route)) or self._routes[OTHER, OTHER]
        known.by_class[_class_of(status)].inc()
        known.duration.observe(seconds, {"trace_id": trace_id} if trace_id is not None else None)

    def render(self, accept: str) -> tuple[bytes, str]:
        """Return the exposition and its media type, OpenMetrics where the scraper asks for it."""
        encode, media_type = choose_encoder(accept)
        return encode(self.registry), media_type


def _class_of(status: int) -> str:
    if status >= 500:
        return "5xx"
    return "4xx" if status >= 400 else "2xx"
