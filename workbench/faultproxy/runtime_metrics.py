"""What the process itself uses, by the names that Toxiproxy has for it; instead of Go's, Python's own."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

_UNLIMITED = float(2**64 - 1)


def runtime_metrics() -> str:
    """Return them as Prometheus text."""
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    registry.register(_More())
    return generate_latest(registry).decode()


class _More(Collector):
    """What Go's collector of the process tells besides."""

    def collect(self) -> Iterator[Metric]:
        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        yield GaugeMetricFamily(
            "process_virtual_memory_max_bytes",
            "Maximum amount of virtual memory available in bytes.",
            _UNLIMITED if limit == resource.RLIM_INFINITY else limit,
        )
        with suppress(OSError, ValueError, KeyError):  # as for Go: where there is no /proc, there is none
            octets = _octets()
            for word, verb, key in (("receive", "received", "InOctets"), ("transmit", "sent", "OutOctets")):
                yield CounterMetricFamily(
                    f"process_network_{word}_bytes",
                    f"Number of bytes {verb} by the process over the network.",
                    octets[key],
                )


def _octets() -> dict[str, int]:
    """Return the counters of the network namespace, which is what Go's collector takes for the process's."""
    lines = [line.split() for line in Path("/proc/self/net/netstat").read_text(encoding="ascii").splitlines()]
    for names, values in zip(lines[::2], lines[1::2], strict=True):
        if names[0] == "IpExt:":
            return dict(zip(names[1:], map(int, values[1:]), strict=True))
    raise KeyError("IpExt")
