"""What the edges of a service say they do, as JSON for those who compare it with what they saw."""

from __future__ import annotations

from collections.abc import Iterable

from target_services.chassis.resilience.edge import Edge


def describe(edges: Iterable[Edge]) -> dict[str, object]:
    """Return the policies of all edges by name."""
    return {"edges": {edge.name: _describe(edge) for edge in edges}}


def _describe(edge: Edge) -> dict[str, object]:
    breaker = edge.breaker.policy
    return {
        "timeout": _duration(edge.timeout_s),
        "attempts": edge.retry.attempts + (edge.hedge is not None),
        "breaker": {
            "failures_to_open": breaker.failures,
            "reset_timeout": _duration(breaker.reset_s),
            "half_open_probes": breaker.probes,
        },
        "bulkhead": edge.bulkhead.limit,
        "fallback": edge.fallback,
    }


def _duration(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"
