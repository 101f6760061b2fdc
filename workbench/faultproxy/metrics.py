"""What the plane has seen, as Prometheus text."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from workbench.faultproxy.active_fault import ActiveFault
from workbench.faultproxy.plane import Plane
from workbench.faultproxy.wire import FaultState

Value = tuple[dict[str, str], int]

_FAULT_METRICS: tuple[tuple[str, str, str, Callable[[FaultState], int]], ...] = (
    ("workbench_fault_active", "gauge", "1 while the fault is on.", lambda s: int(s.on)),
    ("workbench_fault_eligible_total", "counter", "Requests that met the fault.", lambda s: s.counts.eligible),
    ("workbench_fault_hit_total", "counter", "Requests that the fault hit.", lambda s: s.counts.hit),
    ("workbench_fault_passed_total", "counter", "Requests that it let pass.", lambda s: s.counts.passed),
)


def render(plane: Plane) -> str:
    """Return all metrics."""
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
