"""Makes each decision of an edge visible twice: one count, and one event on the span of the call it was made for."""

from __future__ import annotations

import structlog
from opentelemetry import trace

from target_services.chassis.resilience.breaker import TRANSITIONS
from target_services.chassis.resilience.decisions import Decision
from target_services.chassis.resilience.edge_metrics import EdgeMetrics

_log = structlog.get_logger(__name__)


class EdgeDecisions:
    """The observer of all mechanisms of one edge. Changes of the breaker's state are logged too."""

    __slots__ = ("_edge", "_metrics")

    def __init__(self, edge: str, metrics: EdgeMetrics) -> None:
        self._edge = edge
        self._metrics = metrics

    def __call__(self, decision: Decision, /, **details: str | float) -> None:
        """Count a decision, and note it on the current span, which is that of the call or of its fallback."""
        self._metrics.decided(decision)
        span = trace.get_current_span()
        if span.is_recording():
            span.add_event(decision.value, details or None)
        if decision in TRANSITIONS:
            _log.warning("breaker", edge=self._edge, now=TRANSITIONS[decision].value)
