"""What the plane has seen, as Prometheus text."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from workbench.faultproxy.options import Options
from workbench.faultproxy.plane import Plane
from workbench.faultproxy.runtime_metrics import runtime_metrics
from workbench.faultproxy.traffic import Traffic
from workbench.faultproxy.wire import FaultState
from workbench.model.units import NS_PER_S

Value = tuple[dict[str, str], int | float]


@dataclass(frozen=True, slots=True)
class _FaultMetric:
    """One metric of every fault. None from `read`: there is no sample yet."""

    name: str
    type: str
    meaning: str
    read: Callable[[FaultState], int | float | None]


_FAULT_METRICS = (
    _FaultMetric(
        "workbench_fault_eligible_total", "counter", "Requests that met the fault.", lambda s: s.counts.eligible
    ),
    _FaultMetric("workbench_fault_hit_total", "counter", "Requests that the fault hit.", lambda s: s.counts.hit),
    _FaultMetric("workbench_fault_passed_total", "counter", "Requests that it let pass.", lambda s: s.counts.passed),
    _FaultMetric(
        "workbench_fault_bytes_in_total", "counter", "Bytes from callers in hit attempts.", lambda s: s.bytes_in
    ),
    _FaultMetric(
        "workbench_fault_bytes_out_total", "counter", "Bytes to callers in hit attempts.", lambda s: s.bytes_out
    ),
    _FaultMetric(
        "workbench_fault_delay_seconds_total",
        "counter",
        "Delay added to hit attempts.",
        lambda s: s.delay_ns / NS_PER_S,
    ),
    _FaultMetric(
        "workbench_fault_first_hit_timestamp_seconds", "gauge", "First hit, Unix time.", lambda s: _wall(s.first_hit_ns)
    ),
    _FaultMetric(
        "workbench_fault_last_hit_timestamp_seconds", "gauge", "Last hit, Unix time.", lambda s: _wall(s.last_hit_ns)
    ),
)


_TRAFFIC_METRICS: tuple[tuple[str, Callable[[Traffic], dict[str, int]]], ...] = (
    ("toxiproxy_proxy_received_bytes_total", lambda traffic: traffic.received),
    ("toxiproxy_proxy_sent_bytes_total", lambda traffic: traffic.sent),
)


def render(plane: Plane, options: Options) -> str:
    """Return all metrics: ours, and those of Toxiproxy that were asked for."""
    text = _own(plane)
    if options.proxy_metrics:
        text += _of_proxies(plane)
    if options.runtime_metrics:
        text += runtime_metrics()
    return text


def _of_proxies(plane: Plane) -> str:
    """Return what Toxiproxy counts, which is without a text for HELP; it counts connections that are over."""
    lines: list[str] = []
    for name, read in _TRAFFIC_METRICS:
        lines += _metric(
            name,
            "counter",
            "",
            (
                ({"direction": way, "listener": edge.listen, "proxy": edge.name, "upstream": edge.upstream}, count)
                for edge in plane.edges.values()
                if edge.traffic is not None
                for way, count in read(edge.traffic).items()
            ),
        )
    return "\n".join(lines) + "\n"


def _own(plane: Plane) -> str:
    """Return ours. Counters of a fault are there from injection to the beginning of the next recording."""
    edges = [({"edge": edge.name}, edge) for edge in plane.edges.values()]
    lines = [
        *_metric(
            "workbench_plane_attempts_total",
            "counter",
            "Counted attempts; from 0 with each recording.",
            ((labels, edge.attempts) for labels, edge in edges),
        ),
        *_metric(
            "workbench_plane_connections",
            "gauge",
            "Open connections.",
            ((labels, len(edge.connections)) for labels, edge in edges),
        ),
    ]
    on = [fault.state() for fault in plane.faults()]
    off = [fault.state() for fault in plane.retired()]
    active = [(_labels(state), int(state.on)) for state in on] + [(_labels(state), 0) for state in off]
    lines += _metric("workbench_fault_active", "gauge", "1 while the fault is on.", active)
    for metric in _FAULT_METRICS:
        samples = [(_labels(state), metric.read(state)) for state in (*on, *off)]
        present = [(labels, value) for labels, value in samples if value is not None]
        lines += _metric(metric.name, metric.type, metric.meaning, present)
    return "\n".join(lines) + "\n"


def _labels(state: FaultState) -> dict[str, str]:
    return {"edge": state.edge, "fault": state.id, "kind": state.kind}


def _wall(monotonic_ns: int | None) -> float | None:
    """Return the Unix time of a moment of the monotonic clock, in seconds."""
    return None if monotonic_ns is None else (time.time_ns() - time.monotonic_ns() + monotonic_ns) / NS_PER_S


def _metric(name: str, kind: str, meaning: str, values: Iterable[Value]) -> list[str]:
    lines = [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]
    for labels, value in values:
        text = ",".join(f'{key}="{_escape(label)}"' for key, label in labels.items())
        lines.append(f"{name}{{{text}}} {value}")
    return lines


def _escape(label: str) -> str:
    return label.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
