"""How Jaeger is started: OTLP over HTTP in, its HTTP API out, spans in memory, nothing but loopback.

Every endpoint is named, because those that are not listen on all interfaces.
"""

from __future__ import annotations

from typing import Any

MOST_TRACES = 200_000
"""Kept in memory, oldest dropped first: some 2 KiB each for one of the shop's."""


def configuration(spans_port: int, api_port: int, host: str = "127.0.0.1") -> dict[str, Any]:
    """Return the content of jaeger.yaml. `host` is what it listens on: in a container, its neighbours come in."""
    return {
        "service": {
            "extensions": ["jaeger_storage", "jaeger_query"],
            "pipelines": {
                "traces": {"receivers": ["otlp"], "processors": [], "exporters": ["jaeger_storage_exporter"]}
            },
            "telemetry": {
                "resource": {"service.name": "jaeger"},
                "metrics": {"level": "none"},
                "logs": {"level": "warn"},
            },
        },
        "extensions": {
            "jaeger_query": {
                "storage": {"traces": "memory"},
                "http": {"endpoint": f"{host}:{api_port}"},
                "grpc": {"endpoint": "127.0.0.1:0"},  # nobody asks there, and it cannot be left out
            },
            "jaeger_storage": {"backends": {"memory": {"memory": {"max_traces": MOST_TRACES}}}},
        },
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"{host}:{spans_port}"}}}},
        "exporters": {"jaeger_storage_exporter": {"trace_storage": "memory"}},
    }


def ready_url(base_url: str) -> str:
    """Return an address that answers once traces can be asked for."""
    return f"{base_url}/api/v3/services"
