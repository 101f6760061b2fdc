"""What the plane has seen, as Prometheus text."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from workbench.faultproxy.active_fault import ActiveFault
from workbench.faultproxy.options import Options
from workbench.faultproxy.plane import Plane
from workbench.faultproxy.runtime_metrics import runtime_metrics
from workbench.faultproxy.traffic import Traffic
from workbench.faultproxy.wire import FaultState

Value = tuple[dict[str, str], int]

_FAULT_METRICS: tuple[tuple[str, str, str, Callable[[FaultState], int]], ...] = (
    ("workbench_fault_active", "gauge", "1 while the fault is on.", lambda _: 1),
    ("workbench_fault_eligible_total", "counter", "Requests that met the fault.", lambda s: s.counts.eligible),
    ("workbench_fault_hit_total", "counter", "Requests that the fault hit.", lambda s: s.counts.hit),
    ("workbench_fault_passed_total", "counter", "Requests that it let pass.", lambda s: s.counts.passed),
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
    faults = [(_labels(fault), fault.state()) for fault in plane.faults()]
    for name, kind, meaning, read in _FAULT_METRICS:
        lines += _metric(name, kind, meaning, ((labels, read(state)) for labels, state in faults))
    return "\n".join(lines) + "\n"


def _labels(fault: ActiveFault) -> dict[str, str]:
    state = fault.state()
    return {"edge": state.edge, "fault": state.id, "kind": state.kind}


def _metric(name: str, kind: str, meaning: str, values: Iterable[Value]) -> list[str]:
    lines = [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]
    for labels, value in values:
        text = ",".join(f'{key}="{_escape(label)}"' for key, label in labels.items())
        lines.append(f"{name}{{{text}}} {value}")
    return lines


def _escape(label: str) -> str:
    return label.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
